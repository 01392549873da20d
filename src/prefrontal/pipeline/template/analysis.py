"""Analyses of NAME: functions of tables."""

from __future__ import annotations

import pandas as pd

from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from replications.NAME.settings import ArmsSettings


def analyse(recording: Recording[ArmsSettings]) -> dict[str, pd.DataFrame]:
    """Measure how often the better arm is chosen, by trial."""
    trials = recording.trials
    better = (trials["choice"] == trials["better_arm"]).astype(float)
    by_trial = trials.assign(p_better=better).groupby([*SUBJECT, "trial"], as_index=False)
    return {"choices": by_trial[["p_better"]].mean()}


def claim_measures(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims, one number per network."""
    by_trial = tables["choices"].groupby(SUBJECT)["p_better"]
    gain = by_trial.last() - by_trial.first()
    return claims.measures("NAME-learns", gain.to_frame("gain"))


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures)
