"""Read, describe, analyse, fit and draw the choices of animals or people: one pipeline for all
tasks, ``prefrontal animals TASK FILE``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro

from prefrontal import files
from prefrontal.animals import datasets, families, figure, sheet
from prefrontal.animals.columns import Format
from prefrontal.animals.families import Family
from prefrontal.errors import UserError, check
from prefrontal.models import fitting
from prefrontal.models.model import Model
from prefrontal.publishing import cite, plotting, text
from prefrontal.publishing.results import Results
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT

Tables = dict[str, pd.DataFrame]

MOST_RUNS = 1000
"""Largest number of restarts or simulations."""

MOST_LAGS = 100
"""Longest history in the regression."""

LARGEST_ERROR = 10.0
"""Standard error in log odds above which a weight counts as undetermined: predictors almost
separate the choices."""

LISTED = 8
"""Largest number of undetermined quantities that are printed; the table has all."""


@dataclass(frozen=True)
class Options(sheet.TableOptions):
    """Analyse choices of animals or people, and draw them next to those of networks."""

    lags: int = 0
    """Trials of history in the regression; by default as in the networks' figure."""
    arms: int = 0
    """Number of options, if some are never chosen; by default as in the file."""
    common: float | None = None
    """Two-step tasks: probability of the common transition, which planners know; by default the
    proportion in the file."""
    species: str = "animals"
    """What the subjects are called in caption and figure, such as rats."""
    source: str = "source not stated"
    """Source of the file, for the caption."""
    licence: str = "licence not stated"
    """Licence of the file, for the caption."""
    restarts: int = 5
    """Runs of the optimiser per fit, from different starting points."""
    simulations: int = 10
    """Subjects simulated from each model's fits and fitted again, to test recovery; 0 for none."""
    out: Path | None = None
    """Folder for the tables; by default next to the file, named after it and the task."""
    figures: Path | None = None
    """Folder for the figure; by default that of the tables."""
    data: Path = files.DATA
    """Data folder of the networks that are shown for comparison."""

    def __post_init__(self) -> None:
        bounds = {"restarts": (1, MOST_RUNS), "simulations": (0, MOST_RUNS)}
        bounds |= {"lags": (0, MOST_LAGS), "arms": (0, sheet.MOST_ARMS)}
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            check(low <= value <= high, name, value, f"at least {low}, at most {high}")
        legal = self.common is None or 0 <= self.common <= 1
        check(legal, "common", self.common, "a probability between 0 and 1")
        legal = self.data == files.DATA or self.data.is_dir()  # without networks, animals alone
        check(legal, "data", str(self.data), "an existing folder")

    @property
    def dataset(self) -> str:
        """Name of the published data set given instead of a file, if any."""
        name = str(self.file)
        return name if name in datasets.registry() and not self.file.exists() else ""

    def read(self, form: Format) -> pd.DataFrame:
        """Read the file, or the published data set of this name."""
        if not self.dataset:
            return self.trials(form)
        columns, recoding = sheet.parse_columns(self.columns), sheet.parse_recoding(self.recode)
        return sheet.read(datasets.load_data(self.dataset), columns, recoding, self.rows, form)

    def folder(self, task: str) -> Path:
        """Folder to write to."""
        out = self.out or self.file.with_name(f"{self.file.name.replace('.', '_')}_{task}")
        expected = "a folder other than the file's, since files there might be overwritten"
        check(out.resolve() != self.file.resolve().parent, "out", str(out), expected)
        sheet.check_out(out, self.data)
        return out

    def about(self, trials: pd.DataFrame) -> dict[str, Any]:
        """Provenance of tables made from the file."""
        paths = ("file", "out", "figures", "data")
        settings = {name: value for name, value in vars(self).items() if name not in paths}
        if self.dataset:
            known = datasets.get(self.dataset)
            source, licence, content = known.citation, known.license, str(known.files).encode()
        else:
            source, licence, content = self.source, self.licence, self.file.read_bytes()
        return storage.provenance(str(settings), []) | {
            "file": self.file.name,
            "file_sha256": hashlib.sha256(content).hexdigest(),
            "subjects": len(trials[SUBJECT].drop_duplicates()),
            "species": self.species,
            "file_source": source,
            "file_licence": licence,
        }


def describe(trials: pd.DataFrame) -> pd.DataFrame:
    """Count sessions, trials, missed and forced trials, choices and rewards of each subject."""
    free = schema.free_choices(trials)
    counted = trials.assign(
        missed=trials["choice"] < 0,
        forced=(trials["choice"] >= 0) & ~free,
        reward=trials["reward"].where(trials["choice"] >= 0),
    )
    grouped = counted.groupby(SUBJECT, observed=True, sort=False)
    table = grouped.agg(
        sessions=("session" if "session" in trials.columns else "episode", "nunique"),
        trials=("trial", "size"),
        missed=("missed", "sum"),
        forced=("forced", "sum"),
        reward_per_trial=("reward", "mean"),
    )
    for option in sorted(set(trials.loc[free, "choice"])):
        table[f"chose_{option}"] = (
            (trials["choice"][free] == option)
            .groupby([trials[name] for name in SUBJECT], observed=True)
            .mean()
        )
    return table.reset_index()


def unfit(all_trials: pd.DataFrame, trials: pd.DataFrame, parameters: int) -> pd.DataFrame:
    """Subjects to whom no model can be fitted, and why: variant, subject, analysis, why.

    They made no free choice, always the same one, or no more choices than there are parameters.
    """
    free = trials[schema.free_choices(trials)]
    chosen: Any = {key: group["choice"] for key, group in free.groupby(SUBJECT, observed=True)}
    rows = []
    for key in all_trials[SUBJECT].drop_duplicates().itertuples(index=False, name=None):
        choices = chosen.get(key, ())
        why = ""
        if not len(choices):
            why = "no free and valid choice"
        elif len(set(choices)) == 1:
            why = f"one choice only ({choices.iloc[0]})"
        elif len(choices) <= parameters:
            why = f"{len(choices)} choices for {parameters} parameters"
        rows += [(*key, "fits of models", why)] if why else []
    return pd.DataFrame(rows, columns=[*SUBJECT, "analysis", "why"])


def undetermined_weights(weights: pd.DataFrame) -> pd.DataFrame:
    """List subjects whose choices do not determine lag weights, and why."""
    why = f"standard errors above {LARGEST_ERROR:g}: predictors almost separate the choices"
    imprecise = weights[weights["error"] > LARGEST_ERROR].assign(why=why)
    without_weights = weights[weights["undetermined"] != ""].rename(columns={"undetermined": "why"})
    both = pd.concat([without_weights, imprecise]).drop_duplicates(SUBJECT)
    return both.assign(analysis="lag weights")[[*SUBJECT, "analysis", "why"]]


def undetermined_fits(fits: pd.DataFrame) -> pd.DataFrame:
    """List parameters that the choices do not determine, and fits that did not converge."""
    undetermined = fits[fits["undetermined"].fillna("").astype(str) != ""]
    failed = fits[~fits["converged"].astype(bool)].assign(
        undetermined="the optimiser did not converge"
    )
    both = pd.concat([undetermined, failed])
    analysis = "fit of " + both["model"].astype(str)
    return both.assign(analysis=analysis, why=both["undetermined"])[[*SUBJECT, "analysis", "why"]]


MEAN = ("mean", "ci_low", "ci_high")
POOLED = ("pooled", "pooled_low", "pooled_high")


def number(row: Mapping[str, Any], columns: Sequence[str] = MEAN) -> str:
    """Write a mean with its interval."""
    mean, low, high = (row[name] for name in columns)
    if not np.isfinite(mean):
        return "undetermined"
    return (
        f"{mean:.3g} [{low:.3g}, {high:.3g}]" if np.isfinite([low, high]).all() else f"{mean:.3g}"
    )


def in_words(animals: pd.DataFrame, networks: pd.DataFrame | None, species: str) -> list[str]:
    """Write summaries of animals and networks side by side, a line per measure.

    For a single group of animals, also the mean weighted by precision, and the standard deviation
    between subjects, where estimates have standard errors.
    """
    columns = {str(variant): values for variant, values in animals.groupby("variant", sort=False)}
    columns = columns if len(columns) > 1 else {species: animals}
    columns |= {} if networks is None else {"networks": networks}
    lines = []
    for quantity, rows in animals.groupby("quantity", sort=False):
        measures = list(dict.fromkeys(rows["measure"]))
        width = max(map(len, measures)) + 4
        counts = {}
        body = {measure: f"  {measure:<{width}}" for measure in measures}
        for label, table in columns.items():
            values = table[table["quantity"] == quantity].set_index("measure")
            counts[label] = int(values["n"].max()) if len(values) else 0
            for measure in measures:
                text = number(values.loc[measure]) if measure in values.index else "-"
                body[measure] += f"{text:<28}"
        header = "".join(f"{f'{label} (n = {n})':<28}" for label, n in counts.items())
        known = rows[rows["pooled"].notna()] if "pooled" in rows else rows[:0]
        if len(known) and len(set(animals["variant"])) == 1:
            header += f"{f'{species}, precision-weighted':<35} s.d. between subjects"
            for measure, row in known.set_index("measure").iterrows():
                body[str(measure)] += f"{number(dict(row), POOLED):<36}{row['between']:.3g}"
        lines += ["", str(quantity), f"  {'':<{width}}{header}".rstrip()]
        lines += [line.rstrip() for line in body.values()]
    return lines


class Writer:
    """Write tables as they are computed, print a summary of each, and keep it for report.txt."""

    def __init__(self, folder: Path, about: dict[str, Any], trials: pd.DataFrame) -> None:
        self.folder, self.about, self.trials = folder, about, trials
        self.lines: list[str] = []
        self.tables: Tables = {}

    def say(self, *lines: str) -> None:
        """Print lines at once."""
        self.lines += lines
        print(*lines, sep="\n", flush=True)
        files.write_text(self.folder / "report.txt", "\n".join(self.lines) + "\n")

    def write(self, **tables: pd.DataFrame) -> None:
        """Write tables."""
        for name, table in tables.items():
            self.tables[name] = table
            storage.write(table, self.folder / f"{name}.csv", about=self.about)


def best_models(fits: pd.DataFrame) -> list[str]:
    """Say for how many subjects each model predicts choices best."""
    lines, n = [], len(fits[SUBJECT].drop_duplicates())
    for column, sign, measure in (("cross_validated", 1, "held-out choices"), ("bic", -1, "BIC")):
        if column in fits.columns:
            best = fits.loc[(sign * fits[column]).groupby([fits[k] for k in SUBJECT]).idxmax()]
            counts = best["model"].value_counts()
            each = "; ".join(f"{model}: {count}" for model, count in counts.items())
            lines.append(f"best model by {measure}, number of {n} subjects: {each}")
    return lines


def undetermined_lines(undetermined: pd.DataFrame) -> list[str]:
    """List what the choices do not determine, summarised by kind if there are many."""
    if len(undetermined) <= LISTED:
        rows = undetermined.itertuples()
        return [f"undetermined: {row.subject}, {row.analysis}: {row.why}" for row in rows]
    counts = undetermined["analysis"].value_counts(sort=False)
    each = "; ".join(f"{analysis}: {count}" for analysis, count in counts.items())
    return [f"undetermined (see undetermined.csv), number of subjects: {each}"]


def fit_all(
    family: Family,
    models: Sequence[Model],
    trials: pd.DataFrame,
    options: Options,
    writer: Writer,
) -> None:
    """Fit models to all subjects whose choices allow it, and list what is undetermined."""
    unfitted = unfit(writer.trials, trials, max(len(model.free) for model in models))
    missing = pd.MultiIndex.from_frame(unfitted[SUBJECT])
    fitted = trials[~pd.MultiIndex.from_frame(trials[SUBJECT]).isin(missing)]
    fitted = fitted.reset_index(drop=True)
    if fitted.empty:
        reasons = "; ".join(f"{row.subject}: {row.why}" for row in unfitted.head(5).itertuples())
        raise UserError(f"{options.file}: no subject can be fitted ({reasons})")
    blocks = families.fit_blocks(family.model_of_blocks(models), fitted, options.restarts)
    writer.write(**({"fits_by_block": blocks} if len(blocks) else {}))
    fits = families.with_part_weights(fitting.fit_subjects(models, fitted, options.restarts))
    writer.write(fits=fits)
    weights = undetermined_weights(writer.tables["lag_weights"])
    writer.write(undetermined=pd.concat([weights, unfitted, undetermined_fits(fits)]))


def recover(
    family: Family,
    models: Sequence[Model],
    trials: pd.DataFrame,
    options: Options,
    writer: Writer,
) -> None:
    """Simulate some subjects from their fits, and fit them again."""
    fits, task = writer.tables["fits"], family.task(trials)
    subjects = fits[SUBJECT].drop_duplicates()
    every = np.linspace(0, len(subjects) - 1, min(len(subjects), options.simulations))
    some = fits.merge(subjects.iloc[every.round().astype(int)])
    repeats = -(-options.simulations // len(every))
    main = next(model for model in models if model.name == family.main)
    writer.write(
        recovery=fitting.recover(main, some, task, repeats, 2),
        confusion=fitting.confusion(models, some, task, repeats, 1),
    )


def run(task: str, family: Family, options: Options) -> None:
    """Analyse a file and draw it next to the networks.

    Descriptive statistics are written, printed and drawn before models are fitted.
    """
    folder, results = options.folder(task), Results(family.experiment, options.data)
    trials = options.read(replace(family.form, arms=options.arms or family.form.arms))
    analysed = family.prepare(trials)
    longest = int(analysed["trial"].max()) if len(analysed) else 0
    if analysed.empty:
        raise UserError(f"{options.file}: no completed trial")
    lags = options.lags or family.lags
    check(lags <= longest, "lags", lags, f"below the trials of the longest session, {longest + 1}")
    environment = text.environment(options.data, folder)
    networks = families.network_tables(family, results)
    behaviour = families.behaviour(family, analysed, lags)
    for path in (folder, options.figures or folder):
        files.prepare_folder(path)
    writer = Writer(folder, options.about(trials), trials)
    writer.say(f"{options.file}: {sheet.describe(trials)}")
    writer.write(description=describe(trials), **behaviour)
    show(family, options, writer, networks, environment)
    further = {name: table(trials) for name, table in family.further.items()}
    writer.write(**{name: table for name, table in further.items() if len(table)})
    models = family.models(analysed, options.common)
    count = len(analysed[SUBJECT].drop_duplicates())
    names = ", ".join(model.name for model in models)
    writer.say("", f"Fitting {len(models)} models to {count} {options.species}: {names}")
    fit_all(family, models, analysed, options, writer)
    show(family, options, writer, networks, environment)
    if options.simulations:
        recover(family, models, analysed, options, writer)
        draw(family, options, writer, networks, environment)
    writer.say("", f"tables, report and figure: {folder}")


def show(
    family: Family,
    options: Options,
    writer: Writer,
    networks: Mapping[str, pd.DataFrame],
    environment: Any,
) -> None:
    """Summarise the tables so far, print the summary, and draw it."""
    earlier = set(writer.tables.get("summary", pd.DataFrame({"quantity": []}))["quantity"])
    baseline = writer.tables["fits"]["model"].iloc[0] if "fits" in writer.tables else ""
    summary = families.summary(family, writer.tables, baseline)
    known = any(map(len, networks.values()))
    network_summary = families.summary(family, networks, baseline) if known else None
    (writer.folder / "summary.csv").unlink(missing_ok=True)  # it grows
    writer.write(summary=summary)
    new = summary[~summary["quantity"].isin(earlier)]
    writer.say(*in_words(new, network_summary, options.species))
    if "undetermined" in writer.tables:
        writer.say("", *best_models(writer.tables["fits"]))
        writer.say(*undetermined_lines(writer.tables["undetermined"]))
    draw(family, options, writer, networks, environment)


def draw(
    family: Family,
    options: Options,
    writer: Writer,
    networks: Mapping[str, pd.DataFrame],
    environment: Any,
) -> None:
    """Draw the figure, and write its caption."""
    name, folder = family.figure_name, options.figures or writer.folder
    drawing = figure.draw(family, writer.tables, networks, writer.about, name)
    plotting.save(drawing.figure, name, folder, writer.about, drawing.panels)
    template = text.Template(figure.caption(family, writer.tables, networks), Path(__file__))
    cited = cite.citation(template, family.experiment, environment, writer.about)
    cited.write(folder / name)


OVERVIEW = """Analyse choices of animals or people, and draw them next to those of networks.

usage: prefrontal animals TASK FILE [options]

FILE is a table with one row per trial and the names of its columns in the first line, or the name
of a published data set (prefrontal data list). TASK, and the columns that it needs:
%s
Any task: subject (if there are several), session, trial (number in the session), block (part of a
session), variant (group of subjects), forced (1 where only one option was offered). Other columns
are left alone. Missing choices are missed trials. Name the file's columns with --columns and
translate its values with --recode:

  prefrontal animals two_step rats.csv --columns choice=resp reward=rew subject=rat session=day \\
      transition=trans --recode choice=l:0,r:1 transition=1:common,0:uncommon
"""


def main(given: Sequence[str]) -> None:
    """Run ``prefrontal animals``."""
    known = families.families()
    if not given or given[0] in ("-h", "--help"):
        tasks = "".join(f"  {name:<12}{family.columns}\n" for name, family in known.items())
        print(OVERVIEW % tasks)
        tyro.cli(Options, args=["--help"], prog="prefrontal animals TASK")
    task, *rest = given
    check(task in known, "task", task, f"one of {', '.join(known)} (prefrontal animals --help)")
    run(task, known[task], tyro.cli(Options, args=rest, prog=f"prefrontal animals {task}"))
