"""Analyses of NAME: functions of tables.

python -m replications.NAME.analysis --help
"""

from __future__ import annotations

import pandas as pd

from prefrontal import claims, experiment
from prefrontal.tables import Recording


def measure(recording: Recording) -> dict[str, pd.DataFrame]:
    """Share of choices of the better arm, by trial."""
    trials = recording.trials
    better = trials.assign(p_better=(trials["choice"] == trials["better_arm"]).astype(float))
    return {"choices": better.groupby(["condition", "seed", "trial"], as_index=False)["p_better"].mean()}


def quantities(measured: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Numbers that the claims are about."""
    by_trial = measured["choices"].groupby(["condition", "seed"])["p_better"]
    return claims.quantities("NAME-learns", (by_trial.last() - by_trial.first()).to_frame("gain"))


if __name__ == "__main__":
    experiment.analysis_main(__file__)
