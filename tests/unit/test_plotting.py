"""Figures carry their provenance, show every network, and are left alone if they look the same."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

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


def test_curves_show_the_mean_and_every_network():
    frame = pd.DataFrame({"subject": [0, 0, 1, 1], "lag": [2, 1, 2, 1], "weight": [2.0, 1, 4, 3]})
    figure, axes = plotting.mosaic("ab", 40)
    plotting.curve(axes["a"], frame, "lag", "weight", "gray", band=0.2, each=(0.1, 3))
    (line,) = axes["a"].lines
    np.testing.assert_array_equal(line.get_xydata(), [[1, 2], [2, 3]])
    band, *dots = axes["a"].collections
    assert band.get_alpha() == 0.2
    assert sorted(y for group in dots for _, y in group.get_offsets()) == [1, 2, 3, 4]
    plotting.lines(axes["b"], frame, "lag", "weight", label="networks")
    assert len(axes["b"].lines) == 2 and len(axes["b"].get_legend_handles_labels()[1]) == 1
    plotting.curve(axes["b"], frame[:0], "lag", "weight", "gray")  # no networks: nothing
    drawing = plotting.lettered("fig9", figure, axes)
    assert drawing.panels == {"a": [axes["a"]], "b": [axes["b"]]}


def test_a_palette_keeps_frequent_colours_and_nearly_all_others():
    rng = np.random.default_rng(0)
    levels = np.full((100, 100, 3), 255, dtype=np.uint8)
    levels[:50] = (245, 215, 212)  # a pale band
    levels[90:] = np.linspace(0, 255, 3000).reshape(10, 100, 3)
    levels[80:90] = rng.integers(200, 256, (10, 100, 3))
    kept = np.asarray(plotting.with_palette(Image.fromarray(levels)).convert("RGB"), dtype=int)
    assert (kept[:80] == levels[:80]).all()
    assert np.abs(kept - levels).max() <= 24
