"""Citation of a figure or panel: its caption, provenance and references."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jinja2
import tyro

from prefrontal import files
from prefrontal.errors import UserError
from prefrontal.publishing import bibliography, plotting, text

LICENCE = (
    "MIT licence (LICENSE). Published values drawn next to ours are read off the paper's figures: "
    "cite the paper for them."
)

PANELS = re.compile(r"(?<!\*\*,)\s+(?=\*\*\w\*\*)")
"""Separator before the description of panels in a caption: **a**, or **b**, **c**, or
**d**–**f**."""


def _letters(passage: str) -> list[str]:
    """Panels described by a passage of a caption."""
    letters = re.findall(r"\*\*(\w)\*\*", passage)
    first, last = ord(letters[0]), ord(letters[-1])
    return [chr(code) for code in range(first, last + 1)] if "**–**" in passage else letters


@dataclass(frozen=True)
class Citation:
    """Caption, provenance and references of a figure.

    Attributes
    ----------
    experiment : str
        Folder that draws it.
    caption : str
        Markdown, with numbers and citations written out.
    provenance : dict
        Commit, hash of the settings, library versions and seeds.
    bibtex : str
        The suite, the paper, and the works cited in the caption.
    """

    experiment: str
    caption: str
    provenance: dict[str, Any]
    bibtex: str

    @property
    def title(self) -> str:
        """First sentence of the caption."""
        return self.caption.split("**")[1].rstrip(".")

    def text(self, panel: str = "") -> str:
        """Write the caption, of one panel or of all, and the provenance as plain text."""
        first, *others = self.caption.split("\n\n")
        if panel:
            title, *passages = PANELS.split(first)
            described = [passage for passage in passages if panel in _letters(passage)]
            if not described:
                raise UserError(f"the caption describes no panel {panel!r}")
            first = " ".join([title, *described])
        paragraphs = [textwrap.fill(each.replace("**", ""), 100) for each in (first, *others)]
        about = {"drawn by": f"replications/{self.experiment}", **self.provenance}
        lines = [
            f"{name}: {value if isinstance(value, str) else json.dumps(value)}"
            for name, value in (about | {"licence": LICENCE}).items()
        ]
        return "\n\n".join([*paragraphs, "\n".join(lines)])

    def write(self, path: Path) -> None:
        """Write caption and provenance (.txt) and BibTeX (.bib) next to a figure."""
        files.write_text(path.with_suffix(".txt"), self.text() + "\n")
        files.write_text(path.with_suffix(".bib"), self.bibtex)


def citation(
    template: text.Template,
    experiment: str,
    environment: jinja2.Environment,
    provenance: dict[str, Any],
) -> Citation:
    """Render a caption, which may use the provenance of an animals' figure: {{ animals.file }}."""
    keys = [bibliography.SUITE, bibliography.PAPER]

    def cite(*cited: str) -> str:
        keys.extend(cited)
        return bibliography.short(cited)

    animals = {name: text.plain(str(value)) for name, value in provenance.items()}
    caption = template.render(environment, experiment=experiment, animals=animals, cite=cite)
    return Citation(experiment, caption, provenance, bibliography.bibtex(dict.fromkeys(keys)))


def citations(root: Path, data: Path, figures: Path, experiment: str = "*") -> dict[str, Citation]:
    """Collect the citations of all figures drawn, or of those that one experiment draws.

    Raises
    ------
    UserError
        A figure has no caption, or a caption refers to a missing number or reference.
    """
    images = {path.stem: path for path in figures.glob("*.png")}
    if not images:
        raise UserError(f"{figures}: no figures; run make figures first")
    templates: dict[str, text.Template] = {}
    for path in root.glob(f"replications/{experiment}/captions.md"):
        templates |= text.captions(path.parent)
    for name in images if experiment == "*" else ():
        if name not in templates and re.sub(r"_[a-z]$", "", name) not in templates:
            raise UserError(
                f"{name} has no caption: add a section '## {name}' to captions.md "
                "in the folder that draws it"
            )
    environment, cited = text.environment(data), {}
    for name in sorted(set(templates) & set(images)):
        folder = templates[name].path.parent.name
        provenance = plotting.provenance(images[name])
        cited[name] = citation(templates[name], folder, environment, provenance)
    return cited


@dataclass(frozen=True)
class Options:
    """Print a figure's caption, the provenance of its numbers, and the references to cite."""

    figure: Annotated[str, tyro.conf.Positional] = ""
    """Figure or panel, such as fig5 or fig5e. Without one, list all figures."""
    data: Path = files.DATA
    """Data folder."""
    figures: Path = files.FIGURES
    """Figures folder."""
    root: Path = files.ROOT
    """Folder of replications/."""


def main(options: Options) -> None:
    """List the figures, or print the citation of one."""
    figures = citations(options.root, options.data, options.figures)
    if not options.figure:
        print("\n".join(f"{figure:<22}{cited.title}" for figure, cited in figures.items()))
        return
    for name in (options.figure, f"fig{options.figure}"):
        panel = re.fullmatch(r"(fig\w+?)_?([a-z])", name)
        whole, letter = (name, "") if name in figures or not panel else panel.groups()
        if whole in figures:
            print(f"{figures[whole].text(letter)}\n\n{figures[whole].bibtex}", end="")
            return
    raise UserError(f"no figure {options.figure!r}; there are {', '.join(figures)}")
