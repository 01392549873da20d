"""Parts of the report."""

import numpy as np
import pandas as pd

from prefrontal.publishing import claims, html_report
from prefrontal.publishing.claims import Claim


def test_sections_are_found_by_their_heading():
    changes = "## 2\n### Changed\nlate\n### Added\na\n## 1\n### Changed\nearly\n"
    assert html_report.section(changes, "Changed") == "late"
    assert html_report.section("## A\n### b\ntext\n## C\n", "A") == "### b\ntext"
    assert html_report.section("## A\n", "B") == ""


def test_raw_html_is_escaped_and_links_are_relative():
    text = "a <b>c</b> <!-- d --> [e](f.md) ![g](https://h.org)"
    assert html_report.html(text, "../x") == (
        '<p>a &lt;b&gt;c&lt;/b&gt;  <a href="../x/f.md">e</a> <a href="https://h.org">g</a></p>\n'
    )


def test_charts_place_values_on_their_axis():
    claim = Claim("c", "q", "5e", "s", None, 5.0, 1)
    values = [[1.0, 1.2], [3.0], [9.0, 9.4]]
    chart = html_report.chart("5e", pd.DataFrame([claims.evaluate_claim(claim, x) for x in values]))
    means = [row["mean"] for row in chart.rows]
    assert means == sorted(means) and means[0] < chart.rows[0]["published"] < means[2]
    positions = [[row["mean"], row["published"], *row["interval"]] for row in chart.rows]
    assert ((np.array(positions) >= 0) & (np.array(positions) <= 100)).all()
    assert all(0 <= position <= 100 for position, _ in chart.ticks) and len(chart.ticks) >= 2
