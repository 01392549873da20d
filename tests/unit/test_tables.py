"""Unchanged tables are left alone; a number that changed is reported with its change."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefrontal.errors import UserError
from prefrontal.tables import storage
from prefrontal.tables.storage import TOLERANCE, difference

FRAME = pd.DataFrame(
    {
        "variant": ["a", "a", "b"],
        "subject": [0, 1, 0],
        "value": [1.0, -2.0, 1000.0],
        "other": [np.nan, np.inf, 0.0],
        "ok": [True, False, None],
    }
)


def changed(**columns):
    return FRAME.assign(**columns)


def test_equal_tables_do_not_differ():
    assert difference(FRAME, FRAME.copy()) is None
    assert difference(FRAME, changed(subject=[0.0, 1.0, 0.0])) is None, (
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


def test_tolerance_is_relative_to_the_largest_number_of_a_column():
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


@pytest.mark.parametrize(
    ("words", "old", "new", "equal"),
    [
        (["r2", "episodes"], [0.00403, 9000.0], [0.00440, 9000.0], False),
        (["r2", "episodes"], [0.00018, 9000.0], [0.00053, 9000.0], False),
        (["r2", "episodes"], [0.00403, 9000.0], [0.0040301, 9000.0], True),
        (["r2", "episodes"], [0.00403, 9000.0], [0.00403, 9002.0], False),
        (["r2", "r2"], [0.00403, 0.9], [0.00440, 0.9], False),
        (["weight", "weight"], [1e-9, 2.0], [-1e-9, 2.0], True),  # zero, as it was rounded
        (["weight", "weight"], [1e-5, 2.0], [2e-5, 2.0], False),
    ],
)
def test_tolerance_is_relative_to_each_number(words, old, new, equal):
    frames = [pd.DataFrame({"measure": words, "value": values}) for values in (old, new)]
    found = difference(*frames)
    assert found is not None and (found.share <= TOLERANCE) == equal


@pytest.fixture
def sealed(tmp_path):
    """A Parquet file as the suite writes it."""
    frame = pd.DataFrame({"subject": np.arange(500) % 8, "value": np.linspace(0, 1, 500)})
    storage.write(frame, tmp_path / "table.parquet", about={"commit": "here"})
    return tmp_path / "table.parquet"


def test_every_flipped_bit_of_a_recording_is_found(sealed):
    content = sealed.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        sealed.write_bytes(damaged)
        with pytest.raises(UserError, match=r"table\.parquet: "):
            storage.read(sealed, sealed=True)
    sealed.write_bytes(content)
    assert len(storage.read(sealed, sealed=True)) == 500


def test_edited_recordings_with_their_metadata_are_found(sealed):
    table = pq.read_table(sealed)
    edited = table.set_column(1, "value", pa.array(np.zeros(500)))
    pq.write_table(edited.replace_schema_metadata(table.schema.metadata), sealed)
    with pytest.raises(UserError, match="changed since it was written"):
        storage.read(sealed)
    pd.DataFrame({"subject": [0]}).to_parquet(sealed)
    assert len(storage.read(sealed)) == 1, "tables of others carry no hash"
    with pytest.raises(UserError, match="carries no hash of its content"):
        storage.read(sealed, sealed=True)


def test_rounding_is_left_alone_and_changes_are_printed(tmp_path, capsys):
    path = tmp_path / "results.csv"
    frame = pd.DataFrame({"subject": [0, 1], "value": [0.5, 2.0]})
    storage.write(frame, path, about={"commit": "first"})
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    storage.write(frame.assign(value=[0.5, 2.00001]), path, about={"commit": "second"})
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert not capsys.readouterr().out
    storage.write(frame.assign(value=[0.5, 2.1]), path, about={"commit": "third"})
    assert capsys.readouterr().out == f"{path}: value moved by up to 0.1 (5.0e-02)\n"
    assert storage.manifest(tmp_path) == {"results.csv": {"commit": "third"}}
    assert "2.1" in path.read_text(encoding="utf-8")


def test_a_missing_entry_of_an_unchanged_table_is_written(tmp_path):
    path, frame = tmp_path / "results.csv", pd.DataFrame({"value": [0.5]})
    storage.write(frame, path)
    before = path.read_bytes()
    storage.write(frame, path, about={"commit": "first"})
    assert storage.manifest(tmp_path) == {"results.csv": {"commit": "first"}}
    assert path.read_bytes() == before


def test_manifest_forgets_files_that_are_gone(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    for name in ("old", "new"):
        storage.write(frame, tmp_path / f"{name}.csv", about={"name": name})
        (tmp_path / "old.csv").unlink(missing_ok=True)
    assert storage.manifest(tmp_path) == {"new.csv": {"name": "new"}}
