"""Criteria were fixed by commits of this history."""

from __future__ import annotations

import subprocess

import pandas as pd

from prefrontal import experiments, files
from prefrontal.publishing import claims


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in the repository."""
    command = ["git", "-C", str(files.ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_commits_that_fixed_criteria_are_in_the_history():
    frame = claims.collect(files.DATA)
    registered = frame.loc[frame["experiment"].isin(experiments.suite()), "registered"]
    for text in pd.unique(registered.dropna()):
        commit, date = text.split()
        assert git("merge-base", "--is-ancestor", commit, "HEAD").returncode == 0, text
        assert git("show", "-s", "--format=%as", commit).stdout.strip() == date
