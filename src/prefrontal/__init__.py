"""Replication of Wang et al. (2018), Prefrontal cortex as a meta-reinforcement learning system."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefrontal.animals.datasets import load_data as load_data
    from prefrontal.animals.datasets import load_units as load_units
    from prefrontal.environments import make as make
    from prefrontal.environments import make_vec as make_vec
    from prefrontal.environments import play as play
    from prefrontal.networks.record import Trained

__version__ = "1.0.0"


def load(experiment: str, variant: str = "", data: Path | str | None = None) -> Trained:
    """Read trained networks, ready to play.

    Parameters
    ----------
    experiment : str
        Name of its folder, such as "two_step".
    variant : str
        Name of the training settings in the experiment's settings.py; by default the main one.
    data : Path or str, optional
        Data folder, by default that of the suite.

    Raises
    ------
    UserError
        There is no such experiment, or there are no such networks.

    Examples
    --------
    >>> networks = load("two_step")
    >>> networks.record(10).trials  # doctest: +SKIP
    >>> networks.predict(trials)  # doctest: +SKIP
    """
    from prefrontal import experiments, files
    from prefrontal.errors import check
    from prefrontal.networks.load import Networks  # imports torch, which analyses do not need

    check(isinstance(variant, str), "variant", variant, "the name of one")
    check(data is None or isinstance(data, str | Path), "data", data, "a folder")
    chosen = experiments.get(experiment)
    folder = files.DATA if data is None else Path(data)
    return Networks(chosen, folder)(variant or chosen.main)


def __getattr__(name: str) -> Any:
    """Import ``make``, ``make_vec`` and ``play``, which need torch, and ``load_data`` and
    ``load_units`` when they are asked for."""
    if name in ("load_data", "load_units"):
        return getattr(importlib.import_module("prefrontal.animals.datasets"), name)
    if name in ("make", "make_vec", "play"):
        return getattr(importlib.import_module("prefrontal.environments"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _register_environments() -> None:
    """Register the tasks of all networks: ``gymnasium.make("prefrontal/two_step-v0")``."""
    from gymnasium.envs.registration import register

    from prefrontal import experiments

    for experiment in experiments.names("train"):
        register(
            f"prefrontal/{experiment}-v0",
            entry_point="prefrontal.environments:make",
            vector_entry_point="prefrontal.environments:make_vec",
            kwargs={"experiment": experiment},
        )


class _AfterGymnasium(MetaPathFinder):
    """Registers the tasks once Gymnasium is imported, which most commands do without."""

    searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let the other finders find Gymnasium, and add the registration to its import."""
        if fullname != "gymnasium" or self.searching:
            return None
        self.searching = True
        spec = importlib.util.find_spec(fullname)
        self.searching = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                sys.meta_path.remove(self)
                _register_environments()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


if "gymnasium" in sys.modules:
    _register_environments()
else:
    sys.meta_path.insert(0, _AfterGymnasium())
