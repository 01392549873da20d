"""Replication suite for Wang et al. (2018), Prefrontal cortex as a meta-reinforcement learning system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefrontal.networks.record import Trained

__version__ = "1.0.0"


def load(experiment: str, variant: str | None = None, data: Path | None = None) -> Trained:
    """Read trained networks, ready to play.

    Parameters
    ----------
    experiment : str
        Name of its folder, such as "two_step".
    variant : str, optional
        What was trained, by its name in the experiment's variants.py; by default the main one.
    data : Path, optional
        Data folder, by default that of the repository.

    Raises
    ------
    UserError
        There is no such experiment, or there are no such networks.

    Examples
    --------
    >>> trained = load("two_step")
    >>> trained.record(10).trials  # doctest: +SKIP
    """
    from prefrontal import files
    from prefrontal.experiments import module
    from prefrontal.networks.load import Networks  # needs torch, which analyses do without

    return Networks(experiment, data or files.DATA)(variant or module(experiment, "variants").MAIN)
