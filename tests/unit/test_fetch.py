"""Networks are downloaded with checksums, and every failure is one line."""

import json
from dataclasses import replace

import pytest

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.networks import fetch
from tests.helpers import Interrupted, server


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A release of one experiment with two small files, in a folder that can be served."""
    source, served = tmp_path / "source", tmp_path / "served"
    (source / "two_step" / "networks").mkdir(parents=True)
    (source / "two_step" / "networks" / "default_0.json").write_text('{"x": 1}')
    (source / "two_step" / "networks" / "default_0.safetensors").write_bytes(
        bytes(range(256)) * 400
    )
    sha256 = fetch.pack("two_step", source, served / "networks-two_step.zip")
    known = tmp_path / "release.json"
    known.write_text(json.dumps({"address": "", "archives": {"two_step": sha256}}))
    monkeypatch.setattr(fetch, "RELEASE", known)
    monkeypatch.delenv(fetch.ADDRESS, raising=False)
    return source, served


def test_networks_arrive_as_they_were_packed(release, tmp_path, monkeypatch):
    source, served = release
    with server(served) as address:
        monkeypatch.setenv(fetch.ADDRESS, address)
        folder = fetch.fetch("two_step", tmp_path / "data")
    for path in (source / "two_step" / "networks").iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert fetch.fetch("two_step", tmp_path / "data") == folder  # without a server


def test_equal_networks_pack_to_equal_bytes(release, tmp_path):
    source, served = release
    fetch.pack("two_step", source, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (served / "networks-two_step.zip").read_bytes()


def test_a_release_holds_the_suite_without_users_experiments(release, tmp_path, monkeypatch):
    source, study = release[0], experiments.study
    monkeypatch.setattr(
        experiments, "study", lambda name: replace(study(name), in_suite=name == "two_step")
    )
    monkeypatch.setattr(files, "ROOT", tmp_path)
    monkeypatch.setattr(files, "DATA", source)
    before = fetch.RELEASE.read_text()
    fetch.main()
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["networks-two_step.zip"]
    assert json.loads(fetch.RELEASE.read_text()) == json.loads(before)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("content", "wrong checksum"),
        ("interrupted", "cannot be downloaded"),
        ("missing", "cannot be downloaded"),
    ],
)
def test_bad_download_keeps_nothing(release, tmp_path, monkeypatch, damage, message):
    _, served = release
    archive = served / "networks-two_step.zip"
    if damage == "content":
        archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    if damage == "missing":
        archive.unlink()
    options = {"handler": Interrupted} if damage == "interrupted" else {}
    with server(served, **options) as address:
        monkeypatch.setenv(fetch.ADDRESS, address)
        with pytest.raises(UserError, match=message):
            fetch.fetch("two_step", tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.json"))


def test_without_network_or_address_the_error_says_so(release, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=fetch.ADDRESS):
        fetch.fetch("two_step", tmp_path / "data")
    monkeypatch.setenv(fetch.ADDRESS, "http://127.0.0.1:9")
    with pytest.raises(UserError, match="cannot be downloaded"):
        fetch.fetch("two_step", tmp_path / "data")


def test_archive_cannot_write_outside_its_folder(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../outside.txt", "x")
    with pytest.raises(UserError, match="inside its folder"):
        fetch.unpack(tmp_path / "a.zip", tmp_path / "data")
    assert not (tmp_path / "outside.txt").exists()
