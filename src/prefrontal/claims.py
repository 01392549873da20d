"""Claims of the paper and their two verdicts.

A claim is settled by rules written down before the result is seen: it is *reproduced* when the 95 % interval over networks
lies within the criterion's bounds, and *agrees* when the published value lies in our networks' range or within the stated
tolerance of our mean. A claim about several quantities has a row for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from numpy.typing import ArrayLike

from prefrontal import tables
from prefrontal.errors import run
from prefrontal.paths import DATA
from prefrontal.statistics import interval


@dataclass(frozen=True)
class Criterion:
    """Bounds within which the 95 % interval over networks must lie."""

    low: float = -np.inf
    high: float = np.inf

    def __str__(self) -> str:
        if np.isinf(self.high):
            return f"interval above {self.low:g}"
        if np.isinf(self.low):
            return f"interval below {self.high:g}"
        return f"interval within {self.low:g} to {self.high:g}"


def above(low: float) -> Criterion:
    """Interval above a value."""
    return Criterion(low=low)


def below(high: float) -> Criterion:
    """Interval below a value."""
    return Criterion(high=high)


def between(low: float, high: float) -> Criterion:
    """Interval within two values."""
    return Criterion(low, high)


def settle(
    claim: str,
    panel: str,
    statement: str,
    values: ArrayLike,
    criterion: Criterion | None,
    published: float = np.nan,
    tolerance: float | None = None,
    bounds: tuple[float, float, float] | None = None,
) -> dict[str, Any]:
    """Decide one quantity of a claim.

    Parameters
    ----------
    claim, panel, statement : str
        Identifier, panel of the paper, and the quantity in words.
    values : array (networks,)
        One number per network.
    criterion : Criterion or None
        For the verdict "reproduced"; None where the quantity is only compared with its published value.
    published : float
        The paper's value; NaN where it gives none.
    tolerance : float, optional
        For the verdict "agrees": largest distance of the published value from our mean, unless it lies in our range.
    bounds : (mean, low, high), optional
        Interval to use in place of the t interval over ``values``, where the quantity is no mean over networks.

    Returns
    -------
    dict
        A row of claims.csv.
    """
    values = np.atleast_1d(np.asarray(values, dtype=float))
    mean, low, high = bounds or interval(values)
    reproduced: bool | None = None
    agrees: bool | None = None
    rule = []
    if criterion is not None:
        reproduced = bool(low > criterion.low and high < criterion.high)
        rule.append(str(criterion))
    if not np.isnan(published) and tolerance is not None:
        agrees = bool(abs(published - mean) <= tolerance or values.min() <= published <= values.max())
        rule.append(f"agrees within {tolerance:g} or in range")
    return {
        "claim": claim,
        "panel": panel,
        "statement": statement,
        "published": published,
        "reproduced": mean,
        "ci_low": low,
        "ci_high": high,
        "n_networks": len(values),
        "criterion": "; ".join(rule),
        "reproduced_verdict": reproduced,
        "agrees_verdict": agrees,
    }


def write(rows: list[dict[str, Any]], folder: Path, about: dict[str, Any]) -> pd.DataFrame:
    """Write claims.csv into a results folder."""
    frame = pd.DataFrame(rows)
    tables.write(frame, folder / "claims.csv", "claims", about)
    return frame


def collect(data: Path) -> pd.DataFrame:
    """Read the claims of all experiments, in the order of the figures' panels."""
    paths = sorted(data.glob("*/results/claims.csv"))
    frames = [tables.read(path, "claims").assign(experiment=path.parent.parent.name) for path in paths]
    if not frames:
        return pd.DataFrame(columns=[*tables.COLUMNS["claims"], "experiment"])
    return pd.concat(frames, ignore_index=True).sort_values("panel", kind="stable", ignore_index=True)


VERDICTS = {True: "yes", False: "NO", None: "—"}


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Claims as a table for people: numbers rounded, verdicts in words."""

    def number(value: float) -> str:
        return "—" if pd.isna(value) else f"{value:.3g}"

    def verdict(value: Any) -> str:
        return VERDICTS[None if pd.isna(value) else str(value) == "True"]

    interval = [f"{number(low)} to {number(high)}" for low, high in zip(frame["ci_low"], frame["ci_high"], strict=True)]
    return pd.DataFrame(
        {
            "panel": frame["panel"],
            "claim": frame["claim"],
            "statement": frame["statement"],
            "published": frame["published"].map(number),
            "reproduced": frame["reproduced"].map(number),
            "95 % interval": interval,
            "n": frame["n_networks"],
            "criterion": frame["criterion"].fillna("—"),
            "reproduced?": frame["reproduced_verdict"].map(verdict),
            "agrees?": frame["agrees_verdict"].map(verdict),
        }
    )


def score(frame: pd.DataFrame) -> str:
    """Count claims: one is reproduced if all its rows with a criterion are, and agrees if all its compared rows do."""
    parts = []
    for column, word in (("reproduced_verdict", "reproduced"), ("agrees_verdict", "agree with the published values")):
        settled = frame.dropna(subset=[column])
        verdicts = settled[column].astype(str).eq("True").groupby(settled["claim"]).all()
        parts.append(f"{verdicts.sum()} of {len(verdicts)} claims {word}")
    return "; ".join(parts)


@dataclass(frozen=True)
class Options:
    """What to print."""

    data: Path = DATA
    """Data folder."""


def main(options: Options) -> None:
    """Print the verdict table of all experiments."""
    frame = collect(options.data)
    print(readable(frame).to_string(index=False, max_colwidth=90))
    print(f"\n{score(frame)}")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
