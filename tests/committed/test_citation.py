"""The suite cites itself the same everywhere, and its pins are complete."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import prefrontal
from prefrontal import files
from prefrontal.publishing import bibliography

LOCKS = ("requirements.lock", "requirements-oldest.lock", "requirements-torch.lock")
TEXTS = {lock: (files.ROOT / lock).read_text(encoding="utf-8") for lock in LOCKS}
PINS = {
    lock: dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)) for lock, text in TEXTS.items()
}
PROJECT = bibliography.project(files.ROOT)["project"]
DIRECT = [
    Requirement(text)
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
]
WORKS = bibliography.references(files.ROOT)
SUITE = WORKS[bibliography.SUITE]


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
    for key, entry in WORKS.items():
        text = bibliography.bibtex(key, entry)
        assert text.count("{") == text.count("}")
        assert all(f"  {field} = {{" in text for field in ("author", "title", "year"))
        found = re.search(r"doi = \{10\.|url = \{https://arxiv.org/", text)
        assert key == "prefrontal" or found, key


def test_every_figure_can_be_cited():
    citations = bibliography.cite(files.ROOT, files.DATA, files.FIGURES)
    drawn = {path.stem for path in files.FIGURES.glob("*.pdf")}
    assert set(citations) == drawn
    for figure, citation in citations.items():
        assert citation.title and "{" not in citation.caption, figure
        assert citation.bibtex.startswith("@software{prefrontal,") and citation.provenance, figure


def test_every_file_is_under_one_licence():
    patterns = [path for part in bibliography.licences(files.ROOT) for path in part["paths"]]
    licensed = [path for pattern in patterns for path in files.ROOT.glob(pattern)]
    assert all(any(files.ROOT.glob(pattern)) for pattern in patterns)
    folders = {p for p in files.DATA.glob("*/*") if p.is_dir() and p.name != "checkpoints"}
    others = ("src", "replications", "tests", "notebooks", "figures", "data/published")
    assert sorted(licensed) == sorted(folders | {files.ROOT / name for name in others})


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
