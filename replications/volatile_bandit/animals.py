"""Reversal learning, and volatility with magnitudes, for comparison with the networks of Fig. 3."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from prefrontal.animals.columns import Format, Recoding
from prefrontal.animals.families import (
    Family,
    bandit_models,
    bandit_task,
    block_starts,
    fit_blocks,
)
from prefrontal.errors import UserError
from prefrontal.models import bandit_learners, rescorla_wagner
from prefrontal.models.volatility import VolatilityObserver
from prefrontal.tables.schema import EPISODE, SUBJECT
from prefrontal.tables.storage import published
from replications.volatile_bandit.claims import RATES
from replications.volatile_bandit.settings import (
    BLOCKS,
    CONTROL_RATE,
    CONTROL_TEMPERATURE,
    FIXED,
    HUMAN,
    MAIN,
    OBSERVER,
    RISE,
    SETTINGS,
)

if TYPE_CHECKING:
    from prefrontal.animals.sheet import TrialSheet

MAGNITUDES = ("magnitude_0", "magnitude_1")

BY_BLOCK = bandit_learners.MirroredDeltaRule(
    name="Rescorla-Wagner learning",
    fixed={"perseveration": 0.0, "initial_value": 0.5, "bias": 0.0},
)
"""Model whose learning rates Fig. 3c, d compare: choice by expected reward, as in Behrens et al."""


def compared_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Select the main networks on the human schedule, with stable and volatile blocks.

    Magnitudes are scaled from 0-100 points to 0-1; reward is 1 where the chosen side paid.
    """
    at_end = trials["trained_episodes"].isna() if "trained_episodes" in trials.columns else True
    trials = trials[(trials["variant"] == MAIN) & (trials["test"] == HUMAN) & at_end]
    stakes = {
        name: trials[f"magnitude_{side}"] / 100
        for name, side in zip(MAGNITUDES, ("left", "right"), strict=True)
    }
    block = np.where(trials["volatile"], "volatile", "stable")
    return trials.assign(**stakes, block=block, reward=(trials["reward"] > 0).astype(float))


def numbered_blocks(trials: pd.DataFrame) -> pd.DataFrame:
    """Name blocks after their position in the session, as in Fig. 3c, d: "stable 1".

    Blocks that recur in a session keep their names.
    """
    if "block" not in trials.columns:
        return trials
    begins = block_starts(trials)
    if trials.loc[begins, [*EPISODE, "block"]].duplicated().any():
        return trials
    session = [trials[name] for name in EPISODE]
    position = begins.groupby(session, observed=True).cumsum().astype(str)
    return trials.assign(block=trials["block"].astype(str) + " " + position)


def network_rates(trials: pd.DataFrame) -> pd.DataFrame:
    """Learning rates of the networks in each block, as those of people are fitted."""
    some = compared_trials(trials)
    some = some[some["episode"] < VOLATILITY.network_episodes].reset_index(drop=True)
    return fit_blocks(BY_BLOCK, numbered_blocks(some.astype({"variant": str})), 2)


def control_rates(trials: pd.DataFrame) -> pd.DataFrame:
    """Learning rates, fitted in the same way, of agents in the subjects' place.

    An agent with a fixed learning rate and the Bayesian agent, whose rate rises with volatility,
    choose on each subject's magnitudes and outcomes.

    Returns
    -------
    DataFrame
        As ``fits_by_block``, and agent; empty where there are not several blocks.
    """
    made = numbered_blocks(trials[trials["choice"] >= 0])
    observer = VolatilityObserver(**SETTINGS.task.process)
    rng, parts = np.random.default_rng(0), []
    for _, session in made.groupby(EPISODE, observed=True, sort=False):
        first, second = (session[name].to_numpy() for name in MAGNITUDES)
        pays_first = (session["reward"] > 0).to_numpy() == (session["choice"] == 0).to_numpy()
        expected = rescorla_wagner.advantage(observer.infer(pays_first[None])[0][0], first, second)
        fixed = rescorla_wagner.simulate(
            pays_first, first, second, CONTROL_RATE, CONTROL_TEMPERATURE, rng
        )
        for agent, choice in ((FIXED, fixed), (OBSERVER, (expected < 0).astype(int))):
            hit = (pays_first == (choice == 0)).astype(float)
            parts.append(session.assign(agent=agent, choice=choice, reward=hit))
    played: Any = pd.concat(parts, ignore_index=True).groupby("agent", sort=False)
    fits = [fit_blocks(BY_BLOCK, part, 2).assign(agent=agent) for agent, part in played]
    return pd.concat(fits, ignore_index=True)


def rises(fits: pd.DataFrame) -> pd.DataFrame:
    """Learning rate in volatile minus stable blocks, a row per subject that has both."""
    if fits.empty:
        return pd.DataFrame({RISE: []}, pd.MultiIndex.from_arrays([[], []], names=SUBJECT))
    kind = fits["block"].str.split().str[0]
    means = fits.groupby([*SUBJECT, kind], observed=True)["learning_rate"].mean().unstack()
    return (means["volatile"] - means["stable"]).to_frame(RISE)


def published_values() -> dict[str, list[pd.DataFrame]]:
    """Learning rates of people and of the paper's networks by block (Fig. 3c, d)."""
    people = published("fig3c")
    rates = dict(zip(people["x"].str.lower(), people["y"], strict=True)), RATES
    return {
        "fits_by_block": [
            pd.DataFrame({"block": BLOCKS, "learning_rate": [rate[name] for name in BLOCKS]})
            for rate in rates
        ]
    }


def complete(sheet: TrialSheet, recoding: Recoding) -> None:
    """Check that there are magnitudes; convert a reward in points to whether the outcome
    occurred."""
    for name in MAGNITUDES:
        if name not in sheet.frame.columns:
            raise UserError(
                f"{sheet.where}: no column {name!r}, what is at stake on this option; name it with "
                f"--columns {name}=<column>, or use the task 'reversal', which has none"
            )
    sheet.frame["reward"] = (sheet.frame["reward"] != 0).astype(float)


REVERSAL = Family(
    title="Reversal learning",
    experiment="volatile_bandit",
    variant=MAIN,
    figure="3",
    columns="choice (0, 1), reward; which of two options is better changes",
    models=bandit_models,
    main="delta rule, both arms",
    task=partial(bandit_task, reverses=True),
    network_episodes=10,
    drawing="fig_reversal",
)
VOLATILITY = replace(
    REVERSAL,
    title="Volatility",
    columns=(
        "choice (0, 1), reward (1 if the chosen option's outcome came, 0 if the other's),\n"
        "              magnitude_0, magnitude_1 (what is at stake; negative for losses), block"
    ),
    form=Format(complete=complete),
    prepare=numbered_blocks,
    further={"control_fits_by_block": control_rates},
    block_model=BY_BLOCK,
    published=published_values,
    drawing="",
)
FAMILIES = {"reversal": REVERSAL, "volatility": VOLATILITY}
