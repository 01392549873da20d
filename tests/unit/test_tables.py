"""Tables that are rebuilt equal are left alone; a number that moved is named, with its size."""

import numpy as np
import pandas as pd
import pytest

from prefrontal.tables import storage
from prefrontal.tables.storage import TOLERANCE, difference

FRAME = pd.DataFrame(
    {
        "variant": ["a", "a", "b"],
        "seed": [0, 1, 0],
        "value": [1.0, -2.0, 1000.0],
        "other": [np.nan, np.inf, 0.0],
        "ok": [True, False, None],
    }
)


def changed(**columns):
    return FRAME.assign(**columns)


def test_equal_tables_do_not_differ():
    assert difference(FRAME, FRAME.copy()) is None
    assert difference(FRAME, changed(seed=[0.0, 1.0, 0.0])) is None, (
        "whole numbers may be read as either kind"
    )


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (FRAME.iloc[:2], "numbers of rows, 3 and 2, differ"),
        (FRAME.rename(columns={"value": "values"}), "columns differ"),
        (changed(variant=["a", "a", "c"]), "words of variant differ"),
        (changed(ok=[True, True, None]), "words of ok differ"),
        (changed(value=["1", "2", "3"]), "words of value differ"),
        (changed(other=[0.0, np.inf, 0.0]), "missing or infinite values of other differ"),
        (changed(other=[0.0, np.nan, 0.0]), "missing or infinite values of other differ"),
    ],
)
def test_other_differences_exceed_every_tolerance(new, what):
    found = difference(FRAME, new)
    assert np.isinf(found.share) and str(found) == what


def test_numbers_are_compared_with_those_beside_them():
    found = difference(FRAME, changed(value=[1.0, -2.0, 1000.01]))
    assert (
        found.what == "value"
        and found.size == pytest.approx(0.01)
        and found.share == pytest.approx(1e-5)
    )
    found = difference(FRAME, changed(value=[1.01, -2.0, 1000.0]))
    assert found.share == pytest.approx(0.01) and found.share > TOLERANCE, (
        "large numbers elsewhere do not hide it"
    )
    assert "value moved by up to 0.01" in str(found)


def test_rounding_is_left_alone_and_changes_are_printed(tmp_path, capsys):
    path = tmp_path / "results.csv"
    frame = pd.DataFrame({"seed": [0, 1], "value": [0.5, 2.0]})
    storage.write(frame, path, about={"commit": "first"})
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    storage.write(frame.assign(value=[0.5, 2.00001]), path, about={"commit": "second"})
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert not capsys.readouterr().out
    storage.write(frame.assign(value=[0.5, 2.1]), path, about={"commit": "third"})
    assert capsys.readouterr().out == f"{path}: value moved by up to 0.1 (5.0e-02)\n"
    assert storage.manifest(tmp_path) == {"results.csv": {"commit": "third"}}
    assert "2.1" in path.read_text(encoding="utf-8")


def test_manifest_forgets_files_that_are_gone(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    for name in ("old", "new"):
        storage.write(frame, tmp_path / f"{name}.csv", about={"name": name})
        (tmp_path / "old.csv").unlink(missing_ok=True)
    assert storage.manifest(tmp_path) == {"new.csv": {"name": "new"}}
