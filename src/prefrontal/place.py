"""Location of networks, results and figures: in the suite, or in the folder of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefrontal import files


@dataclass(frozen=True, kw_only=True)
class Place:
    """Folders to read from and write to."""

    out: Path | None = None
    """Folder for your run, with data/ and figures/; by default those of the suite."""

    @property
    def data(self) -> Path:
        """Data folder."""
        return files.DATA if self.out is None else self.out / "data"

    @property
    def figures(self) -> Path:
        """Figures folder."""
        return files.FIGURES if self.out is None else self.out / "figures"
