"""The checksums in the package are those of the committed networks."""

import json

import pytest

from prefrontal import experiments, files
from prefrontal.networks import fetch


@pytest.mark.parametrize("name", experiments.suite("train"))
def test_checksums_are_those_of_the_networks(name, tmp_path):
    released = json.loads(fetch.RELEASE.read_text(encoding="utf-8"))["archives"]
    assert fetch.pack(name, files.DATA, tmp_path / "networks.zip") == released[name]
