"""The documentation site: built without warnings, complete, and readable in a real browser."""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from prefrontal import experiments, files
from prefrontal.publishing import bibliography, claims
from tests.helpers import ENVIRONMENT, prefrontal, server

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
WIDTHS = (1400, 400)
"""Of a desktop's and of a phone's window, pixels."""
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
"""Commands of a tutorial."""
STORIES = sorted(path.stem for path in (files.ROOT / "docs/pages/stories").glob("*_*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(files.ROOT / "docs" / "build_site.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture
def browser(tmp_path):
    """An empty browser without a window."""
    if BROWSER is None:
        pytest.skip("no Chromium installed: the site was not opened in a browser")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (*QUIET, f"--user-data-dir={tmp_path}/profile"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = shutil.which("chromedriver")
    running = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield running
    running.quit()


def pages(site):
    """Addresses of all pages, relative to the site."""
    paths = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(path for path in paths if not path.startswith("_static"))


@pytest.mark.slow
def test_every_link_and_image_is_there(site):
    texts = {page: (site / page).read_text(encoding="utf-8") for page in pages(site)}
    ids = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in texts.items()}
    for page, text in texts.items():
        assert not re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="https?:', text), page
        for link in set(re.findall(r'\b(?:href|src)="([^"]+)"', text)):
            address, _, anchor = unquote(html.unescape(link)).partition("#")
            if re.match(r"[a-z]+:", address):
                continue
            target = (site / page).parent / address.partition("?")[0] if address else site / page
            assert target.exists(), f"{page}: {link}"
            name = target.resolve().relative_to(site.resolve()).as_posix()
            assert not anchor or anchor in ids.get(name, ()), f"{page}: {link}"


@pytest.mark.slow
def test_every_figure_claim_and_experiment_is_shown(site):
    for figure in files.FIGURES.glob("*.pdf"):
        text = (site / "gallery" / f"{figure.stem}.html").read_text(encoding="utf-8")
        assert f'href="../_images/{figure.stem}.png"' in text and "<strong>" in text
    frame = claims.collect(files.DATA)
    for name in experiments.names():
        text = (site / "experiments" / name / "index.html").read_text(encoding="utf-8")
        rows = frame[frame["experiment"] == name]
        assert text.count('docutils literal notranslate"') >= 2 * len(rows)
        assert all(f'<span class="pre">{claim}</span>' in text for claim in rows["claim"])


@pytest.mark.slow
def test_pages_fit_the_screen_in_a_browser(site, browser):
    from selenium.webdriver.support.wait import WebDriverWait

    missing = "return [...document.images].filter(i => i.complete && !i.naturalWidth)"
    loaded = "return [...document.images].every(i => i.complete || i.loading == 'lazy')"
    width = "return document.documentElement.scrollWidth"
    with server(site) as address:
        for page in pages(site):
            browser.get(f"{address}/{page}")
            WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(loaded))
            assert browser.execute_script(f"{missing}.map(i => i.src)") == [], page
            for wide in WIDTHS:
                screen = {"width": wide, "height": 900, "deviceScaleFactor": 1, "mobile": False}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
                assert browser.execute_script(width) <= wide, f"{page} is wider than {wide} pixels"
            severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
            assert severe == [], page


@pytest.mark.slow
def test_search_finds_a_page(site, browser):
    from selenium.webdriver.support.wait import WebDriverWait

    with server(site) as address:
        browser.get(f"{address}/search.html?q=planning+index")
        script = "return document.querySelectorAll('ul.search li a').length"
        WebDriverWait(browser, 20).until(lambda browser: browser.execute_script(script))


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_commands_of_a_tutorial_run(story, tmp_path):
    page = (files.ROOT / "docs/pages/stories" / f"{story}.md").read_text(encoding="utf-8")
    script, environment = "", os.environ | ENVIRONMENT
    for language, block in BLOCK.findall(page):
        if language == "python":
            script += block
            (tmp_path / "script.py").write_text(script, encoding="utf-8")
            command = [sys.executable, "script.py"]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            continue
        for line in block.splitlines():
            name, *words = line.split()
            done = prefrontal(*words, folder=tmp_path)
            assert name == "prefrontal" and done.returncode == 0, done.stderr


def test_one_file_names_the_repository():
    citation = yaml.safe_load(bibliography.CITATION.read_text(encoding="utf-8"))
    address = citation["repository-code"]
    assert re.fullmatch(r"https://github\.com/[\w-]+/[\w-]+", address)
    listed = subprocess.run(
        ["git", "grep", "-l", "--fixed-strings", address, ":!src/prefrontal/CITATION.cff"],
        cwd=files.ROOT,
        capture_output=True,
        text=True,
    )
    assert [Path(line).name for line in listed.stdout.splitlines()] in ([], ["CITATION.cff"])
