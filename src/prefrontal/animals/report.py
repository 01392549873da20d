"""What the commands about animals share: where they read and write, summaries over animals, and parts of their figures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from matplotlib.axes import Axes

from prefrontal import files
from prefrontal.analysis.statistics import interval, pooled
from prefrontal.animals import read
from prefrontal.errors import check
from prefrontal.publishing import bibliography, plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT

GROUPS = ("animals", "networks")
GROUP_COLORS = {"animals": COLORS["animal"], "networks": COLORS["network"]}

LARGEST_ERROR = 10.0
"""Standard error in log odds above which a weight counts as undetermined: predictors all but separate the choices."""


@dataclass(frozen=True)
class Options:
    """What to read, how to name it, and where to write."""

    file: tyro.conf.Positional[Path]
    """Table with a row per trial: text separated by commas, semicolons or tabs, or Parquet."""
    map: tuple[str, ...] = ()
    """Our column = the file's, such as choice=resp reward=rew subject=rat session=day."""
    values: tuple[str, ...] = ()
    """Our column = what its values stand for, such as choice=l:0,r:1 reward=-1:0,1:1."""
    species: str = "animals"
    """What the subjects are called in caption and figure."""
    source: str = "source not stated"
    """Where the file is from, for the caption."""
    licence: str = "licence not stated"
    """The file's licence, for the caption."""
    starts: int = 5
    """Runs of the optimiser per fit, from different starting points."""
    repeats: int = 5
    """Subjects simulated from each fit and fitted again, to show that parameters are recovered."""
    out: Path | None = None
    """Folder to write tables to; by default beside the file, named after it and the experiment."""
    figures: Path | None = None
    """Folder to write the figure to; by default that of the tables."""
    data: Path = files.DATA
    """Data folder of the networks that are shown beside."""

    def __post_init__(self) -> None:
        for name in ("starts", "repeats"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")

    def folder(self, experiment: str) -> Path:
        """Folder to write to."""
        out = self.out or self.file.with_name(f"{self.file.stem}_{experiment}")
        check(
            out.resolve() != self.file.resolve().parent, "out", str(out), "another folder than the file's, which it may overwrite"
        )
        return out

    @property
    def codes(self) -> read.Codes:
        """What values stand for."""
        return read.parse_values(self.values)

    @property
    def columns(self) -> dict[str, str]:
        """Our column -> the file's."""
        return read.parse_mapping(self.map)

    def about(self, trials: pd.DataFrame) -> dict[str, Any]:
        """Provenance of what is made of the file."""
        apart = ("file", "out", "figures", "data")
        settings = {name: value for name, value in vars(self).items() if name not in apart}
        about = storage.provenance(str(settings), sorted(map(int, trials["seed"].unique())))
        about |= {"file": self.file.name, "file_sha256": hashlib.sha256(self.file.read_bytes()).hexdigest()}
        return about | {
            "subjects": len(about["seeds"]),
            "species": self.species,
            "file_source": self.source,
            "file_licence": self.licence,
        }


def run(
    experiment: str,
    options: Options,
    trials: pd.DataFrame,
    analyses: Iterable[tuple[str, pd.DataFrame]],
    draw: Callable[[Path, dict[str, Any]], Drawing],
    caption: str,
) -> None:
    """Write tables as they are made, then the figure with its caption.

    Parameters
    ----------
    trials : DataFrame
        What was read.
    analyses : iterable of (str, DataFrame)
        Tables by name.
    draw : function
        From the folder of these tables, and their provenance, to the figure.
    caption : str
        Its caption; see ``prefrontal.captions``.
    """
    folder, about = options.folder(experiment), options.about(trials)
    figures, analyses = options.figures or folder, iter(analyses)
    first = next(analyses)  # what cannot be analysed shows before a folder is made
    for place in (folder, figures):
        files.prepare_folder(place)
    print(f"{options.file}: {read.describe(trials)}; writing to {folder}")
    for name, frame in chain([first], analyses):
        storage.write(named(frame, trials), folder / f"{name}.csv", about=about)
        if name == "undetermined":
            print("".join(f"undetermined: {row.subject}, {row.analysis}: {row.why}\n" for row in frame.itertuples()), end="")
        elif name == "group":
            print(f"over {options.species}, with 95 % interval:\n{frame.to_string(index=False, float_format='%.3g')}", flush=True)
    drawing = draw(folder, about)
    plotting.save(drawing.figure, drawing.name, figures, about, drawing.panels)
    citation = bibliography.citation(caption, experiment, options.data, about, bibliography.references(files.ROOT), folder)
    bibliography.write({drawing.name: citation}, figures)
    print(f"{figures / drawing.name}.png, .pdf, .txt (caption)")


def named(frame: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Put the subjects' names beside their numbers."""
    if "seed" not in frame.columns or "subject" in frame.columns:
        return frame
    names = trials.drop_duplicates("seed").set_index("seed")["subject"]
    return storage.leading(frame.assign(subject=frame["seed"].map(names)), "subject")


def unfit(trials: pd.DataFrame, parameters: int) -> dict[tuple[str, int], str]:
    """Subjects to whom no learner can be fitted, and why: no free choice, always the same one, or fewer than parameters."""
    found: dict[tuple[str, int], str] = {}
    subjects: Any = trials.groupby(SUBJECT, observed=True, sort=False)
    for (variant, seed), own in subjects:
        choices = own.loc[schema.free_choices(own), "choice"]
        if choices.empty:
            found[variant, seed] = "no free and valid choice"
        elif len(choices.unique()) == 1:
            found[variant, seed] = f"one choice only ({choices.iloc[0]})"
        elif len(choices) <= parameters:
            found[variant, seed] = f"{len(choices)} choices for {parameters} parameters"
    return found


def fittable(trials: pd.DataFrame, reasons: Mapping[tuple[str, int], str], where: object) -> pd.DataFrame:
    """Trials of the subjects to whom learners can be fitted; UserError if that is nobody."""
    who = pd.MultiIndex.from_frame(trials[SUBJECT].astype({"variant": str}))
    fit = trials[~who.isin(list(reasons))] if reasons else trials
    names = trials.drop_duplicates("seed").set_index("seed")["subject"]
    listed = "; ".join([f"{names[seed]}: {why}" for (_, seed), why in reasons.items()][:5])
    check(len(fit) > 0, str(where), f"without a subject to be fitted ({listed})", "a table with some")
    return fit


def undetermined(
    trials: pd.DataFrame,
    weights: pd.DataFrame,
    reasons: Mapping[tuple[str, int], str],
    fits: pd.DataFrame,
    bounds: Mapping[str, tuple[float, float]],
) -> pd.DataFrame:
    """Say for every subject what the data do not determine.

    Parameters
    ----------
    trials, weights, reasons
        All trials; lag weights with standard errors; why subjects were not fitted.
    fits : DataFrame
        Learners as fitted to the others. A parameter in log odds that ended at its bound tells that the learner separates the
        choices; a learning rate, or a share, may well be 0 or 1.
    bounds : dict
        Range of each parameter.

    Returns
    -------
    DataFrame
        variant, seed, subject, analysis, why.
    """
    vague = weights[weights["error"] > LARGEST_ERROR].drop_duplicates(SUBJECT)
    why = f"standard errors above {LARGEST_ERROR:g}: predictors all but separate the choices"
    lost = weights[weights["undetermined"] != ""].drop_duplicates(SUBJECT)
    rows = [(*row[:-1], "lag weights", row[-1]) for row in lost[[*SUBJECT, "undetermined"]].itertuples(index=False)]
    rows += [(*row, "lag weights", why) for row in vague[SUBJECT].itertuples(index=False)]
    rows += [(*who, "fits of learners", reason) for who, reason in reasons.items()]
    records: Any = fits.to_dict("records")
    for fit in records:
        who = (*(fit[name] for name in SUBJECT), f"fit of {fit['model']}")
        rows += [(*who, f"{name} is at its bound, {fit[name]:g}") for name in at_bounds(fit, bounds)]
        rows += [] if fit["converged"] else [(*who, "the optimiser did not converge")]
    return named(pd.DataFrame(rows, columns=[*SUBJECT, "analysis", "why"]).astype({"seed": int}), trials)


def at_bounds(fit: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]) -> list[str]:
    """Parameters in log odds that ended at their bounds, which are there for the optimiser's sake only."""
    found = []
    for name, value in fit.items():
        low, high = bounds.get("bias" if name.startswith("bias") else name, (0, 1))
        if high > 1 and (value >= high or value <= min(low, -high)):
            found.append(name)
    return found


def over_subjects(frame: pd.DataFrame, by: Sequence[str], value: str, words: str, error: str | None = None) -> pd.DataFrame:
    """Summaries over subjects, in groups ``by`` of which variant is the first: of each, and of them as a sample.

    Returns
    -------
    DataFrame
        variant; measure, in ``words`` about the group; n subjects with a number, and undetermined without; median; mean with
        its t interval (ci_low, ci_high); if there are standard errors, the mean by random effects, in which precise subjects
        count more, with its interval (pooled, pooled_low, pooled_high), and the standard deviation between subjects (between).
    """
    rows = []
    for keys, own in frame.groupby(list(by), sort=False, observed=True):
        group, (mean, low, high) = dict(zip(by, keys, strict=True)), interval(own[value])
        row = {"variant": group["variant"], "measure": words.format(**group), "n": int(own[value].notna().sum())}
        row |= {"undetermined": int(own[value].isna().sum()), "median": own[value].median()}
        row |= {"mean": mean, "ci_low": low, "ci_high": high}
        rows.append(row | (pooled(own[value], own[error]) if error else {}))
    return pd.DataFrame(rows)


def draw_comparison(ax: Axes, gains: Mapping[str, pd.DataFrame], labels: Sequence[str]) -> None:
    """How much better each learner predicts a choice than another: a row per subject, a column per learner, of each group."""
    for k, group in enumerate(GROUPS):
        for x, model in enumerate(gains[group].columns):
            own, place = gains[group][model], x + 0.36 * (k - 0.5)
            ax.bar(place, own.mean(), 0.34, color=GROUP_COLORS[group], alpha=0.8, yerr=sem(own), error_kw={"lw": 0.8})
            plotting.dots(ax, place, own, width=0.1)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xticks=range(len(labels)))
    ax.set_xticklabels(labels)


def draw_recovery(axes: Sequence[Axes], recovery: pd.DataFrame, labels: Mapping[str, str]) -> None:
    """Recovered against true parameters of simulated subjects."""
    for ax, (name, label) in zip(axes, labels.items(), strict=True):
        own = recovery[recovery["parameter"] == name]
        both = own[["true", "recovered"]].to_numpy()
        if len(both):
            ends = [both.min(), both.max()]
            ax.plot(ends, ends, color=COLORS["published"], lw=0.6, zorder=0)
        ax.scatter(own["true"], own["recovered"], s=4, color=COLORS["animal"], lw=0, alpha=0.7)
        ax.set_title(label, fontsize=5.5, pad=2)
        ax.locator_params(nbins=3)


def sem(values: pd.Series) -> float:
    """Standard error over subjects; none for one."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
