"""Compare networks that predict the weather, or bet on it, with the exact Bayesian mixture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd

from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.weather import ideal_observer
from replications.weather.settings import BETS, DRAWN, MAIN, OUTSIDE, SURE, Weather

LONGER, TREE = "mixture, longer patterns", "context tree"
REFERENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mixture": ideal_observer.mixture,
    LONGER: partial(ideal_observer.mixture, periods=range(2, 7)),
    TREE: ideal_observer.context_tree,
    "frequency": ideal_observer.frequency,
}
"""The exact mixture over the kinds of the training, the same with patterns of up to 6 days,
context-tree weighting, and the running frequency of rain."""


@lru_cache
def _references(shape: tuple[int, int], rain: bytes) -> dict[str, np.ndarray]:
    days = np.frombuffer(rain, dtype=np.int8).reshape(shape)
    return {name: predict(days) for name, predict in REFERENCES.items()}


def forecasts(
    recording: Recording[Weather],
) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Probability of rain according to each network and the references, in each test.

    Yields
    ------
    keys : dict
        variant, subject, test.
    days : dict
        "network" and the ``REFERENCES``: probability of rain; "rain", "reward" and "kind"; each
        (episode, days).
    """
    names = [*SUBJECT, "test"]
    steps = recording.steps.set_index([*names, "episode", "trial"])["p_rain"]
    trials = recording.trials.set_index([*names, "episode", "trial"])[["rain", "reward", "kind"]]
    for values, block in trials.join(steps).groupby(level=names, observed=True):
        keys = dict(zip(names, values, strict=True))  # type: ignore[arg-type]
        days = {name: block[name].unstack("trial").to_numpy() for name in block.columns}
        rain = days["rain"].astype(np.int8)
        references = _references(rain.shape, rain.tobytes())
        yield keys, {"network": days.pop("p_rain"), **references, **days}


def by_kind(kind: np.ndarray, loss: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Mean log loss and accuracy by kind of sequence, and over "all": kind, log_loss, accuracy.

    Parameters
    ----------
    kind : array (episode,)
    loss, right : array (episode, days)
    """
    columns = {"kind": kind, "log_loss": loss.mean(1), "accuracy": right.mean(1)}
    sequences = pd.DataFrame(columns)
    means = sequences.groupby("kind").mean().rename(index=dict(enumerate(ideal_observer.KINDS)))
    means.loc["all"] = sequences[means.columns].mean()
    return means.reset_index()


def analyse(recording: Recording[Weather]) -> dict[str, pd.DataFrame]:
    """Log loss and accuracy of networks and references, and agreement of the two variants.

    Returns
    -------
    scores : DataFrame
        variant, subject, test, kind (that of the sequence, or "all"), learner, log_loss (nats per
        day) and accuracy (share of days), second half of each sequence. Bets are counted as they
        were made; the others predict the likelier weather.
    curves : DataFrame
        variant, subject, learner, day (from 1), log_loss and accuracy, on weather as in training.
    agreement : DataFrame
        See ``agreement``.
    """
    scores, curves, decisions = [], [], {}
    for keys, days in forecasts(recording):
        variant, subject, drawn = keys["variant"], keys["subject"], keys["test"] == DRAWN
        late = recording.settings[variant].task.late
        if drawn:
            sure = np.abs(days["mixture"] - 0.5) > SURE - 0.5
            decisions[variant, subject] = (days["network"] > 0.5)[sure], (days[TREE] > 0.5)[sure]
        for learner in ("network", *REFERENCES):
            loss = -ideal_observer.log_likelihood(days[learner], days["rain"])
            right = (days[learner] > 0.5) == (days["rain"] == 1)
            if learner == "network" and variant == BETS:
                right = days["reward"] > 0
            means = by_kind(days["kind"][:, 0], loss[:, late:], right[:, late:])
            scores.append(means.assign(**keys, learner=learner))
            if drawn:
                about = {"variant": variant, "subject": subject, "learner": learner}
                day = np.arange(loss.shape[1]) + 1
                curve = {"day": day, "log_loss": loss.mean(0), "accuracy": right.mean(0)}
                curves.append(pd.DataFrame(about | curve))
    frame = pd.concat(scores, ignore_index=True)
    return {
        "scores": storage.leading(frame, *SUBJECT, "test", "kind", "learner"),
        "curves": pd.concat(curves, ignore_index=True),
        "agreement": agreement(decisions),
    }


def agreement(decisions: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Share of days on which a betting network decides as the predictor of its seed does, or as
    context-tree weighting does, where the mixture is sure.

    Parameters
    ----------
    decisions : dict
        (variant, subject) -> on each day on which the mixture is sure, True where rain is likelier
        to the network, and to context-tree weighting.

    Returns
    -------
    DataFrame
        variant, subject, alike, context tree; empty unless both variants are there.
    """
    rows = []
    for (variant, subject), (predicted, tree) in decisions.items():
        if variant == MAIN and (BETS, subject) in decisions:
            bets, _ = decisions[BETS, subject]
            alike, as_tree = (predicted == bets).mean(), (tree == bets).mean()
            rows.append((variant, subject, alike, as_tree))
    return pd.DataFrame(rows, columns=[*SUBJECT, "alike", TREE]).astype(
        {"subject": int, "alike": float, TREE: float}
    )


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims."""
    overall = tables["scores"].query("kind == 'all'").set_index([*SUBJECT, "test", "learner"])
    drawn = overall.xs(DRAWN, level="test").unstack("learner")
    outside = overall.xs(OUTSIDE, level="test").unstack("learner")["accuracy"]
    loss, accuracy = drawn["log_loss"], drawn["accuracy"]
    gap = loss.rsub(loss["frequency"], axis=0).div(loss["frequency"] - loss["mixture"], axis=0)
    of_mixture = accuracy.div(accuracy["mixture"], axis=0)
    learned = outside.sub(outside["mixture"], axis=0)
    alike = tables["agreement"].set_index(SUBJECT)
    beyond = pd.DataFrame(
        {
            "share of the gap": gap["network"] - gap[TREE],
            "share of accuracy": of_mixture["network"] - of_mixture[TREE],
            "alike": alike["alike"] - alike[TREE],
        }
    )
    outside_measures = {
        "minus mixture": learned["network"],
        "share of what could be learned": learned["network"] / learned[LONGER],
    }
    parts = [
        claims.measures("weather-predictor", gap, {"network": "share of the gap"}),
        claims.measures("weather-bets", of_mixture, {"network": "share of accuracy"}),
        claims.measures("weather-agree", alike, {"alike": "alike"}),
        claims.measures("weather-beyond-universal", beyond),
        claims.measures("weather-outside", pd.DataFrame(outside_measures)),
    ]
    return pd.concat(parts, ignore_index=True)


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures)
