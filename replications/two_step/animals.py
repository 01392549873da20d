"""Animals on the two-step task: the analyses of the networks' behaviour, and fits of models.

``prefrontal animals two_step FILE`` takes a table (see ``prefrontal.animals.read``) or a MATLAB
file of the Brody laboratory, and writes tables and figure next to it, or to --out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal import files
from prefrontal.analysis import staying
from prefrontal.animals import report
from prefrontal.animals.read import Recoding, TrialSheet, open_sheet
from prefrontal.errors import UserError, check
from prefrontal.models import two_step
from prefrontal.publishing import captions
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

RAT_FIELDS = (
    "ratname",
    "p_congruent",
    "sides1",
    "sides2",
    "trans_common",
    "rewards",
    "viols",
    "new_sess",
    "leftprobs",
)
"""Required fields of a rat in the MATLAB file; ``better_choices`` is optional."""

RECOVERED = list(animals_figure.PARAMETERS)
"""Parameters of the mixture; the weights of its parts stand for weight and inverse temperature."""

SIMULATED_SESSION = 100
"""Trials per session of simulated subjects; they forget within a few trials, so that the length
matters little."""


CHOICE_WORDS = "(choice|resp|action|option)"
SECOND_CHOICE = re.compile(rf"(2|second).*{CHOICE_WORDS}|{CHOICE_WORDS}.*(2|second)", re.IGNORECASE)
"""Names of columns that hold a choice at the second stage."""

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

    common: float = 0.8
    """Probability of the common transition, which planners know (Miller et al. 2017: 0.8)."""
    rich: float = 0.8
    """Reward probability of the rich state, for simulated subjects (Miller et al. 2017: 0.8)."""
    reversal: float = 0.02
    """Probability per trial that rich and poor state swap, for simulated subjects (Miller et al.
    2017: 0.02 from the 10th trial on)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("common", "rich", "reversal"):
            value = getattr(self, name)
            check(0 <= value <= 1, name, value, "a probability between 0 and 1")


def read_rat(rat: h5py.Group, seed: int, where: str) -> pd.DataFrame:
    """Trials of one rat of the MATLAB file.

    The ports are named by sides, l and r; in some rats a choice commonly leads to the port of the
    other side. A violation (``viols``, or v as second side) has no valid choice here.
    ``better_choices`` is NaN where the choice was instructed: one first-stage port was offered.
    """
    missing = [name for name in RAT_FIELDS if name not in rat]
    if missing:
        raise UserError(f"{where}: rat {seed + 1} has no field {missing[0]!r}")
    fields = {
        name: np.asarray(rat[name]).ravel()
        for name in (*RAT_FIELDS, "better_choices")
        if name in rat
    }
    single = ("ratname", "p_congruent")
    lengths = {len(array) for name, array in fields.items() if name not in single}
    counted = f"{where}: number of trials of rat {seed + 1}"
    check(len(lengths) == 1, counted, sorted(lengths), "the same in all fields")
    name, congruent = "".join(map(chr, fields["ratname"])), fields["p_congruent"][0] > 0.5
    choice, port = (fields[stage] == ord("r") for stage in ("sides1", "sides2"))
    sides = [ord("l"), ord("r")]
    valid = (fields["viols"] == 0) & np.isin(fields["sides1"], sides)
    valid &= np.isin(fields["sides2"], sides)
    second = port == congruent  # S2: the state to which right commonly leads
    common = choice == second
    checks = {
        "rewards is neither 0 nor 1": valid & ~np.isin(fields["rewards"], [0, 1]),
        "leftprobs is missing": valid & ~np.isfinite(fields["leftprobs"]),
        "trans_common contradicts sides and p_congruent": valid
        & (fields["trans_common"] != common),
    }
    for problem, wrong in checks.items():
        if wrong.any():
            trial = np.flatnonzero(wrong)[0] + 1
            raise UserError(f"{where}: rat {name}, trial {trial}: {problem}")
    frame = pd.DataFrame(
        {
            "seed": seed,
            "variant": "rats",
            "subject": name,
            "episode": np.maximum(np.cumsum(fields["new_sess"] == 1) - 1, 0),
            "choice": np.where(valid, choice, -1),
            "reward": np.where(valid, fields["rewards"], 0.0),
            "transition": np.select([~valid, common], ["none", "common"], "uncommon"),
            "outcome_state": np.select([~valid, second], ["none", "S2"], "S1"),
            "rich_state": np.where((fields["leftprobs"] > 0.5) == congruent, "S1", "S2"),
        }
    )
    frame["forced"] = np.isnan(fields["better_choices"]) if "better_choices" in fields else False
    return frame.assign(trial=frame.groupby("episode").cumcount())


H5PY_ERRORS = (
    OSError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
)
"""Errors that h5py raises for a damaged file or another layout."""


def read_rats(path: Path) -> pd.DataFrame:
    """Read a MATLAB 7.3 file whose one variable is a list of rats, such as ofc_physdata.mat."""
    try:
        with h5py.File(path) as file:
            variables = [name for name in file if not name.startswith("#")]
            check(variables == ["ratdatas"], f"{path}: variables", variables, "['ratdatas']")
            rats = [file[reference] for reference in np.asarray(file["ratdatas"]).ravel()]
            parts = [read_rat(rat, seed, str(path)) for seed, rat in enumerate(rats)]
            return pd.concat(parts, ignore_index=True)
    except H5PY_ERRORS as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable MATLAB 7.3 file of rats ({reason})") from error


def check_second_stage(sheet: TrialSheet, recoding: Recoding) -> None:
    """Raise UserError if subjects also chose at the second stage, which would be collapsed."""
    meanings = dict(recoding.get("outcome_state", {})).values()
    states = [state for state in meanings if state != "none"]
    if len(set(states)) < len(states):
        raise UserError(
            f"{sheet.where}: --recode outcome_state=... gives two values the same state, "
            f"as if there were {DAW}"
        )
    valid, has_state = sheet.frame["choice"] >= 0, "outcome_state" in sheet.frame
    state = sheet.frame["outcome_state"] if has_state else pd.Series("", sheet.frame.index)
    for name in sheet.frame.columns:
        if SECOND_CHOICE.search(name):
            options = sheet.frame.loc[valid, name].groupby(state[valid]).nunique()
            if (options > (1 if has_state else 2)).any():
                raise UserError(f"{sheet.where}: column {name!r} is {DAW}")


def read_table(
    source: Path | pd.DataFrame, columns: dict[str, str], recoding: Recoding
) -> pd.DataFrame:
    """Read a table.

    Either the transition or the second-stage state may be missing; it follows from the other and
    the choice.
    """
    sheet = open_sheet(source, columns, recoding, WORDS)
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
        given = bool(options.columns or options.recode)
        check(not given, "columns or recode", "given", expected)
        return read_rats(options.file)
    return read_table(options.file, options.column_names, options.recoding)


def number_again(trials: pd.DataFrame) -> pd.DataFrame:
    """Number the trials of each session from 0."""
    return trials.assign(trial=trials.groupby(schema.EPISODE).cumcount()).reset_index(drop=True)


def completed(trials: pd.DataFrame) -> pd.DataFrame:
    """Leave out violations, as the laboratory's own code does: a lag counts completed trials."""
    return number_again(trials[(trials["choice"] >= 0) & (trials["transition"] != "none")])


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
    common: float = Options.common,
    rich: float = Options.rich,
    reversal: float = Options.reversal,
    restarts: int = Options.restarts,
    simulations: int = Options.simulations,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Analyse animals, behaviour first; ``dict(analyse(trials))`` has all tables.

    Parameters
    ----------
    all_trials : DataFrame
        From ``animals.read``, ``read_table`` or ``read_rats``.
    common, rich, reversal, restarts, simulations
        See ``Options``.
    """
    known = {"transition", "outcome_state"} <= {*all_trials.columns}
    all_trials = all_trials.reset_index(drop=True) if known else read_table(all_trials, {}, {})
    trials = completed(all_trials)
    check(len(trials) > 0, "trials", "without completed ones", "a table with some")
    reasons = report.unfit(trials, PARAMETERS)
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
    fits = fit_models(fitted, restarts, common)
    yield "fits", fits
    yield "undetermined", report.undetermined(trials, weights, reasons, fits, two_step.BOUNDS)
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
    trials = read(options)
    task = (options.common, options.rich, options.reversal)
    tables = analyse(trials, *task, options.restarts, options.simulations)

    def draw(folder: Path, about: dict[str, Any]) -> Drawing:
        return animals_figure.drawing(folder, networks, about)

    caption = captions.read(files.ROOT)[animals_figure.NAME][1]
    report.run("two_step", options, trials, tables, draw, caption)


def main(arguments: Sequence[str]) -> None:
    """Run ``prefrontal animals two_step``."""
    run(tyro.cli(Options, args=arguments, prog="prefrontal animals two_step"))
