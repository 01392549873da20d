"""Committed claims: their score, and the commits that fixed their criteria."""

from __future__ import annotations

import re
import subprocess

import pandas as pd
import pytest

from prefrontal import files
from prefrontal.publishing import claims

CLAIMS = claims.collect(files.DATA)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in the repository."""
    command = ["git", "-C", str(files.ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_score():
    assert claims.score(CLAIMS) == (
        "26 of 31 claims reproduced; 11 of 17 claims agree with the published values; "
        "12 of 19 claims beyond the paper hold"
    )


def test_every_criterion_names_the_commit_that_fixed_it():
    registered = CLAIMS["registered"].fillna("")
    form = registered.map(lambda text: bool(re.fullmatch(r"[0-9a-f]{7,12} \d{4}-\d\d-\d\d", text)))
    assert form.equals(CLAIMS["reproduced_verdict"].notna())


def test_these_commits_are_in_the_history():
    try:
        shallow = git("rev-parse", "--is-shallow-repository").stdout.strip()
    except OSError:
        shallow = ""
    if shallow != "false":
        pytest.skip("no history: not a full clone of the repository, or no git")
    for text in pd.unique(CLAIMS["registered"].dropna()):
        commit, date = text.split()
        assert git("merge-base", "--is-ancestor", commit, "HEAD").returncode == 0, text
        assert git("show", "-s", "--format=%as", commit).stdout.strip() == date
