"""The report on this suite: complete, self-contained, and readable in a browser."""

import html
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from prefrontal import files
from prefrontal.publishing import captions, claims, html_report
from prefrontal.publishing.claims import Claim

HOSTILE = "<script>alert('x')</script> & more"
CHANGED = "two_step"
"""Experiment that gets two more rows of claims."""
EIGHT = np.linspace(1, 1.1, 8)
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
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
    """The report, with a small image for all, and two more claims, one of them an extension."""
    collect = claims.collect

    def more(data, experiment="*"):
        frame = collect(data, experiment)
        hostile = Claim("hostile", "q", "5e", HOSTILE, claims.above(2), -9.0, 0.1)
        guess = Claim("guess", "q", claims.EXTENSION, "a guess", claims.above(2))
        rows = pd.DataFrame([claims.evaluate_claim(claim, EIGHT) for claim in (hostile, guess)])
        return pd.concat([frame, rows.assign(experiment=CHANGED)], ignore_index=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "collect", more)
        image = "data:image/gif;base64,R0lGODlhAQABAAAAACw=", 2161, 1400
        patch.setattr(html_report, "inline_image", lambda path: image)
        return html_report.render(html_report.Options())


def test_nothing_is_loaded_and_every_link_leads_somewhere(text):
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(loaded.startswith("data:") for loaded in page.loaded)
    assert "url(" not in text and "@import" not in text
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        elif not link.startswith("https://"):
            assert (files.FIGURES / link.partition("#")[0]).exists(), link
    assert len(page.images) == len(list(files.FIGURES.glob("*.pdf")))
    assert all(
        re.match(r"(Fig\. \d|Beyond the paper).*: \w", image["alt"]) for image in page.images
    )


def test_every_claim_is_shown_with_its_score(text):
    frame = claims.collect(files.DATA)
    for row in frame.itertuples():
        assert html.escape(row.statement).replace("&#x27;", "&#39;") in text
        assert f'id="{row.experiment}-{row.claim}"' in text
        if row.reproduced_verdict == "False":
            assert f'href="#{row.experiment}-{row.claim}"' in text
    for name in {name for name, _ in captions.read(files.ROOT).values()} - {CHANGED}:
        assert f"<td>{claims.score(claims.scored_rows(frame, name))}</td>" in text


def test_it_opens_with_what_changed(text):
    changes = (files.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    rows = html_report.section(changes, "Changed").split("\n- ")
    assert len(rows) > 1
    opening = text[text.index("What changed") : text.index('<h2 id="verdicts">Verdicts</h2>')]
    assert opening.count("<li>") == len(rows)


def test_text_from_results_is_escaped(text):
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more" in text


def test_extensions_are_listed_separately(text):
    failed = text.index("Not met beyond the paper")
    assert text.index("Not reproduced") < text.index(f'href="#{CHANGED}-hostile"') < failed
    assert failed < text.index(f'href="#{CHANGED}-guess"')


def test_reads_well_in_a_browser(text, tmp_path):
    if BROWSER is None:
        pytest.skip("no Chromium installed: the report was not opened in a browser")
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    frames = "".join(
        f'<iframe src="report.html" style="width:{width}px;height:900px"></iframe>'
        for width in WIDTHS
    )
    measure = (
        "[...document.querySelectorAll('iframe')]"
        ".map(f => f.contentDocument.documentElement.scrollWidth)"
    )
    script = f"onload = () => document.querySelector('p').append({measure})"
    page = f"{frames}<p></p><script>{script}</script>"
    (tmp_path / "frames.html").write_text(page, encoding="utf-8")
    quiet = (
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-gpu",
        "--hide-scrollbars",
    )
    profile = f"--user-data-dir={tmp_path}/profile"
    run = (BROWSER, "--headless", "--no-sandbox", *quiet, profile, "--enable-logging=stderr")
    opened = ("--allow-file-access-from-files", "--dump-dom", f"file://{tmp_path}/frames.html")
    done = subprocess.run([*run, *opened], capture_output=True, text=True, timeout=100)
    assert "CONSOLE" not in done.stderr, done.stderr
    widths = re.findall(r"\d+", done.stdout.partition("<p>")[2].partition("</p>")[0])
    assert [int(width) for width in widths] == list(WIDTHS), "the page is wider than the screen"
