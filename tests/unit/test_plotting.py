"""Figures carry their provenance, show every network, and are left alone if they look the same."""

import numpy as np
import pytest

from prefrontal.publishing import plotting


@pytest.fixture
def figure():
    figure = plotting.new_figure(plotting.SINGLE_COLUMN, 40)
    plotting.bar(figure.add_subplot(), 0, np.arange(8.0), "gray")
    return figure


def test_figures_carry_provenance_and_dots_show_every_network(tmp_path, figure):
    (ax,) = figure.axes
    assert len(ax.collections[0].get_offsets()) == 8
    plotting.save(figure, "fig9", tmp_path, {"commit": "abc"}, {"a": [ax]})
    assert (
        plotting.provenance(tmp_path / "fig9.png")
        == plotting.provenance(tmp_path / "fig9_a.png")
        == {"commit": "abc"}
    )
    assert b"abc" in (tmp_path / "fig9.pdf").read_bytes()


def test_figures_that_look_the_same_are_left_as_they_are(tmp_path, figure):
    (ax,) = figure.axes
    plotting.save(figure, "fig9", tmp_path, {"commit": "abc"}, {"a": [ax]})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    plotting.save(figure, "fig9", tmp_path, {"commit": "def"}, {"a": [ax]})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    ax.set_title("changed")
    plotting.save(figure, "fig9", tmp_path, {"commit": "def"}, {"a": [ax]})
    assert all(path.read_bytes() != before[path] for path in tmp_path.iterdir())
