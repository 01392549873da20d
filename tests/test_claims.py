"""Verdicts follow their rules."""

import numpy as np
import pytest

from prefrontal import claims, plotting, readme, tables
from prefrontal.errors import UserError


def settle(values, criterion, **kwargs):
    return claims.settle("c", "1a", "a quantity", values, criterion, **kwargs)


def test_reproduced_needs_the_whole_interval():
    assert settle([1.0, 1.1, 0.9, 1.0], claims.above(0))["reproduced_verdict"] is True
    assert settle([1.0, -1.1, 0.9, 0.2], claims.above(0))["reproduced_verdict"] is False
    assert settle([1.0, 1.1, 0.9, 1.0], claims.below(0.95))["reproduced_verdict"] is False
    assert settle([1.0, 1.1, 0.9, 1.0], claims.between(0.8, 1.2))["reproduced_verdict"] is True


def test_unknown_values_never_count_as_reproduced():
    assert settle([np.nan, np.nan], claims.above(0))["reproduced_verdict"] is False
    assert settle([5.0], claims.above(0))["reproduced_verdict"] is False


@pytest.mark.parametrize(("published", "agrees"), [(1.0, True), (1.29, True), (1.6, False), (0.5, True)])
def test_agrees_within_tolerance_or_range(published, agrees):
    row = settle([0.4, 1.2, 1.4], None, published=published, tolerance=0.3)
    assert row["agrees_verdict"] is agrees and row["reproduced_verdict"] is None


def test_score_counts_claims_not_rows(tmp_path):
    rows = [settle([1.0, 1.1], claims.above(0)), settle([-1.0, -1.1], claims.above(0))]
    claims.write(rows, tmp_path / "x" / "results", {})
    frame = claims.collect(tmp_path)
    assert claims.score(frame).startswith("0 of 1 claims reproduced")
    assert list(claims.readable(frame)["reproduced?"]) == ["yes", "NO"]


def test_score_names_predictions_apart(tmp_path):
    held = claims.settle("prediction-x", "beyond", "s", [1.0, 1.1], claims.above(0))
    failed = claims.settle("prediction-y", "beyond", "s", [1.0, 1.1], claims.below(0))
    claims.write([settle([1.0, 1.1], claims.above(0)), held, failed], tmp_path / "x" / "results", {})
    assert (
        claims.score(claims.collect(tmp_path)) == "1 of 1 claims reproduced; 1 of 2 predictions, which go beyond the paper, hold"
    )


def test_readme_tables_come_from_results(tmp_path):
    tables.write(
        tables.pd.DataFrame({"seed": [0, 1, 0, 1], "rate": [1, 1, 2, 2], "reward": [0.5, 0.7, np.nan, 0.9]}),
        tmp_path / "data" / "x" / "results" / "r.csv",
    )
    folder = tmp_path / "replications" / "x"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("a\n<!-- begin: results/r.csv by rate -->\nold\n<!-- end -->\nz\n")
    readme.main(readme.Options(data=tmp_path / "data", root=tmp_path))
    text = (folder / "README.md").read_text()
    assert "old" not in text and text.startswith("a\n") and text.endswith("z\n")
    assert "0.6 [0.5, 0.7]" in text and "0.9 (1 never)" in text
    readme.main(readme.Options(data=tmp_path / "data", root=tmp_path))
    assert (folder / "README.md").read_text() == text
    (folder / "README.md").write_text("<!-- begin: results/r.csv by speed -->\n<!-- end -->\n")
    with pytest.raises(UserError, match="speed"):
        readme.main(readme.Options(data=tmp_path / "data", root=tmp_path))


def test_figures_carry_provenance_and_dots_show_every_network(tmp_path):
    figure = plotting.new_figure(plotting.SINGLE_COLUMN, 40)
    ax = figure.add_subplot()
    plotting.bar(ax, 0, np.arange(8.0), "gray")
    assert len(ax.collections[0].get_offsets()) == 8
    plotting.save(figure, "fig9", tmp_path, {"commit": "abc"}, {"a": [ax]})
    from PIL import Image

    assert "abc" in Image.open(tmp_path / "fig9.png").info["Description"]
    assert b"abc" in (tmp_path / "fig9.pdf").read_bytes()
    assert (tmp_path / "fig9_a.png").exists() and (tmp_path / "manifest.json").exists()
