"""Animals on the two-step task, through the analyses of the networks' behaviour (Fig. 5c, d), with fits of textbook learners.

python -m replications.two_step.animals FILE    # a table (see prefrontal.animals), or a MATLAB file of the Brody laboratory
python -m replications.two_step.animals --help

Writes tables and figure beside the file, or to --out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from prefrontal.analysis.statistics import summarize
from prefrontal.animals import read, report
from prefrontal.errors import UserError, check, run
from prefrontal.publishing.plotting import Drawing
from prefrontal.publishing.results import Results
from prefrontal.models import two_step
from prefrontal.publishing import captions
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT
from replications.two_step import animals_figure
from replications.two_step.analysis import MODELS, fit_models, part_weights

WORDS = {"transition": ("common", "uncommon", "none"), "outcome_state": ("S1", "S2", "none"), "rich_state": ("S1", "S2", "none")}
"""What the columns of a CSV file may hold. S1 is the state to which left commonly leads, wherever its port is."""

RAT_FIELDS = ("ratname", "p_congruent", "sides1", "sides2", "trans_common", "rewards", "viols", "new_sess", "leftprobs")
"""Fields of a rat in the MATLAB file that are read; ``better_choices`` too where it is there."""

RECOVERED = list(animals_figure.PARAMETERS)
"""Parameters of the mixture: its weight and inverse temperature as the weights of its parts, which is what they set."""

SIMULATED_SESSION = 100
"""Trials per session of simulated subjects; what they learn fades within few trials, so that the length matters little."""


SECOND_CHOICE = re.compile(r"(2|second).*(choice|resp|action|option)|(choice|resp|action|option).*(2|second)", re.IGNORECASE)
"""Names of columns that hold a choice at the second stage."""

DAW = "a choice between two options at the second stage (Daw et al. 2011), which these learners know nothing of"
PARAMETERS = len(two_step.PARAMETERS["mixture"]) + 1
"""Most parameters of a learner that is fitted."""


@dataclass(frozen=True)
class Options(report.Options):
    """What to read, how to fit it, and where to write. The file may also be MATLAB's, as data/ofc_physdata.mat of
    Brody-Lab/MixtureAgentsModels.
    """

    common: float = 0.8
    """Probability of the common transition, which planners know (Miller et al. 2017: 0.8)."""
    rich: float = 0.8
    """Reward probability of the rich state, for simulated subjects (Miller et al. 2017: 0.8)."""
    reversal: float = 0.02
    """Probability per trial that rich and poor state swap, for simulated subjects (Miller et al. 2017: 0.02 from the 10th on)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("common", "rich", "reversal"):
            check(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a probability between 0 and 1")


def read_rat(rat: h5py.Group, seed: int, where: str) -> pd.DataFrame:
    """Trials of one rat of the MATLAB file.

    The ports are named by sides, l and r; in some rats a choice commonly leads to the port of the other side. A violation
    (``viols``, or v as second side) has no valid choice here. ``better_choices`` is NaN where the choice was instructed: only
    one first-stage port was offered.
    """
    missing = [name for name in RAT_FIELDS if name not in rat]
    if missing:
        raise UserError(f"{where}: rat {seed + 1} has no field {missing[0]!r}")
    read = {name: np.asarray(rat[name]).ravel() for name in (*RAT_FIELDS, "better_choices") if name in rat}
    lengths = {len(array) for name, array in read.items() if name not in ("ratname", "p_congruent")}
    check(len(lengths) == 1, f"{where}: number of trials of rat {seed + 1}", sorted(lengths), "the same in all fields")
    name, congruent = "".join(map(chr, read["ratname"])), read["p_congruent"][0] > 0.5
    choice, port = (read[side] == ord("r") for side in ("sides1", "sides2"))
    valid = (read["viols"] == 0) & np.isin(read["sides1"], [ord("l"), ord("r")]) & np.isin(read["sides2"], [ord("l"), ord("r")])
    second = port == congruent  # of the states S1 and S2: the one to which right commonly leads
    common = choice == second
    checks = {
        "rewards is neither 0 nor 1": valid & ~np.isin(read["rewards"], [0, 1]),
        "leftprobs is missing": valid & ~np.isfinite(read["leftprobs"]),
        "trans_common contradicts sides and p_congruent": valid & (read["trans_common"] != common),
    }
    for what, wrong in checks.items():
        if wrong.any():
            raise UserError(f"{where}: rat {name}, trial {np.flatnonzero(wrong)[0] + 1}: {what}")
    frame = pd.DataFrame(
        {
            "seed": seed,
            "variant": "rats",
            "subject": name,
            "episode": np.maximum(np.cumsum(read["new_sess"] == 1) - 1, 0),
            "choice": np.where(valid, choice, -1),
            "reward": np.where(valid, read["rewards"], 0.0),
            "transition": np.select([~valid, common], ["none", "common"], "uncommon"),
            "outcome_state": np.select([~valid, second], ["none", "S2"], "S1"),
            "rich_state": np.where((read["leftprobs"] > 0.5) == congruent, "S1", "S2"),
        }
    )
    frame["forced"] = np.isnan(read["better_choices"]) if "better_choices" in read else False
    return frame.assign(trial=frame.groupby("episode").cumcount())


def read_rats(path: Path) -> pd.DataFrame:
    """Read a MATLAB 7.3 file whose one variable is a list of rats, as in Brody-Lab/MixtureAgentsModels, data/ofc_physdata.mat."""
    try:
        with h5py.File(path) as file:
            variables = [name for name in file if not name.startswith("#")]
            check(variables == ["ratdatas"], f"{path}: variables", variables, "['ratdatas']")
            rats = [file[reference] for reference in np.asarray(file["ratdatas"]).ravel()]
            return pd.concat([read_rat(rat, seed, str(path)) for seed, rat in enumerate(rats)], ignore_index=True)
    except (OSError, KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:  # as h5py finds it
        raise UserError(f"{path}: not a readable MATLAB 7.3 file of rats ({' '.join(str(error).split())})") from error


def refuse_second_choices(sheet: read.Sheet, values: read.Codes) -> None:
    """Raise UserError where the subjects chose at the second stage too: it would be collapsed."""
    states = [state for state in dict(values.get("outcome_state", {})).values() if state != "none"]
    if len(set(states)) < len(states):
        raise UserError(f"{sheet.where}: --values outcome_state=... lets two values stand for one state, as if there were {DAW}")
    valid = sheet.frame["choice"] >= 0
    for name in sheet.frame.columns:
        if SECOND_CHOICE.search(name):
            chosen = sheet.frame.loc[valid, name]
            by_state = chosen.groupby(sheet.frame.get("outcome_state", pd.Series("", sheet.frame.index))[valid]).nunique()
            if (by_state > (1 if "outcome_state" in sheet.frame else 2)).any():
                raise UserError(f"{sheet.where}: column {name!r} is {DAW}")


def read_table(source: Path | pd.DataFrame, mapping: dict[str, str], values: read.Codes) -> pd.DataFrame:
    """Read a table; of transition and second-stage state one may be missing, and follows from the other and the choice."""
    sheet = read.open_sheet(source, mapping, values, WORDS)
    refuse_second_choices(sheet, values)
    trials = sheet.frame
    valid, right = trials["choice"] >= 0, trials["choice"] == 1
    if {"outcome_state", "transition"} <= {*trials.columns}:
        common = (right == (trials["outcome_state"] == "S2")) == (trials["transition"] == "common")
        broken = [trials[name] == "none" for name in ("outcome_state", "transition")]
        wrong = valid & np.where(broken[0] | broken[1], broken[0] != broken[1], ~common)
        sheet.refuse("transition", wrong, "what led from this choice to this outcome_state (S1: where left commonly leads)")
    if "outcome_state" not in trials.columns:
        if "transition" not in trials.columns:
            raise UserError(
                f"{sheet.where}: no column 'transition' or 'outcome_state'; map one of them, such as --map transition=<column>"
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
    """Read the file, of either kind."""
    if options.file.suffix == ".mat":
        check(options.file.is_file(), "file", str(options.file), "an existing file")
        check(not (options.map or options.codes), "map or values", "given", "left out for MATLAB files, whose fields are known")
        return read_rats(options.file)
    return read_table(options.file, options.columns, options.codes)


def number_again(trials: pd.DataFrame) -> pd.DataFrame:
    """Count trials anew from 0 in each session."""
    return trials.assign(trial=trials.groupby(schema.EPISODE).cumcount()).reset_index(drop=True)


def completed(trials: pd.DataFrame) -> pd.DataFrame:
    """Leave violations out of the sequence of trials, as the laboratory's own code does: a lag counts completed trials."""
    return number_again(trials[(trials["choice"] >= 0) & (trials["transition"] != "none")])


def handlings(trials: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Other ways of treating violations and instructed choices, after ours."""
    yield "violations left out (ours)", completed(trials)
    yield "a violation is an empty trial", trials
    violation = (trials["choice"] < 0) | (trials["transition"] == "none")
    part = violation.groupby([trials[name] for name in schema.EPISODE]).cumsum()
    pieces = trials.assign(episode=trials["episode"] * (int(part.max()) + 1) + part)
    yield "a violation ends the session", completed(pieces)
    if "forced" in trials.columns and trials["forced"].any():
        yield "instructed choices fitted too", completed(trials.drop(columns="forced"))
        yield "instructed choices left out of the sequence", completed(trials[~trials["forced"]])


def sensitivity(trials: pd.DataFrame) -> pd.DataFrame:
    """Lag-1 weights of every subject under each way of treating violations and instructed choices."""
    parts = []
    for handling, treated in handlings(trials):
        weights = staying.two_step_weights(treated).query("lag == 1")
        wide = weights.pivot(index=SUBJECT, columns="signal", values="weight").reset_index()
        parts.append(wide.assign(handling=handling))
    return storage.leading(pd.concat(parts, ignore_index=True), "handling")


def last_trial(weights: pd.DataFrame) -> pd.DataFrame:
    """Weights of the last trial, and their standard errors, a row per subject."""
    columns = {"weight": "{}".format, "error": "s.e. {}".format}
    last = weights[weights["lag"] == 1]
    wide = [last.pivot(index=SUBJECT, columns="signal", values=name).rename(columns=words) for name, words in columns.items()]
    return pd.concat(wide, axis=1).reset_index()


def beside_published(weights: pd.DataFrame) -> pd.DataFrame:
    """Lag weights over subjects beside the published rats (Fig. 5d), another group of animals.

    Mean with its 95 % interval; median; and the mean weighted by precision, 1 / error^2.
    """
    groups, own = ["signal", "lag"], weights[weights["lag"] > 0]
    precise = own.assign(precision=own["error"] ** -2.0, product=own["weight"] * own["error"] ** -2.0).groupby(groups)
    sums = precise[["product", "precision"]].sum()
    further = {"median": precise["weight"].median(), "weighted": sums["product"] / sums["precision"]}
    means = summarize(own, groups, "weight").join(pd.DataFrame(further), on=groups)
    published = storage.published("fig5d")
    published["signal"] = published["series"].str.extract(r"(\w+/\w+)", expand=False)
    published["lag"] = published["x"].astype(int)
    published = published.rename(columns={"y": "published", "err": "published_sem"})
    return means.merge(published[["signal", "lag", "published", "published_sem"]], how="left")


def recover(fits: pd.DataFrame, common: float, rich: float, reversal: float, starts: int, repeats: int) -> pd.DataFrame:
    """Simulate subjects from the fitted mixtures, with about as many choices as theirs, and fit them again.

    Returns
    -------
    DataFrame
        variant, seed, repeat, parameter, true, recovered.
    """
    planner = two_step.LearningPlanner(common=common)
    task: dict[str, Any] = {"common": common, "rich": rich, "reversal": reversal}
    mixtures: Any = fits[fits["model"] == "mixture"].to_dict("records")
    jobs = [(row, repeat) for row in mixtures for repeat in range(repeats)]
    rows = []
    for true, repeat in tqdm(jobs, desc="parameter recovery", unit="simulated subject", disable=None):
        sessions = max(1, round(true["choices"] / SIMULATED_SESSION))
        rng = np.random.default_rng([true["seed"], repeat])
        learner = two_step.learner_of("mixture", true, planner=planner)
        played = two_step.simulate(
            learner, episodes=sessions, trials=SIMULATED_SESSION, rng=rng, **two_step.choice_rule(true), **task
        )
        found = two_step.fit("mixture", played, rng, starts, planner=planner).parameters
        found |= part_weights(found)
        about = {**{name: true[name] for name in SUBJECT}, "repeat": repeat}
        rows += [about | {"parameter": name, "true": true[name], "recovered": found[name]} for name in RECOVERED]
    return pd.DataFrame(rows)


def summary(fits: pd.DataFrame) -> pd.DataFrame:
    """One row per subject: BIC of each learner above the best one's, and the parameters of the mixture."""
    bic = fits.pivot(index=SUBJECT, columns="model", values="bic")[list(MODELS)]
    above_best = bic.sub(bic.min(axis=1), axis=0).add_prefix("BIC above best: ")
    mixture = fits[fits["model"] == "mixture"].set_index(SUBJECT)[["choices", "likelihood_per_choice", *RECOVERED]]
    return above_best.join(mixture).reset_index()


def recovery_summary(recovery: pd.DataFrame) -> pd.DataFrame:
    """For every parameter, rank correlation of true and recovered values over simulated subjects, and median absolute error."""
    rows = []
    for parameter, own in recovery.groupby("parameter", sort=False):
        error = (own["recovered"] - own["true"]).abs()
        varies = bool(np.ptp(own[["true", "recovered"]], axis=0).all())
        rank = own["true"].corr(own["recovered"], method="spearman") if varies else np.nan
        row = {"parameter": parameter, "rank_correlation": rank, "median_error": error.median(), "largest_error": error.max()}
        rows.append(row | {"lowest_true": own["true"].min(), "highest_true": own["true"].max(), "simulated_subjects": len(own)})
    return pd.DataFrame(rows)


def analyse(
    everything: pd.DataFrame,
    common: float = Options.common,
    rich: float = Options.rich,
    reversal: float = Options.reversal,
    starts: int = Options.starts,
    repeats: int = Options.repeats,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Analyse animals, behaviour first; ``dict(analyse(trials))`` has all tables.

    Parameters
    ----------
    everything : DataFrame
        From ``animals.read``, ``read_table`` or ``read_rats``.
    common, rich, reversal, starts, repeats
        See ``Options``.
    """
    known = {"transition", "outcome_state"} <= {*everything.columns}
    everything = everything.reset_index(drop=True) if known else read_table(everything, {}, {})
    trials = completed(everything)
    check(len(trials) > 0, "trials", "without completed ones", "a table with some")
    reasons = report.unfit(trials, PARAMETERS)
    fitted = report.fittable(trials, reasons, "trials")
    weights, stays = staying.two_step_weights(trials, errors=True), staying.stay_probability(trials)
    yield "lag_weights", weights
    yield "lag_weights_mean", beside_published(weights)
    yield "last_trial", last_trial(weights)
    yield "stay_probability", stays
    if "rich_state" in trials.columns:
        yield "stay_interaction", staying.stay_interaction(trials)
    yield "sensitivity", sensitivity(everything)
    fits = fit_models(fitted, starts, common)
    yield "fits", fits
    yield "undetermined", report.undetermined(trials, weights, reasons, fits, two_step.BOUNDS)
    yield "summary", summary(fits)
    mixture = fits[fits["model"] == "mixture"]
    parts = [
        report.over_subjects(
            weights[weights["lag"] > 0], ["variant", "signal", "lag"], "weight", "{signal}, {lag} back", "error"
        ),
        report.over_subjects(
            stays, ["variant", "transition", "outcome"], "stay_probability", "stay after {outcome} {transition}"
        ),
        *(report.over_subjects(mixture, ["variant"], name, f"mixture: {name}") for name in RECOVERED),
    ]
    yield "group", pd.concat(parts, ignore_index=True)
    recovery = recover(fits, common, rich, reversal, starts, repeats)
    yield "recovery", recovery
    yield "recovery_summary", recovery_summary(recovery)


def main(options: Options) -> None:
    """Write the tables, and draw the figure beside the networks."""
    networks = animals_figure.networks(Results("two_step", options.data))
    trials = read(options)
    found = analyse(trials, options.common, options.rich, options.reversal, options.starts, options.repeats)

    def draw(folder: Path, about: dict[str, Any]) -> Drawing:
        return animals_figure.drawing(folder, networks, about)

    report.run("two_step", options, trials, found, draw, captions.read(files.ROOT)[animals_figure.NAME][1])


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
