"""Which came first, a claim's criterion or its result: the commits that brought them, from the history of the repository.

A row's criterion is fixed by the first commit since which ``conditions.py`` declares it by today's rule; its result came with the
first commit whose ``claims.csv`` has the row. Where that file, which gave rows their keys, is younger than a claim, the claim is
followed further back by its name: to the first commit whose code names it, and to the first whose results do.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

CODE, LIBRARY = ("analysis", "conditions"), "src/prefrontal/claims.py"
KEY = ["claim", "quantity", "condition"]
COMMITS = ["named", "first_result", "fixed", "settled"]
Key = tuple[str, str, str]


@dataclass(frozen=True, order=True)
class Commit:
    """A commit, ordered as in the history; what is not committed comes last."""

    place: int
    name: str
    date: str

    def __str__(self) -> str:
        return f"{self.name} {self.date}".strip()


UNCOMMITTED = Commit(sys.maxsize, "not committed", "")


@dataclass(frozen=True)
class Revision:
    """A file as a commit left it."""

    commit: Commit
    path: str
    text: str


def git(root: Path, *arguments: str, given: str | None = None) -> str:
    """Run git in a folder -> what it prints."""
    return subprocess.run(["git", "-C", str(root), *arguments], input=given, capture_output=True, text=True, check=True).stdout


def missing(root: Path) -> str:
    """Why there is no history to read; empty where there is one."""
    try:
        if git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
            return "a shallow clone has no history (git fetch --unshallow)"
        return "" if git(root, "log", "-1", "--format=%h", "--", LIBRARY).strip() else "these files are not under version control"
    except (OSError, subprocess.CalledProcessError):
        return "no history: not a clone of the repository, or no git"


def revisions(root: Path) -> list[Revision]:
    """Read all versions of the files that declare claims and of their results, the oldest first, those not committed last."""
    wanted = [f"replications/*/{part}.py" for part in CODE] + [LIBRARY, "data/*/results/claims.csv"]
    log = ["log", "--reverse", "--date-order", "--full-history", "--diff-filter=AM", "--name-only"]
    form = ["--format=%x00%h %ad", "--date=format:%Y-%m-%d %H:%M"]
    listed: list[tuple[Commit, str]] = []
    for place, block in enumerate(git(root, *log, *form, "--", *wanted).split("\0")[1:]):
        head, *names = block.split("\n")
        commit = Commit(place, *head.split(" ", 1))
        listed += [(commit, name) for name in names if name]
    found, last = [], {}
    for (commit, name), text in zip(listed, contents(root, [f"{commit.name}:{name}" for commit, name in listed]), strict=True):
        found.append(Revision(commit, name, text))
        last[name] = text
    now = {str(path.relative_to(root)): path.read_text() for pattern in wanted for path in sorted(root.glob(pattern))}
    return found + [Revision(UNCOMMITTED, name, text) for name, text in now.items() if last.get(name) != text]


def contents(root: Path, objects: list[str]) -> Iterator[str]:
    """Read versions of files, such as "HEAD:README.md"."""
    arguments = ["git", "-C", str(root), "cat-file", "--batch"]
    stream = io.BytesIO(subprocess.run(arguments, input="\n".join(objects).encode(), capture_output=True, check=True).stdout)
    for _ in objects:
        size = int(stream.readline().split()[-1])
        yield stream.read(size + 1)[:-1].decode()


def declared(revision: Revision) -> dict[Key, tuple[Any, ...]]:
    """Run a version of a conditions.py -> the rule of every row that it declares; nothing if today's library cannot run it."""
    module = ModuleType("conditions_then")
    sys.modules[module.__name__] = module  # dataclasses look there
    try:
        exec(compile(revision.text, revision.path, "exec"), module.__dict__)
        rows = getattr(module, "CLAIMS", [])
        return {(c.claim, c.quantity, c.condition or module.MAIN): (c.criterion, c.tolerance, c.or_more) for c in rows}
    except Exception:  # it was written for another library
        return {}
    finally:
        del sys.modules[module.__name__]


def experiment_history(name: str, found: list[Revision]) -> list[dict[str, Any]]:
    """Commits of criterion and result of every row that an experiment declares now."""
    rules: dict[Key, tuple[Any, ...]] = {}
    fixed: dict[Key, Commit] = {}
    result: dict[Key, Commit] = {}
    seen: dict[str, Commit] = {}
    code = [f"replications/{name}/{part}.py" for part in CODE]
    now: dict[Key, tuple[Any, ...]] = {}
    for revision in found:
        if revision.path == code[-1]:
            now = declared(revision)
            fixed |= {key: revision.commit for key, rule in now.items() if rules.get(key) != rule}
            rules |= now
        elif revision.path == f"data/{name}/results/claims.csv":
            frame = pd.read_csv(io.StringIO(revision.text))
            for claim in frame["claim"].unique():
                seen.setdefault(claim, revision.commit)
            if set(KEY) <= set(frame):
                for key in frame[KEY].itertuples(index=False, name=None):
                    result.setdefault(key, revision.commit)
    naming = [revision for revision in found if revision.path in (*code, LIBRARY)]
    named = {claim: min(r.commit for r in naming if f'"{claim}"' in r.text) for claim in {key[0] for key in now}}
    return [
        dict(zip(["experiment", *KEY], (name, *key), strict=True))
        | {"named": named[key[0]], "first_result": seen.get(key[0], UNCOMMITTED)}
        | {"fixed": fixed[key], "settled": result.get(key, UNCOMMITTED)}
        for key in now
    ]


def history(root: Path) -> pd.DataFrame:
    """Commits of every row that is claimed now.

    Returns
    -------
    DataFrame
        Columns experiment, claim, quantity, condition; ``named`` and ``first_result``, of the claim in the experiment's code and
        results; ``fixed`` and ``settled``, of the row's criterion and
        result (``Commit``). Empty where there is no history (``missing``).
    """
    if missing(root):
        return pd.DataFrame(columns=["experiment", *KEY, *COMMITS])
    found = revisions(root)
    names = sorted(path.parent.name for path in (root / "replications").glob("*/conditions.py"))
    return pd.DataFrame([row for name in names for row in experiment_history(name, found)])


def too_late(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows whose result is older than their criterion, or whose claim has results that are older than its name in the code."""
    return frame[(frame["settled"] < frame["fixed"]) | (frame["first_result"] < frame["named"])]


def told(frame: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Add to claims' rows the commits of their criteria and results, as text; empty where they are not known."""
    words = history(root).astype({name: str for name in COMMITS})
    return frame.merge(words, on=["experiment", *KEY], how="left").fillna({name: "" for name in COMMITS})
