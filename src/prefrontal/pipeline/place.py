"""Where networks, results and figures are: in the suite, or in the folder of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefrontal import files


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to read and write."""

    out: Path | None = None
    """Folder of a run of your own, with data/ and figures/; by default those of the suite."""

    @property
    def data(self) -> Path:
        """Data folder."""
        return files.DATA if self.out is None else self.out / "data"

    @property
    def figures(self) -> Path:
        """Figures folder."""
        return files.FIGURES if self.out is None else self.out / "figures"
