"""Claims of the paper and their two verdicts.

A claim is settled by rules written down before the result is seen: it is *reproduced* when the 95 % interval over networks
lies within the criterion's bounds, and *agrees* when the published value lies in our networks' range or within the stated
tolerance of our mean. A claim about several quantities has a row for each.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def by_input(reward: pd.DataFrame, rpe: pd.DataFrame, published: Mapping[str, float]) -> pd.DataFrame:
    """Put networks whose input is the reward beside those whose actor sees reward prediction errors in its place.

    Parameters
    ----------
    reward, rpe : DataFrame
        Indexed by seed, a column per quantity, the same in both.
    published : mapping
        Published values, of networks that see the reward, by quantity; some may be missing.

    Returns
    -------
    DataFrame
        quantity, network_input, seed, value, published.
    """
    wide = pd.concat({"reward": reward, "rpe": rpe[reward.columns]}, names=["network_input", "seed"])
    frame = wide.melt(var_name="quantity", value_name="value", ignore_index=False).reset_index()
    frame["published"] = frame["quantity"].map(dict(published)).astype(float)
    return frame[["quantity", "network_input", "seed", "value", "published"]]


def settle_rpe_input(frame: pd.DataFrame, panel: str, criteria: Mapping[str, Criterion]) -> list[dict[str, Any]]:
    """Settle an experiment's main claim anew for networks that see reward prediction errors (Methods, simulation 6).

    The paper says that they behave comparably, without numbers. ``frame`` is that of ``by_input``, ``criteria`` those of the
    main claim by quantity.
    """
    rows = []
    for quantity, criterion in criteria.items():
        own = frame[frame["quantity"] == quantity]
        reward, rpe = (own.loc[own["network_input"] == name, "value"] for name in ("reward", "rpe"))
        statement = f"{quantity}: networks that see reward prediction errors (those that see reward: {reward.mean():.3g})"
        rows.append(settle("rpe-input", panel, statement, rpe, criterion))
    return rows


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


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Decide each claim: it is reproduced if all its rows with a criterion are, and agrees if all its compared rows do.

    Returns
    -------
    DataFrame
        Indexed by claim: columns reproduced_verdict and agrees_verdict, None where no row decides.
    """
    columns = ["reproduced_verdict", "agrees_verdict"]
    rows = frame.set_index("claim")[columns].astype(object)

    def decide(cells: pd.Series) -> bool | None:
        known = cells.dropna().astype(str)
        return bool(known.eq("True").all()) if len(known) else None

    return rows.groupby(level="claim", sort=False).agg(decide).astype(object)


def is_prediction(claim: str) -> bool:
    """Tell predictions, which go beyond the paper, from claims of the paper."""
    return claim.startswith("prediction-")


def score(frame: pd.DataFrame) -> str:
    """Count the claims that are reproduced and that agree, and apart from them the predictions that hold."""
    decided = verdicts(frame)
    predicted = np.array([is_prediction(claim) for claim in decided.index], dtype=bool)
    reproduced, agrees = decided["reproduced_verdict"], decided["agrees_verdict"]
    counted = {
        "claims reproduced": reproduced[~predicted],
        "claims agree with the published values": agrees[~predicted],
        "predictions, which go beyond the paper, hold": reproduced[predicted],
    }
    known = {words: cells.dropna() for words, cells in counted.items()}
    return "; ".join(f"{int(cells.sum())} of {len(cells)} {words}" for words, cells in known.items() if len(cells))


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
