"""The reproduction on one page: figures/report.html, made from results and READMEs only."""

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
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from PIL import Image

from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.publishing import captions, claims, readme_tables
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
        return (
            f'<details class="fold"><summary>Table, {rows} rows</summary><div class="wide"><table>'
        )

    def table_close(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """Close a table."""
        return "</table></div></details>\n"


def html(text: str, base: str = "") -> str:
    """Render Markdown; relative links start from ``base``.

    Raw HTML is shown as text, comments are dropped, and images become links.
    """
    markdown = MarkdownIt("commonmark", {"html": False}, renderer_cls=Renderer).enable("table")
    tokens = markdown.parse(re.sub(r"<!--.*?-->|!(?=\[)", "", text, flags=re.DOTALL))
    for token in (child for parent in tokens for child in parent.children or []):
        href = str(token.attrs.get("href", ""))
        if token.type == "link_open" and not re.match(r"[a-z]+:|#", href):
            token.attrs["href"] = f"{base}/{href}" if base else href
    return markdown.renderer.render(tokens, markdown.options, {})


def section(text: str, heading: str) -> str:
    """Text under the first second- or third-level heading of these words; empty without one."""
    pattern = rf"^(###?) {re.escape(heading)}\n(.*?)(?=^\1 |^## |\Z)"
    match = re.search(pattern, text, re.DOTALL | re.MULTILINE)
    return match[2].strip() if match else ""


def inline_image(path: Path) -> tuple[str, int, int]:
    """Return an image as a data URI, packed without loss, with its width and height in pixels."""
    packed = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(packed, "WEBP", lossless=True, method=1, quality=20)
        data = base64.b64encode(packed.getvalue()).decode("ascii")
        return f"data:image/webp;base64,{data}", *image.size


@dataclass(frozen=True)
class Figure:
    """A figure with everything that belongs next to it."""

    name: str
    label: str
    """Such as "Fig. 5, supplement"."""
    image: tuple[str, int, int]
    citation: Citation
    files: list[tuple[str, str]]
    """What can be opened: label and file name."""


def figure_label(name: str) -> str:
    """Name of a figure in words: fig5_supplement is "Fig. 5, supplement"."""
    match = re.fullmatch(r"fig(\d+)(?:_(\w+))?", name)
    if not match:
        return "Beyond the paper"
    return f"Fig. {match[1]}" + (f", {match[2].replace('_', ' ')}" if match[2] else "")


def collect_figure(name: str, citation: Citation, folder: Path) -> Figure:
    """Gather a figure's image and files."""
    kinds = {"PDF": "pdf", "PNG": "png", "caption": "txt", "BibTeX": "bib"}
    links = [
        (kind, f"{name}.{suffix}")
        for kind, suffix in kinds.items()
        if (folder / f"{name}.{suffix}").exists()
    ]
    panels = sorted(path.name for path in folder.glob(f"{name}_?.png"))
    links += [(f"panel {Path(file).stem[-1]}", file) for file in panels]
    return Figure(name, figure_label(name), inline_image(folder / f"{name}.png"), citation, links)


def place(values: ArrayLike, low: float, high: float) -> list[float]:
    """Positions of values on an axis, in percent of its length."""
    share = (np.asarray(values, dtype=float) - low) / (high - low)
    return [round(float(x), 2) for x in 100 * share]


@dataclass(frozen=True)
class Chart:
    """Published and reproduced values of one panel; positions in percent of its axis."""

    panel: str
    ticks: list[tuple[float, str]]
    rows: list[dict[str, Any]]


def chart(panel: str, rows: pd.DataFrame) -> Chart:
    """Lay out the values of a panel that the paper gives."""
    numbers = rows[["published", "reproduced", "ci_low", "ci_high"]].to_numpy(dtype=float)
    finite = numbers[np.isfinite(numbers)]
    margin = 0.06 * (np.ptp(finite) or abs(finite[0]) or 1.0)
    low, high = finite.min() - margin, finite.max() + margin
    locator = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10])
    ticks = [tick for tick in locator.tick_values(low, high) if low <= tick <= high]
    labels = [f"{tick:g}".replace("-", "−") for tick in ticks]
    placed = []
    for row, (published, *ours) in zip(rows.to_dict("records"), numbers, strict=True):
        mean, *ends = place(np.clip(ours, low, high), low, high)
        marker = place([published], low, high)[0]
        placed.append({"claim": row, "published": marker, "mean": mean, "interval": ends})
    return Chart(panel, list(zip(place(ticks, low, high), labels, strict=True)), placed)


def panel_files(panel: str, experiment: str, data: Path, figures: Path) -> dict[str, str]:
    """Links to a panel's image and to the experiment's claims, seen from the figures folder."""
    match = re.fullmatch(r"(\d+)([a-z])", panel)
    image = f"fig{match[1]}_{match[2]}.png" if match else ""
    return {
        "results": os.path.relpath(data / experiment / "results" / "claims.csv", figures),
        "image": image if image and (figures / image).exists() else "",
    }


@dataclass(frozen=True)
class Chapter:
    """The report's part about one folder of replications/."""

    name: str
    title: str
    readme: str
    """Path of its README, seen from the report."""
    question: str
    choices: list[tuple[str, str]]
    """Heading and HTML of the README's sections in CHOICES."""
    commands: str
    figures: list[Figure]
    frame: pd.DataFrame
    """Claims, with links to panel and results."""
    verdicts: pd.DataFrame
    """Verdict of each claim as a whole, in all experiments that evaluate it."""
    score: list[str]
    """Counts of its claims, in words."""
    charts: list[Chart]
    variants: str
    """Table of variants and their training, in HTML; empty without networks."""
    commit: str


def collect_chapter(
    name: str, options: Options, citations: dict[str, Citation], frame: pd.DataFrame
) -> Chapter:
    """Gather the report's part about one experiment."""
    readme = (options.root / "replications" / name / "README.md").read_text(encoding="utf-8")
    head = re.match(r"# ([^\n]+)\n\s*(.*?)\n\n", readme, re.DOTALL)
    if not head:
        raise UserError(f"replications/{name}/README.md must begin with a heading and a paragraph")
    base = os.path.relpath(options.root / "replications" / name, options.figures)
    commands = re.search(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    scored = claims.scored_rows(frame, name)
    rows = frame.loc[frame.index[frame["experiment"] == name].union(scored.index)]
    links = [
        panel_files(panel, experiment, options.data, options.figures)
        for panel, experiment in zip(rows["panel"], rows["experiment"], strict=True)
    ]
    published = rows[rows["published"].notna()]
    variants = ""
    if name in experiments.names("train"):
        variants = html(readme_tables.table("variants", options.data, name), base)
    manifest = storage.manifest(options.data / name / "results")
    return Chapter(
        name=name,
        title=head[1],
        readme=f"{base}/README.md",
        question=html(head[2], base),
        choices=[
            (heading, html(text, base)) for heading in CHOICES if (text := section(readme, heading))
        ],
        commands=commands[1] if commands else "",
        figures=[
            collect_figure(figure, cited, options.figures)
            for figure, cited in citations.items()
            if cited.experiment == name
        ],
        frame=rows.assign(link=pd.Series(links, index=rows.index, dtype=object)),
        verdicts=claims.verdicts(frame),
        score=claims.score(scored).split("; ") if len(scored) else [],
        charts=[
            chart(str(panel), panel_rows)
            for panel, panel_rows in published.groupby("panel", sort=False)
        ],
        variants=variants,
        commit=manifest.get("claims.csv", {}).get("commit", ""),
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
    frame = claims.collect(options.data)
    readme = (options.root / "README.md").read_text(encoding="utf-8")
    changes = (options.root / "CHANGELOG.md").read_text(encoding="utf-8")
    citations = cite(options.root, options.data, options.figures)
    written = captions.read(options.root)
    missing = [name for name in written if name not in citations]
    if missing:
        path = options.figures / f"{missing[0]}.png"
        raise UserError(f"{path}: not drawn yet; run make figures first")
    names = dict.fromkeys(experiment for experiment, _ in written.values())
    return template().render(
        experiments=[collect_chapter(name, options, citations, frame) for name in names],
        score=claims.score(frame).split("; "),
        claim=re.search(r"\*\*The paper's claim\.\*\* (.*?)\n\n", readme, re.DOTALL),
        changed=section(changes, "Changed"),
        verdicts=section(readme, "Verdicts").partition("<!--")[0],
        wrong=lambda column: frame[frame[column].map(claims.holds).eq(False)],
    )


def template() -> Template:
    """Read the report's template."""
    environment = Environment(
        loader=PackageLoader("prefrontal.publishing", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def number(value: float) -> str:
        return "—" if pd.isna(value) else f"{value:.3g}".replace("-", "−")

    environment.filters |= {"number": number, "html": html}
    environment.tests |= {
        "missing": pd.isna,
        "holds": claims.holds,
        "extension": lambda panel: panel == claims.EXTENSION,
    }
    return environment.get_template("report.html.jinja")


def main(options: Options) -> None:
    """Write report.html."""
    path = options.figures / "report.html"
    files.write_text(path, render(options))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
