"""Analyse learning and behaviour on Harlow's learning sets (Wang et al. 2018, Fig. 6c)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import ruptures

from prefrontal.analysis import neural
from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.settings import Settings
from prefrontal.statistics import trend
from prefrontal.tables import storage
from prefrontal.tables.networks import descriptions, learning_curves, network_table
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.harlow.settings import AS_TRAINED, CEILING, Harlow

STAGES = 6
"""Stages at equal distances from one change point to the other (Wang et al. 2018, Fig. 6c)."""

LAST = "final"
"""Stage at the end of training."""

TESTED = ("test", "trial", "first", "correct", "n")
"""Columns of a network's final tests."""

REPEATED_TESTS = "repeated_tests"
"""Table of the final tests repeated by the networks whose weights are kept."""


def read_networks(
    folder: Path, repeated: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read learning curves, final tests and costs of training of all networks.

    Parameters
    ----------
    folder : Path
        With the networks' descriptions; their weights need not be there.
    repeated : DataFrame, optional
        Repeated tests of some networks, with columns variant and subject, which replace those at
        the end of training.

    Returns
    -------
    curves, tests, costs : DataFrame
        Each with columns variant and subject; in tests ``as_trained`` marks the test that resembles
        training.
    """
    tests, costs = [], []
    replaced = {}
    if repeated is not None:
        replaced = {keys: rows[list(TESTED)] for keys, rows in repeated.groupby(SUBJECT)}
    for each in descriptions(folder):
        keys: dict[str, Any] = {"variant": each.variant, "subject": each.seed}
        tested = replaced.get((each.variant, each.seed))
        if tested is None:
            tested = network_table(each, "_test.csv", needs=TESTED)
        settings = Settings.from_dict(each.settings, Harlow, each.path)
        as_trained = tested["test"] == AS_TRAINED[settings.task.new_wrong_image]
        tests.append(tested.assign(**keys, as_trained=as_trained))
        cost = {name: each.about[name] for name in ("training_seconds", "actions")}
        costs.append({**keys, **cost})
    return learning_curves(folder), pd.concat(tests, ignore_index=True), pd.DataFrame(costs)


def later_trials(curves: pd.DataFrame) -> pd.Series:
    """Fraction correct on trials 2 to 6, per point of a learning curve."""
    return curves.filter(regex="^trial_").drop(columns="trial_1").mean(axis=1)


def rise_at_end(curve: pd.DataFrame) -> float:
    """Gain in accuracy on trials 2 to 6 from the second to last tenth of a learning curve to the
    last.

    NaN for curves of fewer than ten points.
    """
    tenth, accuracy = len(curve) // 10, later_trials(curve)
    if not tenth:
        return np.nan
    return round(accuracy.iloc[-tenth:].mean() - accuracy.iloc[-2 * tenth : -tenth].mean(), 6)


def change_points(accuracy: np.ndarray) -> tuple[int, int] | None:
    """Find the points of a learning curve where it leaves chance and where it nears ceiling, by a
    least-squares fit of three joined straight lines with dynamic programming (ruptures, Truong et
    al. 2020); None for curves that are too short or without any value.
    """
    known = np.nan_to_num(accuracy, nan=0.5)
    if len(known) < 3 * STAGES or np.isnan(accuracy).all():
        return None
    search = ruptures.Dynp(model="clinear", min_size=2, jump=1).fit(known[:, None])
    first, second, _ = search.predict(n_bkps=2)
    return first, second


def accuracy(tests: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Fraction correct per network and ``by``."""
    counts = tests.groupby([*SUBJECT, *by], as_index=False)[["correct", "n"]].sum()
    return counts.assign(accuracy=counts["correct"] / counts["n"])


def turning_points(curves: pd.DataFrame) -> pd.DataFrame:
    """Training episodes, first and second, at the change points of every network's curve."""
    rows = []
    for (variant, subject), curve in curves.groupby(SUBJECT):
        points = change_points(later_trials(curve).to_numpy())
        if points is not None:
            first, second = curve["episode"].iloc[list(points)]
            rows.append({"variant": variant, "subject": subject, "first": first, "second": second})
    return pd.DataFrame(rows, columns=[*SUBJECT, "first", "second"])


def outcomes(
    curves: pd.DataFrame, tests: pd.DataFrame, costs: pd.DataFrame, turning: pd.DataFrame
) -> pd.DataFrame:
    """Final accuracy on trials 2 to 6 of every network, and when it left chance and neared ceiling.
    The change points of curves (``turning``) have this meaning only if ceiling was reached. A
    network that never reached a second trial has no accuracy there, and is neither at ceiling nor
    below.
    """
    rows = []
    later = tests[tests["as_trained"] & (tests["trial"] > 0)]
    by_network = accuracy(later, "trial").groupby(SUBJECT)["accuracy"].mean()
    for (variant, subject), curve in curves.groupby(SUBJECT):
        final = by_network.get((variant, subject), np.nan)
        rows.append(
            {
                "variant": variant,
                "subject": subject,
                "accuracy_trials_2_to_6": final,
                "at_ceiling": final >= CEILING if np.isfinite(final) else np.nan,
                "rise_at_end": rise_at_end(curve),
                "training_episodes": int(curve["episode"].iloc[-1]),
                "updates": int(curve["updates"].iloc[-1]),
            }
        )
    frame = pd.DataFrame(rows).merge(turning, "left", SUBJECT).merge(costs, on=SUBJECT)
    at_ceiling = frame["at_ceiling"].eq(True)
    first, second = (frame.pop(name).where(at_ceiling) for name in ("first", "second"))
    times = {
        "episodes_to_above_chance": first,
        "episodes_from_there_to_ceiling": second - first,
    }
    columns = (*SUBJECT, "accuracy_trials_2_to_6", "at_ceiling", *times)
    return storage.leading(frame.assign(**times), *columns)


def stages(curves: pd.DataFrame, tests: pd.DataFrame, turning: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by trial, at six stages between a network's change points and at the end."""
    rows = []
    final = accuracy(tests[tests["as_trained"]], "trial")
    curves, final = (frame.set_index(SUBJECT).sort_index() for frame in (curves, final))
    for variant, subject, first, second in turning.itertuples(index=False):
        keys, curve = {"variant": variant, "subject": subject}, curves.loc[(variant, subject)]
        by_trial = curve.filter(regex="^trial_").to_numpy().T
        for stage, episode in enumerate(np.linspace(first, second, STAGES), 1):
            for trial, over_training in enumerate(by_trial, 1):
                at_stage = np.interp(episode, curve["episode"], over_training)
                rows.append({**keys, "stage": str(stage), "trial": trial, "accuracy": at_stage})
        for trial, at_end in enumerate(final.loc[(variant, subject), "accuracy"], 1):
            rows.append({**keys, "stage": LAST, "trial": trial, "accuracy": at_end})
    return pd.DataFrame(rows, columns=[*SUBJECT, "stage", "trial", "accuracy"])


def decoding(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """Decode the rewarded image from LSTM units, by trial, with held-out episodes.

    Returns
    -------
    DataFrame
        variant, subject, trial (from 1), what and accuracy. "side": the side of the rewarded image,
        at the first sight of the images. "brighter": whether it is the brighter of the two, at the
        end of fixation, when no image is in view.
    """
    keys = [*SUBJECT, "episode", "trial"]
    rows = []
    for what, period, position in (("side", "choice", 0), ("brighter", "fixation", -1)):
        steps = activity[activity["period"] == period].groupby(keys).nth(position)
        merged = steps.merge(trials, on=keys).assign(trial=lambda frame: frame["trial"] + 1)
        if what == "side":
            label = merged["rewarded_side"] == "right"
        else:
            label = merged["rewarded_is_brighter"].astype(bool)
        for (variant, subject, trial), group in merged.groupby([*SUBJECT, "trial"]):
            keys_of_row = {"variant": variant, "subject": subject, "trial": trial, "what": what}
            state = label[group.index].to_numpy()
            decoded = neural.decode_state(neural.units(group), state, group["episode"].to_numpy())
            correct = (decoded > 0.5) == state
            share = np.nan if np.isnan(decoded).any() else float(correct.mean())
            rows.append({**keys_of_row, "accuracy": share, "n": len(group)})
    return pd.DataFrame(rows, columns=[*SUBJECT, "trial", "what", "accuracy", "n"])


def analyse(recording: Recording[Harlow]) -> dict[str, pd.DataFrame]:
    """Outcome of training, stages, and final tests of every network."""
    path = recording.folder / "results" / f"{REPEATED_TESTS}.csv"
    repeated = storage.read(path, needs=(*SUBJECT, *TESTED))
    curves, tests, costs = read_networks(recording.folder / "networks", repeated)
    turning = turning_points(curves)
    second = accuracy(tests[tests["as_trained"] & (tests["trial"] == 1)], "first")
    return {
        "networks": outcomes(curves, tests, costs, turning),
        "accuracy_by_stage": stages(curves, tests, turning),
        "final_tests": accuracy(tests, "test", "trial"),
        "second_trial": second[[*SUBJECT, "first", "accuracy", "n"]],
    }


def further_tables(
    recording: Recording[Harlow], measured: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Learning curves, decoding from units, and the further variants, if there are any."""

    def learning(curves: pd.DataFrame) -> pd.DataFrame:
        return curves[[*SUBJECT, "episode", *curves.filter(regex="^trial_")]]

    tables = {
        "learning": learning(recording.curves),
        "decoding": decoding(recording.trials, recording.activity),
    }
    folder = recording.folder / "variations"
    if folder.exists():
        curves, tests, costs = read_networks(folder)
        tables["variations"] = outcomes(curves, tests, costs, turning_points(curves))
        tables["variations_learning"] = learning(curves)
    return tables


def claim_measures(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One number per network and claim; networks below ceiling have no time to ceiling."""
    networks = measured["networks"].set_index(SUBJECT)
    tests = measured["final_tests"].assign(percent=lambda frame: 100 * frame["accuracy"])
    held_out = tests[tests["test"] == "held out"]
    by_trial = held_out.pivot(index=SUBJECT, columns="trial", values="percent")
    later = tests[tests["trial"] > 0].groupby([*SUBJECT, "test"])["percent"].mean().unstack()
    staged = measured["accuracy_by_stage"].query("trial == 2 and stage != @LAST")
    by_stage = staged.pivot(index="stage", columns=SUBJECT, values="accuracy")
    to_chance = networks["episodes_to_above_chance"]
    to_ceiling = networks["episodes_from_there_to_ceiling"]
    tables = {
        "harlow-oneshot": by_trial.rename(columns=lambda trial: f"trial {trial + 1}"),
        "harlow-gradual": pd.DataFrame(
            {"rise on trial 2": 100 * trend(by_stage)}, index=by_stage.columns
        ),
        "harlow-control": pd.DataFrame(
            {
                "new wrong image in the test only": later["new wrong image"] - later["held out"],
                "trials 2-6, tested as trained": 100 * networks["accuracy_trials_2_to_6"],
            }
        ),
        "harlow-yield": pd.DataFrame(
            {
                "episodes to above chance": to_chance / 1000,
                "episodes from there to ceiling": to_ceiling / 1000,
                "trials 2-6 at ceiling": 100
                * networks["accuracy_trials_2_to_6"].where(networks["at_ceiling"].eq(True)),
                "at ceiling": networks["at_ceiling"],
            }
        ),
    }
    parts = [claims.measures(name, table.reindex(networks.index)) for name, table in tables.items()]
    return pd.concat(parts, ignore_index=True)


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures, further_tables=further_tables)
