"""Animals on the two-step task: the analyses of the networks' behaviour, and fits of models.

``prefrontal animals two_step FILE`` takes a table (see ``prefrontal.animals.read``) or a MATLAB
file of the Brody laboratory, and writes tables and figure next to it, or to --out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal.analysis import staying
from prefrontal.animals import formats, report
from prefrontal.animals.read import KNOWN, Recoding, TrialSheet, open_sheet
from prefrontal.errors import UserError, check
from prefrontal.models import two_step
from prefrontal.publishing import text
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from prefrontal.statistics import summarize
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT
from replications.two_step import animals_figure
from replications.two_step.analysis import MODELS, fit_models, part_weights

WORDS = {
    "transition": ("common", "uncommon", "none"),
    "outcome_state": ("S1", "S2", "none"),
    "rich_state": ("S1", "S2", "none"),
}
"""Legal values of a table's columns. S1 is the state to which left commonly leads."""

RECOVERED = list(animals_figure.PARAMETERS)
"""Parameters of the mixture; the weights of its parts stand for weight and inverse temperature."""

SIMULATED_SESSION = 100
"""Trials per session of simulated subjects; they forget within a few trials, so that the length
matters little."""


SECOND = re.compile(r"2|second|stage.?ii", re.IGNORECASE)
"""Names of columns that may hold a choice at the second stage."""

MOST_OPTIONS = 6
"""Most values of such a column; one with more, or with fractions, measures something."""

DERIVED = 0.9
"""Share of trials from which a column follows from what is known of them, if it does."""

SURE = 4.5
"""Standard errors by which a column repeats more often after reward than without, which shows that
it holds a choice whatever its name."""

DAW = (
    "a choice between two options at the second stage (Daw et al. 2011), "
    "which these models do not have"
)
PARAMETERS = len(two_step.PARAMETERS["mixture"]) + 1
"""Largest number of parameters of a fitted model."""


@dataclass(frozen=True)
class Options(report.Options):
    """Analyse animals on the two-step task next to the networks.

    The file may also be MATLAB's, as data/ofc_physdata.mat of Brody-Lab/MixtureAgentsModels.
    """

    common: float | None = None
    """Probability of the common transition, which planners know (Miller et al. 2017: 0.8); by
    default its share of the file's transitions."""
    rich: float = 0.8
    """Reward probability of the rich state, for simulated subjects (Miller et al. 2017: 0.8)."""
    reversal: float = 0.02
    """Probability per trial that rich and poor state swap, for simulated subjects (Miller et al.
    2017: 0.02 from the 10th trial on)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("common", "rich", "reversal"):
            value = getattr(self, name)
            legal = value is None or 0 <= value <= 1
            check(legal, name, value, "a probability between 0 and 1")


def follows(values: pd.Series, known: pd.DataFrame) -> bool:
    """Tell whether a column follows from what is known of this trial or of the one before.

    That is, from one of the known columns, or as whether the choice was the right one does, from
    whether the first choice changed.
    """
    changed = values != values.shift()
    others = pd.concat([known, known.shift()], axis=1).fillna("none").astype(str)
    tables = [pd.crosstab(others.iloc[:, k], values) for k in range(others.shape[1])]
    for choice in (known["choice"], known["choice"].shift()):
        tables += [pd.crosstab(choice != choice.shift(), column) for column in (changed, values)]
    return any(table.max(axis=1).sum() > DERIVED * len(values) for table in tables)


def is_choice(values: pd.Series, known: pd.DataFrame, named: bool) -> bool:
    """Tell whether a column holds choices between two options at the second stage.

    Parameters
    ----------
    values : Series
        Text of the column in valid trials.
    known : DataFrame
        choice, reward, state (of the second stage; the same in all trials if it is not known).
    named : bool
        True if the column's name says so; otherwise options must be other ones in each state, or
        be repeated more often after reward than without.
    """
    state = known["state"]
    options = values.groupby(state).nunique()
    numbers = pd.to_numeric(values, errors="coerce")
    measured = bool((numbers.notna() & (numbers % 1 != 0)).any())
    if options.max() < 2 or values.nunique() > MOST_OPTIONS or measured:
        return False
    if named or (len(options) == 2 and values.nunique() == options.sum() == 4):
        return True
    if values.nunique() != 2 or options.min() != 2 or follows(values, known):
        return False
    before, paid = (column.groupby(state).shift() for column in (values, known["reward"]))
    stay = (values == before)[before.notna()].groupby(paid[before.notna()]).agg(["mean", "size"])
    if list(stay.index) != [0, 1]:
        return False
    error = np.sqrt((stay["mean"] * (1 - stay["mean"]) / stay["size"]).sum())
    return bool(stay["mean"][1] - stay["mean"][0] > SURE * error)


def check_second_stage(sheet: TrialSheet, recoding: Recoding) -> None:
    """Raise UserError if subjects also chose at the second stage, which would be collapsed."""
    given = recoding.get("outcome_state", {})
    meanings = given.values() if isinstance(given, Mapping) else []
    states = [state for state in meanings if state != "none"]
    if len(set(states)) < len(states):
        raise UserError(
            f"{sheet.where}: --recode outcome_state=... gives two values the same state, "
            f"as if there were {DAW}"
        )
    frame = sheet.frame[sheet.frame["choice"] >= 0].reset_index(drop=True)
    known = frame[["choice", "reward"]].assign(state="unknown")
    if "outcome_state" in frame:
        known["state"] = frame["outcome_state"].astype(str)
    elif "transition" in frame:
        second = (frame["choice"] == 1) == (frame["transition"] == "common")
        known["state"] = np.where(second, "S2", "S1")
    others = [name for name in frame.columns if name not in (*KNOWN, *WORDS, *schema.KEYS)]
    for name in sorted(others, key=lambda name: SECOND.search(name) is None):  # likely ones first
        values = frame[name].astype(str).str.strip()
        if is_choice(values, known, bool(SECOND.search(name))):
            raise UserError(
                f"{sheet.where}: column {name!r} is {DAW}; if it is none, leave it out of the file"
            )


def common_probability(trials: pd.DataFrame, common: float | None = None) -> float:
    """Probability of the common transition, for planners: the stated one, or as in the trials.

    Prints which, and of how many trials.
    """
    done = trials["transition"].isin(["common", "uncommon"]) & (trials["choice"] >= 0)
    share, n = float((trials.loc[done, "transition"] == "common").mean()), int(done.sum())
    seen = f"{100 * share:.1f} % of {n} transitions are common"
    if common is not None:
        print(f"{seen}; planners take {common:g} (--common)")
        return common
    if n and share < 0.5:
        raise UserError(
            f"trials: {seen}; exchange the meanings (--recode transition=... or "
            "outcome_state=..., S1 being where left commonly leads), or give --common"
        )
    print(f"{seen}, which planners take for their probability (--common states another)")
    return share


def read_table(
    source: Path | pd.DataFrame,
    columns: dict[str, str],
    recoding: Recoding,
    rows: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Read a table.

    Either the transition or the second-stage state may be missing; it follows from the other and
    the choice.
    """
    sheet = open_sheet(source, columns, recoding, WORDS, rows=rows)
    check_second_stage(sheet, recoding)
    trials = sheet.frame
    valid, right = trials["choice"] >= 0, trials["choice"] == 1
    if {"outcome_state", "transition"} <= {*trials.columns}:
        led_to_s2 = trials["outcome_state"] == "S2"
        consistent = (right == led_to_s2) == (trials["transition"] == "common")
        aborted = [trials[name] == "none" for name in ("outcome_state", "transition")]
        wrong = valid & np.where(aborted[0] | aborted[1], aborted[0] != aborted[1], ~consistent)
        expected = (
            "the transition from this choice to this outcome_state (S1: where left commonly leads)"
        )
        sheet.check_rows("transition", wrong, expected)
    if "outcome_state" not in trials.columns:
        if "transition" not in trials.columns:
            raise UserError(
                f"{sheet.where}: no column 'transition' or 'outcome_state'; "
                "name one of them, such as --columns transition=<column>"
            )
        second = right == (trials["transition"] == "common")
        known = valid & (trials["transition"] != "none")
        trials["outcome_state"] = np.select([~known, second], ["none", "S2"], "S1")
    if "transition" not in trials.columns:
        common = right == (trials["outcome_state"] == "S2")
        known = valid & (trials["outcome_state"] != "none")
        trials["transition"] = np.select([~known, common], ["none", "common"], "uncommon")
    return sheet.trials()


def read(options: Options) -> pd.DataFrame:
    """Read the file, a table or MATLAB's."""
    if options.file.suffix == ".mat":
        check(options.file.is_file(), "file", str(options.file), "an existing file")
        expected = "left out for MATLAB files, whose fields are known"
        given = bool(options.columns or options.recode or options.rows)
        check(not given, "columns, recode or rows", "given", expected)
        return formats.read_rats(options.file)
    return read_table(options.file, options.column_names, options.recoding, options.rows)


def number_again(trials: pd.DataFrame) -> pd.DataFrame:
    """Number the trials of each session from 0."""
    return trials.assign(trial=trials.groupby(schema.EPISODE).cumcount()).reset_index(drop=True)


def completed(trials: pd.DataFrame) -> pd.DataFrame:
    """Leave out violations, as the laboratory's own code does: a lag counts completed trials."""
    return number_again(trials[(trials["choice"] >= 0) & (trials["transition"] != "none")])


def without_choices(all_trials: pd.DataFrame, trials: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Subjects that completed no trial, and so are missing in ``trials``."""
    subjects = [
        [(str(variant), int(seed)) for variant, seed in frame[SUBJECT].drop_duplicates().to_numpy()]
        for frame in (all_trials, trials)
    ]
    return {key: "no completed trial" for key in subjects[0] if key not in subjects[1]}


def handlings(trials: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Trials under each way of treating violations and instructed choices, ours first."""
    yield "violations left out (ours)", completed(trials)
    yield "a violation is an empty trial", trials
    violation = (trials["choice"] < 0) | (trials["transition"] == "none")
    segment = violation.groupby([trials[name] for name in schema.EPISODE]).cumsum()
    split = trials.assign(episode=trials["episode"] * (int(segment.max()) + 1) + segment)
    yield "a violation ends the session", completed(split)
    if "forced" in trials.columns and trials["forced"].any():
        yield "instructed choices fitted too", completed(trials.drop(columns="forced"))
        yield "instructed choices left out of the sequence", completed(trials[~trials["forced"]])


def sensitivity(trials: pd.DataFrame) -> pd.DataFrame:
    """Lag-1 weights of every subject under each treatment of violations and instructed choices."""
    parts = []
    for handling, treated in handlings(trials):
        weights = staying.two_step_weights(treated).query("lag == 1")
        wide = weights.pivot(index=SUBJECT, columns="signal", values="weight").reset_index()
        parts.append(wide.assign(handling=handling))
    return storage.leading(pd.concat(parts, ignore_index=True), "handling")


def last_trial(weights: pd.DataFrame) -> pd.DataFrame:
    """Weights of the last trial and their standard errors, one row per subject."""
    last = weights[weights["lag"] == 1]
    wide = [
        last.pivot(index=SUBJECT, columns="signal", values=name).rename(columns=label.format)
        for name, label in (("weight", "{}"), ("error", "s.e. {}"))
    ]
    return pd.concat(wide, axis=1).reset_index()


def beside_published(weights: pd.DataFrame) -> pd.DataFrame:
    """Lag weights over subjects next to the published rats (Fig. 5d), another group of animals.

    Mean with its 95 % interval; median; and the mean weighted by precision, 1 / error^2.
    """
    groups, lagged = ["signal", "lag"], weights[weights["lag"] > 0]
    precision = lagged["error"] ** -2.0
    weighted = lagged.assign(precision=precision, product=lagged["weight"] * precision)
    grouped = weighted.groupby(groups)
    sums = grouped[["product", "precision"]].sum()
    further = {
        "median": grouped["weight"].median(),
        "weighted": sums["product"] / sums["precision"],
    }
    means = summarize(lagged, groups, "weight").join(pd.DataFrame(further), on=groups)
    published = storage.published("fig5d")
    published["signal"] = published["series"].str.extract(r"(\w+/\w+)", expand=False)
    published["lag"] = published["x"].astype(int)
    published = published.rename(columns={"y": "published", "err": "published_sem"})
    return means.merge(published[["signal", "lag", "published", "published_sem"]], how="left")


def recover(
    fits: pd.DataFrame,
    common: float,
    rich: float,
    reversal: float,
    restarts: int,
    simulations: int,
) -> pd.DataFrame:
    """Simulate subjects from the fitted mixtures, with about as many choices, and fit them again.

    Returns
    -------
    DataFrame
        variant, seed, repeat, parameter, true, recovered.
    """
    planner = two_step.LearningPlanner(common=common)
    task: dict[str, Any] = {"common": common, "rich": rich, "reversal": reversal}
    task["trials"] = SIMULATED_SESSION
    mixtures: Any = fits[fits["model"] == "mixture"].to_dict("records")
    jobs = [(row, repeat) for row in mixtures for repeat in range(simulations)]
    rows = []
    bar = tqdm(jobs, desc="parameter recovery", unit="simulated subject", disable=None)
    for true, repeat in bar:
        sessions = max(1, round(true["choices"] / SIMULATED_SESSION))
        rng = np.random.default_rng([true["seed"], repeat])
        agent = two_step.learner_of("mixture", true, planner=planner)
        choice_rule = two_step.choice_rule(true)
        trials = two_step.simulate(agent, episodes=sessions, rng=rng, **choice_rule, **task)
        recovered = two_step.fit("mixture", trials, rng, restarts, planner=planner).parameters
        recovered |= part_weights(recovered)
        key = {**{name: true[name] for name in SUBJECT}, "repeat": repeat}
        rows += [
            key | {"parameter": name, "true": true[name], "recovered": recovered[name]}
            for name in RECOVERED
        ]
    return pd.DataFrame(rows)


def summary(fits: pd.DataFrame) -> pd.DataFrame:
    """BIC of each model relative to the best, and the mixture's parameters; a row per subject."""
    bic = fits.pivot(index=SUBJECT, columns="model", values="bic")[list(MODELS)]
    above_best = bic.sub(bic.min(axis=1), axis=0).add_prefix("BIC above best: ")
    mixture = fits[fits["model"] == "mixture"].set_index(SUBJECT)
    columns = ["choices", "likelihood_per_choice", *RECOVERED]
    return above_best.join(mixture[columns]).reset_index()


def recovery_summary(recovery: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of true and recovered values, and errors, for each parameter."""
    rows = []
    for parameter, values in recovery.groupby("parameter", sort=False):
        true, recovered = values["true"], values["recovered"]
        error = (recovered - true).abs()
        varies = bool(np.ptp(values[["true", "recovered"]], axis=0).all())
        rows.append(
            {
                "parameter": parameter,
                "rank_correlation": true.corr(recovered, "spearman") if varies else np.nan,
                "median_error": error.median(),
                "largest_error": error.max(),
                "lowest_true": true.min(),
                "highest_true": true.max(),
                "simulated_subjects": len(values),
            }
        )
    return pd.DataFrame(rows)


def analyse(
    all_trials: pd.DataFrame,
    common: float | None = None,
    rich: float = Options.rich,
    reversal: float = Options.reversal,
    restarts: int = Options.restarts,
    simulations: int = Options.simulations,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Analyse animals, behaviour first; ``dict(analyse(trials))`` has all tables.

    Parameters
    ----------
    all_trials : DataFrame
        From ``animals.read``, ``read_table`` or ``formats.read_rats``.
    common, rich, reversal, restarts, simulations
        See ``Options``.
    """
    known = {"transition", "outcome_state"} <= {*all_trials.columns}
    all_trials = all_trials.reset_index(drop=True) if known else read_table(all_trials, {}, {})
    trials = completed(all_trials)
    check(len(trials) > 0, "trials", "without completed ones", "a table with some")
    reasons = report.unfit(trials, PARAMETERS) | without_choices(all_trials, trials)
    fitted = report.fittable(trials, reasons, "trials")
    weights = staying.two_step_weights(trials, errors=True)
    stays = staying.stay_probability(trials)
    yield "lag_weights", weights
    yield "lag_weights_mean", beside_published(weights)
    yield "last_trial", last_trial(weights)
    yield "stay_probability", stays
    if "rich_state" in trials.columns:
        yield "stay_interaction", staying.stay_interaction(trials)
    yield "sensitivity", sensitivity(all_trials)
    common = common_probability(trials, common)
    fits = fit_models(fitted, restarts, common)
    yield "fits", fits
    yield "undetermined", report.undetermined(all_trials, weights, reasons, fits, two_step.BOUNDS)
    yield "summary", summary(fits)
    mixture = fits[fits["model"] == "mixture"]
    lagged, stayed = weights[weights["lag"] > 0], "stay after {outcome} {transition}"
    by_lag, by_outcome = ["variant", "signal", "lag"], ["variant", "transition", "outcome"]
    parts = [
        report.over_subjects(lagged, by_lag, "weight", "{signal}, {lag} back", "error"),
        report.over_subjects(stays, by_outcome, "stay_probability", stayed),
        *(
            report.over_subjects(mixture, ["variant"], name, f"mixture: {name}")
            for name in RECOVERED
        ),
    ]
    yield "group", pd.concat(parts, ignore_index=True)
    recovery = recover(fits, common, rich, reversal, restarts, simulations)
    yield "recovery", recovery
    yield "recovery_summary", recovery_summary(recovery)


def run(options: Options) -> None:
    """Write the tables, and draw animals next to networks."""
    networks = animals_figure.networks(Results("two_step", options.data))
    options.folder("two_step")
    trials = read(options)
    task = (options.common, options.rich, options.reversal)
    tables = analyse(trials, *task, options.restarts, options.simulations)

    def draw(folder: Path, about: dict[str, Any]) -> Drawing:
        return animals_figure.drawing(folder, networks, about)

    caption = text.captions(Path(__file__).parent)[animals_figure.NAME]
    report.run("two_step", options, trials, tables, draw, caption)


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal animals two_step``."""
    run(tyro.cli(Options, args=arguments, prog="prefrontal animals two_step"))
