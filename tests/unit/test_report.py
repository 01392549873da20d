"""The report: complete, self-contained, and readable in a browser."""

import html
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from prefrontal import cards, files
from prefrontal.errors import UserError
from prefrontal.publishing import captions, claims, html_report
from prefrontal.publishing.claims import Claim

HOSTILE = "<script>alert('x')</script> & more"
CHANGED = "two_step"
"""Experiment that gets two more rows of claims."""
EIGHT = np.linspace(1, 1.1, 8)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (1280, 390)
"""Of a desktop's and of a phone's page, pixels."""


class Page(HTMLParser):
    """Everything in a page that refers to something, and what it can refer to."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.loaded, self.images = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        if tag == "a":
            self.links.append(given["href"])
        elif {"src", "href"} & set(given):
            self.loaded.append(given.get("src") or given.get("href"))
        if tag == "img":
            self.images.append(given)


@pytest.fixture(scope="module")
def text():
    """The report on this suite, its images replaced by a small one, with one more row of a claim and a prediction."""
    collect = claims.collect

    def more(data, experiment="*"):
        frame = collect(data, experiment)
        row = claims.evaluate_claim(Claim("hostile", "q", "5e", HOSTILE, claims.above(2), -9.0, 0.1), EIGHT)
        guess = claims.evaluate_claim(Claim("guess", "q", claims.EXTENSION, "a guess", claims.above(2)), EIGHT)
        return pd.concat([frame, pd.DataFrame([row, guess]).assign(experiment=CHANGED)], ignore_index=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "collect", more)
        patch.setattr(report, "inline_image", lambda path: ("data:image/gif;base64,R0lGODlhAQABAAAAACw=", 2161, 1400))
        return html_report.render(html_report.Options())


def test_nothing_is_loaded_and_every_link_leads_somewhere(text):
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(loaded.startswith("data:") for loaded in page.loaded) and "url(" not in text and "@import" not in text
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        elif not link.startswith("https://"):
            assert (files.FIGURES / link.partition("#")[0]).exists(), link
    assert len(page.images) == len(list(files.FIGURES.glob("*.pdf")))
    assert all(re.match(r"(Fig\. \d|Beyond the paper).*: \w", image["alt"]) for image in page.images)


def test_every_claim_is_shown_with_its_score(text):
    frame = claims.collect(files.DATA)
    assert all(html.escape(statement).replace("&#x27;", "&#39;") in text for statement in frame["statement"])
    assert all(f'id="{row.experiment}-{row.claim}"' in text for row in frame.itertuples())
    assert all(
        f'href="#{row.experiment}-{row.claim}"' in text for row in frame[frame["reproduced_verdict"] == "False"].itertuples()
    )
    names = {experiment for experiment, _ in captions.read(files.ROOT).values()} - {CHANGED}
    for own in (claims.counted(frame, name) for name in names):
        assert f"<td>{claims.score(own)}</td>" in text


def test_it_opens_with_what_changed(text):
    rows = html_report.section((files.ROOT / "CHANGELOG.md").read_text(), "Changed").split("\n- ")
    assert len(rows) > 1
    opening = text[text.index("What changed") : text.index('<h2 id="verdicts">Verdicts</h2>')]
    assert opening.count("<li>") == len(rows)
    assert html_report.section("## 2\n### Changed\nlate\n### Added\na\n## 1\n### Changed\nearly\n", "Changed") == "late"
    assert html_report.section("## A\n### b\ntext\n## C\n", "A") == "### b\ntext"


def test_text_from_results_is_escaped(text):
    assert "<script" not in text and "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more" in text
    assert html_report.html("a <b>c</b> <!-- d --> [e](f.md) ![g](https://h.org)", "../x") == (
        '<p>a &lt;b&gt;c&lt;/b&gt;  <a href="../x/f.md">e</a> <a href="https://h.org">g</a></p>\n'
    )


def test_predictions_are_told_from_claims(text):
    failed = text.index("Not met beyond the paper")
    assert text.index("Not reproduced") < text.index(f'href="#{CHANGED}-hostile"') < failed
    assert failed < text.index(f'href="#{CHANGED}-guess"')


def test_charts_place_values_on_their_axis():
    rows = [claims.evaluate_claim(Claim("c", "q", "5e", "s", None, 5.0, 1), values) for values in ([1.0, 1.2], [3.0], [9.0, 9.4])]
    drawn = html_report.chart("5e", pd.DataFrame(rows))
    means = [row["mean"] for row in drawn.rows]
    assert means == sorted(means) and means[0] < drawn.rows[0]["published"] < means[2]
    positions = np.array([[row["mean"], row["published"], *row["interval"]] for row in drawn.rows])
    assert ((positions >= 0) & (positions <= 100)).all()
    assert all(0 <= position <= 100 for position, _ in drawn.ticks) and len(drawn.ticks) >= 2


def test_files_that_cannot_be_used_are_named(tmp_path):
    (tmp_path / "default_0.csv").write_text("episode,reward,entropy,value_error\n1,1,1,1\n")
    (tmp_path / "default_0.json").write_text('{"variant": "default", "config": {"seed": 0}}')
    with pytest.raises(UserError, match=r"default_0.json.*training_seconds"):
        cards.training_cost(tmp_path)
    assert cards.training_cost(tmp_path / "nowhere").empty


def test_reads_well_in_a_browser(text, tmp_path):
    if BROWSER is None:
        pytest.skip("no Chromium installed: the report was not opened in a browser")
    (tmp_path / "report.html").write_text(text)
    frames = "".join(f'<iframe src="report.html" style="width:{width}px;height:900px"></iframe>' for width in WIDTHS)
    measure = "[...document.querySelectorAll('iframe')].map(f => f.contentDocument.documentElement.scrollWidth)"
    (tmp_path / "frames.html").write_text(
        f"{frames}<p></p><script>onload = () => document.querySelector('p').append({measure})</script>"
    )
    quiet = (
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-gpu",
        "--hide-scrollbars",
    )
    run = (BROWSER, "--headless", "--no-sandbox", *quiet, f"--user-data-dir={tmp_path}/profile", "--enable-logging=stderr")
    page = ("--allow-file-access-from-files", "--dump-dom", f"file://{tmp_path}/frames.html")
    done = subprocess.run([*run, *page], capture_output=True, text=True, timeout=100)
    assert "CONSOLE" not in done.stderr, done.stderr
    widths = re.findall(r"\d+", done.stdout.partition("<p>")[2].partition("</p>")[0])
    assert [int(width) for width in widths] == list(WIDTHS), "the page is wider than the screen"
