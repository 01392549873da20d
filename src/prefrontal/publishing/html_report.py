"""The reproduction on one page: figures/report.html, made from results and READMEs only.

python -m prefrontal.report --help
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from PIL import Image

from prefrontal import cards, files, history
from prefrontal.errors import UserError, run
from prefrontal.publishing import captions, claims
from prefrontal.publishing.bibliography import Citation, cite
from prefrontal.tables import storage

CHOICES = ("Deviations and choices", "What falls short")
"""Sections of an experiment's README that the report shows in full."""


class Renderer(RendererHTML):
    """Markdown to HTML, with tables folded away so that the text between them can be read."""

    def table_open(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """Open a table, and count its rows below the header."""
        end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
        rows = sum(token.type == "tr_open" for token in tokens[index:end]) - 1
        return f'<details class="fold"><summary>Table, {rows} rows</summary><div class="wide"><table>'

    def table_close(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """Close a table."""
        return "</table></div></details>\n"


def html(text: str, base: str = "") -> str:
    """Render Markdown: raw HTML is shown as text, comments are dropped, images are links, relative links start from ``base``."""
    markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=Renderer).enable("table")
    tokens = markdown.parse(re.sub(r"<!--.*?-->|!(?=\[)", "", text, flags=re.DOTALL))
    for token in (child for parent in tokens for child in parent.children or []):
        href = str(token.attrs.get("href", ""))
        if token.type == "link_open" and not re.match(r"[a-z]+:|#", href):
            token.attrs["href"] = f"{base}/{href}" if base else href
    return markdown.renderer.render(tokens, markdown.options, {})


def section(text: str, heading: str) -> str:
    """Text under the first second- or third-level heading of these words; empty where there is none."""
    found = re.search(rf"^(###?) {re.escape(heading)}\n(.*?)(?=^\1 |^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return found[2].strip() if found else ""


def inline_image(path: Path) -> tuple[str, int, int]:
    """Return an image as a data URI, packed without loss, with its width and height in pixels."""
    packed = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(packed, "WEBP", lossless=True, method=1, quality=20)
        return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}", *image.size


@dataclass(frozen=True)
class Figure:
    """A figure with everything that belongs beside it."""

    name: str
    label: str
    """Such as "Fig. 5, supplement"."""
    image: tuple[str, int, int]
    citation: Citation
    files: list[tuple[str, str]]
    """What can be opened: label and file name."""


def figure_label(name: str) -> str:
    """Name of a figure in words: fig5_supplement is "Fig. 5, supplement"; one without a number goes beyond the paper."""
    found = re.fullmatch(r"fig(\d+)(?:_(\w+))?", name)
    if not found:
        return "Beyond the paper"
    return f"Fig. {found[1]}" + (f", {found[2].replace('_', ' ')}" if found[2] else "")


def collect_figure(name: str, citation: Citation, folder: Path) -> Figure:
    """Gather a figure's image and files."""
    kinds = {"PDF": f"{name}.pdf", "PNG": f"{name}.png", "caption": f"{name}.txt", "BibTeX": f"{name}.bib"}
    files = [(kind, file) for kind, file in kinds.items() if (folder / file).exists()]
    panels = sorted(path.name for path in folder.glob(f"{name}_?.png"))
    files += [(f"panel {Path(file).stem[-1]}", file) for file in panels]
    return Figure(name, figure_label(name), inline_image(folder / f"{name}.png"), citation, files)


def place(values: ArrayLike, low: float, high: float) -> list[float]:
    """Where values stand on an axis, in percent of its length."""
    return [round(float(x), 2) for x in 100 * (np.asarray(values, dtype=float) - low) / (high - low)]


@dataclass(frozen=True)
class Chart:
    """Published beside reproduced values of one panel, on one axis; positions in percent of its length."""

    panel: str
    ticks: list[tuple[float, str]]
    rows: list[dict[str, Any]]


def chart(panel: str, rows: pd.DataFrame) -> Chart:
    """Lay out the values of a panel that the paper gives."""
    numbers = rows[["published", "reproduced", "ci_low", "ci_high"]].to_numpy(dtype=float)
    finite = numbers[np.isfinite(numbers)]
    margin = 0.06 * (np.ptp(finite) or abs(finite[0]) or 1.0)
    low, high = finite.min() - margin, finite.max() + margin
    ticks = [tick for tick in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= tick <= high]
    drawn = []
    for row, (published, *ours) in zip(rows.to_dict("records"), numbers, strict=True):
        mean, *ends = place(np.clip(ours, low, high), low, high)
        drawn.append({"claim": row, "published": place([published], low, high)[0], "mean": mean, "interval": ends})
    return Chart(panel, list(zip(place(ticks, low, high), [f"{tick:g}".replace("-", "−") for tick in ticks], strict=True)), drawn)


def panel_files(panel: str, experiment: str, data: Path, figures: Path) -> dict[str, str]:
    """Where a panel's image and its results file are, seen from the figures folder."""
    results = data / experiment / "results"
    found = re.fullmatch(r"(\d+)([a-z])", panel)
    image = f"fig{found[1]}_{found[2]}.png" if found else ""
    name = rf"fig{found[1]}[a-z]*{found[2]}[a-z]*" if found else "claims"
    own = sorted((path for path in results.glob("*.csv") if re.fullmatch(name, path.stem)), key=lambda path: len(path.stem))
    return {
        "results": os.path.relpath(own[0] if own else results / "claims.csv", figures),
        "image": image if image and (figures / image).exists() else "",
    }


@dataclass(frozen=True)
class Experiment:
    """What the report shows of one folder of replications/."""

    name: str
    title: str
    readme: str
    """Where its README is, seen from the report."""
    question: str
    choices: list[tuple[str, str]]
    """Heading and HTML of the README's sections in CHOICES."""
    commands: str
    figures: list[Figure]
    frame: pd.DataFrame
    """Claims, with links to panel and results."""
    verdicts: pd.DataFrame
    """Verdict of each claim as a whole, in all experiments that evaluate_claim it."""
    score: list[str]
    """Counts of its claims, in words."""
    charts: list[Chart]
    training: pd.DataFrame
    commit: str


def collect_experiment(name: str, options: Options, citations: dict[str, Citation], frame: pd.DataFrame) -> Experiment:
    """Gather what the report shows of one experiment."""
    readme = (options.root / "replications" / name / "README.md").read_text()
    head = re.match(r"# ([^\n]+)\n\s*(.*?)\n\n", readme, re.DOTALL)
    if not head:
        raise UserError(f"replications/{name}/README.md must begin with a heading and a paragraph")
    base = os.path.relpath(options.root / "replications" / name, options.figures)
    commands = re.search(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    counted = claims.counted(frame, name)
    own = frame.loc[frame.index[frame["experiment"] == name].union(counted.index)]
    links = [panel_files(*keys, options.data, options.figures) for keys in zip(own["panel"], own["experiment"], strict=True)]
    published = own[own["published"].notna()]
    return Experiment(
        name=name,
        title=head[1],
        readme=f"{base}/README.md",
        question=html(head[2], base),
        choices=[(heading, html(text, base)) for heading in CHOICES if (text := section(readme, heading))],
        commands=commands[1] if commands else "",
        figures=[collect_figure(fig, made, options.figures) for fig, made in citations.items() if made.experiment == name],
        frame=own.assign(link=pd.Series(links, index=own.index, dtype=object)),
        verdicts=claims.verdicts(frame),
        score=claims.score(counted).split("; ") if len(counted) else [],
        charts=[chart(str(panel), rows) for panel, rows in published.groupby("panel", sort=False)],
        training=cards.training_cost(options.data / name / "networks"),
        commit=storage.manifest(options.data / name / "results").get("claims.csv", {}).get("commit", ""),
    )


@dataclass(frozen=True)
class Options:
    """Where everything is."""

    data: Path = files.DATA
    """Data folder."""
    figures: Path = files.FIGURES
    """Figures folder; the report is written here."""
    root: Path = files.ROOT
    """Folder of README.md, CHANGELOG.md, CITATION.cff and replications/."""


def render(options: Options) -> str:
    """Return the report as one HTML page without external parts."""
    frame = history.told(claims.collect(options.data), options.root)
    readme = (options.root / "README.md").read_text()
    citations = cite(options.root, options.data, options.figures)
    written = captions.read(options.root)
    missing = [name for name in written if name not in citations]
    if missing:
        raise UserError(f"{options.figures / missing[0]}.png: not drawn yet; run make figures first")
    names = dict.fromkeys(experiment for experiment, _ in written.values())
    environment = Environment(
        loader=PackageLoader("prefrontal", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": lambda value: "—" if pd.isna(value) else f"{value:.3g}".replace("-", "−"), "html": html}
    environment.tests |= {"missing": pd.isna, "holds": claims.holds, "beyond": lambda panel: panel == claims.EXTENSION}
    return environment.get_template("report.html.jinja").render(
        experiments=[collect_experiment(name, options, citations, frame) for name in names],
        score=claims.score(frame).split("; "),
        claim=re.search(r"\*\*The paper's claim\.\*\* (.*?)\n\n", readme, re.DOTALL),
        changed=section((options.root / "CHANGELOG.md").read_text(), "Changed"),
        verdicts=section(readme, "Verdicts").partition("<!--")[0],
        no_history=history.missing(options.root),
        wrong=lambda column: frame[frame[column].map(claims.holds).eq(False)],
    )


def main(options: Options) -> None:
    """Write report.html."""
    files.write_text(options.figures / "report.html", render(options))
    print(f"{options.figures / 'report.html'}: {(options.figures / 'report.html').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
