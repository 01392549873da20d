"""Analyse how time to think changes the paths of networks and control agents."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from prefrontal.analysis import neural
from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.planning.settings import (
    DECODED,
    DISTANT,
    LONG,
    LONGER,
    NEAR,
    NONE,
    THINKING,
    UNTRAINED,
    Maze,
)

FARTHEST = 8
"""Distance, in moves, from which distances are pooled."""

MARKS = ("found", "found without bumps", "right first move")
"""What is asked of every episode."""

GOALS = ["near", "distant"]
"""Groups of goals, by distance."""

FOLDS = 5
"""Parts of the cross-validation of decoders."""


def paths(trials: pd.DataFrame) -> pd.DataFrame:
    """Mark the episodes in which the shortest path was found.

    Returns
    -------
    DataFrame
        The trials with ``MARKS``, 1 where they hold: ``found``, the goal reached in as many moves
        as its distance; ``found without bumps``, moves into walls not counted; ``right first
        move``.
    """
    extra = trials["moves"] - trials["distance"]
    marks = (
        trials["reached"] & (extra == 0),
        trials["reached"] & (extra == trials["bumps"]),
        trials["right"],
    )
    columns = {name: mark.astype(float) for name, mark in zip(MARKS, marks, strict=True)}
    return trials.assign(**columns)


def shares(trials: pd.DataFrame) -> pd.DataFrame:
    """Share of shortest paths found by thinking time, for near and distant goals.

    Returns
    -------
    DataFrame
        variant, subject, goals ("near", "distant"), thinking (silent time steps), found, found
        without bumps, right first move (shares of episodes).
    """
    distance = trials["distance"]
    goals = np.select([distance == NEAR, distance >= DISTANT], GOALS, "")
    chosen = trials.assign(goals=goals)[goals != ""]
    means = chosen.groupby([*SUBJECT, "goals", "thinking"], observed=True)
    return means[list(MARKS)].mean().reset_index()


def by_distance(trials: pd.DataFrame) -> pd.DataFrame:
    """Share of shortest paths found by distance, without and with long thinking.

    Returns
    -------
    DataFrame
        variant, subject, distance (moves; ``FARTHEST`` for this and more), none, long (shares
        after that thinking), gain (their difference).
    """
    tested = trials[trials["thinking"].isin([NONE, LONG])]
    distance = tested["distance"].clip(upper=FARTHEST)
    keys = [*(tested[name] for name in SUBJECT), distance, tested["thinking"]]
    wide = tested.groupby(keys, observed=True)["found"].mean().unstack("thinking")
    wide = wide.rename(columns={NONE: "none", LONG: "long"}).rename_axis(columns=None)
    return wide.assign(gain=wide["long"] - wide["none"]).reset_index()


def accuracy(features: np.ndarray, cell: np.ndarray) -> float:
    """Cross-validated accuracy with which a cell is decoded, by multinomial logistic regression.

    Parameters
    ----------
    features : array (episodes, features)
    cell : array (episodes,)

    Returns
    -------
    float
        NaN with fewer episodes than parts, or where a training set would hold one cell only.
    """
    parts = KFold(FOLDS)
    if len(cell) < FOLDS or any(len(set(cell[train])) < 2 for train, _ in parts.split(cell)):
        return np.nan
    decoder = LogisticRegression(tol=1e-6, max_iter=5_000)
    model = make_pipeline(StandardScaler(), decoder)
    decoded = cross_val_predict(model, features, cell, cv=parts)
    return float((decoded == cell).mean())


def one_hot(values: pd.Series) -> np.ndarray:
    """Columns for the values that occur, (rows, values)."""
    return pd.get_dummies(values).to_numpy(float)


def decoding(recording: Recording[Maze]) -> pd.DataFrame:
    """Decode the next-but-one cell of the path from activity before the first move.

    Returns
    -------
    DataFrame
        variant, subject, thinking (silent time steps), activity (accuracy), first move (accuracy
        from position, goal and the first move taken, without activity).
    """
    keys = [*SUBJECT, "episode", "thinking"]
    activity = recording.activity.rename(columns={"step": "thinking"})
    known = recording.trials.loc[recording.trials["distance"] >= DECODED]
    joined = known[[*keys, "choice", "start", "goal", "second"]].merge(activity, on=keys)
    rows = []
    for key, episodes in joined.groupby([*SUBJECT, "thinking"], observed=True):
        way = one_hot(episodes["start"] * 4 + episodes["choice"])
        without = np.concatenate([way, one_hot(episodes["goal"])], axis=1)
        cell = episodes["second"].to_numpy()
        row = dict(zip([*SUBJECT, "thinking"], key, strict=True))
        units = neural.units(episodes.dropna(axis=1, how="all"))  # agents have fewer units
        row |= {"activity": accuracy(units, cell)}
        rows.append(row | {"first move": accuracy(without, cell)})
    return pd.DataFrame(rows)


def analyse(recording: Recording[Maze]) -> dict[str, pd.DataFrame]:
    """Shares of shortest paths, and decoding of the path."""
    trials = paths(recording.trials)
    return {
        "shares": shares(trials),
        "by_distance": by_distance(trials),
        "decoding": decoding(recording),
    }


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims, for networks and control agents."""
    tested = pd.MultiIndex.from_product([GOALS, THINKING], names=["goals", "thinking"])
    rows = tables["shares"].set_index([*SUBJECT, *tested.names])
    wide = {name: rows[name].unstack(tested.names).reindex(columns=tested) for name in rows}
    found, without = wide["found"], wide["found without bumps"]["distant"]
    gain = {goals: found[goals][LONG] - found[goals][NONE] for goals in GOALS}
    time = {"gain": gain["distant"], "gain without bumps": without[LONG] - without[NONE]}
    depth = {"distant minus near": gain["distant"] - gain["near"]}
    beyond = {"longer minus long": found["distant"][LONGER] - found["distant"][LONG]}
    decoded = tables["decoding"].set_index([*SUBJECT, "thinking"]).unstack("thinking")
    none, long = (decoded["activity"][thinking] for thinking in (NONE, LONG))
    untrained = long.xs(UNTRAINED, level=SUBJECT[0])
    path = {
        "minus untrained": long.sub(untrained, level=SUBJECT[1]),
        "minus first move": long - decoded["first move"][LONG],
        "long minus none": long - none,
    }
    controls = {"gain": gain["distant"]} | depth | {"minus untrained": path["minus untrained"]}
    named = {"time": time, "depth": depth, "beyond": beyond, "path": path, "controls": controls}
    parts = [
        claims.measures(f"planning-{name}", pd.DataFrame(columns))
        for name, columns in named.items()
    ]
    return pd.concat(parts, ignore_index=True)


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures)
