"""Compare networks with other models of the same choices, from committed likelihoods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from prefrontal.experiments import Analysis
from prefrontal.files import experiment_folder
from prefrontal.publishing import evidence
from prefrontal.publishing.claims import evaluate_claims
from prefrontal.publishing.results import Results
from prefrontal.tables import storage
from prefrontal.tables.schema import SUBJECT
from replications.choices.claims import (
    CLAIM,
    CLAIMS,
    MINUS_GRU,
    MINUS_Q,
    MINUS_TEXTBOOK,
    MINUS_UNTRAINED,
)
from replications.choices.settings import GROUPS, GRU, NETWORK, READOUT, UNTRAINED

BEST = "best textbook model"

NOT_TEXTBOOK = (NETWORK, UNTRAINED, READOUT, GRU, BEST)


def by_group(likelihoods: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Log likelihood per choice (nats) of each subject or session, with a column per model and one
    for the best textbook model; by group or control."""
    tables = {}
    for name, rows in likelihoods.groupby(SUBJECT[0], sort=False):
        wide = rows.pivot(index=SUBJECT[1], columns="model", values="likelihood")
        tables[str(name)] = wide.assign(**{BEST: wide[best(wide)]})
    return tables


def best(wide: pd.DataFrame) -> str:
    """Name the textbook model, among columns of models, that is best on average over subjects."""
    return str(wide.drop(columns=list(NOT_TEXTBOOK), errors="ignore").mean().idxmax())


def differences(tables: Mapping[str, pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Measures of the claim: networks minus other models, by subject.

    For controls, the best textbook model is Q-learning, the only one fitted.
    """
    for name, wide in tables.items():
        textbook = MINUS_TEXTBOOK if name in GROUPS else MINUS_Q
        others = {textbook: BEST, MINUS_UNTRAINED: UNTRAINED, MINUS_GRU: GRU}
        for measure, other in others.items():
            if other in wide:
                value = (wide[NETWORK] - wide[other]).rename("value").reset_index()
                yield value.assign(variant=name, claim=CLAIM, measure=measure)


def summary(likelihoods: pd.DataFrame) -> pd.DataFrame:
    """Mean log likelihood per choice (nats) of each kind of model, one row per group or control."""
    choices = likelihoods.drop_duplicates(SUBJECT).groupby(SUBJECT[0])["choices"].sum()
    rows = []
    for name, wide in by_group(likelihoods).items():
        group, means = GROUPS.get(name), wide.mean()
        rows.append(
            {
                "subjects": group.species if group else name,
                "task": group.task if group else "two-step",
                "n": len(wide),
                "choices": int(choices[name]),
                "readout": means[READOUT],
                "untrained": means[UNTRAINED],
                "networks": means[NETWORK],
                "textbook": means[BEST],
                "GRU": means.get(GRU),
                "best textbook model": best(wide),
            }
        )
    return pd.DataFrame(rows)


def summarise(results: Results) -> dict[str, pd.DataFrame]:
    """All tables of results, from the committed statistics."""
    folder = experiment_folder(results.data, results.experiment) / "animals"
    likelihoods = storage.read(folder / "likelihoods.csv").astype({SUBJECT[1]: str})
    measures = pd.concat(differences(by_group(likelihoods)), ignore_index=True)
    measures = measures[["variant", "claim", "measure", SUBJECT[1], "value"]]
    return {
        "summary": summary(likelihoods),
        "measures": measures,
        "claims": evaluate_claims(CLAIMS, measures, "", {}),
        "evidence": evidence.table(CLAIMS, measures, "", {}, "paper"),
    }


ANALYSIS = Analysis(summarise=summarise)
