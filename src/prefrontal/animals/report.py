"""Shared parts of the reports about animals: options, summaries over subjects, and panels."""

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
from prefrontal.animals import read
from prefrontal.errors import check
from prefrontal.publishing import cite, plotting, text
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.statistics import interval, pooled
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT

GROUPS = ("animals", "networks")
GROUP_COLORS = {"animals": COLORS["animal"], "networks": COLORS["network"]}

MOST_RUNS = 1000
"""Largest number of restarts or simulations."""

LARGEST_ERROR = 10.0
"""Standard error in log odds above which a weight counts as undetermined, since predictors almost
separate the choices."""


@dataclass(frozen=True)
class Options:
    """Analyse the choices of animals next to the networks'."""

    file: tyro.conf.Positional[Path]
    """Table with one row per trial: text separated by commas, semicolons, tabs or spaces, or
    Parquet."""
    columns: tuple[str, ...] = ()
    """Our column = the file's, such as choice=resp reward=gain+loss subject=rat session=day."""
    recode: tuple[str, ...] = ()
    """Our column = meanings of its values, such as choice=l:0,r:1 reward=-1:0,1:1, or reward=sign
    (gains are 1, all else 0), or "reward=>50" (1 above 50, else 0)."""
    rows: tuple[str, ...] = ()
    """Rows to read: "screen == bandit" or "screen != fixation"; several must all hold."""
    species: str = "animals"
    """Name of the subjects in caption and figure."""
    source: str = "source not stated"
    """Source of the file, for the caption."""
    licence: str = "licence not stated"
    """Licence of the file, for the caption."""
    restarts: int = 5
    """Runs of the optimiser per fit, from different starting points."""
    simulations: int = 5
    """Subjects simulated from each fit and fitted again, to test parameter recovery."""
    out: Path | None = None
    """Folder for the tables; by default next to the file, named after it and the experiment."""
    figures: Path | None = None
    """Folder for the figure; by default that of the tables."""
    data: Path = files.DATA
    """Data folder of the networks that are shown for comparison."""

    def __post_init__(self) -> None:
        for name in ("restarts", "simulations"):
            legal, expected = (
                1 <= getattr(self, name) <= MOST_RUNS,
                f"at least 1, at most {MOST_RUNS}",
            )
            check(legal, name, getattr(self, name), expected)
        check(self.data.is_dir(), "data", str(self.data), "an existing folder")

    def folder(self, experiment: str) -> Path:
        """Folder to write to."""
        name = f"{self.file.name.replace('.', '_')}_{experiment}"
        out = self.out or self.file.with_name(name)
        expected = "another folder than the file's, which it may overwrite"
        check(out.resolve() != self.file.resolve().parent, "out", str(out), expected)
        read.check_out(out, self.data)
        return out

    @property
    def column_names(self) -> dict[str, str]:
        """Our column -> the file's."""
        return read.parse_columns(self.columns)

    @property
    def recoding(self) -> read.Recoding:
        """Meanings of the file's values."""
        return read.parse_recoding(self.recode)

    def about(self, trials: pd.DataFrame) -> dict[str, Any]:
        """Provenance of tables made from the file."""
        paths = ("file", "out", "figures", "data")
        settings = {name: value for name, value in vars(self).items() if name not in paths}
        about = storage.provenance(str(settings), sorted(map(int, trials["seed"].unique())))
        return about | {
            "file": self.file.name,
            "file_sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(),
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
    caption: text.Template,
) -> None:
    """Write tables as they are computed, then the figure with its caption.

    Parameters
    ----------
    trials : DataFrame
        Trials as read from the file.
    analyses : iterable of (str, DataFrame)
        Tables by name.
    draw : callable
        Folder of these tables and their provenance -> figure.
    caption : Template
        See ``prefrontal.publishing.text``.
    """
    folder, about = options.folder(experiment), options.about(trials)
    figures, analyses = options.figures or folder, iter(analyses)
    data = files.experiment_folder(options.data, experiment).parent
    environment = text.environment(data, folder)  # what can fail later fails before the fits
    first = next(analyses)  # errors in the trials come before a folder is made
    for path in (folder, figures):
        files.prepare_folder(path)
    print(f"{options.file}: {read.describe(trials)}; writing to {folder}")
    for name, frame in chain([first], analyses):
        storage.write(named(frame, trials), folder / f"{name}.csv", about=about)
        if name == "undetermined":
            for row in frame.itertuples():
                print(f"undetermined: {row.subject}, {row.analysis}: {row.why}")
        elif name == "group":
            means = frame.to_string(index=False, float_format="%.3g")
            print(f"over {options.species}, with 95 % interval:\n{means}", flush=True)
    drawing = draw(folder, about)
    plotting.save(drawing.figure, drawing.name, figures, about, drawing.panels)
    cite.citation(caption, experiment, environment, about).write(figures / drawing.name)
    print(f"{figures / drawing.name}.png, .pdf, .txt (caption)")


def plain(text: str) -> str:
    """Text for a figure, in which a dollar sign opens no formula."""
    return text.replace("$", r"\$")


def label_blocks(ax: Axes, names: Sequence[str]) -> None:
    """Name the groups along the x axis, upright and fewer where they would overlap."""
    every = -(-len(names) // 12)
    lines = [plain(name).replace(" ", "\n") for name in names][::every]
    crowded = len(lines) > 4 or max(map(len, "\n".join(lines).split("\n")), default=0) > 10
    style: dict[str, Any] = {"rotation": 90, "fontsize": 5} if crowded else {}
    ax.set_xticks(range(0, len(names), every))
    ax.set_xticklabels([line.replace("\n", " ") for line in lines] if crowded else lines, **style)


def named(frame: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Add the subjects' names to their numbers."""
    if "seed" not in frame.columns or "subject" in frame.columns:
        return frame
    names = trials.drop_duplicates("seed").set_index("seed")["subject"]
    return storage.leading(frame.assign(subject=frame["seed"].map(names)), "subject")


def unfit(trials: pd.DataFrame, parameters: int) -> dict[tuple[str, int], str]:
    """Subjects to whom no model can be fitted, and why.

    They made no free choice, always the same one, or no more choices than there are parameters.
    """
    reasons: dict[tuple[str, int], str] = {}
    subjects: Any = trials.groupby(SUBJECT, observed=True, sort=False)
    for (variant, seed), subject_trials in subjects:
        choices = subject_trials.loc[schema.free_choices(subject_trials), "choice"]
        if choices.empty:
            reasons[variant, seed] = "no free and valid choice"
        elif len(choices.unique()) == 1:
            reasons[variant, seed] = f"one choice only ({choices.iloc[0]})"
        elif len(choices) <= parameters:
            reasons[variant, seed] = f"{len(choices)} choices for {parameters} parameters"
    return reasons


def fittable(
    trials: pd.DataFrame, reasons: Mapping[tuple[str, int], str], where: object
) -> pd.DataFrame:
    """Trials of the subjects to whom models can be fitted; UserError if there is none."""
    subject = pd.MultiIndex.from_frame(trials[SUBJECT].astype({"variant": str}))
    fit = trials[~subject.isin(list(reasons))] if reasons else trials
    names = trials.drop_duplicates("seed").set_index("seed")["subject"]
    listed = "; ".join(
        [f"{names.get(seed, seed)}: {why}" for (_, seed), why in reasons.items()][:5]
    )
    check(
        len(fit) > 0, str(where), f"without a subject to be fitted ({listed})", "a table with some"
    )
    return fit


def undetermined(
    trials: pd.DataFrame,
    weights: pd.DataFrame,
    reasons: Mapping[tuple[str, int], str],
    fits: pd.DataFrame,
    bounds: Mapping[str, tuple[float, float]],
) -> pd.DataFrame:
    """List, for each subject, what the data do not determine.

    Parameters
    ----------
    trials, weights, reasons
        All trials; lag weights with standard errors; why subjects were not fitted.
    fits : DataFrame
        Fitted models of the other subjects. A parameter in log odds at its bound shows that the
        model separates the choices; a learning rate or a weight between 0 and 1 may be 0 or 1.
    bounds : dict
        Range of each parameter.

    Returns
    -------
    DataFrame
        variant, seed, subject, analysis, why.
    """
    vague = weights[weights["error"] > LARGEST_ERROR].drop_duplicates(SUBJECT)
    why = f"standard errors above {LARGEST_ERROR:g}: predictors almost separate the choices"
    lost = weights[weights["undetermined"] != ""].drop_duplicates(SUBJECT)
    rows = [
        (*row[:-1], "lag weights", row[-1])
        for row in lost[[*SUBJECT, "undetermined"]].itertuples(index=False)
    ]
    rows += [(*row, "lag weights", why) for row in vague[SUBJECT].itertuples(index=False)]
    rows += [(*subject, "fits of models", reason) for subject, reason in reasons.items()]
    records: Any = fits.to_dict("records")
    for fit in records:
        key = (*(fit[name] for name in SUBJECT), f"fit of {fit['model']}")
        for name in at_bounds(fit, bounds):
            rows.append((*key, f"{name} is at its bound, {fit[name]:g}"))
        rows += [] if fit["converged"] else [(*key, "the optimiser did not converge")]
    frame = pd.DataFrame(rows, columns=[*SUBJECT, "analysis", "why"])
    return named(frame.astype({"seed": int}), trials)


def at_bounds(fit: Mapping[str, Any], bounds: Mapping[str, tuple[float, float]]) -> list[str]:
    """Parameters in log odds that ended at their bounds, which only help the optimiser."""
    names = []
    for name, value in fit.items():
        low, high = bounds.get("bias" if name.startswith("bias") else name, (0, 1))
        if high > 1 and (value >= high or value <= min(low, -high)):
            names.append(name)
    return names


def over_subjects(
    frame: pd.DataFrame, by: Sequence[str], value: str, measure: str, error: str | None = None
) -> pd.DataFrame:
    """Summarise a value over subjects in groups ``by``, the first of which is variant.

    Returns
    -------
    DataFrame
        variant; measure, a name formatted with the group; n, subjects with a value, and
        undetermined, those without; median; mean with its t interval (ci_low, ci_high). With
        standard errors also the random-effects mean, which weights subjects by precision, with its
        interval (pooled, pooled_low, pooled_high), and the standard deviation between subjects
        (between).
    """
    rows = []
    for keys, part in frame.groupby(list(by), sort=False, observed=True):
        group, (mean, low, high) = dict(zip(by, keys, strict=True)), interval(part[value])
        row = {
            "variant": group["variant"],
            "measure": measure.format(**group),
            "n": int(part[value].notna().sum()),
            "undetermined": int(part[value].isna().sum()),
            "median": part[value].median(),
            "mean": mean,
            "ci_low": low,
            "ci_high": high,
        }
        rows.append(row | (pooled(part[value], part[error]) if error else {}))
    return pd.DataFrame(rows)


def draw_comparison(ax: Axes, gains: Mapping[str, pd.DataFrame], labels: Sequence[str]) -> None:
    """Draw how much better each model predicts a choice than a reference.

    For each group, ``gains`` has a row per subject and a column per model.
    """
    for k, group in enumerate(GROUPS):
        style: dict[str, Any] = {
            "color": GROUP_COLORS[group],
            "alpha": 0.8,
            "error_kw": {"lw": 0.8},
        }
        for x, model in enumerate(gains[group].columns):
            values, place = gains[group][model], x + 0.36 * (k - 0.5)
            ax.bar(place, values.mean(), 0.34, yerr=sem(values), **style)
            plotting.dots(ax, place, values, width=0.1)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(xticks=range(len(labels)))
    ax.set_xticklabels(labels)


def draw_recovery(axes: Sequence[Axes], recovery: pd.DataFrame, labels: Mapping[str, str]) -> None:
    """Draw recovered against true parameters of simulated subjects."""
    for ax, (name, label) in zip(axes, labels.items(), strict=True):
        fits = recovery[recovery["parameter"] == name]
        both = fits[["true", "recovered"]].to_numpy()
        if len(both):
            ends = [both.min(), both.max()]
            ax.plot(ends, ends, color=COLORS["published"], lw=0.6, zorder=0)
        ax.scatter(fits["true"], fits["recovered"], s=4, color=COLORS["animal"], lw=0, alpha=0.7)
        ax.set_title(label, fontsize=5.5, pad=2)
        ax.locator_params(nbins=3)


def sem(values: pd.Series) -> float:
    """Standard error over subjects; 0 for one subject."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
