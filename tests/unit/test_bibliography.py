"""Every figure says how to cite it."""

import dataclasses
import re

import pytest

from prefrontal import files
from prefrontal.errors import UserError
from prefrontal.publishing import bibliography, plotting
from tests.unit.test_captions import write_results

ABOUT = {"commit": "abc", "seeds": [0, 1]}


@pytest.fixture
def data(tmp_path):
    """Results of one experiment."""
    return write_results(tmp_path / "data")


def write_folder(root, caption: str, figure: str = "fig9") -> bibliography.Options:
    """A suite with one experiment, whose figure has been drawn."""
    citation = (files.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (root / "CITATION.cff").write_text(citation, encoding="utf-8")
    folder = root / "replications" / "toy"
    folder.mkdir(parents=True)
    (folder / "figure.py").touch()
    if caption:
        (folder / "captions.md").write_text(caption, encoding="utf-8")
    drawing = plotting.new_figure(20, 20)
    plotting.save(drawing, figure, root / "figures", ABOUT, {"a": [drawing.add_subplot()]})
    return bibliography.Options(data=root / "data", figures=root / "figures", root=root)


def test_caption_and_bibtex_are_written_next_to_figures(data, tmp_path):
    caption = (
        "# Captions\n\n## fig9\n**A title.** **a**, Slope {slope} [@lau2005; @daw2011].\n\n"
        "## fig10\n**Not drawn.**\n"
    )
    options = write_folder(tmp_path, caption)
    bibliography.main(dataclasses.replace(options, write=True))
    paths = [options.figures / f"fig9.{suffix}" for suffix in ("txt", "bib")]
    text, bib = (path.read_text(encoding="utf-8") for path in paths)
    assert text.startswith(
        "A title. a, Slope 0.6 [−0.671, 1.87] (Lau & Glimcher 2005; Daw et al. 2011)."
    )
    assert "commit: abc" in text and "replications/toy" in text
    assert re.findall(r"@\w+\{(\w+),", bib) == ["prefrontal", "wang2018", "lau2005", "daw2011"]
    assert not (options.figures / "fig10.txt").exists()
    before = {path: path.stat().st_mtime_ns for path in options.figures.iterdir()}
    bibliography.main(dataclasses.replace(options, write=True))
    after = {path: path.stat().st_mtime_ns for path in options.figures.iterdir()}
    assert after == before, "equal files are left alone"


@pytest.mark.parametrize(
    ("caption", "why"),
    [
        ("", "toy/captions.md"),
        ("## fig8\n**Another.**", "fig9 has no caption"),
        ("## fig9\n**Title.** [@nobody1900]", "nobody1900"),
        ("## fig9\n**Title.** {nothing}", "toy/captions.md, fig9: {nothing}"),
    ],
)
def test_missing_captions_and_references_are_named(data, tmp_path, caption, why):
    with pytest.raises(UserError, match=re.escape(why)):
        bibliography.main(write_folder(tmp_path, caption))


def test_command_lists_prints_and_checks(data, tmp_path, capsys):
    options = write_folder(tmp_path, "## fig9\n**A title.** **a**, Slope {slope} [@miller2017].\n")
    bibliography.main(options)
    assert capsys.readouterr().out.split(maxsplit=1) == ["fig9", "A title\n"]
    bibliography.main(dataclasses.replace(options, figure="fig9"))
    text = capsys.readouterr().out
    assert "Slope 0.6" in text and "@article{miller2017," in text
    with pytest.raises(UserError, match="experiment is 'another'; it must be toy"):
        bibliography.main(dataclasses.replace(options, experiment="another"))
    with pytest.raises(UserError, match="'fig5'; there are fig9"):
        bibliography.main(dataclasses.replace(options, figure="fig5"))
