"""What tests of several files share."""

import functools

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def coarse(monkeypatch):
    """Draw figures with a fifth of their pixels along each side, where nothing is asked of a pixel."""
    monkeypatch.setattr(Figure, "savefig", functools.partialmethod(Figure.savefig, dpi=60))
