"""Columns of a table of trials: those with a meaning in every task, and what a task adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefrontal.animals.sheet import TrialSheet

Recoding = Mapping[str, "Mapping[Any, Any] | str"]
"""Column -> value in the file -> its meaning, such as {"choice": {"l": 0, "r": 1}}; for rewards
also "sign" (1 for gains, else 0) or ">50" (1 above 50, else 0)."""

NAMES = ("subject", "session", "variant", "block")
"""Columns that hold names, which are read as text: 007 is not 7."""

KNOWN = ("choice", "reward", "subject", "session", "trial", "variant", "block", "forced")
"""Columns that have a meaning in every task."""


@dataclass(frozen=True)
class Format:
    """What trials of a task hold.

    Attributes
    ----------
    words : dict of tuple
        Further column -> texts that it may hold; none for a column of numbers or names.
    arms : int, optional
        Number of options; None counts those that are chosen.
    binary : bool
        Rewards are 0 or 1; otherwise any number.
    complete : callable, optional
        Checks a sheet's further columns, and derives some from others; it also gets the recoding.
    """

    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    arms: int | None = 2
    binary: bool = False
    complete: Callable[[TrialSheet, Recoding], None] | None = None
