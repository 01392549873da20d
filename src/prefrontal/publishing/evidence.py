"""Evidence for each row of the claims in addition to its t interval: bootstrap interval, rank test,
leave-one-network-out, effect size, power, and position of the published value."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prefrontal.publishing.claims import KEY, Claim, evaluate_claim, holds, rows_of
from prefrontal.tables import storage

LEVEL = 0.05
POWER = 0.8
RESAMPLES = 9_999

COLUMNS = {
    "sample": "fresh, the larger sample, whose verdict counts; or paper, as many as in the paper",
    "n": "networks",
    "mean": "mean over networks, share of them, or difference from those of another variant",
    "sd": "standard deviation over networks; pooled for a difference",
    "boot_low": "lower end of the 95 % bootstrap interval (BCa, 9,999 resamples)",
    "boot_high": "upper end",
    "distance_sd": "distance from the nearer bound of the criterion, in standard deviations; "
    "negative outside",
    "p": "two-sided t test against that bound, 1 if outside (binomial test of a share)",
    "p_rank": "Wilcoxon's signed-rank test against it (Mann and Whitney's of a difference)",
    "flips": "networks whose leaving out turns the verdict",
    "power": "probability that the 95 % interval of as many networks, at this distance, clears it",
    "detectable_sd": "distance that it would find with a power of .8",
    "in_interval": "the published value lies in our 95 % interval",
    "in_prediction": "it lies in the 95 % prediction interval of a further network",
}
"""Columns of evidence.csv after claim, measure and variant."""


def _bootstrap(samples: list[np.ndarray]) -> tuple[float, float]:
    from scipy.stats import bootstrap

    if min(map(len, samples)) < 2 or all(np.ptp(sample) == 0 for sample in samples):
        return np.nan, np.nan

    # Resamples that only reorder the networks tie with the sample. Rounding errors, which differ
    # between processors, would break these ties.
    largest = max(np.abs(sample).max() for sample in samples)
    decimals = 10 - int(np.ceil(np.log10(largest)))

    def statistic(first: np.ndarray, *others: np.ndarray, axis: int = -1) -> Any:
        difference = first.mean(axis=axis) - sum(other.mean(axis=axis) for other in others)
        return np.round(difference, decimals)

    made = bootstrap(
        samples, statistic, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(0)
    )
    return float(made.confidence_interval.low), float(made.confidence_interval.high)


def _p_values(claim: Claim, samples: list[np.ndarray], bound: float, sign: int) -> list[float]:
    """Two-sided p of the t (or binomial) and of the rank test that the mean is beyond a bound."""
    from scipy import stats

    values, others = sign * (samples[0] - bound), [sign * sample for sample in samples[1:]]
    beyond: dict[str, Any] = {"alternative": "greater"}
    tests: list[Any]
    if claim.summary == "share":
        count = int((values > 0).sum())
        share = bound if sign > 0 else 1 - bound
        tests = [stats.binomtest(count, len(values), float(np.clip(share, 0, 1)), **beyond)]
    elif others:
        tests = [
            stats.ttest_ind(values, others[0], equal_var=False, **beyond),
            stats.mannwhitneyu(values, others[0], **beyond),
        ]
    else:
        tests = [stats.ttest_1samp(values, 0, **beyond), stats.wilcoxon(values, **beyond)]
    p_values = [min(1.0, 2 * float(test.pvalue)) for test in tests]
    return [*p_values, np.nan][:2]


def _against_bounds(claim: Claim, samples: list[np.ndarray], row: dict[str, Any]) -> dict[str, Any]:
    """Effect size, tests and power against the criterion's nearer bound."""
    from statsmodels.stats.power import TTestIndPower, TTestPower

    sizes, sd = [len(sample) for sample in samples], row["sd"]
    bounds = [(row["above"], 1), (row["below"], -1)]
    finite = [(bound, sign) for bound, sign in bounds if np.isfinite(bound)]
    if not finite or sizes[0] < 2 or row["above"] == row["below"]:
        return {}
    distance = min(sign * (row["reproduced"] - bound) for bound, sign in finite)
    with np.errstate(all="ignore"):
        p, p_rank = np.max([_p_values(claim, samples, *each) for each in finite], axis=0)
    out = {"p": p, "p_rank": p_rank}
    if claim.summary == "share" or not sd > 0:
        return out
    power: Any
    test: dict[str, Any] = {"alpha": LEVEL / 2, "alternative": "larger"}
    if claim.summary == "difference":
        power, test = TTestIndPower(), test | {"nobs1": sizes[0], "ratio": sizes[1] / sizes[0]}
    else:
        power, test = TTestPower(), test | {"nobs": sizes[0]}
    effect = distance / sd
    strength = float(power.power(effect, **test)) if effect > 0 else 0.0
    strength = 1.0 if np.isnan(strength) else strength  # where the effect is too large for SciPy
    detectable = power.solve_power(**test, power=POWER)
    return out | {"distance_sd": effect, "power": strength, "detectable_sd": float(detectable)}


def _published(claim: Claim, row: dict[str, Any]) -> dict[str, Any]:
    """Return whether the published value lies in our intervals."""
    from scipy import stats

    n = row["n_networks"]
    if np.isnan(claim.published) or claim.summary != "mean" or n < 2:
        return {}
    half = stats.t.ppf(1 - LEVEL / 2, n - 1) * row["sd"] * np.sqrt(1 + 1 / n)
    return {
        "in_interval": bool(row["ci_low"] <= claim.published <= row["ci_high"]),
        "in_prediction": bool(abs(claim.published - row["reproduced"]) <= half),
    }


def evidence(claim: Claim, values: list[np.ndarray], benchmarks: Any) -> dict[str, Any]:
    """Evidence for one row of a claim.

    Parameters
    ----------
    claim : Claim
    values : list of array (networks,)
        Numbers of its networks, and of those that they are compared with, if any.
    benchmarks : mapping
        Numbers that the criterion may refer to.

    Returns
    -------
    dict
        claim, measure, variant, and ``COLUMNS`` except the sample, as far as defined.
    """
    row = evaluate_claim(claim, values[0], benchmarks, *values[1:])
    samples = [sample[np.isfinite(sample)] for sample in values]
    spreads = [sample.var(ddof=1) if len(sample) > 1 else np.nan for sample in samples]
    freedom = [max(len(sample) - 1, 1) for sample in samples]
    row["sd"] = float(np.sqrt(np.average(spreads, weights=freedom)))
    out = {name: row[name] for name in KEY}
    out |= {"n": row["n_networks"], "mean": row["reproduced"], "sd": row["sd"]}
    out["boot_low"], out["boot_high"] = _bootstrap(samples)
    if claim.criterion is not None and not claim.criterion.negated:
        out |= _against_bounds(claim, samples, row)
    if row["reproduced_verdict"] is not None:
        left_out = [
            [np.delete(sample, k) if j == i else sample for j, sample in enumerate(values)]
            for i, whole in enumerate(values)
            for k in range(len(whole))
        ]
        verdicts = [evaluate_claim(claim, each[0], benchmarks, *each[1:]) for each in left_out]
        turned = (each["reproduced_verdict"] != row["reproduced_verdict"] for each in verdicts)
        out["flips"] = int(sum(turned))
    return out | _published(claim, row)


def table(
    claims: Iterable[Claim], measures: pd.DataFrame, main: str, benchmarks: Any, sample: str
) -> pd.DataFrame:
    """Evidence for all claims of an experiment, in one sample of its networks."""
    rows = [evidence(row, values, benchmarks) for row, values in rows_of(claims, measures, main)]
    columns = [*KEY, *COLUMNS]
    return pd.DataFrame([{**row, "sample": sample} for row in rows], columns=columns)


def collect(data: Path, names: Iterable[str] = ("*",)) -> pd.DataFrame:
    """Evidence of all experiments, or of those named.

    Returns
    -------
    DataFrame
        experiment, claim, measure, variant, ``COLUMNS``; counts, True for the sample whose verdict
        counts; holm, its p after Holm's correction over these criteria.
    """
    from statsmodels.stats.multitest import multipletests

    frames = [
        storage.read(path).assign(experiment=path.parent.parent.name)
        for name in names
        for path in sorted(data.glob(f"{name}/results/evidence.csv"))
    ]
    frame = pd.concat(frames, ignore_index=True)
    key = ["experiment", *KEY]
    larger = frame.groupby(key)["sample"].transform(lambda samples: (samples == "fresh").any())
    counts = ~larger | (frame["sample"] == "fresh")
    tested = frame["p"].notna() & counts
    corrected = multipletests(frame.loc[tested, "p"], method="holm")[1]
    return frame.assign(counts=counts, holm=pd.Series(corrected, frame.index[tested]))


def positions(frame: pd.DataFrame) -> pd.Series:
    """Narrowest interval around our mean in which a published value lies, from ``collect``.

    Returns
    -------
    Series
        "95 % interval", "prediction interval" (of a further network) or "neither", for the sample
        whose verdict counts; indexed by experiment, claim, measure and variant.
    """
    frame = frame.set_index(["experiment", *KEY])
    frame = frame[frame["counts"] & frame["in_interval"].notna()]
    inside = [frame[name].map(holds).eq(True) for name in ("in_interval", "in_prediction")]
    found = np.select(inside, ["95 % interval", "prediction interval"], "neither")
    return pd.Series(found, frame.index)


def overview(data: Path, names: Iterable[str] = ("*",)) -> str:
    """Summary of how many criteria hold and published values agree."""
    frame = collect(data, names)
    tested, found = frame.dropna(subset="holm"), positions(frame)
    within = (found == "95 % interval").sum()
    return (
        f"Of {len(tested)} criteria, {(tested['p'] < LEVEL).sum()} hold at .05, and "
        f"{(tested['holm'] < LEVEL).sum()} after Holm's correction over all of them. Of "
        f"{len(found)} published values, {(found != 'neither').sum()} lie in the 95 % prediction "
        f"interval of a further network, {within} in our 95 % interval."
    )
