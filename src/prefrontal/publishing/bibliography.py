"""How to cite a figure: its caption, where it comes from, and BibTeX of the suite, the paper and the task's source.

python -m prefrontal.cite            lists the figures
python -m prefrontal.cite fig5       prints everything for one
python -m prefrontal.cite --write    writes <figure>.txt and <figure>.bib beside every figure
"""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
import yaml

from prefrontal import files
from prefrontal.errors import UserError, check, run
from prefrontal.publishing import captions, plotting

SUITE, PAPER = "prefrontal", "wang2018"
"""Keys of the entries that every figure is cited with."""
LICENCE = "MIT licence (LICENSE). Published values drawn beside ours are read off the paper's figures: cite the paper for them."

NONE = "none of ours"
"""Words for what is not ours to license."""

Entry = dict[str, Any]
"""A work as in CITATION.cff."""


def references(root: Path) -> dict[str, Entry]:
    """Read the suite and the works it builds on from CITATION.cff: key (first author and year, such as daw2011) -> entry.

    Raises
    ------
    UserError
        The file is not readable, or an entry lacks what a citation needs.
    """
    path = root / "CITATION.cff"
    try:
        suite = yaml.safe_load(path.read_text())
        works = {re.sub(r"\W", "", names(work)[0][0]).lower() + str(work["year"]): work for work in suite.pop("references")}
        found = {SUITE: suite | {"year": suite["date-released"].year}, **works}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not in the Citation File Format ({type(error).__name__}: {error})") from error
    for key, entry in found.items():
        missing = [name for name in ("title", "type") if name not in entry]
        if missing:
            raise UserError(f"{path}: {key} has no {missing[0]}")
    return found


def project(root: Path) -> dict[str, Any]:
    """Read pyproject.toml."""
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as TOML ({error})") from error


def licences(root: Path) -> list[dict[str, Any]]:
    """What is under which licence: part, paths, licence (its SPDX identifier; empty where we have none to give) and terms."""
    found = project(root).get("tool", {}).get("prefrontal", {}).get("licences", [])
    for own in found:
        for name in ("part", "paths", "licence", "terms"):
            if name not in own:
                raise UserError(f"{root / 'pyproject.toml'}: a table tool.prefrontal.licences has no {name!r}")
    return found


def names(entry: Entry) -> list[tuple[str, str]]:
    """Family and given names of the authors; a group has a family name alone."""
    return [(author.get("family-names") or author["name"], author.get("given-names", "")) for author in entry["authors"]]


def short(entry: Entry) -> str:
    """Write a citation as in running text: Lau & Glimcher 2005."""
    family = [name for name, _ in names(entry)]
    who = f"{family[0]} et al." if len(family) > 2 else " & ".join(family)
    return f"{who} {entry['year']}"


def bibtex(key: str, entry: Entry) -> str:
    """Write an entry as BibTeX."""
    kind = "software" if entry["type"] == "software" else "article" if "journal" in entry else "misc"
    authors = [f"{family}, {given}" if given else f"{{{family}}}" for family, given in names(entry)]
    pages = "--".join(str(entry[end]) for end in ("start", "end") if end in entry)
    fields = {"author": " and ".join(authors), "title": f"{{{entry['title']}}}", "number": entry.get("issue"), "pages": pages}
    fields |= {name: entry.get(name) for name in ("journal", "volume", "year", "version", "doi", "url")}
    return f"@{kind}{{{key},\n" + "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value) + "}\n"


@dataclass(frozen=True)
class Citation:
    """All that belongs beside a figure."""

    experiment: str
    """Folder that draws it."""
    caption: str
    """Caption in Markdown, with its numbers and citations written out."""
    provenance: dict[str, Any]
    """Commit, hash of the settings, library versions and seeds behind it."""
    bibtex: str
    """Suite, paper, and whatever the caption cites."""

    @property
    def title(self) -> str:
        """First sentence of the caption."""
        return self.caption.partition("**")[2].partition("**")[0].rstrip(".")

    def text(self) -> str:
        """Write caption and provenance for a plain text file."""
        plain = "\n\n".join(textwrap.fill(part, 100) for part in self.caption.replace("**", "").split("\n\n"))
        about = {"drawn by": f"replications/{self.experiment}", **self.provenance, "licence": LICENCE}
        lines = [f"{name}: {value if isinstance(value, str) else json.dumps(value)}" for name, value in about.items()]
        return plain + "\n\n" + "\n".join(lines) + "\n"


def cite(root: Path, data: Path, figures: Path, experiment: str = "") -> dict[str, Citation]:
    """Fill in the captions of all figures drawn, or of those that one experiment draws.

    Returns
    -------
    dict
        Figure -> citation, in the order of the figures.

    Raises
    ------
    UserError
        A figure has no caption, or a caption asks for a number or a reference that there is not.
    """
    written, works = captions.read(root), references(root)
    known = sorted({folder for folder, _ in written.values()})
    check(experiment in ("", *known), "experiment", experiment, " or ".join(known))
    drawn = {path.stem: path for path in figures.glob("*.png")}
    if not drawn:
        raise UserError(f"{figures}: no figures; run make figures first")
    nameless = sorted(name for name in drawn if name not in written and re.sub(r"_[a-z]$", "", name) not in written)
    if nameless:
        raise UserError(
            f"{nameless[0]} has no caption: add a section '## {nameless[0]}' to captions.md in the folder that draws it"
        )
    found = {}
    for figure, (folder, text) in written.items():
        if figure in drawn and experiment in ("", folder):
            try:
                found[figure] = citation(text, folder, data, plotting.provenance(drawn[figure]), works)
            except UserError as error:
                raise UserError(f"replications/{folder}/captions.md, {figure}: {error}") from error
    return found


def citation(
    text: str, experiment: str, data: Path, about: dict[str, Any], works: dict[str, Entry], animals: Path | None = None
) -> Citation:
    """Fill in one caption; ``animals`` is the folder of the animals' tables (see ``captions.fill``)."""
    cited = captions.citations(text)
    unknown = [key for key in cited if key not in works]
    if unknown:
        raise UserError(f"@{unknown[0]} is not in CITATION.cff; there are {', '.join(works)}")

    def written_out(group: re.Match[str]) -> str:
        return f"({'; '.join(short(works[key]) for key in captions.citations(group[0]))})"

    caption = captions.fill(captions.CITATION.sub(written_out, text), experiment, data, about, animals)
    entries = dict.fromkeys([SUITE, PAPER, *cited])
    return Citation(experiment, caption, about, "\n".join(bibtex(key, works[key]) for key in entries))


def write(found: dict[str, Citation], figures: Path) -> None:
    """Write caption and provenance, and BibTeX, beside figures."""
    for figure, own in found.items():
        files.write_text(figures / f"{figure}.txt", own.text())
        files.write_text(figures / f"{figure}.bib", own.bibtex)


@dataclass(frozen=True)
class Options:
    """Which figure to cite."""

    figure: Annotated[str, tyro.conf.Positional] = ""
    """Figure, such as fig5; without it, all are listed."""
    write: bool = False
    """Write caption, provenance and BibTeX beside the figures instead."""
    experiment: str = ""
    """Only figures that this experiment draws."""
    data: Path = files.DATA
    """Data folder."""
    figures: Path = files.FIGURES
    """Figures folder."""
    root: Path = files.ROOT
    """Folder of CITATION.cff and replications/."""


def main(options: Options) -> None:
    """Print how to cite a figure, or write it beside all figures."""
    found = cite(options.root, options.data, options.figures, options.experiment)
    if options.write:
        write(found, options.figures)
    elif not options.figure:
        print("\n".join(f"{figure:<18}{own.title}" for figure, own in found.items()))
    elif options.figure in found:
        print(found[options.figure].text() + "\n" + found[options.figure].bibtex, end="")
    else:
        raise UserError(f"no figure {options.figure!r}; there are {', '.join(found)}")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
