"""Citation of a figure: its caption, its provenance, and BibTeX of the suite, paper and sources.

prefrontal cite            lists the figures
prefrontal cite fig5       prints everything for one
prefrontal cite --write    writes <figure>.txt and <figure>.bib next to every figure
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
from prefrontal.errors import UserError, check
from prefrontal.publishing import captions, plotting

SUITE, PAPER = "prefrontal", "wang2018"
"""Keys of the entries that every figure is cited with."""
LICENCE = (
    "MIT licence (LICENSE). Published values drawn beside ours are read off the paper's figures: "
    "cite the paper for them."
)

NONE = "none of ours"
"""Licence of what is not ours to license."""

Entry = dict[str, Any]
"""A work as in CITATION.cff."""


def references(root: Path) -> dict[str, Entry]:
    """Read the suite and the works it builds on from CITATION.cff.

    Returns
    -------
    dict
        Key (first author and year, such as daw2011) -> entry.

    Raises
    ------
    UserError
        The file is not readable, or an entry lacks what a citation needs.
    """
    path = root / "CITATION.cff"
    try:
        suite = yaml.safe_load(path.read_text(encoding="utf-8"))
        works = {SUITE: suite | {"year": suite["date-released"].year}}
        for work in suite["references"]:
            works[re.sub(r"\W", "", names(work)[0][0]).lower() + str(work["year"])] = work
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: not in the Citation File Format ({why})") from error
    for key, entry in works.items():
        missing = [name for name in ("title", "type") if name not in entry]
        if missing:
            raise UserError(f"{path}: {key} has no {missing[0]}")
    return works


def project(root: Path) -> dict[str, Any]:
    """Read pyproject.toml."""
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as TOML ({error})") from error


def licences(root: Path) -> list[dict[str, Any]]:
    """Read the licences of the parts of the repository.

    Returns
    -------
    list of dict
        part, paths, licence (SPDX identifier; empty for what is not ours to license) and terms.
    """
    parts = project(root).get("tool", {}).get("prefrontal", {}).get("licences", [])
    for part in parts:
        for name in ("part", "paths", "licence", "terms"):
            if name not in part:
                path = root / "pyproject.toml"
                raise UserError(f"{path}: a table tool.prefrontal.licences has no {name!r}")
    return parts


def names(entry: Entry) -> list[tuple[str, str]]:
    """Family and given names of the authors; a group has a family name alone."""
    return [
        (author.get("family-names") or author["name"], author.get("given-names", ""))
        for author in entry["authors"]
    ]


def short(entry: Entry) -> str:
    """Write a citation as in running text: Lau & Glimcher 2005."""
    family = [name for name, _ in names(entry)]
    who = f"{family[0]} et al." if len(family) > 2 else " & ".join(family)
    return f"{who} {entry['year']}"


def bibtex(key: str, entry: Entry) -> str:
    """Write an entry as BibTeX."""
    kind = "article" if "journal" in entry else "misc"
    kind = "software" if entry["type"] == "software" else kind
    authors = [f"{family}, {given}" if given else f"{{{family}}}" for family, given in names(entry)]
    fields = {
        "author": " and ".join(authors),
        "title": f"{{{entry['title']}}}",
        "number": entry.get("issue"),
        "pages": "--".join(str(entry[end]) for end in ("start", "end") if end in entry),
    }
    others = ("journal", "volume", "year", "version", "doi", "url")
    fields |= {name: entry.get(name) for name in others}
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
    return f"@{kind}{{{key},\n{''.join(lines)}}}\n"


@dataclass(frozen=True)
class Citation:
    """Everything that belongs next to a figure."""

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
        paragraphs = self.caption.replace("**", "").split("\n\n")
        plain = "\n\n".join(textwrap.fill(paragraph, 100) for paragraph in paragraphs)
        folder = f"replications/{self.experiment}"
        about = {"drawn by": folder, **self.provenance, "licence": LICENCE}
        lines = [
            f"{name}: {value if isinstance(value, str) else json.dumps(value)}"
            for name, value in about.items()
        ]
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
    images = {path.stem: path for path in figures.glob("*.png")}
    if not images:
        raise UserError(f"{figures}: no figures; run make figures first")
    for name in sorted(images):
        if name not in written and re.sub(r"_[a-z]$", "", name) not in written:
            raise UserError(
                f"{name} has no caption: add a section '## {name}' to captions.md "
                "in the folder that draws it"
            )
    cited = {}
    for figure, (folder, text) in written.items():
        if figure in images and experiment in ("", folder):
            try:
                about = plotting.provenance(images[figure])
                cited[figure] = citation(text, folder, data, about, works)
            except UserError as error:
                raise UserError(f"replications/{folder}/captions.md, {figure}: {error}") from error
    return cited


def citation(
    text: str,
    experiment: str,
    data: Path,
    about: dict[str, Any],
    works: dict[str, Entry],
    animals: Path | None = None,
) -> Citation:
    """Fill in one caption (see ``captions.fill``)."""
    cited = captions.citations(text)
    unknown = [key for key in cited if key not in works]
    if unknown:
        raise UserError(f"@{unknown[0]} is not in CITATION.cff; there are {', '.join(works)}")

    def written_out(group: re.Match[str]) -> str:
        return f"({'; '.join(short(works[key]) for key in captions.citations(group[0]))})"

    caption = captions.fill(
        captions.CITATION.sub(written_out, text), experiment, data, about, animals
    )
    entries = dict.fromkeys([SUITE, PAPER, *cited])
    return Citation(
        experiment, caption, about, "\n".join(bibtex(key, works[key]) for key in entries)
    )


def write(citations: dict[str, Citation], figures: Path) -> None:
    """Write caption and provenance, and BibTeX, next to figures."""
    for figure, cited in citations.items():
        files.write_text(figures / f"{figure}.txt", cited.text())
        files.write_text(figures / f"{figure}.bib", cited.bibtex)


@dataclass(frozen=True)
class Options:
    """Which figure to cite."""

    figure: Annotated[str, tyro.conf.Positional] = ""
    """Figure, such as fig5; without it, all are listed."""
    write: bool = False
    """Write caption, provenance and BibTeX next to the figures instead."""
    experiment: str = ""
    """Only figures that this experiment draws."""
    data: Path = files.DATA
    """Data folder."""
    figures: Path = files.FIGURES
    """Figures folder."""
    root: Path = files.ROOT
    """Folder of CITATION.cff and replications/."""


def main(options: Options) -> None:
    """Print the citation of a figure, or write those of all next to them."""
    citations = cite(options.root, options.data, options.figures, options.experiment)
    if options.write:
        write(citations, options.figures)
    elif not options.figure:
        print("\n".join(f"{figure:<22}{cited.title}" for figure, cited in citations.items()))
    elif options.figure in citations:
        cited = citations[options.figure]
        print(cited.text() + "\n" + cited.bibtex, end="")
    else:
        raise UserError(f"no figure {options.figure!r}; there are {', '.join(citations)}")
