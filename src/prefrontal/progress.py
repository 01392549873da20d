"""Progress bars that draw themselves, or report to another process how far they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tqdm import tqdm


class Bar(tqdm):
    """A progress bar; where ``report`` is set, it calls that with its title and fraction instead of
    drawing."""

    report: ClassVar[Callable[[str, float], Any] | None] = None

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Draw the bar, or report how far it is."""
        if Bar.report is None:
            super().display(msg, pos)
        else:
            title = str(self.desc or "").removesuffix(": ")
            Bar.report(title, self.n / self.total if self.total else 0.0)
