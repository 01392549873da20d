"""How far networks that predict the weather, or bet on it, come to the exact Bayesian mixture over the kinds of sequences.

python -m replications.weather.analysis --help
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from prefrontal import experiments
from prefrontal.publishing import claims
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.weather import ideal_observer
from replications.weather.variants import BETS, LATE, MAIN, OUTSIDE, SURE

DRAWN = "drawn"
LEARNERS = ("network", "mixture", "frequency")


@lru_cache
def _mixture(shape: tuple[int, int], rain: bytes) -> np.ndarray:
    return ideal_observer.mixture(np.frombuffer(rain, dtype=np.int8).reshape(shape))


def forecasts(recording: Recording) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """What each network and both references gave for rain, on one test.

    Yields
    ------
    about : dict
        variant, seed, test.
    days : dict
        "network", "mixture" and "frequency": probability of rain; "rain", "reward" and "kind"; each (episode, days).
    """
    keys = [*SUBJECT, "test"]
    steps = recording.steps.set_index([*keys, "episode", "trial"])["p_rain"]
    trials = recording.trials.set_index([*keys, "episode", "trial"])[["rain", "reward", "kind"]]
    for network, own in trials.join(steps).groupby(level=keys, observed=True):
        about = dict(zip(keys, network, strict=True))  # type: ignore[arg-type]
        days = {name: own[name].unstack("trial").to_numpy() for name in own.columns}
        rain = days["rain"].astype(np.int8)
        references = {"mixture": _mixture(rain.shape, rain.tobytes()), "frequency": ideal_observer.frequency(rain)}
        yield about, {"network": days.pop("p_rain"), **references, **days}


def log_loss(p_rain: np.ndarray, rain: np.ndarray) -> np.ndarray:
    """Surprise at each day's weather, in nats."""
    return -np.log(np.where(rain == 1, p_rain, 1 - p_rain).clip(1e-12))


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Log loss and accuracy of networks and references, and agreement of the two kinds of networks.

    Returns
    -------
    scores : DataFrame
        variant, seed, test, kind (that of the sequence, or "all"), learner, log_loss (nats per day) and accuracy (share of
        days), days 51 to 100. Bets are counted as they were made; what the others predict is the likelier weather.
    curves : DataFrame
        variant, seed, learner, day (from 1), log_loss and accuracy, on weather as in training.
    agreement : DataFrame
        variant, seed, alike; see ``agreement``.
    """
    scores, curves, said = [], [], {}
    for about, days in forecasts(recording):
        network = {"variant": about["variant"], "seed": about["seed"]}
        if about["test"] == DRAWN:
            said[about["variant"], about["seed"]] = days["network"] > 0.5, np.abs(days["mixture"] - 0.5) > SURE - 0.5
        for learner in LEARNERS:
            loss, right = log_loss(days[learner], days["rain"]), (days[learner] > 0.5) == (days["rain"] == 1)
            if learner == "network" and about["variant"] == BETS:
                right = days["reward"] > 0
            each = pd.DataFrame(
                {"kind": days["kind"][:, 0], "log_loss": loss[:, LATE:].mean(1), "accuracy": right[:, LATE:].mean(1)}
            )
            by_kind = each.groupby("kind").mean().rename(index=dict(enumerate(ideal_observer.KINDS)))
            by_kind.loc["all"] = each[by_kind.columns].mean()
            scores.append(by_kind.reset_index().assign(**about, learner=learner))
            if about["test"] == DRAWN:
                curve = {"day": np.arange(loss.shape[1]) + 1, "log_loss": loss.mean(0), "accuracy": right.mean(0)}
                curves.append(pd.DataFrame(network | {"learner": learner} | curve))
    frame = storage.leading(pd.concat(scores, ignore_index=True), *SUBJECT, "test", "kind", "learner")
    return {"scores": frame, "curves": pd.concat(curves, ignore_index=True), "agreement": agreement(said)}


def agreement(said: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Share of days on which predictor and betting network of a seed decide alike, where the mixture is sure.

    Parameters
    ----------
    said : dict
        Variant and seed -> whether rain is likelier to the network, and whether the mixture is sure, each (episode, days).

    Returns
    -------
    DataFrame
        variant, seed, alike.
    """
    rows = [
        {"variant": MAIN, "seed": seed, "alike": (rain == said[BETS, seed][0])[sure].mean()}
        for (variant, seed), (rain, sure) in said.items()
        if variant == MAIN and (BETS, seed) in said
    ]
    return pd.DataFrame(rows, columns=[*SUBJECT, "alike"])


def measures(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that the claims are about."""
    overall = measured["scores"].query("kind == 'all'").set_index([*SUBJECT, "test", "learner"])
    drawn = overall.xs(DRAWN, level="test").unstack("learner")
    outside = overall.xs(OUTSIDE, level="test").unstack("learner")["accuracy"]
    loss, accuracy = drawn["log_loss"], drawn["accuracy"]
    gap = (loss["frequency"] - loss["network"]) / (loss["frequency"] - loss["mixture"])
    return pd.concat(
        [
            claims.measures("weather-predictor", gap.to_frame("share of the gap")),
            claims.measures("weather-bets", (accuracy["network"] / accuracy["mixture"]).to_frame("share of accuracy")),
            claims.measures("weather-agree", measured["agreement"], {"alike": "alike"}),
            claims.measures("weather-outside", (outside["network"] - outside["mixture"]).to_frame("minus mixture")),
        ],
        ignore_index=True,
    )


if __name__ == "__main__":
    experiments.analysis_main(__file__)
