"""Every committed table has its provenance."""

import pytest

from prefrontal import experiments, files
from prefrontal.tables import storage


@pytest.mark.parametrize("folder", ["results", "sweeps", "animals"])
def test_tables_have_provenance(folder):
    every = [files.DATA / name / folder for name in experiments.suite()]
    folders = [path for path in every if any(path.glob("*.csv"))]
    assert folders
    for path in folders:
        tables = {table.name for table in path.glob("*.csv")}
        assert tables == set(storage.manifest(path)), path
