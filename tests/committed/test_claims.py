"""Committed claims: their score, and which commit fixed each criterion."""

from __future__ import annotations

import re

from prefrontal import experiments, files
from prefrontal.publishing import claims

CLAIMS = claims.collect(files.DATA)
CLAIMS = CLAIMS[CLAIMS["experiment"].isin(experiments.suite())]


def test_the_score():
    assert claims.score(CLAIMS) == (
        "29 of 32 claims reproduced; 14 of 18 claims agree with the published values; "
        "18 of 36 claims beyond the paper hold"
    )


def test_every_criterion_names_the_commit_that_fixed_it():
    registered = CLAIMS["registered"].fillna("")
    form = registered.map(lambda text: bool(re.fullmatch(r"[0-9a-f]{7,12} \d{4}-\d\d-\d\d", text)))
    assert form.equals(CLAIMS["reproduced_verdict"].notna())
