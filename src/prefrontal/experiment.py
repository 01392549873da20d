"""An experiment, from networks to figure: reading, writing, provenance and command lines of its folder's modules, once for all.

A folder of ``replications/`` is an experiment. Its modules hold what is its own; their contracts:

``conditions.py`` (never imports torch)
    ``MAIN``, ``TRAINED`` (condition -> settings that depart from those of ``Config``), ``TEST_EPISODES``, ``CLAIMS``.
``train.py``
    ``Config``, its settings (``prefrontal.config``).
``record.py``
    ``record(networks, episodes)`` yields recordings of frozen networks.
``analysis.py`` (never imports torch)
    ``measure(recording)`` gives tables by name, with columns condition and seed; ``quantities(measured)`` the numbers that claims
    are about; if there is more, ``yardsticks(measured)`` the numbers that criteria name, and ``panels(recording, measured)``
    further tables that figures show. Without a ``record.py``: ``summarize(results)`` gives tables by name.
``figure.py`` (never imports torch)
    ``draw(results)`` yields drawings.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import tyro

from prefrontal import claims, paths, tables
from prefrontal.errors import UserError, require, run


def names(part: str = "conditions") -> list[str]:
    """Names of the experiments, which are those of the folders of replications/ with a file ``part``.py."""
    return sorted(path.parent.name for path in (paths.ROOT / "replications").glob(f"*/{part}.py"))


def module(experiment: str, part: str) -> ModuleType:
    """Import a module of an experiment, such as its ``conditions``."""
    require(experiment in names(part), "experiment", experiment, " or ".join(names(part)))
    if str(paths.ROOT) not in sys.path:
        sys.path.append(str(paths.ROOT))  # experiments are folders of the repository, not part of the installed library
    return importlib.import_module(f"replications.{experiment}.{part}")


def call(experiment: str, part: str, function: str, *arguments: Any) -> Any:
    """Call a function of an experiment's module; workers on other machines find it by these names."""
    return getattr(module(experiment, part), function)(*arguments)


def name_of(file: str) -> str:
    """Name of the experiment that a module's file belongs to."""
    return Path(file).resolve().parent.name


@dataclass(frozen=True)
class Tables:
    """Where tables are."""

    data: Path = paths.DATA
    """Data folder."""


@dataclass(frozen=True)
class Folders(Tables):
    """Where tables are, and where figures go."""

    figures: Path = paths.FIGURES
    """Figures folder."""


class Results:
    """An experiment's tables of results by name, read when asked for.

    Attributes
    ----------
    claims : DataFrame
        Its claims, with verdicts.
    """

    def __init__(self, experiment: str, data: Path) -> None:
        self.experiment, self.data = experiment, data
        self.folder = data / experiment / "results"

    def __getitem__(self, name: str) -> pd.DataFrame:
        return tables.read(self.folder / f"{name}.csv")

    @property
    def claims(self) -> pd.DataFrame:
        """Claims of this experiment."""
        return tables.read(self.folder / "claims.csv", "claims")

    @property
    def about(self) -> dict[str, Any]:
        """Provenance of the claims, or where there are none, of the networks."""
        known = tables.manifest(self.folder)
        return known.get("claims.csv", known.get("networks.csv", {}))

    def of(self, experiment: str) -> Results:
        """Results of another experiment."""
        return Results(experiment, self.data)


@contextmanager
def naming(tables: str, step: str) -> Iterator[None]:
    """Say which tables lack a column, and which step writes it."""
    try:
        yield
    except (KeyError, pd.errors.UndefinedVariableError) as error:
        raise UserError(f"{tables} lack {error}; run the {step} again") from error


def yardsticks(experiment: str, measured: dict[str, pd.DataFrame]) -> claims.Yardsticks:
    """Numbers that an experiment's criteria name."""
    analysis = module(experiment, "analysis")
    return analysis.yardsticks(measured) if hasattr(analysis, "yardsticks") else {}


def analyse(experiment: str, data: Path = paths.DATA) -> dict[str, pd.DataFrame]:
    """Analyse an experiment's recording, or the results that are there, and write the tables of results."""
    if experiment in names("record"):
        results, about = analyse_recording(experiment, data)
    else:
        there = Results(experiment, data)
        with naming(str(there.folder), "step that writes them"):
            results, about = module(experiment, "analysis").summarize(there), there.about
    for name, frame in results.items():
        kind = name if name in tables.COLUMNS else None
        tables.write(frame, data / experiment / "results" / f"{name}.csv", kind, about)
    return results


def analyse_recording(experiment: str, data: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Analyse an experiment's recording -> tables of results, among them quantities and claims; provenance."""
    analysis, conditions = module(experiment, "analysis"), module(experiment, "conditions")
    recording = tables.read_recording(data / experiment)
    with naming(f"{data / experiment}: recorded tables", "recording"):
        measured = analysis.measure(recording)
        results = dict(measured)
        if hasattr(analysis, "panels"):
            results |= analysis.panels(recording, measured)
    results["quantities"] = analysis.quantities(measured)
    named = yardsticks(experiment, measured)
    results["claims"] = claims.settle_all(conditions.CLAIMS, results["quantities"], conditions.MAIN, named)
    return results, recording.about


@dataclass(frozen=True)
class Drawing:
    """A figure that is ready to be saved.

    Attributes
    ----------
    name : str
        File name without its ending, such as "fig5", which is also the heading of its caption.
    figure : matplotlib Figure
    panels : dict
        The axes that make up each panel, by its letter; each is saved as a file of its own too.
    about : dict, optional
        Provenance; by default that of the experiment's claims.
    """

    name: str
    figure: Any
    panels: dict[str, Any]
    about: dict[str, Any] | None = None


def draw(experiment: str, folders: Folders) -> list[str]:
    """Draw an experiment's figures -> their names."""
    from prefrontal import plotting

    results, drawn = Results(experiment, folders.data), []
    with naming(f"{folders.data / experiment / 'results'}: tables", "analysis"):
        for drawing in module(experiment, "figure").draw(results):
            about = results.about if drawing.about is None else drawing.about
            plotting.save(drawing.figure, drawing.name, folders.figures, about, drawing.panels)
            drawn.append(drawing.name)
    return drawn


def analysis_main(file: str, arguments: Sequence[str] | None = None) -> None:
    """Command line of an experiment's analysis.py."""
    experiment = name_of(file)
    options = functools.partial(tyro.cli, Tables, prog=f"python -m replications.{experiment}.analysis", args=arguments)
    run(lambda: analyse(experiment, options(description="Analyse what was recorded, and settle the claims.").data))


def figure_main(file: str, arguments: Sequence[str] | None = None) -> None:
    """Command line of an experiment's figure.py."""
    experiment = name_of(file)
    options = functools.partial(tyro.cli, Folders, prog=f"python -m replications.{experiment}.figure", args=arguments)
    run(lambda: draw(experiment, options(description="Draw the figures from results.")))


def trained(experiment: str) -> dict[str, dict[str, Any]]:
    """What an experiment trains: condition -> settings that depart from its ``Config``."""
    require(experiment in names("train"), "experiment", experiment, " or ".join(names("train")))
    return module(experiment, "conditions").TRAINED


def variations(experiment: str) -> dict[str, dict[str, Any]]:
    """What an experiment trains beside, to see what one setting does; these networks go to a folder of their own."""
    return getattr(module(experiment, "conditions"), "VARIATIONS", {})
