"""Criteria come before results, and the history of the repository says so."""

from __future__ import annotations

import re
import subprocess

import pandas as pd
import pytest

from prefrontal import claims, history, paths, tables
from prefrontal.errors import UserError

CONDITIONS = """from prefrontal.claims import Claim, above
MAIN = "plain"
CLAIMS = [Claim("toy-works", "{quantity}", "1a", "words", above({bound}), tolerance={tolerance})]
"""


class Repository:
    """A repository with one experiment."""

    def __init__(self, root):
        self.root = root
        self.git("init", "--quiet", "--initial-branch", "main")
        self.write("src/prefrontal/claims.py", "")

    def git(self, *arguments):
        who = ("-c", "user.name=A", "-c", "user.email=a@b.c")
        return subprocess.run(["git", *who, *arguments], cwd=self.root, capture_output=True, text=True, check=True).stdout.strip()

    def write(self, path, text, commit=True):
        """Write a file and commit it -> the commit."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)
        if not commit:
            return ""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", path)
        return self.git("rev-parse", "--short", "HEAD")

    def declare(self, quantity="rate", bound=0, tolerance=None, **kwargs):
        text = CONDITIONS.format(quantity=quantity, bound=bound, tolerance=tolerance)
        return self.write("replications/toy/conditions.py", text, **kwargs)

    def settle(self, quantity="rate", **kwargs):
        frame = pd.DataFrame({"claim": ["toy-works"], "quantity": quantity, "condition": "plain", "reproduced": 1.0})
        return self.write("data/toy/results/claims.csv", frame.to_csv(index=False), **kwargs)

    def row(self):
        (row,) = history.history(self.root).to_dict("records")
        return row

    @property
    def late(self):
        return len(history.too_late(history.history(self.root))) > 0


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "here").mkdir()
    return Repository(tmp_path / "here")


def test_commits_of_criterion_and_result_are_found(repository):
    fixed, settled = repository.declare(), repository.settle()
    repository.write("replications/toy/conditions.py", CONDITIONS.format(quantity="rate", bound=0, tolerance=None) + "# more\n")
    row = repository.row()
    assert (row["named"].name, row["fixed"].name) == (fixed, fixed), "a change of other lines fixes nothing"
    assert (row["first_result"].name, row["settled"].name) == (settled, settled) and not repository.late


@pytest.mark.parametrize("change", [{"bound": 1}, {"tolerance": 0.5}])
@pytest.mark.parametrize("commit", [True, False])
def test_a_result_that_is_older_than_its_criterion_is_refused(repository, change, commit):
    repository.declare()
    repository.settle()
    moved = repository.declare(**change, commit=commit)
    assert repository.late and repository.row()["fixed"].name == (moved or history.UNCOMMITTED.name)


def test_criterion_and_result_may_come_together_and_a_result_later(repository):
    repository.declare(commit=False)
    assert repository.row()["settled"] == history.UNCOMMITTED and not repository.late
    repository.settle()
    assert repository.row()["fixed"] == repository.row()["settled"] and not repository.late


def test_a_claim_is_followed_to_where_its_name_first_stood(repository):
    named = repository.write("replications/toy/analysis.py", 'CLAIM = "toy-works"\n')
    seen = repository.write("data/toy/results/claims.csv", "claim,statement\ntoy-works,words\n")
    fixed = repository.declare()
    row = repository.row()
    assert (row["named"].name, row["first_result"].name, row["fixed"].name) == (named, seen, fixed) and not repository.late


def test_a_result_before_the_claims_name_is_refused(repository):
    repository.write("data/toy/results/claims.csv", "claim,statement\ntoy-works,words\n")
    repository.declare()
    assert repository.late


def test_where_there_is_no_history_it_is_said(repository, tmp_path, monkeypatch):
    repository.declare()
    repository.git("clone", "--quiet", "--depth", "1", repository.root.as_uri(), str(tmp_path / "shallow"))
    (tmp_path / "copy").mkdir()
    for folder, why in (("shallow", "shallow clone"), ("copy", "no history")):
        assert why in history.missing(tmp_path / folder) and history.history(tmp_path / folder).empty
    monkeypatch.setattr(claims, "ROOT", tmp_path / "copy")
    with pytest.raises(UserError, match="no history"):
        claims.main(claims.Options(commits=True))


def test_no_result_of_this_suite_is_older_than_its_criterion():
    if why := history.missing(paths.ROOT):
        pytest.skip(why)
    frame = history.history(paths.ROOT)
    late = history.too_late(frame)
    assert late.empty, late.to_string()
    assert len(frame) == len(claims.collect(paths.DATA)), "a row for every row that is settled"


def test_results_and_figures_name_commits_of_this_history():
    """Whoever cites a figure by the commit in its caption finds the code that made it."""
    if why := history.missing(paths.ROOT):
        pytest.skip(why)
    known = {*history.git(paths.ROOT, "rev-list", "HEAD").split()}
    captions = (path.read_text() for path in paths.FIGURES.glob("*.txt"))
    named = {commit for text in captions for commit in re.findall(r'commit"?: "?([^\s",]+)', text)}
    for path in [*paths.DATA.glob("*/results/manifest.json"), *paths.DATA.glob("*/animals/manifest.json")]:
        named |= {about["commit"] for about in tables.manifest(path.parent).values()}
    assert named and named <= known
