"""Story 3: an experiment of one's own is a folder, and nothing outside it changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from prefrontal import files
from prefrontal.errors import UserError
from prefrontal.pipeline import new
from tests.helpers import ENVIRONMENT, copy_repository, prefrontal, write_results

NAME = "tested_task"
"""Longer than that in CONTRIBUTING.md, which a user's experiment may have."""
FOLDER = f"replications/{NAME}"
TINY = ["--training.episodes", "40", "--test-episodes", "6", "--out", "runs/r1"]

OWN = (f"{FOLDER}/", "runs/", f"data/{NAME}/", f"figures/fig_{NAME}")
"""What may appear: the folder, a run, and the experiment's networks, results and figures."""

FOUR_OPTIONS = {
    "settings.py": {
        "    def build(": '''    options: Count = 4
    """Number of arms."""
    gain: Number = 10.0
    """Outcome of a win, in points."""
    loss: Number = -5.0
    """Outcome of a loss, in points."""

    def build(''',
        "    NetworkSettings,\n": "    NetworkSettings,\n    Number,\n",
        "one of two arms pays": "one of several arms wins",
        "        return 0.5 * self.trials, max(self.rich, 1 - self.rich) * self.trials": """\
        better, worse = (p * self.gain + (1 - p) * self.loss for p in (self.rich, 1 - self.rich))
        random = (better + (self.options - 1) * worse) / self.options
        return random * self.trials, better * self.trials""",
    },
    "task.py": {
        'actions = ("left", "right")': 'actions = ("north", "east", "south", "west")',
        "one of two arms pays": "one of four arms wins",
        "Pull one of two arms; the better one": "Pull one of four arms; the best",
        "drawn for each episode, pays with": "drawn for each episode, wins with",
        "(noise[..., 0] < 0.5).long()": "(noise[..., 0] * self.settings.options).long()",
        "reward = (noise[..., 0] < probability).to(noise.dtype)": """\
gain, loss = (torch.full_like(noise[..., 0], x) for x in self._outcomes)
        reward = torch.where(noise[..., 0] < probability, gain, loss)""",
        "    def _observe(": """\
    @property
    def _outcomes(self) -> tuple[float, float]:
        return self.settings.gain, self.settings.loss

    def _observe(""",
    },
    "experiment.py": {"    test_episodes=100,": "    networks=5,\n    test_episodes=100,"},
    f"test_{NAME}.py": {
        "[[[0.1], [0.9]]]": "[[[0.3], [0.9]]]",
        '["better_arm"].tolist() == [[1, 0]]': '["better_arm"].tolist() == [[1, 3]]',
        "reward.tolist() == [[1, 0]]": "reward.tolist() == [[10, -5]]",
    },
}
"""Edits that turn the template into a task of four options, gains and losses, and five networks."""


def listing(root: Path) -> dict[str, str]:
    """Hash of every file of a checkout but caches."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any("cache" in part for part in path.parts)
    }


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Files that differ, are new, or are gone, outside what belongs to the experiment."""
    names = sorted(before.keys() | after.keys())
    differ = [name for name in names if before.get(name) != after.get(name)]
    return [name for name in differ if not name.startswith(OWN)]


def python(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool with the code of a checkout."""
    paths = os.pathsep.join([str(root / "src"), str(root)])
    variables = os.environ | ENVIRONMENT | {"PYTHONPATH": paths}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True)


def passes(root: Path, *arguments: str) -> str:
    """Run a tool that must succeed, and return what it printed."""
    done = python(root, *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def checkout(folder: Path) -> Path:
    """A checkout with tests."""
    root = copy_repository(folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(files.ROOT / "tests", root / "tests", ignore=ignored)
    return root


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Checkout in which an experiment was written and smoke-tested; what else changed."""
    root = checkout(tmp_path_factory.mktemp("clone"))
    before = listing(root)
    for words in (["new", NAME], ["run", NAME, "--smoke-test"]):
        done = prefrontal(*words, root=root)
        assert done.returncode == 0, done.stderr
    return root, changed(before, listing(root))


def test_new_experiment_runs_and_changes_nothing_else(clone):
    root, elsewhere = clone
    assert not elsewhere
    run = root / "runs" / f"{NAME}_smoke_test"
    assert (run / "figures" / f"fig_{NAME}.png").exists()
    measures = pd.read_csv(run / "data" / NAME / "results" / "measures.csv")
    assert set(measures["measure"]) == {"gain"} and len(measures) == 2


def test_template_keeps_the_rules_of_the_house(clone):
    root, _ = clone
    texts = [path.read_text() for path in (root / FOLDER).iterdir() if path.is_file()]
    assert not any("NAME" in text for text in texts)
    assert any(f"replications.{NAME}.task" in text for text in texts)
    passes(root, "ruff", "check", FOLDER)
    passes(root, "ruff", "format", "--check", FOLDER)
    passes(root, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", FOLDER)


@pytest.fixture(scope="module")
def four_options(tmp_path_factory):
    """Checkout with an experiment of four options, made by editing its folder only."""
    root = checkout(tmp_path_factory.mktemp("four"))
    assert prefrontal("new", NAME, root=root).returncode == 0
    for file, edits in FOUR_OPTIONS.items():
        path = root / FOLDER / file
        text = path.read_text()
        for old, replacement in edits.items():
            assert old in text, f"{file}: {old}"
            text = text.replace(old, replacement)
        path.write_text(text)
    return root


@pytest.mark.slow
def test_four_options_gains_losses_and_five_networks(four_options):
    """Its own test, and the general tests of tasks and environments, find the folder."""
    quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    passes(four_options, "pytest", *quiet, FOLDER)
    for file in ("task", "environments"):
        passes(four_options, "pytest", *quiet, f"tests/unit/test_{file}.py", "-k", NAME)
    done = prefrontal("run", NAME, *TINY, root=four_options)
    assert done.returncode == 0, done.stderr
    results = four_options / "runs" / "r1" / "data" / NAME / "results"
    assert pd.read_csv(results / "measures.csv")["subject"].tolist() == [0, 1, 2, 3, 4]
    claims = pd.read_csv(results / "claims.csv")
    assert claims["n_networks"].tolist() == [5] and claims["panel"].tolist() == ["extension"]
    trials = pd.read_parquet(results.parent / "trials.parquet")
    assert set(trials["reward"]) == {10, -5} and set(trials["choice"]) == {0, 1, 2, 3}


@pytest.mark.slow
def test_four_options_pass_linters(four_options):
    passes(four_options, "ruff", "check", FOLDER)
    passes(four_options, "ruff", "format", "--check", FOLDER)
    passes(four_options, "mypy", "-p", f"replications.{NAME}")


@pytest.mark.slow
def test_claims_of_users_never_count_as_the_papers(tmp_path):
    """Results next to the suite's, and a figure that is drawn, leave the score alone."""
    root = copy_repository(tmp_path)
    for name in ("weather", "bandit"):
        write_results(name, root / "data")
    before = prefrontal("claims", root=root).stdout.split("\n\n")[-1].splitlines()
    assert prefrontal("new", NAME, root=root).returncode == 0
    settings = root / FOLDER / "settings.py"
    settings.write_text(settings.read_text().replace("episodes=3_000", "episodes=40"))
    files_before = listing(root)
    done = prefrontal("run", NAME, root=root)
    assert done.returncode == 0, done.stderr
    assert f"| {NAME}-learns |" in (root / FOLDER / "README.md").read_text()
    assert f"A new experiment: {NAME}." in (root / "figures" / f"fig_{NAME}.txt").read_text()
    assert not changed(files_before, listing(root))
    after = prefrontal("claims", root=root).stdout.split("\n\n")[-1].splitlines()
    paper, extensions = ([score[k] for score in (before, after)] for k in (0, -1))
    assert "claims reproduced" in paper[0] and paper[0] == paper[1]
    assert "beyond the paper" in extensions[0] and extensions[0] != extensions[1]


def test_a_claim_of_the_paper_is_refused_in_a_users_folder(clone):
    root, _ = clone
    claims = root / FOLDER / "claims.py"
    text = claims.read_text()
    claims.write_text(text.replace("EXTENSION,\n", '"1d",\n'))
    done = prefrontal("run", NAME, "--smoke-test", root=root)
    claims.write_text(text)
    assert done.returncode == 1
    assert f"panel of claim '{NAME}-learns' is '1d'; it must be EXTENSION" in done.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, "lower-case letters, ") for name in ("", "my-task", "My_Task", "2_step", "../x")),
        ("class", "a name that is not a Python keyword"),
        *((name, "a name that no installed Python module has") for name in ("numpy", "statistics")),
        *((name, "different from all, analyse, ") for name in ("figures", "paper", "run")),
    ],
)
def test_impossible_names_are_refused(tmp_path, name, expected):
    (tmp_path / "replications").mkdir()
    with pytest.raises(UserError, match=rf"NAME is '.*'; it must be {expected}"):
        new.main(new.Options(name, tmp_path))


def test_nothing_is_overwritten(tmp_path):
    folder = tmp_path / "replications" / NAME
    folder.mkdir(parents=True)
    (folder / "task.py").write_text("here first")
    with pytest.raises(UserError, match="exists; choose another name"):
        new.main(new.Options(NAME, tmp_path))
    assert [path.read_text() for path in folder.iterdir()] == ["here first"]
