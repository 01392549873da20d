"""Summarise the statistics of neurons and units: shares of coding units, predictivity, claims."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from prefrontal.experiments import Analysis
from prefrontal.files import experiment_folder
from prefrontal.publishing import evidence
from prefrontal.publishing.claims import evaluate_claims
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from replications.neurons.claims import CLAIMS, CODING, PREDICTIVITY
from replications.neurons.settings import (
    ALPHA,
    AT_CHOICE,
    GIVEN_STAYING,
    GIVEN_VALUES,
    INTERACTION,
    MODEL_FREE,
    NETWORKS,
    PLANNER,
    TRAINED,
    VARIABLES,
)

Rows = Iterator[tuple[str, str, str, pd.Series]]
"""Variant, claim, measure, and values by seed: a network, a group of units, or a session."""


def neuron_shares(neurons: pd.DataFrame) -> pd.DataFrame:
    """Share of the neurons of each session that code each variable, by area and epoch.

    Returns
    -------
    DataFrame
        variant (area), seed (session), epoch, neurons, a column per variable and test.
    """
    coded = neurons[["area", "session", "epoch"]].copy()
    for name in (*VARIABLES, GIVEN_STAYING, GIVEN_VALUES):
        coded[name] = neurons[f"p {name}"] < ALPHA
    groups = coded.groupby(["area", "session", "epoch"], sort=False)
    shares = groups.mean().assign(neurons=groups.size()).reset_index()
    return shares.rename(columns={"area": "variant", "session": "subject"})


def at_choice(shares: pd.DataFrame, variable: str = INTERACTION) -> dict[str, pd.Series]:
    """Share of coding units at the first choice, by seed, of each variant."""
    rows = shares[shares["epoch"] == AT_CHOICE]
    return {
        str(name): variant_rows.set_index("subject")[variable]
        for name, variant_rows in rows.groupby("variant")
    }


def coding_measures(shares: pd.DataFrame, neurons: pd.DataFrame) -> Rows:
    """Measures of the interaction at the first choice."""
    share = at_choice(shares)
    for variant, values in share.items():
        yield variant, CODING, "share", values
    for area in ("DLPFC", "Putamen"):  # in sessions in which both areas were recorded
        both = share["ACC"].sub(share[area]).dropna()
        yield "ACC", CODING, f"minus {area.replace('Putamen', 'putamen')}", both
    for _, trained, untrained in NETWORKS.values():
        if trained in share:
            yield trained, CODING, "minus untrained", share[trained] - share[untrained]
    yield "ACC", CODING, GIVEN_STAYING, at_choice(shares, GIVEN_STAYING)["ACC"]
    for variant, values in at_choice(shares, GIVEN_VALUES).items():
        yield variant, CODING, GIVEN_VALUES, values
    first_choice = neurons[neurons["epoch"] == AT_CHOICE].reset_index(drop=True)
    for name, in_area in first_choice.groupby("area"):
        for measure, column in (("pooled", INTERACTION), (f"pooled, {GIVEN_VALUES}", GIVEN_VALUES)):
            yield str(name), CODING, measure, (in_area[f"p {column}"] < ALPHA).astype(float)


def predictivity_measures(predictivity: pd.DataFrame) -> Rows:
    """Gains of each session, mean over epochs and neurons."""
    groups = predictivity.groupby(["variant", "session"])
    gains = groups.mean(numeric_only=True)
    present = [each for each in NETWORKS.values() if each[1] in gains]
    for variant, session_gains in gains.groupby(level="variant"):
        session_gains = session_gains.droplevel("variant")
        for _, trained, untrained in present:
            label = "minus untrained" + ("" if trained == TRAINED else ", monkeys' task")
            yield (
                str(variant),
                PREDICTIVITY,
                label,
                session_gains[trained] - session_gains[untrained],
            )
        for kind in (*(each[1] for each in present), PLANNER, MODEL_FREE):
            yield str(variant), PREDICTIVITY, kind, session_gains[kind]


def as_table(rows: Rows) -> pd.DataFrame:
    """Table of measures; differences have a row only where both numbers exist."""
    parts = [
        pd.DataFrame({"subject": values.index, "value": values.to_numpy()}).assign(
            variant=variant, claim=claim, measure=measure
        )
        for variant, claim, measure, values in rows
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["variant", "claim", "measure", "subject", "value"]]


def evaluate(measures: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Evaluate each row over the sessions that have its number, since not all areas were recorded
    in all of them; rows about networks that are not trained are left out.

    Returns
    -------
    dict
        claims, evidence.
    """
    judged, further = [], []
    for claim in CLAIMS:
        rows = measures[
            (measures["claim"] == claim.claim)
            & measures["variant"].isin([claim.variant, claim.versus])
            & (measures["measure"] == claim.measure)
        ]
        if (rows["variant"] == claim.variant).any():
            judged.append(evaluate_claims([claim], rows, TRAINED, {}))
            further.append(evidence.table([claim], rows, TRAINED, {}, "paper"))
    parts = {"claims": judged, "evidence": further}
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def summarise(results: Results) -> dict[str, pd.DataFrame]:
    """All tables of results, from the committed statistics."""
    folder = experiment_folder(results.data, results.experiment) / "animals"
    tables = {path.stem: storage.read(path) for path in sorted(folder.glob("*.csv"))}
    shares = pd.concat([tables["units"], neuron_shares(tables["neurons"])], ignore_index=True)
    rows = [
        *coding_measures(shares, tables["neurons"]),
        *predictivity_measures(tables["predictivity"]),
    ]
    measures = as_table(iter(rows))
    return {"shares": shares, "measures": measures, **evaluate(measures)}


ANALYSIS = Analysis(summarise=summarise)
