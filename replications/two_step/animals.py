"""Animals and people on the two-step task, for comparison with networks: with one choice per trial
(Miller et al. 2017) those of ``two_step``, with two (Daw et al. 2011) those of ``daw_two_step``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from prefrontal.analysis import staying
from prefrontal.animals.columns import KNOWN, Format, Recoding
from prefrontal.animals.families import Family, shapes
from prefrontal.errors import UserError
from prefrontal.models import daw_learners, two_step_learners
from prefrontal.models.fitting import TaskFor
from prefrontal.models.model import Model
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT
from replications.two_step.settings import MAIN

if TYPE_CHECKING:
    from prefrontal.animals.sheet import TrialSheet

WORDS = {
    "transition": ("common", "uncommon", "none"),
    "outcome_state": ("S1", "S2", "none"),
    "rich_state": ("S1", "S2", "none"),
}
"""Legal values of a table's columns. S1 is the state to which left commonly leads."""

SECOND = re.compile(r"2|second|stage.?ii", re.IGNORECASE)
"""Names of columns that may hold a choice at the second stage."""

MOST_OPTIONS = 6
"""Largest number of values of such a column; a column with more, or with fractions, is a
measurement."""

DERIVED = 0.9
"""Share of trials above which a column counts as derived from known columns."""

SURE = 4.5
"""Number of standard errors by which a column's values repeat more often after reward than without
it, above which it counts as a choice whatever its name."""

DAW = "a choice between two options at the second stage, which prefrontal animals daw analyses"


def follows(values: pd.Series, known: pd.DataFrame) -> bool:
    """Whether a column follows from what is known of this trial or of the one before.

    It does if it is determined by one of the known columns or, like the correctness of a choice, by
    whether the first choice changed.
    """
    changed = values != values.shift()
    others = pd.concat([known, known.shift()], axis=1).astype(object).fillna("none").astype(str)
    tables = [pd.crosstab(others.iloc[:, k], values) for k in range(others.shape[1])]
    for choice in (known["choice"], known["choice"].shift()):
        tables += [pd.crosstab(choice != choice.shift(), column) for column in (changed, values)]
    return any(table.max(axis=1).sum() > DERIVED * len(values) for table in tables)


def is_choice(values: pd.Series, known: pd.DataFrame, named: bool) -> bool:
    """Whether a column holds choices between two options at the second stage.

    Parameters
    ----------
    values : Series
        Text of the column in valid trials.
    known : DataFrame
        choice, reward, state (of the second stage; the same in all trials if it is not known).
    named : bool
        True if the column's name says so; otherwise the options must differ between the states,
        or be repeated more often after reward than without.
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
    """Raise UserError if subjects also chose at the second stage, since that would be ignored."""
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
                f"{sheet.where}: column {name!r} is {DAW}; if it is not, remove it from the file"
            )


def complete_states(sheet: TrialSheet) -> None:
    """Check transitions and second-stage states, or derive one from the other."""
    trials = sheet.frame
    valid, right = trials["choice"] >= 0, trials["choice"] == 1
    given = [name for name in ("outcome_state", "transition") if name in trials.columns]
    if not given:
        raise UserError(
            f"{sheet.where}: no column 'transition' or 'outcome_state'; "
            "name one of them, such as --columns transition=<column>"
        )
    if len(given) == 2:
        consistent = (right == (trials["outcome_state"] == "S2")) == (
            trials["transition"] == "common"
        )
        aborted = [trials[name] == "none" for name in given]
        wrong = valid & np.where(aborted[0] | aborted[1], aborted[0] != aborted[1], ~consistent)
        expected = (
            "the transition from this choice to this outcome_state (S1: where left commonly leads)"
        )
        sheet.check_rows("transition", wrong, expected)
    elif given == ["transition"]:
        second = right == (trials["transition"] == "common")
        known = valid & (trials["transition"] != "none")
        trials["outcome_state"] = np.select([~known, second], ["none", "S2"], "S1")
    else:
        common = right == (trials["outcome_state"] == "S2")
        known = valid & (trials["outcome_state"] != "none")
        trials["transition"] = np.select([~known, common], ["none", "common"], "uncommon")
    done = trials.loc[valid & (trials["transition"] != "none"), "transition"]
    share = float((done == "common").mean()) if len(done) else 1.0
    if share < 0.5:
        raise UserError(
            f"{sheet.where}: {100 * share:.1f} % of {len(done)} transitions are common; swap "
            "the meanings (--recode transition=... or outcome_state=..., where S1 is the state to "
            "which left commonly leads)"
        )


def complete_one_choice(sheet: TrialSheet, recoding: Recoding) -> None:
    """Check a table with one choice per trial."""
    check_second_stage(sheet, recoding)
    complete_states(sheet)


def complete_two_choices(sheet: TrialSheet, recoding: Recoding) -> None:
    """Check a table with two choices per trial; options 0 to 3 also identify the state."""
    if "choice2" not in sheet.frame.columns:
        raise UserError(
            f"{sheet.where}: no column 'choice2', the choice at the second stage; name it with "
            "--columns choice2=<column>. If there is none, use the task 'two_step'"
        )
    second = sheet.numbers("choice2").fillna(-1.0)
    stated = sheet.frame["choice2"].astype(str).str.strip().str.len() > 0
    legal = (
        "0 or 1 in each state, 0 to 3 (0 and 1 in S1, 2 and 3 in S2), or -1 (missed); recode with "
        "--recode choice2=<first>:0,<second>:1"
    )
    sheet.check_rows("choice2", stated & ~second.isin([-1, 0, 1, 2, 3]), legal)
    first = sheet.frame["choice"] >= 0
    rewarded = "a missed trial (-1), since it is rewarded"
    sheet.check_rows("choice2", (second < 0) & (sheet.frame["reward"] > 0), rewarded)
    if (second > 1).any():
        state = np.where(second > 1, "S2", "S1")
        if not {"outcome_state", "transition"} & {*sheet.frame.columns}:
            sheet.frame["outcome_state"] = np.where(first & (second >= 0), state, "none")
        second = second.where(second < 0, second % 2)
    sheet.frame["choice2"] = second.where(first, -1).astype(int)
    complete_states(sheet)


def number_again(trials: pd.DataFrame) -> pd.DataFrame:
    """Number the trials of each session from 0."""
    return trials.assign(trial=trials.groupby(schema.EPISODE).cumcount()).reset_index(drop=True)


def completed(trials: pd.DataFrame) -> pd.DataFrame:
    """Leave out violations, as the laboratory's code does: lags count completed trials."""
    done = (trials["choice"] >= 0) & (trials["transition"] != "none")
    if "choice2" in trials.columns:
        done &= trials["choice2"] >= 0
    return number_again(trials[done])


def handlings(trials: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Trials under each treatment of violations and instructed choices, ours first."""
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
    tables = []
    for handling, treated in handlings(trials):
        weights = staying.two_step_weights(treated).query("lag == 1")
        wide = weights.pivot(index=SUBJECT, columns="signal", values="weight").reset_index()
        tables.append(wide.assign(handling=handling))
    return storage.leading(pd.concat(tables, ignore_index=True), "handling")


RICH, REVERSAL = 0.8, 0.02
"""Reward probability of the rich state, and probability per trial that it swaps with the poor one,
for simulated subjects (Miller et al. 2017)."""


def common_share(trials: pd.DataFrame, common: float | None = None) -> float:
    """Probability of the common transition: the stated one, or as in the trials.

    Prints which, and of how many trials.
    """
    share = float((trials["transition"] == "common").mean())
    observed = f"{100 * share:.1f} % of {len(trials)} transitions are common"
    if common is None:
        print(f"{observed}; planners use this probability (--common sets another)")
        return share
    print(f"{observed}; planners use {common:g} (--common)")
    return common


def two_step_models(trials: pd.DataFrame, common: float | None = None) -> list[Model]:
    """Models of one choice per trial."""
    return [*two_step_learners.models(common_share(trials, common))]


def daw_models(trials: pd.DataFrame, common: float | None = None) -> list[Model]:
    """Models of two choices per trial."""
    return [*daw_learners.models(common_share(trials, common))]


def two_step_task(trials: pd.DataFrame) -> TaskFor:
    """Two-step tasks with one choice on which subjects are simulated."""
    share, shape = float((trials["transition"] == "common").mean()), shapes(trials)
    return lambda rng, row: two_step_learners.TwoStep(*shape(row), share, RICH, REVERSAL)


def daw_task(trials: pd.DataFrame) -> TaskFor:
    """Two-step tasks with two choices on which subjects are simulated."""
    share, shape = float((trials["transition"] == "common").mean()), shapes(trials)
    return lambda rng, row: daw_learners.DawTwoStep(*shape(row), share)


def published_values() -> dict[str, list[pd.DataFrame]]:
    """Lag weights of rats and of the paper's networks (Fig. 5d, e)."""
    tables = []
    for panel in ("fig5d", "fig5e"):
        means = storage.published(panel).query("~series.str.contains('replica')")
        signal = means["series"].str.extract(r"(\w+/\w+)", expand=False)
        means = means.assign(signal=signal, lag=means["x"].astype(float), weight=means["y"])
        tables.append(means[["signal", "lag", "weight"]])
    return {"lag_weights": tables}


TWO_STEP = Family(
    title="Two-step task",
    experiment="two_step",
    variant=MAIN,
    figure="5",
    columns=(
        "choice (0, 1), transition (common, uncommon) or outcome_state (S1, S2), reward (0, 1);\n"
        "              one choice per trial. S1 is the state to which 0 commonly leads"
    ),
    form=Format(WORDS, binary=True, complete=complete_one_choice),
    models=two_step_models,
    main="mixture",
    task=two_step_task,
    prepare=completed,
    further={"sensitivity": sensitivity},
    published=published_values,
)
DAW_TWO_STEP = Family(
    title="Two-step task with two choices",
    experiment="daw_two_step",
    variant="default",
    figure="5",
    columns=(
        "as two_step, and choice2: 0, 1 in each state, or 0, 1 in S1 and 2, 3 in S2;\n"
        "              reward (any number); Daw's task, two choices per trial"
    ),
    form=Format({**WORDS, "choice2": ()}, complete=complete_two_choices),
    models=daw_models,
    main="hybrid",
    task=daw_task,
    prepare=completed,
)
FAMILIES = {"two_step": TWO_STEP, "daw": DAW_TWO_STEP}
