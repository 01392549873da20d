"""Experiments: one typed definition per folder of ``replications/``, and the registry that finds
them.

A folder holds ``experiment.py`` with ``EXPERIMENT`` and, with the same names everywhere,

``settings.py``  the task's settings (never imports PyTorch)
``task.py``      the task
``train.py``     ``TRAINING``, what is measured in training (``prefrontal.training.loop.Training``)
``record.py``    ``record(networks, episodes)`` yields recordings of frozen networks
``analysis.py``  ``ANALYSIS``, from recordings to tables and measures (``Analysis``)
``figure.py``    ``draw(results)`` yields figures (``prefrontal.publishing.plotting.Drawing``)

``animals.py``   of some: ``FAMILIES``, how animals are compared with networks

A folder without ``record.py`` summarises the results of other experiments. It may have a ``run.py``
or ``replay.py`` instead, whose ``main`` is its ``prefrontal train`` or ``prefrontal record``.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from prefrontal.errors import UserError, check
from prefrontal.settings import Settings, TaskT

if TYPE_CHECKING:
    import pandas as pd

    from prefrontal.publishing.claims import Claim
    from prefrontal.tables.recording import Recording

PACKAGE = "replications"

FRESH_SEED = 600
"""Seed of the first network of a larger sample, far from the seeds used to choose settings."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search for settings, whose rule is fixed before its networks are trained.

    Attributes
    ----------
    vary : sequence of str
        Settings to combine, as for ``prefrontal sweep --vary``.
    variants : sequence of str
        Variants whose other settings are used, one sweep for each, ``search_<variant>``.
    choose : callable
        Rows of all sweeps -> the settings that the rule selects, by column.
    networks, seed : int
        Networks per combination; seed of the first.
    """

    vary: Sequence[str]
    variants: Sequence[str]
    choose: Callable[[pd.DataFrame], dict[str, Any]]
    networks: int = 8
    seed: int = 500


@dataclass(frozen=True, kw_only=True)
class Study:
    """An experiment's definition: what it asks and claims.

    Attributes
    ----------
    name : str
        Name of the folder.
    title, question : str
        For tables and headings.
    figure : str
        Figure of the paper; empty for extensions, which are counted separately.
    claims : sequence of Claim
    uses : sequence of str
        Other experiments whose networks or results this one reads.
    main_panel : str
        Panel that is also shown for networks with the reward prediction error as input.
    in_suite : bool
        True for an experiment of the suite, which is in its tables, score and committed data; False
        for a user's own.
    """

    name: str
    title: str
    question: str
    figure: str = ""
    claims: Sequence[Claim] = ()
    uses: Sequence[str] = ()
    main_panel: str = ""
    in_suite: bool = True

    def __post_init__(self) -> None:
        for row in self.claims:
            legal = bool(self.figure) or row.panel == "extension"
            expected = "EXTENSION in an experiment without a figure of the paper"
            check(legal, f"{self.name}: panel of claim {row.claim!r}", row.panel, expected)


@dataclass(frozen=True, kw_only=True)
class Experiment(Study, Generic[TaskT]):
    """An experiment that trains networks.

    Attributes
    ----------
    settings : Settings
        Those that variants change.
    variants : mapping
        Variant -> settings that differ from ``settings``, by dotted name; the main variant first.
        ``{"default": {}, "2_steps": {"task.steps_per_trial": 2}}``
    further_variants : mapping
        Trained to see the effect of single settings; their weights are stored separately and may be
        absent.
    recorded : sequence of str, optional
        Variants whose networks are recorded; by default all of ``variants``.
    rpe_variants : mapping
        Variant -> the same networks with the reward prediction error as input.
    networks : int
        Networks per variant (paper: 8 wherever it shows spread).
    test_episodes : int
        Test episodes per network.
    fresh : int
        Networks per variant of a larger sample, with seeds from ``FRESH_SEED``, whose verdict
        counts; 0 if there is none.
    fresh_variants : sequence of str, optional
        Its variants.
    search : Search, optional
        That chose the settings of the main variant.
    """

    settings: Settings[TaskT]
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"default": {}})
    further_variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recorded: Sequence[str] | None = None
    rpe_variants: Mapping[str, str] = field(default_factory=dict)
    networks: int = 8
    test_episodes: int = 100
    fresh: int = 0
    fresh_variants: Sequence[str] = ()
    search: Search | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for variant in (*self.variants, *self.further_variants):
            self.variant(variant)

    @property
    def main(self) -> str:
        """Name of the main variant."""
        return next(iter(self.variants))

    def variant(self, name: str = "") -> Settings[TaskT]:
        """Settings of a variant; by default of the main one."""
        known = {**self.variants, **self.further_variants}
        name = name or self.main
        check(name in known, "variant", name, f"one of {', '.join(known)}")
        try:
            return self.settings.vary(known[name])
        except UserError as error:
            raise UserError(f"{self.name}, variant {name!r}: {error}") from error

    def check_current(self, variant: str, trained: Settings[Any], folder: Path) -> None:
        """Raise UserError if networks in a folder were trained with settings other than their
        variant's present ones."""
        differ = trained.differences(self.variant(variant))
        if differ:
            name, (before, now) = next(iter(differ.items()))
            raise UserError(
                f"{folder}: networks of {variant!r} were trained with {name} "
                f"{before!r}, but the setting is now {now!r}; "
                f"restore it, train again (prefrontal train {self.name} --variants {variant} "
                "--overwrite), "
                f"or keep both (prefrontal run {self.name} --{name} {now} --out runs/NAME)"
            )


Tables = dict[str, "pd.DataFrame"]
"""Tables of results by name, each with columns variant and seed."""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Functions that an ``analysis.py`` provides.

    Attributes
    ----------
    analyse : callable
        Recording -> tables.
    measures : callable
        These tables -> one number per network and claim (``claims.measures``).
    benchmarks : callable, optional
        The same tables -> numbers that criteria refer to, such as the regret of an algorithm.
    further_tables : callable, optional
        Recording and tables -> more tables, which figures show.
    summarise : callable, optional
        Results -> tables; in place of ``analyse`` where an experiment records nothing.
    """

    analyse: Callable[[Recording[Any]], Tables] | None = None
    measures: Callable[[Tables], pd.DataFrame] | None = None
    benchmarks: Callable[[Tables], Mapping[str, float]] | None = None
    further_tables: Callable[[Recording[Any], Tables], Tables] | None = None
    summarise: Callable[[Any], Tables] | None = None


def names(part: str = "experiment") -> list[str]:
    """Names of the folders of ``replications/`` that have a module ``part``."""
    folders = importlib.import_module(PACKAGE).__path__
    return sorted(
        path.parent.name for folder in folders for path in Path(folder).glob(f"*/{part}.py")
    )


def suite(part: str = "experiment") -> list[str]:
    """Names of the suite's experiments that have a module ``part``, without users' own."""
    return [name for name in names(part) if study(name).in_suite]


def module(experiment: str, part: str) -> Any:
    """Import a module of an experiment, such as its ``record``."""
    known = names(part)
    check(experiment in known, "experiment", experiment, f"one of {', '.join(known)}")
    return importlib.import_module(f"{PACKAGE}.{experiment}.{part}")


def study(name: str) -> Study:
    """Read an experiment's definition."""
    found = module(name, "experiment").EXPERIMENT
    legal = isinstance(found, Study) and found.name == name
    check(
        legal,
        f"{PACKAGE}/{name}/experiment.py: EXPERIMENT",
        found,
        f"an Experiment with name={name!r}",
    )
    return found


def get(name: str) -> Experiment[Any]:
    """Read the definition of an experiment that trains networks."""
    known = names("train")
    check(name in known, "experiment", name, f"one of {', '.join(known)}")
    found = study(name)
    assert isinstance(found, Experiment)
    return found


def analysis(name: str) -> Analysis:
    """Read the analysis of an experiment."""
    found = module(name, "analysis").ANALYSIS
    check(
        isinstance(found, Analysis), f"{PACKAGE}/{name}/analysis.py: ANALYSIS", found, "an Analysis"
    )
    return found
