"""Summarise the statistics of neurons and units: shares of coding units, predictivity, claims."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from prefrontal.experiments import Analysis
from prefrontal.files import experiment_folder
from prefrontal.publishing.claims import evaluate_claims
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from replications.neurons.claims import CLAIMS, CODING, PREDICTIVITY
from replications.neurons.settings import (
    ALPHA,
    AT_CHOICE,
    INTERACTION,
    MODEL_FREE,
    PLANNER,
    TRAINED,
    UNTRAINED,
    VARIABLES,
)

Rows = Iterator[tuple[str, str, str, pd.Series]]
"""Variant, claim, measure, and values by seed: a network, a group of units, or a session."""


def neuron_shares(neurons: pd.DataFrame) -> pd.DataFrame:
    """Share of the neurons of each session that code each variable, by area and epoch.

    Returns
    -------
    DataFrame
        variant (area), seed (session), epoch, neurons, a column per variable, given staying.
    """
    coded = neurons[["area", "session", "epoch"]].copy()
    for name in (*VARIABLES, "given staying"):
        coded[name] = neurons[f"p {name}"] < ALPHA
    groups = coded.groupby(["area", "session", "epoch"], sort=False)
    shares = groups.mean().assign(neurons=groups.size()).reset_index()
    return shares.rename(columns={"area": "variant", "session": "seed"})


def at_choice(shares: pd.DataFrame, variable: str = INTERACTION) -> dict[str, pd.Series]:
    """Share of coding units at the first choice, by seed, of each variant."""
    rows = shares[shares["epoch"] == AT_CHOICE]
    return {str(name): own.set_index("seed")[variable] for name, own in rows.groupby("variant")}


def coding_measures(shares: pd.DataFrame) -> Rows:
    """Measures of the interaction at the first choice."""
    share = at_choice(shares)
    for variant, values in share.items():
        yield variant, CODING, "share", values
    for area in ("DLPFC", "Putamen"):  # in sessions in which both were recorded
        both = share["ACC"].sub(share[area]).dropna()
        yield "ACC", CODING, f"minus {area.replace('Putamen', 'putamen')}", both
    yield TRAINED, CODING, "minus untrained", share[TRAINED] - share[UNTRAINED]
    yield "ACC", CODING, "given staying", at_choice(shares, "given staying")["ACC"]


def predictivity_measures(predictivity: pd.DataFrame) -> Rows:
    """Gains of each session, mean over epochs and neurons."""
    groups = predictivity.groupby(["variant", "session"])
    gains = groups[[TRAINED, UNTRAINED, PLANNER, MODEL_FREE]].mean()
    for variant, own in gains.groupby(level="variant"):
        own = own.droplevel("variant")
        yield str(variant), PREDICTIVITY, "minus untrained", own[TRAINED] - own[UNTRAINED]
        for kind in (TRAINED, PLANNER, MODEL_FREE):
            yield str(variant), PREDICTIVITY, kind, own[kind]


def as_table(rows: Rows) -> pd.DataFrame:
    """Table of measures; differences have a row only where both numbers exist."""
    parts = [
        pd.DataFrame({"seed": values.index, "value": values.to_numpy()}).assign(
            variant=variant, claim=claim, measure=measure
        )
        for variant, claim, measure, values in rows
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["variant", "claim", "measure", "seed", "value"]]


def evaluate(measures: pd.DataFrame) -> pd.DataFrame:
    """Evaluate each row over the sessions that have its number; not all areas were recorded in
    all of them."""
    parts = []
    for claim in CLAIMS:
        chosen = measures[measures["claim"] == claim.claim]
        own = chosen[(chosen["variant"] == claim.variant) & (chosen["measure"] == claim.measure)]
        parts.append(evaluate_claims([claim], own, TRAINED, {}))
    return pd.concat(parts, ignore_index=True)


def summarise(results: Results) -> dict[str, pd.DataFrame]:
    """All tables of results, from the committed statistics."""
    folder = experiment_folder(results.data, results.experiment) / "animals"
    tables = {path.stem: storage.read(path) for path in sorted(folder.glob("*.csv"))}
    shares = pd.concat([tables["units"], neuron_shares(tables["neurons"])], ignore_index=True)
    rows = [*coding_measures(shares), *predictivity_measures(tables["predictivity"])]
    measures = as_table(iter(rows))
    return {"shares": shares, "measures": measures, "claims": evaluate(measures)}


ANALYSIS = Analysis(summarise=summarise)
