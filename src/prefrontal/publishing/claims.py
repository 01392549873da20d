"""Claims and their two verdicts.

A claim is declared in its experiment's ``variants.py``, beside its criterion, before the result is seen. It has a row for each
of its measures. A row is *reproduced* when the 95 % interval over networks lies within the criterion's bounds, and *agrees*
when the published value lies in our networks' range or within the stated tolerance of our mean. The worst row decides the claim.
Every network counts: where one has no number, a criterion is not met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from prefrontal.analysis.statistics import interval
from prefrontal.errors import UserError
from prefrontal.tables import schema, storage

EXTENSION = "beyond"
"""Panel of claims that go beyond the paper; they are counted apart."""

Benchmarks = Mapping[str, float]
"""Numbers that criteria name, such as the regret of a textbook algorithm: name -> value."""


@dataclass(frozen=True)
class Criterion:
    """Bounds within which the 95 % interval over networks must lie, or must not; a bound may be the name of a benchmark."""

    low: float | str = -np.inf
    high: float | str = np.inf
    negated: bool = False

    def bounds(self, benchmarks: Benchmarks) -> tuple[float, float]:
        """Bounds as numbers."""

        def number(bound: float | str) -> float:
            if isinstance(bound, str) and bound not in benchmarks:
                raise UserError(f"criterion names the benchmark {bound!r}; there are {', '.join(benchmarks) or 'none'}")
            return benchmarks[bound] if isinstance(bound, str) else bound

        return number(self.low), number(self.high)

    def text(self, benchmarks: Benchmarks) -> str:
        """Write the criterion in words."""
        low, high = self.bounds(benchmarks)
        low_text, high_text = (
            f"{number:.4g} ({bound})" if isinstance(bound, str) else f"{number:g}"
            for bound, number in ((self.low, low), (self.high, high))
        )
        interval = "interval not" if self.negated else "interval"
        if np.isinf(high):
            return f"{interval} above {low_text}"
        return f"{interval} below {high_text}" if np.isinf(low) else f"{interval} within {low_text} to {high_text}"


def above(low: float | str) -> Criterion:
    """Interval above a value."""
    return Criterion(low=low)


def below(high: float | str) -> Criterion:
    """Interval below a value."""
    return Criterion(high=high)


def between(low: float | str, high: float | str) -> Criterion:
    """Interval within two values."""
    return Criterion(low, high)


def not_above(low: float | str) -> Criterion:
    """Interval that reaches a value, or lies below it."""
    return Criterion(low=low, negated=True)


@dataclass(frozen=True)
class Claim:
    """One row of a claim.

    Attributes
    ----------
    claim, measure : str
        The key under which ``analysis.measures`` gives a number per network, and by which captions and figures name it.
    panel : str
        Panel of the paper that shows it, or ``EXTENSION``.
    statement : str
        The measure in words, for people.
    criterion : Criterion, optional
        For the verdict "reproduced"; None where the measure is only reported, or compared with its published value.
    published : float
        The paper's value; NaN where it gives none.
    tolerance : float, optional
        For the verdict "agrees": largest distance of the published value from our mean, unless it lies in our range.
    variant : str
        What was trained; empty for the experiment's main variant.
    summary : {"mean", "share", "difference"}
        Mean over networks with its t interval; share of networks with Wilson's; difference to the mean of the networks of the
        variant ``versus``, with Welch's.
    versus : str
        See ``summary``.
    or_more : bool
        Agreement is one-sided: ours is the published value or more.
    measured : str
        Claim under which the number is measured, where it is not this one.
    """

    claim: str
    measure: str
    panel: str
    statement: str
    criterion: Criterion | None = None
    published: float = np.nan
    tolerance: float | None = None
    variant: str = ""
    summary: Literal["mean", "share", "difference"] = "mean"
    versus: str = ""
    or_more: bool = False
    measured: str = ""


def again(
    claims: Iterable[Claim], claim: str, pairs: Mapping[str, str], words: str, names: Iterable[str | tuple[str, str]]
) -> list[Claim]:
    """Settle claims anew for networks of other variants, by the same criteria, as one claim of its own.

    Parameters
    ----------
    claims : iterable of Claim
        Those of the experiment.
    claim : str
        Identifier of the new claim.
    pairs : mapping
        Variant that a claim is about -> variant that it is settled anew for; the experiment's main variant comes first.
    words : str
        What the other networks are, for the statement.
    names : iterable of str or (str, str)
        Which claims, or (claim, measure); only rows that have a criterion are settled.
    """
    chosen, main = set(names), next(iter(pairs))
    return [
        replace(
            own,
            claim=claim,
            statement=f"{own.statement}: {words}",
            published=np.nan,
            tolerance=None,
            variant=pairs[own.variant or main],
            measured=own.claim,
        )
        for own in claims
        if own.criterion is not None and (own.variant or main) in pairs and {own.claim, (own.claim, own.measure)} & chosen
    ]


RPE_INPUT = "rpe-input"
RPE_WORDS = "networks that see reward prediction errors"
"""Claim that networks whose actor sees reward prediction errors in place of rewards behave comparably (Methods, simulation 6)."""


def summarize(claim: Claim, values: np.ndarray, versus: np.ndarray) -> tuple[float, float, float]:
    """Mean of a claim's measure over networks, and its 95 % interval."""
    from statsmodels.stats.proportion import (
        proportion_confint,  # slow to import; recordings and figures do without
    )
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    if claim.summary == "share":
        low, high = proportion_confint(int(values.sum()), len(values), method="wilson") if len(values) else (np.nan, np.nan)
        return float(values.mean()) if len(values) else np.nan, float(low), float(high)
    if claim.summary == "difference":
        own, other = DescrStatsW(values), DescrStatsW(versus)
        if min(own.nobs, other.nobs) < 2:
            return np.nan, np.nan, np.nan
        low, high = CompareMeans(own, other).tconfint_diff(usevar="unequal")
        return float(own.mean - other.mean), float(low), float(high)
    return interval(values)


def evaluate_claim(claim: Claim, values: ArrayLike, benchmarks: Benchmarks | None = None, versus: ArrayLike = ()) -> dict[str, Any]:
    """Decide one row of a claim.

    Parameters
    ----------
    claim : Claim
    values : array (networks,)
        One number per network; NaN where a network has none, which is told, and fails the row.
    benchmarks : mapping, optional
        Numbers that the criterion may name.
    versus : array (networks,)
        Those of the variant ``claim.versus``.

    Returns
    -------
    dict
        A row of claims.csv.
    """
    finite, other = (x[np.isfinite(x)] for x in (np.asarray(values, dtype=float), np.asarray(versus, dtype=float)))
    mean, low, high = summarize(claim, finite, other)
    bounds, rule = (-np.inf, np.inf), []
    reproduced: bool | None = None
    agrees: bool | None = None
    if claim.criterion is not None:
        bounds = claim.criterion.bounds(benchmarks or {})
        reproduced = bool(low > bounds[0] and high < bounds[1])
        if claim.criterion.negated:
            reproduced, bounds = bool(np.isfinite(low)) and not reproduced, (-np.inf, np.inf)
        rule.append(claim.criterion.text(benchmarks or {}))
    if claim.or_more:
        agrees = bool(mean >= claim.published)
        rule.append(f"agrees if {claim.published:g} or more")
    elif not np.isnan(claim.published) and claim.tolerance is not None:
        in_range = len(finite) > 0 and finite.min() <= claim.published <= finite.max()
        agrees = bool(abs(claim.published - mean) <= claim.tolerance or in_range)
        rule.append(f"agrees within {claim.tolerance:g} or in range")
    missing, asked = np.size(values) + np.size(versus) - len(finite) - len(other), np.size(values) + np.size(versus)
    if missing:
        rule.append(f"{missing} of {asked} networks without a value")
        reproduced, agrees = (None if verdict is None else False for verdict in (reproduced, agrees))
    return {
        "claim": claim.claim,
        "measure": claim.measure,
        "variant": claim.variant,
        "panel": claim.panel,
        "statement": claim.statement,
        "published": claim.published,
        "reproduced": mean,
        "ci_low": low,
        "ci_high": high,
        "n_networks": len(finite),
        "above": bounds[0],
        "below": bounds[1],
        "criterion": "; ".join(rule),
        "reproduced_verdict": reproduced,
        "agrees_verdict": agrees,
    }


def evaluate_claims(claims: Iterable[Claim], measures: pd.DataFrame, main: str, benchmarks: Benchmarks) -> pd.DataFrame:
    """Decide all claims of an experiment from its measures -> claims.csv, a row per claim and measure."""
    networks: dict[Any, np.ndarray] = {name: np.sort(own.unique()) for name, own in measures.groupby("variant")["seed"]}
    by_key = {
        key: own.set_index("seed")["value"].reindex(networks[key[0]]).to_numpy()
        for key, own in measures.groupby(["variant", "claim", "measure"])
    }
    rows, seen = [], set()
    for claim in claims:
        own = replace(claim, variant=claim.variant or main)
        if (own.variant, own.claim, own.measure) in seen:
            raise UserError(f"claim {own.claim!r}: measure {own.measure!r} is declared twice for {own.variant!r}")
        seen.add((own.variant, own.claim, own.measure))
        compared = [(name, own.measured or own.claim, own.measure) for name in (own.variant, own.versus) if name]
        for key in compared:
            if key not in by_key:
                known = sorted({f"{c}: {q}" for _, c, q in by_key})
                raise UserError(f"claim {key[1]!r} has no measure {key[2]!r} for {key[0]!r}; measured are {'; '.join(known)}")
        values, *versus = (by_key[key] for key in compared)
        rows.append(evaluate_claim(own, values, benchmarks, *versus))
    return pd.DataFrame(rows, columns=list(schema.COLUMNS["claims"]))


def collect(data: Path, experiment: str = "*") -> pd.DataFrame:
    """Read the claims of all experiments, or of one, in the order of the figures' panels.

    Raises
    ------
    UserError
        No experiment has any; one that is named may have none.
    """
    paths = sorted(data.glob(f"{experiment}/results/claims.csv"))
    frames = [storage.read(path, "claims").assign(experiment=path.parent.parent.name) for path in paths]
    if not frames and experiment == "*":
        raise UserError(f"{data}: no claims (<experiment>/results/claims.csv); run make figures first")
    if not frames:
        return pd.DataFrame(columns=[*schema.COLUMNS["claims"], "experiment"])
    return pd.concat(frames, ignore_index=True).sort_values("panel", kind="stable", ignore_index=True)


def find(frame: pd.DataFrame, claim: str, measure: str = "", variant: str = "") -> pd.Series:
    """Return a claim's one row, by its key.

    ``measure`` may be left out where the claim has a single one, ``variant`` where the key has a single one or else means the
    one that comes first, which is the experiment's main variant.

    Raises
    ------
    UserError
        There is no such row, or more than one fits.
    """
    rows = frame[frame["claim"] == claim]
    if rows.empty:
        raise UserError(f"no claim {claim!r}; there are {', '.join(frame['claim'].unique())}")
    if measure:
        rows = rows[rows["measure"] == measure]
    if variant:
        rows = rows[rows["variant"] == variant]
    if len(rows["measure"].unique()) != 1:
        known = ", ".join(repr(name) for name in frame.loc[frame["claim"] == claim, "measure"].unique())
        raise UserError(f"{claim} has no single measure {measure!r} {variant}; there are {known}")
    return rows.iloc[0]


VERDICTS = {True: "yes", False: "NO", None: "—"}
VERDICT_COLUMNS = ["reproduced_verdict", "agrees_verdict"]


def holds(verdict: Any) -> bool | None:
    """Read a verdict, which a table with empty cells holds as text; None where there is none."""
    return None if pd.isna(verdict) else str(verdict) == "True"


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Claims as a table for people: numbers rounded, verdicts in words."""

    def number(value: float) -> str:
        return "—" if pd.isna(value) else f"{value:.3g}"

    interval = [f"{number(low)} to {number(high)}" for low, high in zip(frame["ci_low"], frame["ci_high"], strict=True)]
    return pd.DataFrame(
        {
            "panel": frame["panel"],
            "claim": frame["claim"],
            "statement": frame["statement"],
            "variant": frame["variant"],
            "published": frame["published"].map(number),
            "reproduced": frame["reproduced"].map(number),
            "95 % interval": interval,
            "n": frame["n_networks"],
            "criterion": frame["criterion"].fillna("—"),
            "reproduced?": frame["reproduced_verdict"].map(lambda cell: VERDICTS[holds(cell)]),
            "agrees?": frame["agrees_verdict"].map(lambda cell: VERDICTS[holds(cell)]),
        }
    )


def margin(frame: pd.DataFrame) -> pd.Series:
    """How far each row's interval is inside its criterion, in its half-widths; negative where it fails, NaN without criterion."""
    inside = np.minimum(frame["ci_low"] - frame["above"], frame["below"] - frame["ci_high"])
    half = (frame["ci_high"] - frame["ci_low"]) / 2
    return (inside / half.clip(lower=1e-12)).where(frame["reproduced_verdict"].notna())


def worst(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the row of each claim that decides it, with the claim's verdicts and its number of ``rows``.

    A row that fails its criterion comes first, then one that disagrees, then the one that is nearest to failing.
    """
    kept = []
    for _, own in frame.groupby([frame["panel"] == EXTENSION, "claim"], sort=False):
        verdict = own[VERDICT_COLUMNS].map(holds)
        order = verdict.ne(False).assign(margin=margin(own), silent=verdict.isna().all(axis=1))
        order = order.sort_values(list(order.columns), kind="stable")
        kept.append(
            own.loc[order.index[:1]].assign(rows=len(own), **dict(zip(VERDICT_COLUMNS, verdicts(own).iloc[0], strict=True)))
        )
    return pd.concat(kept, ignore_index=True) if kept else frame.assign(rows=0)


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Decide each claim: it is reproduced if all its rows with a criterion are, and agrees if all its compared rows do.

    Returns
    -------
    DataFrame
        Indexed by claim: columns reproduced_verdict and agrees_verdict, None where no row decides.
    """
    rows = frame.set_index("claim")[VERDICT_COLUMNS].astype(object)

    def decide(cells: pd.Series) -> bool | None:
        known = cells.map(holds).dropna()
        return bool(known.all()) if len(known) else None

    return rows.groupby(level="claim", sort=False).agg(decide).astype(object)


def counted(frame: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """Rows of the claims that an experiment's score counts, so that the scores of all experiments add up to the whole.

    A claim that several experiments evaluate_claim, such as rpe-input, is one claim: it counts in the folder of its name alone.
    """
    several = frame.groupby("claim")["experiment"].transform("nunique") > 1
    return frame[(frame["experiment"] == experiment) & ~several | (frame["claim"] == experiment.replace("_", "-"))]


def score(frame: pd.DataFrame) -> str:
    """Count the claims that are reproduced and that agree, and apart from them those beyond the paper that hold."""
    apart = frame["panel"] == EXTENSION
    paper, further = verdicts(frame[~apart]), verdicts(frame[apart])
    counted: dict[str, pd.Series] = {
        "claims reproduced": paper["reproduced_verdict"],
        "claims agree with the published values": paper["agrees_verdict"],
        "claims beyond the paper hold": further["reproduced_verdict"],
    }
    known = {words: cells.dropna() for words, cells in counted.items()}
    return "; ".join(f"{int(cells.sum())} of {len(cells)} {words}" for words, cells in known.items() if len(cells))


def measures(claim: str, wide: pd.DataFrame, names: Mapping[str, str] | Callable[[str], str] | None = None) -> pd.DataFrame:
    """Bring a table with a row per network and a column per measure into the form of ``tables.COLUMNS["measures"]``.

    Parameters
    ----------
    claim : str
    wide : DataFrame
        Columns variant and seed, or an index of these, and a column per measure.
    names : mapping or function, optional
        From columns to measures' names; of a mapping, only its columns are taken.
    """
    indexed = wide.set_index(["variant", "seed"]) if {"variant", "seed"} <= set(wide.columns) else wide
    chosen = indexed[list(names)] if isinstance(names, Mapping) else indexed
    named = chosen if names is None else chosen.rename(columns=names)
    long = named.reset_index().melt(["variant", "seed"], var_name="measure", value_name="value").assign(claim=claim)
    return long[list(schema.COLUMNS["measures"])].astype({"value": float})
