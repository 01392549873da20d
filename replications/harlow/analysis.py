"""Analyse learning and behaviour on Harlow's learning sets (Wang et al. 2018, Fig. 6c).

python -m replications.harlow.analysis --help
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import ruptures

from prefrontal import experiments
from prefrontal.analysis import neural
from prefrontal.analysis.statistics import trend
from prefrontal.publishing import claims
from prefrontal.tables import recording, storage
from replications.harlow.variants import AS_TRAINED, CEILING, PLAYED

NETWORK = ["variant", "seed"]

STAGES = 6
"""Stages at equal distances from one change point to the other (Wang et al. 2018, Fig. 6c)."""

LAST = "final"


TESTED = ("test", "trial", "first", "correct", "n")
"""Columns of a network's final tests."""


def read_networks(folder: Path, played: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read the learning curves, final tests and hyperparameters of all networks, their weights kept or not.

    Parameters
    ----------
    played : DataFrame, optional
        Tests of networks that were played again, with columns variant and seed, in place of those at the end of training.

    Returns
    -------
    curves, tests, hyperparameters : DataFrame
        Each with columns variant and seed; tests tell which of them is ``as_trained``.
    """
    tests, hyperparameters = [], []
    again = {} if played is None else {keys: own[list(TESTED)] for keys, own in played.groupby(NETWORK)}
    for path, about in recording.networks(folder):
        keys = {"variant": about["variant"], "seed": about["config"]["seed"]}
        own = again.get(tuple(keys.values()))
        if own is None:
            own = storage.read(path.with_name(f"{path.stem}_test.csv"), needs=TESTED)
        tests.append(own.assign(**keys, as_trained=own["test"] == AS_TRAINED[about["config"]["new_wrong_image"]]))
        hyperparameters.append({**keys, "training_seconds": about["training_seconds"], "actions": about["actions"]})
    return recording.learning_curves(folder), pd.concat(tests, ignore_index=True), pd.DataFrame(hyperparameters)


def later_trials(curves: pd.DataFrame) -> pd.Series:
    """Share of correct choices in trials 2 to 6, per point of a learning curve."""
    return curves.filter(regex="^trial_").drop(columns="trial_1").mean(axis=1)


def rise_at_end(curve: pd.DataFrame) -> float:
    """What accuracy on trials 2 to 6 gained from the last tenth but one of a learning curve to the last; NaN for short curves."""
    tenth, shares = len(curve) // 10, later_trials(curve)
    return round(shares.iloc[-tenth:].mean() - shares.iloc[-2 * tenth : -tenth].mean(), 6) if tenth else np.nan


def change_points(accuracy: np.ndarray) -> tuple[int, int] | None:
    """Points of a learning curve where it leaves chance and where it nears ceiling.

    The least-squares fit of three straight, joined pieces, by dynamic programming (ruptures, Truong et al. 2020); None for
    curves too short for it, or without any value.
    """
    known = np.nan_to_num(accuracy, nan=0.5)
    if len(known) < 3 * STAGES or np.isnan(accuracy).all():
        return None
    first, second, _ = ruptures.Dynp(model="clinear", min_size=2, jump=1).fit(known[:, None]).predict(n_bkps=2)
    return first, second


def accuracy(tests: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Share of correct choices per network and ``by``."""
    counts = tests.groupby([*NETWORK, *by], as_index=False)[["correct", "n"]].sum()
    return counts.assign(accuracy=counts["correct"] / counts["n"])


def turns(curves: pd.DataFrame) -> pd.DataFrame:
    """Training episodes at the two change points of every network's learning curve: variant, seed, first and second."""
    rows = []
    for (variant, seed), curve in curves.groupby(NETWORK):
        if found := change_points(later_trials(curve).to_numpy()):
            first, second = curve["episode"].iloc[list(found)]
            rows.append({"variant": variant, "seed": seed, "first": first, "second": second})
    return pd.DataFrame(rows, columns=[*NETWORK, "first", "second"])


def outcomes(curves: pd.DataFrame, tests: pd.DataFrame, hyperparameters: pd.DataFrame, turned: pd.DataFrame) -> pd.DataFrame:
    """One row per network: final accuracy on trials 2 to 6, whether at ceiling, and when it left chance and neared ceiling.

    ``turned`` are the curves' change points, which mean this only where ceiling was reached. A network that came to no trial
    after the first has no accuracy there, and is neither at ceiling nor below.
    """
    rows = []
    by_trial = accuracy(tests[tests["as_trained"] & (tests["trial"] > 0)], "trial")
    shares = by_trial.groupby(NETWORK)["accuracy"].mean()
    for (variant, seed), curve in curves.groupby(NETWORK):
        share = shares.get((variant, seed), np.nan)
        rows.append(
            {
                "variant": variant,
                "seed": seed,
                "accuracy_trials_2_to_6": share,
                "at_ceiling": share >= CEILING if np.isfinite(share) else np.nan,
                "rise_at_end": rise_at_end(curve),
                "training_episodes": int(curve["episode"].iloc[-1]),
                "updates": int(curve["updates"].iloc[-1]),
            }
        )
    frame = pd.DataFrame(rows).merge(turned, "left", NETWORK).merge(hyperparameters, on=NETWORK)
    first, second = (frame.pop(name).where(frame["at_ceiling"].eq(True)) for name in ("first", "second"))
    times = {"episodes_to_above_chance": first, "episodes_from_there_to_ceiling": second - first}
    return storage.leading(frame.assign(**times), *NETWORK, "accuracy_trials_2_to_6", "at_ceiling", *times)


def stages(curves: pd.DataFrame, tests: pd.DataFrame, turned: pd.DataFrame) -> pd.DataFrame:
    """Fig. 6c: accuracy by trial of all networks, at six stages between their change points and at the end."""
    parts = []
    curves, final = (frame.set_index(NETWORK).sort_index() for frame in (curves, accuracy(tests[tests["as_trained"]], "trial")))
    for variant, seed, first, second in turned.itertuples(index=False):
        keys, curve = {"variant": variant, "seed": seed}, curves.loc[(variant, seed)]
        for stage, episode in enumerate(np.linspace(first, second, STAGES), 1):
            for trial, shares in enumerate(curve.filter(regex="^trial_").to_numpy().T, 1):
                at_stage = np.interp(episode, curve["episode"], shares)
                parts.append({**keys, "stage": str(stage), "trial": trial, "accuracy": at_stage})
        for trial, share in enumerate(final.loc[(variant, seed), "accuracy"], 1):
            parts.append({**keys, "stage": LAST, "trial": trial, "accuracy": share})
    return pd.DataFrame(parts, columns=[*NETWORK, "stage", "trial", "accuracy"])


def decoding(trials: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """Decode what the LSTM knows of the rewarded image, by trial, from held-out episodes.

    Returns
    -------
    DataFrame
        variant, seed, trial (from 1), what and accuracy. "side": where the rewarded image is, at the first sight of the
        images. "brighter": whether it is the brighter one of the two, at the end of fixation, when no image is in view.
    """
    keys = [*NETWORK, "episode", "trial"]
    rows = []
    for what, period, position in (("side", "choice", 0), ("brighter", "fixation", -1)):
        steps = activity[activity["period"] == period].groupby(keys).nth(position)
        merged = steps.merge(trials, on=keys).assign(trial=lambda frame: frame["trial"] + 1)
        label = merged["rewarded_side"] == "right" if what == "side" else merged["rewarded_is_brighter"].astype(bool)
        for (variant, seed, trial), own in merged.groupby([*NETWORK, "trial"]):
            state = label[own.index].to_numpy()
            found = neural.decode_state(neural.units(own), state, own["episode"].to_numpy())
            right = np.nan if np.isnan(found).any() else float(((found > 0.5) == state).mean())
            rows.append({"variant": variant, "seed": seed, "trial": trial, "what": what, "accuracy": right, "n": len(own)})
    return pd.DataFrame(rows)


def measure(recording: recording.Recording) -> dict[str, pd.DataFrame]:
    """Outcome of every network's training, its stages, and its final tests."""
    played = storage.read(recording.folder / "results" / PLAYED, needs=(*NETWORK, *TESTED))
    curves, tests, hyperparameters = read_networks(recording.folder / "networks", played)
    turned = turns(curves)
    second = accuracy(tests[tests["as_trained"] & (tests["trial"] == 1)], "first")
    return {
        "networks": outcomes(curves, tests, hyperparameters, turned),
        "fig6c": stages(curves, tests, turned),
        "final": accuracy(tests, "test", "trial"),
        "second_trial": second[[*NETWORK, "first", "accuracy", "n"]],
    }


def panels(recording: recording.Recording, measured: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Learning curves, what the units tell, and the variations, if there are any."""

    def learning(curves: pd.DataFrame) -> pd.DataFrame:
        return curves[[*NETWORK, "episode", *curves.filter(regex="^trial_")]]

    found = {"learning": learning(recording.curves), "decoding": decoding(recording.trials, recording.activity)}
    variations = recording.folder / "variations"
    if variations.exists():
        curves, tests, hyperparameters = read_networks(variations)
        found |= {"variations": outcomes(curves, tests, hyperparameters, turns(curves)), "variations_learning": learning(curves)}
    return found


def measures(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that claims are about, of all networks; those below ceiling have no time when they reached it."""
    networks = measured["networks"].set_index(NETWORK)
    final = measured["final"].assign(percent=lambda frame: 100 * frame["accuracy"])
    trials = final[final["test"] == "held out"].pivot(index=NETWORK, columns="trial", values="percent")
    later = final[final["trial"] > 0].groupby([*NETWORK, "test"])["percent"].mean().unstack()
    staged = measured["fig6c"].query("trial == 2 and stage != @LAST").pivot(index="stage", columns=NETWORK, values="accuracy")
    control = {
        "new wrong image in the test only": later["new wrong image"] - later["held out"],
        "trials 2-6, tested as trained": 100 * networks["accuracy_trials_2_to_6"],
    }
    yields = {
        "episodes to above chance": networks["episodes_to_above_chance"] / 1000,
        "episodes from there to ceiling": networks["episodes_from_there_to_ceiling"] / 1000,
        "at ceiling": networks["at_ceiling"],
    }
    rise = pd.DataFrame({"rise on trial 2": 100 * trend(staged)}, index=staged.columns)
    counted = {
        "harlow-oneshot": trials.rename(columns=lambda trial: f"trial {trial + 1}"),
        "harlow-gradual": rise,
        "harlow-control": pd.DataFrame(control),
    }
    counted["harlow-yield"] = pd.DataFrame(yields)
    parts = [claims.measures(name, own.reindex(networks.index)) for name, own in counted.items()]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    experiments.analysis_main(__file__)
