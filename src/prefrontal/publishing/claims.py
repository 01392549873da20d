"""Claims and their two verdicts.

A claim is declared in its experiment's ``claims.py``, with its criterion, before the result is
seen. It has a row for each of its measures. A row is *reproduced* if the 95 % interval over
networks lies within the criterion's bounds. It *agrees* if the published value lies in our
networks' range, or within the stated tolerance of our mean. The worst row decides a claim. Every
network counts: a criterion is not met if any network lacks a value.

If a larger sample was trained (``results/fresh.csv``), its verdict counts, and the estimate from as
many networks as in the paper is shown next to it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from prefrontal.errors import UserError
from prefrontal.statistics import interval
from prefrontal.tables import schema, storage

EXTENSION = "extension"
"""Panel of claims that go beyond the paper, which are scored separately."""

WIDTH = 100
"""Columns of a terminal."""

Benchmarks = Mapping[str, float]
"""Numbers that criteria refer to, such as the regret of a textbook algorithm: name -> value."""

Names = Iterable[str | tuple[str, str]]
"""Claims, or single rows of them as (claim, measure)."""


@dataclass(frozen=True)
class Criterion:
    """Bounds within which the 95 % interval over networks must lie, or must not.

    A bound may be the name of a benchmark. The interval must include two bounds that are equal.
    With ``estimate``, the mean or share itself must lie within the bounds or on one.
    """

    low: float | str = -np.inf
    high: float | str = np.inf
    negated: bool = False
    estimate: bool = False

    def bounds(self, benchmarks: Benchmarks) -> tuple[float, float]:
        """Bounds as numbers."""

        def number(bound: float | str) -> float:
            if isinstance(bound, str) and bound not in benchmarks:
                known = ", ".join(benchmarks) or "none"
                raise UserError(f"criterion names the benchmark {bound!r}; there are {known}")
            return benchmarks[bound] if isinstance(bound, str) else bound

        return number(self.low), number(self.high)

    def met(self, mean: float, low: float, high: float, benchmarks: Benchmarks) -> bool:
        """Return whether a mean with its interval meets the criterion; NaN does not."""
        lower, upper = self.bounds(benchmarks)
        if self.estimate:
            return bool(lower <= mean <= upper)
        within = low <= lower <= high if lower == upper else low > lower and high < upper
        return bool(np.isfinite(low)) and bool(within) != self.negated

    def text(self, benchmarks: Benchmarks) -> str:
        """Write the criterion in words."""
        low, high = self.bounds(benchmarks)
        low_text, high_text = (
            f"{number:.4g} ({bound})" if isinstance(bound, str) else f"{number:g}"
            for bound, number in ((self.low, low), (self.high, high))
        )
        subject = "interval not" if self.negated else "interval"
        if low == high:
            return f"{subject} around {low_text}"
        if self.estimate:
            return f"mean at least {low_text}"
        if np.isinf(high):
            return f"{subject} above {low_text}"
        if np.isinf(low):
            return f"{subject} below {high_text}"
        return f"{subject} within {low_text} to {high_text}"


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
    """Interval that includes a value, or lies below it."""
    return Criterion(low=low, negated=True)


def around(value: float) -> Criterion:
    """Interval that includes a value."""
    return Criterion(value, value)


def at_least(low: float) -> Criterion:
    """Mean or share of networks, without its interval, of a value or more."""
    return Criterion(low=low, estimate=True)


@dataclass(frozen=True)
class Claim:
    """One row of a claim.

    Attributes
    ----------
    claim, measure : str
        The key under which ``measures`` has a number per network, and by which captions and figures
        refer to it.
    panel : str
        Panel of the paper that shows it, or ``EXTENSION``.
    statement : str
        The measure in words.
    criterion : Criterion, optional
        For the verdict "reproduced"; None if the measure is only reported, or only compared with
        its published value.
    published : float
        The paper's value; NaN if it gives none.
    tolerance : float, optional
        For the verdict "agrees": largest distance of the published value from our mean, unless it
        lies in our range.
    variant : str
        Trained variant; empty for the experiment's main variant.
    summary : {"mean", "share", "difference"}
        Mean over networks with its t interval; share of networks with Wilson's; difference from
        the mean of the networks of the variant ``versus``, with Welch's.
    versus : str
        See ``summary``.
    or_more : bool
        Agreement is one-sided: ours is the published value or more.
    measured : str
        Claim under which the number is measured, if it is not this one.
    needs : tuple of str
        Further variants that the measure needs; the claim is left out if one was not trained.
    registered : str
        Commit that fixed the criterion, before the result: short hash and date, such as
        "7243fc3 2026-11-21" (see ``register``).
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
    needs: tuple[str, ...] = ()
    registered: str = ""

    def named_in(self, names: Names) -> bool:
        """True if the names contain this row, or its claim."""
        return bool({self.claim, (self.claim, self.measure)} & set(names))


def register(claims: Iterable[Claim], commits: Mapping[str, Names]) -> list[Claim]:
    """Register the commit that fixed the criterion of each row.

    Parameters
    ----------
    claims : iterable of Claim
    commits : mapping
        Commit, as short hash and date, -> claims, or (claim, measure). Later entries take
        precedence, so that single rows can follow their claim.

    Raises
    ------
    UserError
        A name matches no row with a criterion.
    """
    rows = list(claims)
    with_criterion = [row for row in rows if row.criterion is not None]
    for commit, names in commits.items():
        for name in names:
            if not any(row.named_in([name]) for row in with_criterion):
                raise UserError(f"registered at {commit}: no claim {name!r} with a criterion")
        rows = [
            replace(row, registered=commit)
            if row.criterion is not None and row.named_in(names)
            else row
            for row in rows
        ]
    return rows


def for_variants(
    claims: Iterable[Claim],
    claim: str,
    variants: Mapping[str, str],
    description: str,
    names: Names,
) -> list[Claim]:
    """Reuse claims, with their criteria, for networks of other variants, as a separate claim.

    Parameters
    ----------
    claims : iterable of Claim
        Those of the experiment.
    claim : str
        Identifier of the new claim.
    variants : mapping
        Variant that a claim is about -> variant that it is reused for; the experiment's main
        variant comes first.
    description : str
        Description of the other networks, for the statement.
    names : iterable of str or (str, str)
        Claims to reuse, or (claim, measure); rows without a criterion are left out.
    """
    chosen, main = set(names), next(iter(variants))
    return [
        replace(
            row,
            claim=claim,
            statement=f"{row.statement}: {description}",
            published=np.nan,
            tolerance=None,
            variant=variants[row.variant or main],
            measured=row.claim,
            registered="",
        )
        for row in claims
        if row.criterion is not None and (row.variant or main) in variants and row.named_in(chosen)
    ]


RPE_INPUT = "rpe-input"
"""Claim that networks whose actor receives reward prediction errors instead of rewards behave
comparably (Methods, simulation 6)."""
RPE_DESCRIPTION = "networks that see reward prediction errors"
"""Description of these networks in the statements of claims."""


def summarize(claim: Claim, values: np.ndarray, versus: np.ndarray) -> tuple[float, float, float]:
    """Mean of a claim's measure over networks, and its 95 % interval."""
    # statsmodels is slow to import, and not needed by recordings and figures
    from statsmodels.stats.proportion import proportion_confint
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    if claim.summary == "share":
        if not len(values):
            return np.nan, np.nan, np.nan
        low, high = proportion_confint(int(values.sum()), len(values), method="wilson")
        return float(values.mean()), float(low), float(high)
    if claim.summary == "difference":
        here, there = DescrStatsW(values), DescrStatsW(versus)
        if min(here.nobs, there.nobs) < 2:
            return np.nan, np.nan, np.nan
        low, high = CompareMeans(here, there).tconfint_diff(usevar="unequal")
        return float(here.mean - there.mean), float(low), float(high)
    return interval(values)


def evaluate_claim(
    claim: Claim,
    values: ArrayLike,
    benchmarks: Benchmarks | None = None,
    versus: ArrayLike = (),
) -> dict[str, Any]:
    """Evaluate one row of a claim.

    Parameters
    ----------
    claim : Claim
    values : array (networks,)
        One number per network; NaN if a network has none, which is reported and fails the row.
    benchmarks : mapping, optional
        Numbers that the criterion may refer to.
    versus : array (networks,)
        Those of the variant ``claim.versus``.

    Returns
    -------
    dict
        A row of claims.csv.
    """
    given = [np.asarray(numbers, dtype=float) for numbers in (values, versus)]
    finite, other = (numbers[np.isfinite(numbers)] for numbers in given)
    mean, low, high = summarize(claim, finite, other)
    bounds, rule = (-np.inf, np.inf), []
    reproduced: bool | None = None
    agrees: bool | None = None
    if claim.criterion is not None:
        reproduced = claim.criterion.met(mean, low, high, benchmarks or {})
        if not claim.criterion.negated:
            bounds = claim.criterion.bounds(benchmarks or {})
        rule.append(claim.criterion.text(benchmarks or {}))
    if claim.or_more:
        agrees = bool(mean >= claim.published)
        rule.append(f"agrees if {claim.published:g} or more")
    elif not np.isnan(claim.published) and claim.tolerance is not None:
        in_range = len(finite) > 0 and finite.min() <= claim.published <= finite.max()
        agrees = bool(abs(claim.published - mean) <= claim.tolerance or in_range)
        rule.append(f"agrees within {claim.tolerance:g} or in range")
    total = sum(map(np.size, given))
    missing = total - len(finite) - len(other)
    if missing:
        rule.append(f"{missing} of {total} without a value")
        reproduced, agrees = (None if x is None else False for x in (reproduced, agrees))
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
        "registered": claim.registered,
        "reproduced_verdict": reproduced,
        "agrees_verdict": agrees,
    }


def rows_of(
    claims: Iterable[Claim], measures: pd.DataFrame, main: str
) -> Iterator[tuple[Claim, list[np.ndarray]]]:
    """Yield each row of a claim with its variant, and the numbers of its networks and of the
    networks of ``versus``."""
    networks: dict[Any, np.ndarray] = {
        variant: np.sort(seeds.unique())
        for variant, seeds in measures.groupby("variant")["subject"]
    }
    by_key = {
        key: rows.set_index("subject")["value"].reindex(networks[key[0]]).to_numpy()
        for key, rows in measures.groupby(["variant", "claim", "measure"])
    }
    seen = set()
    for claim in claims:
        row = replace(claim, variant=claim.variant or main)
        if (row.variant, row.claim, row.measure) in seen:
            raise UserError(
                f"claim {row.claim!r}: measure {row.measure!r} is declared twice for "
                f"{row.variant!r}"
            )
        seen.add((row.variant, row.claim, row.measure))
        compared = [
            (variant, row.measured or row.claim, row.measure)
            for variant in (row.variant, row.versus)
            if variant
        ]
        for key in compared:
            if key not in by_key:
                known = "; ".join(sorted({f"{name}: {measure}" for _, name, measure in by_key}))
                raise UserError(
                    f"claim {key[1]!r} has no measure {key[2]!r} for {key[0]!r}; "
                    f"measured are {known}"
                )
        yield row, [by_key[key] for key in compared]


def evaluate_claims(
    claims: Iterable[Claim], measures: pd.DataFrame, main: str, benchmarks: Benchmarks
) -> pd.DataFrame:
    """Evaluate all claims of an experiment -> claims.csv, a row per claim, measure and variant.

    Parameters
    ----------
    claims : iterable of Claim
    measures : DataFrame
        As in ``schema.COLUMNS["measures"]``.
    main : str
        The experiment's main variant.
    benchmarks : mapping
        Numbers that criteria may refer to.
    """
    evaluated = [
        evaluate_claim(row, values[0], benchmarks, *values[1:])
        for row, values in rows_of(claims, measures, main)
    ]
    return pd.DataFrame(evaluated, columns=list(schema.COLUMNS["claims"]))


KEY = ["claim", "measure", "variant"]
NUMBERS = ["reproduced", "ci_low", "ci_high", "n_networks", "above", "below"]
COUNTED = [*NUMBERS, "criterion", "reproduced_verdict", "agrees_verdict"]
"""Columns of claims.csv that depend on the sample; for a larger one their names begin with
``fresh_``."""


def in_sample(claims: Iterable[Claim], fresh: pd.DataFrame, main: str) -> list[Claim]:
    """Claims measured in a larger sample, with their bounds in that sample."""
    bounds: Any = fresh.groupby(KEY)[["above", "below"]].first()
    measured = []
    for claim in claims:
        key = (claim.claim, claim.measure, claim.variant or main)
        if key in bounds.index:
            low, high = map(float, bounds.loc[key])
            criterion = claim.criterion and replace(claim.criterion, low=low, high=high)
            measured.append(replace(claim, criterion=criterion, measured=""))
    return measured


def add_fresh(evaluated: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Add the larger sample's columns to claims.csv, from the same rows evaluated on it."""
    return evaluated.join(fresh.set_index(KEY)[COUNTED].add_prefix("fresh_"), on=KEY)


def counted(frame: pd.DataFrame) -> pd.DataFrame:
    """Claims with the sample that counts: the larger one, if there is one.

    The other sample's estimate and verdicts are kept in the columns ``few_...``.
    """
    if "fresh_reproduced" not in frame:
        return frame
    larger = frame["fresh_n_networks"].notna()
    out = frame.drop(columns=[f"fresh_{name}" for name in COUNTED])
    for name in COUNTED:
        few = frame[name].astype(object)
        out[f"few_{name}"] = few.where(larger, None)
        out[name] = frame[f"fresh_{name}"].astype(object).where(larger, few)
    return out.astype(dict.fromkeys(NUMBERS, float)).astype({"n_networks": int})


def collect(data: Path, experiment: str = "*") -> pd.DataFrame:
    """Read the claims of all experiments, or of one, in the order of the figures' panels.

    Raises
    ------
    UserError
        No experiment has any. A single one may have none.
    """
    paths = sorted(data.glob(f"{experiment}/results/claims.csv"))
    frames = [
        storage.read(path, "claims").assign(experiment=path.parent.parent.name) for path in paths
    ]
    if not frames and experiment == "*":
        raise UserError(
            f"{data}: no claims (<experiment>/results/claims.csv); run make figures first"
        )
    if not frames:
        return pd.DataFrame(columns=[*schema.COLUMNS["claims"], "experiment"])
    rows = pd.concat(frames, ignore_index=True)
    return rows.sort_values("panel", kind="stable", ignore_index=True)


def find(frame: pd.DataFrame, claim: str, measure: str = "", variant: str = "") -> pd.Series:
    """Return one row of a claim, by its key.

    ``measure`` may be left out if the claim has a single one, ``variant`` if the key has a single
    one, or for the first, which is the experiment's main variant.

    Raises
    ------
    UserError
        There is no such row, or more than one.
    """
    rows = frame[frame["claim"] == claim]
    if rows.empty:
        raise UserError(f"no claim {claim!r}; there are {', '.join(frame['claim'].unique())}")
    known = ", ".join(repr(name) for name in rows["measure"].unique())
    if measure:
        rows = rows[rows["measure"] == measure]
    if variant:
        rows = rows[rows["variant"] == variant]
    if len(rows["measure"].unique()) != 1:
        raise UserError(f"{claim} has no single measure {measure!r} {variant}; there are {known}")
    return rows.iloc[0]


VERDICTS = {True: "yes", False: "NO", None: "—"}
VERDICT_COLUMNS = ["reproduced_verdict", "agrees_verdict"]


def holds(verdict: Any) -> bool | None:
    """Read a verdict, which a table with empty cells holds as text; None if there is none."""
    return None if pd.isna(verdict) else str(verdict) == "True"


def _number(value: float) -> str:
    return "—" if pd.isna(value) else f"{value:.3g}"


def _wide_number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else _number(value)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Claims as a readable table: numbers rounded, verdicts in words."""
    frame = counted(frame)
    ends = zip(frame["ci_low"], frame["ci_high"], strict=True)
    table = pd.DataFrame(
        {
            "panel": frame["panel"],
            "claim": frame["claim"],
            "statement": frame["statement"],
            "variant": frame["variant"],
            "published": frame["published"].map(_number),
            "reproduced": frame["reproduced"].map(_number),
            "95 % interval": [f"{_number(low)} to {_number(high)}" for low, high in ends],
            "n": frame["n_networks"],
            "criterion": frame["criterion"].fillna("—"),
            "reproduced?": frame["reproduced_verdict"].map(lambda cell: VERDICTS[holds(cell)]),
            "agrees?": frame["agrees_verdict"].map(lambda cell: VERDICTS[holds(cell)]),
        }
    )
    if "few_reproduced" in frame:
        table["as many networks as in the paper"] = [_few(row) for _, row in frame.iterrows()]
    return table


def _few(row: pd.Series) -> str:
    """Write the smaller sample's estimate and verdicts; a dash if it is the only one."""
    if pd.isna(row["few_reproduced"]):
        return "—"
    low, high = _number(row["few_ci_low"]), _number(row["few_ci_high"])
    texts = [VERDICTS[holds(row[f"few_{name}"])] for name in VERDICT_COLUMNS]
    numbers = f"{_number(row['few_reproduced'])} [{low}, {high}], n = {row['few_n_networks']:.0f}"
    return f"{numbers}: {', '.join(texts)}"


def short(frame: pd.DataFrame) -> pd.DataFrame:
    """Deciding rows as a narrow table, without empty columns."""
    paper = (frame["panel"] != EXTENSION).any()
    table = pd.DataFrame(
        {
            "panel": frame["panel"] if paper else None,
            "claim": frame["claim"],
            "deciding measure": frame["measure"],
            "ours [95 % interval]": _estimates(frame),
            "published": frame["published"].map(_number, na_action="ignore"),
            "holds": frame["reproduced_verdict"].map(holds).map(VERDICTS.get),
            "agrees": frame["agrees_verdict"].map(holds).map({True: "yes", False: "NO"}),
            "rows": frame["rows"],
        }
    )
    numbers = ["ours [95 % interval]", "published"]
    table[numbers] = table[numbers].replace("-", "−", regex=True)
    return table.dropna(axis=1, how="all").fillna("—")


def _keys(frame: pd.DataFrame) -> list[str]:
    """Write each row's key as in captions: claim: measure, and @ variant if several variants share
    it."""
    several = frame.groupby(["claim", "measure"])["variant"].transform("nunique") > 1
    return [
        f"{row.claim}: {row.measure}" + (f" @ {row.variant}" if shared else "")
        for row, shared in zip(frame.itertuples(), several, strict=True)
    ]


def _estimates(frame: pd.DataFrame) -> list[str]:
    """Write each row's mean over networks and its 95 % interval."""
    columns = frame[["reproduced", "ci_low", "ci_high"]].to_numpy(dtype=float)
    return [
        _wide_number(mean)
        + ("" if np.isnan(low) else f" [{_wide_number(low)}, {_wide_number(high)}]")
        for mean, low, high in columns
    ]


AS_IN_THE_PAPER = "(n as in the paper)"


def _columns(frame: pd.DataFrame, wrapped: str) -> str:
    """Align a table of text in columns of a terminal; the column to be wrapped takes the remaining
    width."""
    widths = {name: max(len(cell) for cell in [name, *frame[name]]) for name in frame}
    left = WIDTH - sum(width + 2 for name, width in widths.items() if name != wrapped)
    widths[wrapped] = min(widths[wrapped], left)
    lines = []
    for cells in [dict(zip(frame, frame, strict=True)), *frame.to_dict("records")]:
        for k, text in enumerate(textwrap.wrap(cells[wrapped], left, subsequent_indent="  ")):
            line = {name: "" if k else cell for name, cell in cells.items()} | {wrapped: text}
            lines.append("  ".join(line[name].ljust(widths[name]) for name in line).rstrip())
    return "\n".join(lines)


def as_text(frame: pd.DataFrame) -> str:
    """Write claims as a table for a terminal of ``WIDTH`` columns.

    If a larger sample counts, the smaller one is on a second line.
    """
    frame = counted(frame).reset_index(drop=True)
    keys = pd.Series(_keys(frame))
    if "few_reproduced" in frame:
        few = frame[frame["few_reproduced"].notna()]
        few = few.assign(**{name: few[f"few_{name}"] for name in COUNTED}, panel="")
        keys = pd.concat([keys, pd.Series(AS_IN_THE_PAPER, few.index)])
        frame = pd.concat([frame, few.assign(published=np.nan)])
        frame, keys = frame.sort_index(kind="stable"), keys.sort_index(kind="stable")
    verdicts = {
        column.partition("_")[0] + "?": frame[column].map(lambda cell: VERDICTS[holds(cell)])
        for column in VERDICT_COLUMNS
    }
    table = pd.DataFrame(
        {
            "panel": frame["panel"].replace(EXTENSION, "ext."),
            "claim: measure": keys,
            "ours [95 %]": _estimates(frame),
            "published": frame["published"].map(_wide_number),
            "n": frame["n_networks"].astype(str),
            **verdicts,
        }
    )
    return _columns(table, "claim: measure")


def compare(run: pd.DataFrame, suite: pd.DataFrame) -> str:
    """Write a run's measures next to the suite's, for a terminal of ``WIDTH`` columns."""
    key = ["claim", "measure", "variant"]
    both = run[key].merge(suite, on=key, how="left")
    table = pd.DataFrame(
        {
            "claim: measure": _keys(run),
            "suite [95 %]": _estimates(both),
            "this run [95 %]": _estimates(run),
            "n": [
                f"{suite_n:.0f}, {run_n}" if suite_n == suite_n else f"—, {run_n}"
                for suite_n, run_n in zip(both["n_networks"], run["n_networks"], strict=True)
            ],
        }
    )
    return _columns(table, "claim: measure")


def margin(frame: pd.DataFrame) -> pd.Series:
    """Distance of each row's interval from its criterion's nearer bound, in its half-widths.

    Negative where the row fails, NaN without a criterion.
    """
    inside = np.minimum(frame["ci_low"] - frame["above"], frame["below"] - frame["ci_high"])
    half = (frame["ci_high"] - frame["ci_low"]) / 2
    return (inside / half.clip(lower=1e-12)).where(frame["reproduced_verdict"].notna())


def deciding_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the deciding row of each claim, with the claim's verdicts and number of ``rows``.

    A row that fails its criterion comes first, then one that disagrees, then the one closest to
    failing.
    """
    frame, kept = counted(frame), []
    for _, rows in frame.groupby([frame["panel"] == EXTENSION, "claim"], sort=False):
        verdict = rows[VERDICT_COLUMNS].map(holds)
        order = verdict.ne(False).assign(margin=margin(rows), silent=verdict.isna().all(axis=1))
        order = order.sort_values(list(order.columns), kind="stable")
        whole = dict(zip(VERDICT_COLUMNS, verdicts(rows).iloc[0], strict=True))
        kept.append(rows.loc[order.index[:1]].assign(rows=len(rows), **whole))
    return pd.concat(kept, ignore_index=True) if kept else frame.assign(rows=0)


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Decide each claim.

    It is reproduced if all its rows with a criterion are, and agrees if all rows that are compared
    with a published value do.

    Returns
    -------
    DataFrame
        Indexed by claim: columns reproduced_verdict and agrees_verdict, None where no row decides.
    """
    rows = counted(frame).set_index("claim")[VERDICT_COLUMNS].astype(object)

    def decide(cells: pd.Series) -> bool | None:
        known = cells.map(holds).dropna()
        return bool(known.all()) if len(known) else None

    return rows.groupby(level="claim", sort=False).agg(decide).astype(object)


def scored_rows(frame: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """Rows of the claims that count in an experiment's score.

    The scores of all experiments add up to the whole: a claim that several experiments evaluate,
    such as rpe-input, is one claim, and counts only in the folder of its name.
    """
    extension = frame["panel"] == EXTENSION
    several = frame.groupby(["claim", extension])["experiment"].transform("nunique") > 1
    here = (frame["experiment"] == experiment) & ~several
    return frame[here | (frame["claim"] == experiment.replace("_", "-"))]


def counts(frame: pd.DataFrame) -> dict[str, str]:
    """Count the paper's claims that are reproduced and that agree, and extensions that hold.

    Experiments of users are extensions (``experiments.Study``), and never count as the paper's.

    Returns
    -------
    dict
        "reproduced", "agree" and "extensions" -> such as "4 of 5", if there are such claims.
    """
    extension = frame["panel"] == EXTENSION
    paper, further = verdicts(frame[~extension]), verdicts(frame[extension])
    columns: dict[str, pd.Series] = {
        "reproduced": paper["reproduced_verdict"].dropna(),
        "agree": paper["agrees_verdict"].dropna(),
        "extensions": further["reproduced_verdict"].dropna(),
    }
    return {
        name: f"{int(cells.sum())} of {len(cells)}" for name, cells in columns.items() if len(cells)
    }


SCORE = {
    "reproduced": "claims reproduced",
    "agree": "claims agree with the published values",
    "extensions": "claims beyond the paper hold",
}


def score(frame: pd.DataFrame) -> str:
    """Write the counts in words."""
    return "; ".join(f"{count} {SCORE[name]}" for name, count in counts(frame).items())


def measures(
    claim: str,
    wide: pd.DataFrame,
    names: Mapping[str, str] | Callable[[str], str] | None = None,
) -> pd.DataFrame:
    """Convert a table with a row per network and a column per measure to long form.

    Parameters
    ----------
    claim : str
    wide : DataFrame
        Columns variant and subject, or an index of these, and a column per measure.
    names : mapping or function, optional
        From columns to measures' names; of a mapping, only its columns are taken.

    Returns
    -------
    DataFrame
        As in ``schema.COLUMNS["measures"]``.
    """
    keys = schema.SUBJECT
    indexed = wide.set_index(keys) if set(keys) <= set(wide.columns) else wide
    chosen = indexed[list(names)] if isinstance(names, Mapping) else indexed
    named = chosen if names is None else chosen.rename(columns=names)
    long = named.reset_index().melt(keys, var_name="measure", value_name="value")
    return long.assign(claim=claim)[list(schema.COLUMNS["measures"])].astype({"value": float})
