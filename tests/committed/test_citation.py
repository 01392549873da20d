"""The suite says the same of itself everywhere, and its pins are complete."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import prefrontal
from prefrontal import files, release
from prefrontal.errors import UserError
from prefrontal.publishing import bibliography, readme_tables
from prefrontal.tables import storage

LOCKS = ("requirements.lock", "requirements-oldest.lock", "requirements-torch.lock")
PINS = {lock: dict(re.findall(r"^([\w.-]+)==(\S+)", (files.ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS}
PROJECT = bibliography.project(files.ROOT)["project"]
DIRECT = [Requirement(text) for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]]


def pinned(lock: str) -> dict[str, Version]:
    """Versions in a lock, PyTorch's besides, by name."""
    return {canonicalize_name(name): Version(version) for name, version in (PINS[lock] | PINS["requirements-torch.lock"]).items()}


def test_what_archives_read_is_as_it_would_be_written():
    for name, text in release.files(files.ROOT, files.DATA).items():
        assert (files.ROOT / name).read_text() == text, f"{name}: run python -m prefrontal.release"


def test_all_agree_with_the_citation():
    suite = yaml.safe_load((files.ROOT / "CITATION.cff").read_text())
    code, deposit, crate = (
        json.loads((files.ROOT / name).read_text()) for name in ("codemeta.json", ".zenodo.json", "ro-crate-metadata.json")
    )
    root = next(own for own in crate["@graph"] if own["@id"] == "./")
    assert [own["version"] for own in (suite, code, deposit, root)] == 4 * [prefrontal.__version__]
    assert {code["name"], deposit["title"], root["name"]} == {suite["title"]}
    dates = {code["datePublished"], deposit["publication_date"], root["datePublished"]}
    assert dates == {str(suite["date-released"])}
    assert {code["license"], root["license"]} == {f"{release.SPDX}{suite['license']}"} and PROJECT["license"] == suite["license"]
    assert deposit["license"] == suite["license"].lower()
    assert len(code["citation"]) + 1 == len(deposit["related_identifiers"]) == len(root["citation"]) == len(suite["references"])
    assert len(code["author"]) == len(deposit["creators"]) == len(root["author"]) == len(suite["authors"])


def test_the_version_stands_in_one_place(monkeypatch):
    monkeypatch.setattr(prefrontal, "__version__", "9.8.7")
    for name, text in release.files(files.ROOT, files.DATA).items():
        assert re.findall(r'^ *"?version"?: "?([\d.]+)', text, re.MULTILINE) == ["9.8.7"], name
    assert "version" not in PROJECT and "version" in PROJECT["dynamic"]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("CITATION.cff", "\nversion:", "\nversions:", "0 lines begin with 'version: '"),
        ("CITATION.cff", "\nlicense:", "\nlicence:", "no 'license'"),
        ("pyproject.toml", "[project]", "[project", "not readable as TOML"),
        ("pyproject.toml", "\nterms =", "\nterm =", "has no 'terms'"),
    ],
)
def test_a_source_that_lacks_something_is_refused(tmp_path, file, old, new, words):
    for name in ("CITATION.cff", "pyproject.toml"):
        text = (files.ROOT / name).read_text()
        (tmp_path / name).write_text(text.replace(old, new) if name == file else text)
    with pytest.raises(UserError, match=f"{file}: .*{re.escape(words)}"):
        release.files(tmp_path, tmp_path / "data")


def test_the_changelog_tells_the_release():
    suite = yaml.safe_load((files.ROOT / "CITATION.cff").read_text())
    first = re.search(r"^## \[(\d.*)$", (files.ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first and first[1] == f"{suite['version']}] - {suite['date-released']}"


def test_every_result_is_in_the_crate_with_its_commit():
    graph = json.loads((files.ROOT / "ro-crate-metadata.json").read_text())["@graph"]
    known = {own["@id"] for own in graph}
    made = {part["@id"]: own["name"] for own in graph if own["@type"] == "CreateAction" for part in own["result"]}
    for folder in {path.parent for path in files.DATA.glob("*/*/manifest.json")}:
        for name, about in storage.manifest(folder).items():
            path = str((folder / name).relative_to(files.ROOT))
            assert path in known and about["commit"] in made[path] and (files.ROOT / path).exists()


def test_tables_of_a_readers_own_are_listed_without_a_licence(tmp_path):
    for name in ("CITATION.cff", "pyproject.toml"):
        (tmp_path / name).write_text((files.ROOT / name).read_text())
    for folder in ("results", "mice"):
        about = {"commit": "abc", "config_sha256": "123"}
        storage.write(pd.DataFrame({"x": [1]}), tmp_path / "data" / "toy" / folder / "x.csv", about=about)
    graph = json.loads(release.files(tmp_path, tmp_path / "data")["ro-crate-metadata.json"])["@graph"]
    found = {own["@id"]: own for own in graph}
    assert "license" in found["data/toy/results/"] and "license" not in found["data/toy/mice/"]
    assert found["data/toy/mice/"]["hasPart"] == [{"@id": "data/toy/mice/x.csv"}]
    assert found["#data/toy/mice/abc/123"]["result"] == [{"@id": "data/toy/mice/x.csv"}]


def test_every_file_is_under_one_licence():
    found = [path for own in bibliography.licences(files.ROOT) for pattern in own["paths"] for path in files.ROOT.glob(pattern)]
    assert all(len(list(files.ROOT.glob(pattern))) for own in bibliography.licences(files.ROOT) for pattern in own["paths"])
    folders = {path for path in files.DATA.glob("*/*") if path.is_dir() and path.name != "checkpoints"}
    folders |= {files.ROOT / name for name in ("src", "replications", "tests", "notebooks", "figures", "data/published")}
    assert sorted(found) == sorted(folders)
    assert readme_tables.table("licences", files.DATA, None) in (files.ROOT / "README.md").read_text(), "run python -m prefrontal.readme"


def test_every_pin_but_pytorchs_has_a_hash_and_none_names_a_host():
    texts = {lock: (files.ROOT / lock).read_text() for lock in LOCKS}
    assert not any("://" in text for text in texts.values())
    blocks = re.split(r"\n(?=\w)", texts["requirements.lock"].strip())
    assert len(blocks) == len(PINS["requirements.lock"]) and all(re.search(r"--hash=sha256:[0-9a-f]{64}", own) for own in blocks)


@pytest.mark.parametrize("lock", LOCKS[:2])
def test_what_the_project_asks_for_is_pinned(lock):
    versions = pinned(lock)
    for asked in DIRECT:
        assert asked.specifier.contains(versions[canonicalize_name(asked.name)]), asked


def test_the_oldest_pins_are_the_bounds():
    versions = pinned("requirements-oldest.lock")
    for asked in DIRECT:
        (bound,) = (Version(own.version) for own in asked.specifier if own.operator == ">=")
        assert versions[canonicalize_name(asked.name)].release[: len(bound.release)] == bound.release, asked
