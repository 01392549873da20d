"""Every figure says how to cite it."""

import re

import pytest
from pybtex.database import parse_string

from prefrontal.errors import UserError
from prefrontal.publishing import bibliography, cite, plotting, readmes
from tests.unit.test_text import write_results

ABOUT = {"commit": "abc", "seeds": [0, 1]}


@pytest.fixture
def data(tmp_path):
    """Results of one experiment."""
    return write_results(tmp_path / "data")


def write_folder(root, caption: str, figure: str = "fig9") -> dict:
    """A suite with one experiment, whose figure has been drawn."""
    folder = root / "replications" / "toy"
    folder.mkdir(parents=True)
    (folder / "captions.md").write_text(caption, encoding="utf-8")
    drawing = plotting.new_figure(20, 20)
    plotting.save(drawing, figure, root / "figures", ABOUT, {"a": [drawing.add_subplot()]})
    return {"data": root / "data", "figures": root / "figures", "root": root}


def test_caption_and_bibtex_are_written_next_to_figures(data, tmp_path):
    caption = (
        "# Captions\n\n## fig9\n**A title.** **a**, Slope {{ claim('slope') }} "
        "{{ cite('lau2005', 'daw2011') }}.\n\n## fig10\n**Not drawn.**\n"
    )
    options = write_folder(tmp_path, caption)
    readmes.main(readmes.Options(**options))
    paths = [options["figures"] / f"fig9.{suffix}" for suffix in ("txt", "bib")]
    text, bib = (path.read_text(encoding="utf-8") for path in paths)
    assert text.startswith(
        "A title. a, Slope 0.6 [−0.671, 1.87] (Lau & Glimcher 2005; Daw et al. 2011)."
    )
    assert "commit: abc" in text and "replications/toy" in text
    entries = parse_string(bib, "bibtex").entries
    assert list(entries) == ["prefrontal", "wang2018", "lau2005", "daw2011"]
    assert entries["lau2005"].fields["pages"] == "555--579"
    assert not (options["figures"] / "fig10.txt").exists()
    before = {path: path.stat().st_mtime_ns for path in options["figures"].iterdir()}
    readmes.main(readmes.Options(**options))
    after = {path: path.stat().st_mtime_ns for path in options["figures"].iterdir()}
    assert after == before, "equal files are left alone"


@pytest.mark.parametrize(
    ("caption", "why"),
    [
        ("## fig8\n**Another.**", "fig9 has no caption"),
        ("## fig9\n**Title.**\n{{ cite('nobody1900') }}", "captions.md, line 3: reference"),
        ("## fig9\n**Title.** {{ claim('nothing') }}", "captions.md, line 2: no claim 'nothing'"),
    ],
)
def test_missing_captions_and_references_are_named(data, tmp_path, caption, why):
    with pytest.raises(UserError, match=re.escape(why)):
        cite.main(cite.Options(**write_folder(tmp_path, caption)))


def test_command_lists_prints_and_checks(data, tmp_path, capsys):
    caption = "## fig9\n**A title.** **a**, Slope {{ claim('slope') }} {{ cite('miller2017') }}.\n"
    options = write_folder(tmp_path, caption)
    cite.main(cite.Options(**options))
    assert capsys.readouterr().out.split(maxsplit=1) == ["fig9", "A title\n"]
    cite.main(cite.Options("fig9", **options))
    text = capsys.readouterr().out
    assert "Slope 0.6" in text and "@article{miller2017," in text
    with pytest.raises(UserError, match=r"no figure 'fig5'; there are fig9"):
        cite.main(cite.Options("fig5", **options))
    with pytest.raises(UserError, match="describes no panel 'c'"):
        cite.main(cite.Options("fig9c", **options))


@pytest.mark.parametrize(
    ("panel", "printed"),
    [
        ("9a", "A title. All. a, one (Fig. b)."),
        ("fig9_b", "A title. All. b, c, two."),
        ("fig9c", "A title. All. b, c, two."),
        ("9e", "A title. All. d–f, three."),
    ],
)
def test_a_panel_is_cited_with_its_part_of_the_caption(data, tmp_path, capsys, panel, printed):
    parts = "**a**, one (Fig. b). **b**,\n**c**, two.\n**d**–**f**, three.\n\nDots.\n"
    caption = f"## fig9\n**A title.** All. {parts}"
    cite.main(cite.Options(panel, **write_folder(tmp_path, caption)))
    first, second = capsys.readouterr().out.split("\n\n")[:2]
    assert (first, second) == (printed, "Dots.")


@pytest.mark.parametrize("written", ["title: [", "title: a\n", "- a\n", "date-released: never\n"])
def test_broken_metadata_are_named(tmp_path, written):
    path = tmp_path / "CITATION.cff"
    path.write_text(written, encoding="utf-8")
    with pytest.raises(UserError, match=r"CITATION\.cff: not in the Citation File Format \("):
        bibliography.references(path)
    assert len(bibliography.references()) > 10
