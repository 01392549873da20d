"""Text and outputs of every notebook agree; ``make test ALL=1`` executes them (nbmake)."""

import json
from pathlib import Path
from typing import Any

import pytest

from prefrontal.files import ROOT

FOLDER = ROOT / "notebooks"
NAMES = sorted({path.stem for path in FOLDER.glob("[0-9]*.*") if path.suffix in (".py", ".ipynb")})
LARGEST = 1_000_000
"""Largest size of a notebook with its figures, in bytes."""


def read(path: Path) -> Any:
    """Read a notebook or its text."""
    import jupytext  # takes seconds to load, in every process that collects these tests

    return jupytext.read(path)


@pytest.mark.parametrize("name", NAMES)
def test_text_and_notebook_hold_the_same_cells(name):
    text, notebook = (read(FOLDER / f"{name}{suffix}") for suffix in (".py", ".ipynb"))
    cells, executed = (
        [(cell.cell_type, cell.source) for cell in part.cells] for part in (text, notebook)
    )
    assert cells == executed, "run make notebooks"


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_one_run_from_the_top(name):
    path = FOLDER / f"{name}.ipynb"
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), (
        "run make notebooks"
    )
    outputs = [output for cell in code for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs), (
        "a notebook draws something"
    )
    assert not any(
        output.output_type == "error" or output.get("name") == "stderr" for output in outputs
    )
    assert str(ROOT) not in json.dumps(outputs), "an output names a folder of this machine"
    assert path.stat().st_size < LARGEST
