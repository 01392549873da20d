"""``prefrontal texts``: write numbers and tables into READMEs, and captions next to figures.

A comment in a README, or in ``data/*.md``, holds a template (see ``text``); the text follows it:

    <!-- {{ score() }} -->26 of 31 claims reproduced<!-- end -->
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import jinja2
import tyro

from prefrontal import experiments, files
from prefrontal.errors import UserError, check
from prefrontal.publishing import cite, text

BLOCK = re.compile(r"(<!-- ({{.*?}}) -->).*?(<!-- end -->)", re.DOTALL)


def fill(path: Path, environment: jinja2.Environment) -> str:
    """Render the templates in the comments of a Markdown file."""
    before = path.read_text(encoding="utf-8")
    if before.count("<!-- {{") != len(BLOCK.findall(before)):
        raise UserError(f"{path}: a comment <!-- {{{{ ... }}}} --> is not followed by <!-- end -->")

    def block(match: re.Match[str]) -> str:
        line = before.count("\n", 0, match.start()) + 1
        written = text.Template(match[2], path, line).render(environment)
        gap = "\n\n" if "\n" in written else ""
        return gap.join([match[1], written, match[3]])

    return BLOCK.sub(block, before)


def paths(root: Path, experiment: str = "") -> list[Path]:
    """Find the Markdown files that may hold templates: all, or that of one experiment."""
    if experiment:
        return [root / "replications" / experiment / "README.md"]
    patterns = ("README.md", "[!.]*/README.md", "replications/*/README.md", "data/*.md")
    return sorted({path for pattern in patterns for path in root.glob(pattern)})


@dataclass(frozen=True)
class Options:
    """Write numbers and tables into READMEs, and captions and BibTeX next to figures."""

    experiment: Annotated[str, tyro.conf.Positional] = ""
    """Only the texts of this experiment."""
    data: Path = files.DATA
    """Data folder."""
    figures: Path = files.FIGURES
    """Figures folder."""
    root: Path = files.ROOT
    """Folder of README.md and replications/."""


def main(options: Options) -> None:
    """Write the texts of all experiments, or of one."""
    known = experiments.names()
    legal = options.experiment in ("", *known)
    check(legal, "experiment", options.experiment, f"one of {', '.join(known)}")
    environment = text.environment(options.data)
    for path in paths(options.root, options.experiment):
        files.write_text(path, fill(path, environment))
    cited = cite.citations(options.root, options.data, options.figures, options.experiment or "*")
    for figure, citation in cited.items():
        citation.write(options.figures / figure)
