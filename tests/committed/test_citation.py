"""The suite cites itself the same everywhere, and its pins are complete."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pybtex.database import parse_string

import prefrontal
from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.publishing import bibliography, cite, readmes, text

LOCKS = ("requirements.lock", "requirements-oldest.lock", "requirements-torch.lock")
TEXTS = {lock: (files.ROOT / lock).read_text(encoding="utf-8") for lock in LOCKS}
PINS = {
    lock: dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)) for lock, text in TEXTS.items()
}
PROJECT = tomllib.loads((files.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [
    Requirement(text)
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
]
WORKS = bibliography.references()
SUITE = yaml.safe_load(bibliography.CITATION.read_text(encoding="utf-8"))
OWN = set(experiments.names()) - set(experiments.suite())
"""Experiments of the user of this clone."""
READMES = [path for path in readmes.paths(files.ROOT) if path.parent.name not in OWN]


def pinned(lock: str) -> dict[str, Version]:
    """Versions in a lock, and in that of PyTorch, by name."""
    versions = PINS[lock] | PINS["requirements-torch.lock"]
    return {canonicalize_name(name): Version(version) for name, version in versions.items()}


def test_the_version_is_that_of_the_package():
    assert SUITE["version"] == prefrontal.__version__
    assert "version" not in PROJECT and "version" in PROJECT["dynamic"]
    assert SUITE["license"] == PROJECT["license"] and SUITE["keywords"]


def test_the_changelog_has_the_release():
    changes = (files.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## \[(\d.*)$", changes, re.MULTILINE)
    assert first and first[1] == f"{SUITE['version']}] - {SUITE['date-released']}"


def test_every_reference_becomes_bibtex():
    assert {"prefrontal", "wang2018", "wang2016", "brombergmartin2010"} <= set(WORKS)
    for key, entry in parse_string(bibliography.bibtex(WORKS), "bibtex").entries.items():
        assert entry.persons["author"] and entry.fields["title"] and entry.fields["year"]
        found = "doi" in entry.fields or "arxiv.org" in entry.fields.get("url", "")
        assert key == "prefrontal" or found, key


def test_every_figure_is_cited_as_its_files_say():
    citations = cite.citations(files.ROOT, files.DATA, files.FIGURES)
    assert set(citations) == {path.stem for path in files.FIGURES.glob("*.pdf")}
    for figure, citation in citations.items():
        path = files.FIGURES / figure
        assert citation.title and citation.provenance, figure
        assert path.with_suffix(".txt").read_text(encoding="utf-8") == citation.text() + "\n"
        assert path.with_suffix(".bib").read_text(encoding="utf-8") == citation.bibtex


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(files.ROOT)))
def test_readmes_say_what_results_say(path, environment):
    stale = "run prefrontal texts"
    assert readmes.fill(path, environment) == path.read_text(encoding="utf-8"), stale


@pytest.fixture(scope="module")
def environment():
    return text.environment()


def test_pins_have_hashes_and_name_no_host():
    assert not any("://" in text for text in TEXTS.values())
    blocks = re.split(r"\n(?=\w)", TEXTS["requirements.lock"].strip())
    assert len(blocks) == len(PINS["requirements.lock"])
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)


@pytest.mark.parametrize("lock", LOCKS[:2])
def test_what_the_project_asks_for_is_pinned(lock):
    versions = pinned(lock)
    for asked in DIRECT:
        assert asked.specifier.contains(versions[canonicalize_name(asked.name)]), asked


def test_the_oldest_pins_are_the_bounds():
    versions = pinned("requirements-oldest.lock")
    for asked in DIRECT:
        (bound,) = (Version(limit.version) for limit in asked.specifier if limit.operator == ">=")
        release = versions[canonicalize_name(asked.name)].release
        assert release[: len(bound.release)] == bound.release, asked


def test_an_unknown_figure_names_the_known_ones():
    with pytest.raises(UserError, match=r"^no figure 'fig99'; there are fig1, [^\n]*$"):
        cite.main(cite.Options("fig99"))
