"""Build the site: write its pages into ``source``, from which Sphinx makes HTML.

``pages/`` are the site's own pages and ``templates/`` those that are written once for every figure,
experiment or module. Both are Jinja templates; READMEs, notebooks, results and docstrings are read
from where they are.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml
from PIL import Image
from sphinx.cmd.build import main as sphinx
from sphinx.pycode import ModuleAnalyzer

import prefrontal
from prefrontal import experiments, files
from prefrontal.errors import UserError
from prefrontal.experiments import Experiment
from prefrontal.publishing import bibliography, cite, claims, plotting, summaries, text
from prefrontal.tables import schema, storage
from prefrontal.tables.networks import learning_curves

DOCS = Path(__file__).resolve().parent
COLAB = ("01_tour", "03_compare_with_animals")
"""Notebooks that install the package and run on Colab."""
ROOT = "@root"
"""Path, in pages, from a page's folder to the repository; ``Site.write`` fills it in."""
SHOWN_ROWS = 200
"""Longest table of results that is shown; longer ones are downloaded."""
PAGES = {
    "README.md": "index",
    "CONTRIBUTING.md": "reference/contributing",
    "CHANGELOG.md": "reference/changelog",
    "replications": "experiments/index",
    "replications/README.md": "experiments/departures",
    "notebooks": "notebooks/index",
    "notebooks/README.md": "notebooks/index",
    "data/README.md": "reference/data",
    "data/claims.md": "experiments/claims",
    "figures/README.md": "gallery/index",
}
"""File or folder of the repository -> the page that shows it."""


def repository() -> str:
    """Public address of the repository, which only CITATION.cff names."""
    citation = yaml.safe_load(bibliography.CITATION.read_text(encoding="utf-8"))
    return str(citation["repository-code"]).rstrip("/")


def page_of(path: str) -> str:
    """Name the page that shows a file or folder of the repository; empty if none does."""
    name = Path(path).stem
    if match := re.fullmatch(r"replications/(\w+)(/README\.md)?", path):
        return f"experiments/{match[1]}/index"
    if match := re.fullmatch(r"replications/(\w+)/evidence\.md", path):
        return f"experiments/{match[1]}/evidence"
    if re.fullmatch(r"notebooks/\w+\.(ipynb|py)", path):
        return f"notebooks/{name}"
    if re.fullmatch(r"figures/\w+\.(png|pdf)", path):
        return f"gallery/{re.sub('_[a-z]$', '', name)}"
    return PAGES.get(path, "")


def relink(text: str, source: str, page: str) -> str:
    """Point the relative links of a Markdown file at pages of the site, or at the repository.

    Parameters
    ----------
    text : str
    source : str
        The file, relative to the repository.
    page : str
        The page that shows it.

    Raises
    ------
    UserError
        A link leads nowhere.
    """

    def target(match: re.Match[str]) -> str:
        image, label, (address, _, anchor) = match[1], match[2], match[3].partition("#")
        if not address or re.match(r"[a-z]+:", address):
            return match[0]
        path = os.path.normpath(os.path.join(os.path.dirname(source), address))
        if not (files.ROOT / path).exists():
            raise UserError(f"{source}: broken link to {address}")
        address = f"{repository()}/blob/main/{path}"
        if about := page_of(path):
            ending = ".ipynb" if re.fullmatch(r"notebooks/\d\d_.*", about) else ".md"
            address = os.path.relpath(about, os.path.dirname(page) or ".") + ending
            address += f"#{anchor}" if anchor else ""
        if not image:
            return f"{label}({address})"
        return f"[!{label}({ROOT}/{path})]({address})" if about else f"!{label}({ROOT}/{path})"

    return re.sub(r"(!?)(\[[^\]]*\])\(([^)\s]+)\)", target, text)


def readme(path: str, page: str) -> str:
    """Return a Markdown file of the repository without title, leading image and comments."""
    text = (files.ROOT / path).read_text(encoding="utf-8")
    text = re.sub(r"(?<!`)<!--.*?-->", "", text, flags=re.DOTALL).partition("\n")[2].strip()
    return relink(re.sub(r"\A!\[.*\)\n", "", text), path, page)


def section(path: str, heading: str, page: str) -> str:
    """Return the text under a second-level heading of a Markdown file of the repository."""
    parts = re.split(r"^## (.*)$", readme(path, page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading].strip()


def raw_table(frame: pd.DataFrame) -> str:
    """Write a table of numbers as HTML that scrolls in its own box."""
    table = frame.to_html(index=False, border=0, na_rep="—", float_format=summaries.digits)
    return f'```{{raw}} html\n<div class="wide" tabindex="0">{table}</div>\n```\n'


VERDICT = {"yes": "yes", "NO": "[no]{.fails}", "—": "—"}


def claims_table(table: pd.DataFrame) -> str:
    """Write rows of claims in Markdown, one for each measure."""
    interval = table.pop("95 % interval").str.replace("-", "−")
    ours = table["reproduced"].str.replace("-", "−") + " [" + interval + "]"
    table["reproduced"] = ours.str.replace("[— to —]", "", regex=False)
    for column in ("reproduced?", "agrees?"):
        table[column] = table[column].map(VERDICT)
    for column in ("claim", "variant"):
        table[column] = "`" + table[column].astype(str) + "`"
    table = table.rename(columns={"reproduced": "ours [95 % interval]"})
    return f":::{{div}} claims\n{summaries.markdown(table)}\n:::"


def settings_table(study: Experiment[Any]) -> pd.DataFrame:
    """List all settings of the main variant with their meaning."""
    rows = []
    for group in ("task", "network", "training"):
        settings = getattr(study.variant(), group)
        meanings: dict[str, str] = {}
        for kind in reversed(type(settings).__mro__):
            if kind.__module__ != "builtins":
                found = ModuleAnalyzer.for_module(kind.__module__).find_attr_docs()
                meanings |= {
                    n: " ".join(doc) for (c, n), doc in found.items() if c == kind.__name__
                }
        for name in study.settings.names(group):
            value = getattr(settings, name)
            changed = group != "task" and value != getattr(type(settings)(), name)
            shown = f"**{value}**" if changed else f"{value}"
            meaning = meanings.get(name, "").replace("``", "`").strip()
            rows.append({"setting": f"`{group}.{name}`", "value": shown, "meaning": meaning})
    return pd.DataFrame(rows)


def network_table(experiment: str) -> pd.DataFrame:
    """List an experiment's trained networks: a model card in one line each."""
    return pd.DataFrame(
        {
            "network": f"{each.variant}_{each.seed}",
            "core": each.settings["network"]["core"],
            "units": each.settings["network"]["units"],
            "episodes": f"{each.settings['training']['episodes']:,}",
            "training (s)": f"{summaries.training_seconds(each):.0f}",
            "commit": each.about["provenance"]["commit"][:7],
            "PyTorch": each.about["provenance"]["versions"]["torch"],
            "weights (SHA-256)": next(iter(each.sha256.values()), "—")[:12],
        }
        for each in summaries.networks(files.DATA / experiment)
    )


def draw_learning_curves(experiment: str, path: Path) -> None:
    """Draw reward in training, a panel for each variant and a line for each network."""
    folder = files.DATA / experiment
    curves = pd.concat([learning_curves(folder / name) for name in summaries.NETWORKS])
    variants = list(dict.fromkeys(curves["variant"]))
    lines = -(-len(variants) // 4)
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 8 + 34 * lines)
    axes = list(figure.subplots(lines, 4, squeeze=False).flat)
    for ax, variant in zip(axes, variants, strict=False):
        for _, curve in curves[curves["variant"] == variant].groupby("subject"):
            ax.plot(curve["episode"], curve["reward"], lw=0.6)
        ax.set_title(textwrap.fill(variant.replace("_", " "), 26), fontsize=6)
        ax.tick_params(labelsize=5)
    for ax in axes[len(variants) :]:
        ax.remove()
    figure.supxlabel("Training episodes", fontsize=7)
    figure.supylabel("Reward per episode", fontsize=7)
    figure.set_layout_engine("constrained")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=200)
    plotting.plt.close(figure)


def sweeps(experiment: str) -> Iterator[dict[str, Any]]:
    """Summarise an experiment's sweeps: mean and range over networks for each combination."""
    folder = files.DATA / experiment / "sweeps"
    about = storage.manifest(folder)
    for path in sorted(folder.glob("*.csv")):
        if not path.stem.endswith("_curves"):
            frame = storage.read(path)
            columns = list(frame.columns)
            varied = columns[1 : columns.index("share_end")] if "share_end" in columns else []
            yield {
                "name": path.stem,
                "table": raw_table(summaries.group(frame, varied) if varied else frame),
                "varied": varied,
                "networks": len(frame),
                "commit": re.sub(r"^(\w{7})[0-9a-f]{33}", r"\1", about[path.name]["commit"]),
            }


def result_tables(experiment: str) -> Iterator[dict[str, Any]]:
    """List an experiment's tables of results; the short ones are shown."""
    for folder in ("results", "animals"):
        for path in sorted((files.DATA / experiment / folder).glob("*.csv")):
            if path.stem not in ("claims", "measures"):
                frame = storage.read(path)
                shown = raw_table(frame) if len(frame) <= SHOWN_ROWS else ""
                name = path.relative_to(files.DATA).as_posix()
                yield {"file": name, "name": path.stem, "frame": frame, "table": shown}


def figure_files(name: str) -> dict[str, list[str]]:
    """Files of a figure: panels, and others to download."""
    found = sorted(path.name for path in files.FIGURES.glob(f"{name}[._]*"))
    return {
        "panels": [file for file in found if re.fullmatch(rf"{name}_[a-z]\.png", file)],
        "downloads": [file for file in found if file.startswith(f"{name}.")],
    }


def label(figure: str) -> str:
    """Name a figure in words: fig5_supplement is "Fig. 5, supplement"."""
    match = re.fullmatch(r"fig(\d+)(?:_(\w+))?", figure)
    if not match:
        return figure.removeprefix("fig_").replace("_", " ").capitalize().replace("Rpe", "RPE")
    return f"Fig. {match[1]}" + (f", {match[2].replace('_', ' ')}" if match[2] else "")


def modules() -> dict[str, str]:
    """Name the library's modules, each with the first sentence of its docstring."""
    found = [each.name for each in pkgutil.walk_packages(prefrontal.__path__, "prefrontal.")]
    names = ["prefrontal", *(name for name in found if not re.search(r"\._|template", name))]
    documentation = {name: importlib.import_module(name).__doc__ or "" for name in names}
    return {name: " ".join(text.split("\n\n")[0].split()) for name, text in documentation.items()}


def datasets() -> pd.DataFrame:
    """List the published data sets, by name."""
    if importlib.util.find_spec("prefrontal.animals.datasets") is None:
        return pd.DataFrame()
    registry = importlib.import_module("prefrontal.animals.datasets").registry()
    return pd.DataFrame(
        {
            "name": name,
            "content": each.title,
            "task": each.task,
            "subjects": each.subjects,
            "trials": f"{each.trials:,}",
            "MB": each.megabytes,
            "licence": each.license,
            "source": each.repository,
            "cite": each.citation,
        }
        for name, each in registry.items()
    )


def notebook(path: Path, page: str, colab: bool) -> dict[str, Any]:
    """Read an executed notebook, with links to the site's pages."""
    cells = json.loads(path.read_text(encoding="utf-8"))
    source = path.relative_to(files.ROOT).as_posix()
    for cell in cells["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relink("".join(cell["source"]), source, page)
    if colab:
        title, _, rest = cells["cells"][0]["source"].partition("\n")
        link = f"[Open in Colab]({colab_address(path.name)})"
        cells["cells"][0]["source"] = f"{title}\n\n{link}\n{rest}"
    return cells


def colab_address(name: str) -> str:
    """Address under which Colab opens a notebook of the published site."""
    place = repository().replace("https://github.com", "https://colab.research.google.com/github")
    return f"{place}/blob/gh-pages/colab/{name}"


def colab_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook without outputs, with a first cell that installs the wheel."""
    book = json.loads(path.read_text(encoding="utf-8"))
    release = f"{repository()}/releases/download/v{prefrontal.__version__}"
    wheel = f"prefrontal-{prefrontal.__version__}-py3-none-any.whl"
    source = (
        "# Install the package; trained networks are downloaded when they are first used.\n"
        f"%pip install --quiet {release}/{wheel}\n"
        f"%env PREFRONTAL_RELEASE={release}"
    )
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    install = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    book["cells"].insert(0, install | {"id": "install", "execution_count": None})
    return book


class Site:
    """The pages, written only where they change so that Sphinx rebuilds no others."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.written = folder, set[Path]()
        loader = jinja2.FileSystemLoader([DOCS / "pages", DOCS / "templates"])
        self.environment = text.environment(loader=loader)

    def write(self, name: str, content: str) -> None:
        """Write one file of the source."""
        path = self.folder / name
        self.written.add(path)
        content = content.replace(ROOT, os.path.relpath(files.ROOT, path.parent))
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def make(self, name: str, make: Callable[[Path], object]) -> None:
        """Make an image."""
        path = self.folder / name
        self.written.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)

    def render(self, template: str, page: str, **values: Any) -> None:
        """Render a page."""
        self.write(page, self.environment.get_template(template).render(page=page, **values))

    def tidy(self) -> None:
        """Remove what an earlier run wrote and this one did not."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self.written:
                path.unlink()


def thumbnail(image: Path) -> Callable[[Path], None]:
    """Make a small copy of a figure for the gallery."""

    def make(path: Path) -> None:
        with Image.open(image) as full:
            full.convert("RGB").resize((700, 700 * full.height // full.width)).save(path)

    return make


def write_figures(site: Site) -> dict[str, cite.Citation]:
    """Write the gallery, and a page for each figure."""
    citations = cite.citations(files.ROOT, files.DATA, files.FIGURES)
    for name, cited in citations.items():
        page = f"gallery/{name}.md"
        values = {"name": name, "label": label(name), "cited": cited, **figure_files(name)}
        site.render("figure.md", page, **values)
        site.make(f"gallery/small_{name}.png", thumbnail(files.FIGURES / f"{name}.png"))
    return citations


def write_experiments(site: Site, citations: dict[str, cite.Citation]) -> None:
    """Write the pages of each experiment: result, networks, tables."""
    frame = claims.collect(files.DATA)
    for name in experiments.names():
        folder, study = f"experiments/{name}", experiments.study(name)
        networks = list(summaries.networks(files.DATA / name))  # of a new experiment, none yet
        trains = isinstance(study, Experiment) and bool(networks)
        rows = frame[frame["experiment"] == name]
        template = files.ROOT / "replications" / name / "evidence.md"
        if template.exists():
            written = text.Template(template.read_text(encoding="utf-8"), template)
            page = f"{folder}/evidence.md"
            source = template.relative_to(files.ROOT).as_posix()
            site.write(page, relink(written.render(site.environment), source, page))
        values = {
            "evidence": template.exists(),
            "study": study,
            "figures": {f: cited for f, cited in citations.items() if cited.experiment == name},
            "trains": trains,
            "score": claims.score(claims.scored_rows(frame, name)),
            "rows": rows,
        }
        site.render("experiment.md", f"{folder}/index.md", **values)
        tables, swept = list(result_tables(name)), list(sweeps(name))
        site.render("tables.md", f"{folder}/tables.md", study=study, tables=tables, sweeps=swept)
        if trains:
            image = f"{folder}/learning_curves_{name}.png"
            site.make(image, lambda path, name=name: draw_learning_curves(name, path))
            site.render("networks.md", f"{folder}/networks.md", study=study)


def write_notebooks(site: Site) -> None:
    """Copy the executed notebooks, and write those that install the package on Colab."""
    for path in sorted((files.ROOT / "notebooks").glob("*.ipynb")):
        page = f"notebooks/{path.name}"
        book = notebook(path, page, path.stem in COLAB)
        site.write(page, json.dumps(book, indent=1, ensure_ascii=False))
        if path.stem in COLAB:
            book = colab_notebook(path)
            site.write(f"extra/colab/{path.name}", json.dumps(book, indent=1, ensure_ascii=False))


def write_pages(source: Path) -> None:
    """Write all pages, for Sphinx."""
    site = Site(source)
    values = site.environment.globals
    shared = (claims_table, label, network_table, raw_table, readme, relink, section)
    values |= {function.__name__: function for function in (*shared, settings_table)}
    values |= {
        "datasets": datasets(),
        "markdown": summaries.markdown,
        "modules": modules(),
        "notebooks": sorted(path.stem for path in files.ROOT.glob("notebooks/*.ipynb")),
        "repository": repository(),
        "root": ROOT,
        "schema": schema,
        "shown_rows": SHOWN_ROWS,
        "studies": [experiments.study(name) for name in experiments.names()],
    }
    values["citations"] = write_figures(site)
    write_experiments(site, values["citations"])
    write_notebooks(site)
    for module in values["modules"]:
        site.render("module.md", f"reference/api/{module}.md", module=module)
    for path in sorted((DOCS / "pages").rglob("*.md")):
        name = path.relative_to(DOCS / "pages").as_posix()
        site.render(name, name)
    site.tidy()


def main(folder: Path) -> None:
    """Build the site in a folder; warnings of Sphinx fail the build."""
    source, extra = folder / "source", f"html_extra_path={folder / 'source' / 'extra'}"
    write_pages(source)
    options = ["--quiet", "--nitpicky", "--fail-on-warning", "--conf-dir", str(DOCS), "-D", extra]
    sys.exit(sphinx([*options, str(source), str(folder / "html")]))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "_build")
