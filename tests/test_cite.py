"""Captions get their numbers from results, and every figure says how to cite it."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest

from prefrontal import captions, cite, claims, paths, tables
from prefrontal.errors import UserError


@pytest.fixture
def data(tmp_path):
    """Results of one experiment: a claim with one row, a claim with two, and a table with two rows per network."""
    rows = [
        claims.settle("slope", "9a", "slope of x", [0.5, 0.7], claims.above(0), published=0.66, tolerance=0.1),
        claims.settle("lags", "9b", "weight of common trials", [2000.0, 2001.0], claims.above(0)),
        claims.settle("lags", "9b", "weight of uncommon trials", [-1.0, -1.0], None),
        claims.settle("lags", "9b", "weight of no trials", [np.nan, np.nan], None),
    ]
    folder = tmp_path / "data" / "toy" / "results"
    claims.write(rows, folder, {"test_episodes": 1333})
    table = pd.DataFrame({"seed": [0, 0, 1, 1], "task": ["a", "a", "a", "b"], "share": [0.1, 0.3, 0.4, 9.0]})
    tables.write(table, folder / "reward.csv")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{slope}", "0.6 [−0.671, 1.87]"),
        ("{published slope}", "0.66"),
        ("{lags: of uncommon}", "−1"),
        ("{lags: uncommon trials}", "−1"),
        ("{lags: weight of common trials}", "2,000 [1,994, 2,007]"),
        ("{networks} networks, {test_episodes} episodes", "2 networks, 1,333 episodes"),
        ('{reward.csv: share where task == "a"}', "0.3 [−0.971, 1.57]"),
        ('{toy/results/reward.csv: share where task == "b"}', "9"),
        ("no braces", "no braces"),
    ],
)
def test_braces_become_numbers(data, text, filled):
    assert captions.fill(text, "toy", data) == filled


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{slop}", "slope, lags"),
        ("{lags: trials}", "fits 3 statements"),
        ("{lags: of no trials}", "missing"),
        ("{published lags: of common}", "missing"),
        ("{reward.csv: shares}", "shares"),
        ("{reward.csv: share where task = 3}", "selects no rows"),
        ('{reward.csv: share where task == "c"}', "missing"),
        ("{nothing.csv: share}", "no such table"),
    ],
)
def test_a_number_that_is_missing_is_an_error(data, text, why):
    with pytest.raises(UserError, match=re.escape(text)) as error:
        captions.fill(text, "toy", data)
    assert why in str(error.value)


def write_folder(root, caption: str, figure: str = "fig9") -> cite.Options:
    """A suite with one experiment, whose figure has been drawn."""
    (root / "CITATION.cff").write_text((paths.ROOT / "CITATION.cff").read_text())
    folder = root / "replications" / "toy"
    folder.mkdir(parents=True)
    (folder / "figure.py").touch()
    if caption:
        (folder / "captions.md").write_text(caption)
    (root / "figures").mkdir()
    (root / "figures" / "manifest.json").write_text(json.dumps({figure: {"commit": "abc", "seeds": [0, 1]}}))
    return cite.Options(data=root / "data", figures=root / "figures", root=root)


def test_caption_provenance_and_bibtex_are_written_beside_the_figure(data, tmp_path):
    caption = "# Captions\n\n## fig9\n**A title.** **a**, Slope {slope} [@lau2005; @daw2011].\n\n## fig10\n**Not drawn.**\n"
    options = write_folder(tmp_path, caption)
    cite.main(dataclasses.replace(options, write=True))
    text, bib = ((options.figures / f"fig9.{suffix}").read_text() for suffix in ("txt", "bib"))
    assert text.startswith("A title. a, Slope 0.6 [−0.671, 1.87] (Lau & Glimcher 2005; Daw et al. 2011).")
    assert "commit: abc" in text and "replications/toy" in text
    assert re.findall(r"@\w+\{(\w+),", bib) == ["prefrontal", "wang2018", "lau2005", "daw2011"]
    assert not (options.figures / "fig10.txt").exists()


@pytest.mark.parametrize(
    ("caption", "why"),
    [
        ("", "toy/captions.md"),
        ("## fig8\n**Another.**", "fig9 has no caption"),
        ("## fig9\n**Title.** [@nobody1900]", "nobody1900"),
        ("## fig9\n**Title.** {nothing}", "toy/captions.md, fig9: {nothing}"),
    ],
)
def test_what_a_folder_lacks_is_named(data, tmp_path, caption, why):
    with pytest.raises(UserError, match=re.escape(why)):
        cite.main(write_folder(tmp_path, caption))


def test_every_reference_becomes_bibtex():
    works = cite.references(paths.ROOT)
    assert {"prefrontal", "wang2018", "wang2016", "brombergmartin2010"} <= set(works)
    for key, entry in works.items():
        text = cite.bibtex(key, entry)
        assert text.count("{") == text.count("}")
        assert all(f"  {field} = {{" in text for field in ("author", "title", "year"))
        assert key == "prefrontal" or "doi = {10." in text or "url = {https://arxiv.org/" in text, key


def test_command_line_lists_prints_and_refuses(data, tmp_path, capsys):
    options = write_folder(tmp_path, "## fig9\n**A title.** **a**, Slope {slope} [@miller2017].\n")
    cite.main(options)
    assert capsys.readouterr().out.split(maxsplit=1) == ["fig9", "A title\n"]
    cite.main(dataclasses.replace(options, figure="fig9"))
    assert "Slope 0.6" in (text := capsys.readouterr().out) and "@article{miller2017," in text
    with pytest.raises(UserError, match="'fig5'; there are fig9"):
        cite.main(dataclasses.replace(options, figure="fig5"))


def test_every_committed_figure_can_be_cited():
    found = cite.cite(paths.ROOT, paths.DATA, paths.FIGURES)
    assert set(found) == set(json.loads((paths.FIGURES / "manifest.json").read_text()))
    for figure, citation in found.items():
        assert citation.title and "{" not in citation.caption, figure
        assert citation.bibtex.startswith("@software{prefrontal,") and '"commit": "' in json.dumps(citation.provenance), figure
