"""Robustness of the claims to what the paper does not state, from the table of all networks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from scipy.stats import ttest_ind
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests

from prefrontal import experiments
from prefrontal.errors import check
from prefrontal.experiments import Analysis
from prefrontal.publishing import claims
from prefrontal.publishing.results import Results
from replications.multiverse.universes import (
    ALPHA,
    ANNEALED,
    CONSTANT,
    DISAGREEING,
    MULTIVERSES,
    NETWORKS,
    PLANNED,
    SCHEDULES,
    SHARED,
    TRAINING,
)

ROW = ["experiment", "claim", "measure", "variant"]
"""Columns that identify a row of a claim."""

INPUTS = {"bandit": "reward", "bandit_rpe": "reward prediction error"}
"""Input of the networks of both bandits."""


def grouped(frame: pd.DataFrame, *keys: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield groups of rows in the table's order, each after its values of the columns ``keys``."""
    yield from frame.groupby(keys[0] if len(keys) == 1 else list(keys), sort=False)


def evaluate_universes(networks: pd.DataFrame) -> pd.DataFrame:
    """Evaluate the claims of every universe on its own networks, by the experiments' criteria.

    Parameters
    ----------
    networks : DataFrame
        A row per network and measure; ``above`` and ``below`` are the bounds of the criterion.

    Returns
    -------
    DataFrame
        Rows of claims.csv with experiment and universe.
    """
    evaluated = []
    measured = networks[networks["claim"] != TRAINING]
    for (name, universe), rows in grouped(measured, "experiment", "universe"):
        multiverse = PLANNED[name]
        bounds: Any = rows.groupby(["claim", "measure", "variant"])[["above", "below"]].first()
        declared = []
        for claim in multiverse.claims:
            low, high = bounds.loc[claim.claim, claim.measure, claim.variant or multiverse.main]
            criterion = claim.criterion and replace(claim.criterion, low=low, high=high)
            declared.append(replace(claim, measured="", criterion=criterion))
        table = claims.evaluate_claims(declared, rows, multiverse.main, {})
        evaluated.append(table.assign(experiment=name, universe=universe))
    return pd.concat(evaluated, ignore_index=True)


def verdicts(evaluated: pd.DataFrame) -> pd.DataFrame:
    """Decide claims as a whole.

    Returns
    -------
    DataFrame
        experiment, universe, claim, panel (of its first row), reproduced_verdict, agrees_verdict.
    """
    decided = [
        claims.verdicts(rows).assign(
            experiment=name,
            universe=universe,
            panel=rows.groupby("claim", sort=False)["panel"].first(),
        )
        for (name, universe), rows in grouped(evaluated, "experiment", "universe")
    ]
    return pd.concat(decided).reset_index()


def shares(decided: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """Count the universes in which each claim holds, and agrees; add the main networks' verdicts.

    Returns
    -------
    DataFrame
        experiment, panel, claim; universes; holds, agrees: number of universes, missing where
        nothing decides; main_holds, main_agrees.
    """
    rows = []
    for (name, claim), verdict in grouped(decided, "experiment", "claim"):
        known = [verdict[column].dropna() for column in claims.VERDICT_COLUMNS]
        counts = [int(cells.sum()) if len(cells) else pd.NA for cells in known]
        of_main = main.reindex([(name, claim)])[claims.VERDICT_COLUMNS].iloc[0]
        rows.append((name, verdict["panel"].iloc[0], claim, len(verdict), *counts, *of_main))
    counted = ["experiment", "panel", "claim", "universes", "holds", "agrees"]
    frame = pd.DataFrame(rows, columns=[*counted, "main_holds", "main_agrees"])
    return frame.astype({"holds": "Int64", "agrees": "Int64"})


def subsets(results: Results, name: str, main: pd.DataFrame) -> pd.DataFrame:
    """Count the subsets of the main networks, as large as a universe, in which each claim holds.

    How often a claim holds in universes depends both on settings and on the power of few networks;
    this measures the power alone.

    Returns
    -------
    DataFrame
        experiment, claim, subsets, subsets_hold (number of subsets).
    """
    multiverse = MULTIVERSES[name]
    measured = results.of(multiverse.experiment)["measures"]
    values = {key: rows["value"] for key, rows in grouped(measured, "claim", "measure", "variant")}
    keys = zip(main["claim"], main["measure"], main["variant"], strict=True)
    bounds = dict(zip(keys, zip(main["above"], main["below"], strict=True), strict=True))
    holding: dict[str, Any] = {}
    for claim in multiverse.claims:
        variant = claim.variant or experiments.get(multiverse.experiment).main
        key = (claim.claim, claim.measure, claim.variant or multiverse.main)
        if claim.criterion is None or key not in bounds:
            continue
        low, high = bounds[key]
        criterion = claim.criterion
        if not criterion.negated:
            criterion = replace(criterion, low=low, high=high)
        measured_as = (claim.measured or claim.claim, claim.measure)
        here = values[*measured_as, variant].to_numpy()
        there = values[*measured_as, claim.versus].to_numpy() if claim.versus else here[:0]
        met = []
        for chosen in map(list, combinations(range(len(here)), NETWORKS)):
            of_versus = there[chosen] if len(there) else there
            met.append(criterion.met(*claims.summarize(claim, here[chosen], of_versus), {}))
        holding[claim.claim] = holding.get(claim.claim, True) & np.array(met, dtype=bool)
    rows = [(name, claim, len(met), int(met.sum())) for claim, met in holding.items()]
    return pd.DataFrame(rows, columns=["experiment", "claim", "subsets", "subsets_hold"])


def pooled(networks: pd.DataFrame, evaluated: pd.DataFrame) -> pd.DataFrame:
    """Pool all networks by a mixed model: mean over universes, and spread between and within them.

    Returns
    -------
    DataFrame
        experiment, claim, measure, variant; mean, ci_low, ci_high (95 % interval of the mean over
        universes); between, within: standard deviations of universes, and of networks of one
        universe; networks (with a value). Rows with a criterion.
    """
    decided = evaluated.loc[evaluated["reproduced_verdict"].notna(), ROW].drop_duplicates()
    rows = []
    for key, values in grouped(networks.merge(decided, on=ROW).dropna(subset="value"), *ROW):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # identical universes: a variance of 0
            try:
                model = smf.mixedlm("value ~ 1", values, groups=values["universe"]).fit()
            except np.linalg.LinAlgError:  # too few networks
                continue
        low, high = model.conf_int().loc["Intercept"]
        row = dict(zip(ROW, key, strict=True)) | {"mean": model.params["Intercept"]}
        row |= {"ci_low": low, "ci_high": high, "between": np.sqrt(model.cov_re.iloc[0, 0])}
        rows.append(row | {"within": np.sqrt(model.scale), "networks": len(values)})
    columns = [*ROW, "mean", "ci_low", "ci_high", "between", "within", "networks"]
    return pd.DataFrame(rows, columns=columns)


def main_claims(results: Results, name: str) -> pd.DataFrame:
    """Claims of the experiment's own networks that its universes evaluate too."""
    multiverse = MULTIVERSES[name]
    main = experiments.get(multiverse.experiment).main
    keys = [(claim.claim, claim.measure, claim.variant or main) for claim in multiverse.claims]
    frame = results.of(multiverse.experiment).claims
    frame = frame.set_index(["claim", "measure", "variant"], drop=False)
    frame = frame.reindex(keys).dropna(how="all").reset_index(drop=True).assign(experiment=name)
    return frame.replace({"variant": {main: multiverse.main}})


def values(evaluated: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """Describe the distribution over universes of the mean over a universe's networks.

    Returns
    -------
    DataFrame
        experiment, claim, measure, variant, panel, published, main (mean of the main networks),
        universes (with a value), lowest, median, highest, below_published (share of universes),
        agrees (number of universes).
    """
    rows = []
    for key, means in grouped(evaluated[evaluated["published"].notna()], *ROW):
        known, published = means["reproduced"].dropna(), means["published"].iloc[0]
        agrees = means["agrees_verdict"].dropna()
        rows.append(
            dict(zip(ROW, key, strict=True))
            | {"panel": means["panel"].iloc[0], "published": published, "universes": len(known)}
            | {"lowest": known.min(), "median": known.median(), "highest": known.max()}
            | {"below_published": (known < published).mean()}
            | {"agrees": int(agrees.sum()) if len(agrees) else pd.NA}
        )
    described = ["panel", "published", "universes", "lowest", "median", "highest"]
    columns = [*ROW, *described, "below_published", "agrees"]
    frame = pd.DataFrame(rows, columns=columns).astype({"agrees": "Int64"})
    of_main = main[[*ROW, "reproduced"]].rename(columns={"reproduced": "main"})
    return frame.merge(of_main, how="left", on=ROW)


def bandit_by_input(evaluated: pd.DataFrame) -> pd.DataFrame:
    """Compare bandit networks that see rewards with those that see reward prediction errors.

    Returns
    -------
    DataFrame
        measure, arms, and for either input, seen: universes, holds (number of universes), lowest,
        median, highest mean over a universe's networks. Only criteria shared by both; empty until
        both are evaluated.
    """
    decided = evaluated["experiment"].isin(INPUTS) & evaluated["reproduced_verdict"].notna()
    rows = evaluated[decided]
    rows = rows.assign(
        seen=rows["experiment"].map(INPUTS), arms=rows["variant"].str.removesuffix("_rpe")
    )
    rows = rows[rows.groupby(["measure", "arms"])["seen"].transform("nunique") == len(INPUTS)]
    summary = rows.groupby(["measure", "arms", "seen"]).agg(
        universes=("universe", "nunique"),
        holds=("reproduced_verdict", "sum"),
        lowest=("reproduced", "min"),
        median=("reproduced", "median"),
        highest=("reproduced", "max"),
    )
    return summary.reset_index()


def effects(outcomes: pd.DataFrame, settings: pd.DataFrame, first: pd.Series) -> pd.DataFrame:
    """Main effects of settings on one outcome.

    Parameters
    ----------
    outcomes : DataFrame
        universe, value.
    settings : DataFrame
        Of every universe, a column each.
    first : Series
        Every setting's first level.

    Returns
    -------
    DataFrame
        setting; at_first, at_other: means of the outcome; share of its variance, p: analysis of
        variance of main effects (ordinary least squares), NaN where the outcome does not vary or
        has too few universes.
    """
    outcome = outcomes.set_index("universe")["value"]
    frame = settings.ne(first).astype(int).join(outcome).dropna()
    names = [str(name) for name in settings]
    means = {name: frame.groupby(name)["value"].mean().reindex([0, 1]).tolist() for name in names}
    out = pd.DataFrame.from_dict(means, orient="index", columns=["at_first", "at_other"])
    varied = [name for name in names if frame[name].min() < frame[name].max()]
    if len(frame) > len(varied) + 1 and np.ptp(frame["value"]) > 1e-12:
        table = anova_lm(smf.ols(f"value ~ {' + '.join(varied)}", frame).fit(), typ=2)
        total = ((frame["value"] - frame["value"].mean()) ** 2).sum()
        out = out.assign(share=table["sum_sq"] / total, p=table["PR(>F)"])
    out = out.reindex(columns=["at_first", "at_other", "share", "p"])
    return out.rename_axis("setting").reset_index()


def with_holm(frame: pd.DataFrame) -> pd.DataFrame:
    """Add p_holm, Holm's correction of the known p over all rows."""
    known = frame["p"].notna()
    frame["p_holm"] = np.nan
    if known.any():
        frame.loc[known, "p_holm"] = multipletests(frame.loc[known, "p"], ALPHA, "holm")[1]
    return frame


def all_effects(outcomes: pd.DataFrame, networks: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Main effects of every setting on every outcome.

    Holm's correction is over each experiment's settings and outcomes.

    Parameters
    ----------
    outcomes : DataFrame
        ``keys`` (experiment first), universe, value.
    networks : DataFrame
        Table of all networks, which holds the settings.
    keys : list of str
        Columns that identify an outcome.
    """
    corrected = []
    for name, of_experiment in grouped(outcomes, "experiment"):
        axes = MULTIVERSES[name].axes
        rows = networks[networks["experiment"] == name].drop_duplicates("universe")
        settings = rows.set_index("universe")[list(axes)]
        first = pd.Series({column: axis.levels[0] for column, axis in axes.items()})
        tables = [
            effects(outcome, settings, first).assign(**dict(zip(keys, key, strict=True)))
            for key, outcome in grouped(of_experiment, *keys)
        ]
        frame = pd.concat(tables, ignore_index=True)
        corrected.append(with_holm(frame))
    columns = [*keys, "setting", "at_first", "at_other", "share", "p", "p_holm"]
    return pd.concat(corrected, ignore_index=True)[columns]


def decisive(share: pd.DataFrame, effect: pd.DataFrame) -> pd.DataFrame:
    """Add to each claim the settings that affect whether it holds.

    Returns
    -------
    DataFrame
        As ``shares``, then setting: those that pass Holm's correction, the strongest first, of
        equally strong ones in their order; and of the strongest with_first, with_other (share of
        universes in which the claim holds) and p_holm.
    """
    keys = ["experiment", "claim"]
    strong = effect[effect["p_holm"] < ALPHA]
    strong = strong.sort_values("share", key=lambda column: -column.round(9), kind="stable")
    names = strong.groupby(keys)["setting"].agg(", ".join)
    strongest = strong.drop_duplicates(keys)
    strongest = strongest.rename(columns={"at_first": "with_first", "at_other": "with_other"})
    strongest = strongest[[*keys, "with_first", "with_other", "p_holm"]]
    return share.merge(names, how="left", on=keys).merge(strongest, how="left", on=keys)


def agreement(evaluated: pd.DataFrame) -> pd.DataFrame:
    """Find the values of ``DISAGREEING`` that agree in each universe.

    Returns
    -------
    DataFrame
        universe, a column per value: True where all its compared rows agree; agree: their number.
    """
    columns: dict[str, Any] = {}
    for label, (name, claim, measure) in DISAGREEING.items():
        compared = evaluated[evaluated["agrees_verdict"].notna()]
        rows = compared[(compared["experiment"] == name) & (compared["claim"] == claim)]
        rows = rows[rows["measure"] == measure] if measure else rows
        columns[label] = rows.groupby("universe")["agrees_verdict"].agg(
            lambda cells: bool(cells.astype(bool).all())
        )
    frame = pd.DataFrame(columns)
    frame["agree"] = frame.eq(True).sum(axis=1)
    return frame.rename_axis("universe").reset_index()


def schedules(networks: pd.DataFrame) -> pd.DataFrame:
    """Compare networks whose learning rate fell to 0 with those whose rate was constant.

    Returns
    -------
    DataFrame
        experiment, claim, measure, variant; constant, annealed: means over networks; p, p_holm:
        Welch's t test of their difference, also corrected over an experiment's rows;
        constant_holds, annealed_holds: does the criterion hold in these few networks?
    """
    measured = networks[networks["claim"] != TRAINING]
    tables = []
    for name, rows in grouped(evaluate_universes(networks), "experiment"):
        by_universe = {number: of for number, of in grouped(rows, "universe")}
        frame = by_universe[CONSTANT][ROW].assign(experiment=name.removesuffix("_schedule"))
        for number, label in ((CONSTANT, "constant"), (ANNEALED, "annealed")):
            frame[label] = by_universe[number]["reproduced"].to_numpy()
            frame[f"{label}_holds"] = by_universe[number]["reproduced_verdict"].to_numpy()
        values = {
            key: of["value"].dropna().to_numpy()
            for key, of in grouped(measured[measured["experiment"] == name], *ROW[1:], "universe")
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # equal or missing values: no p
            frame["p"] = [
                ttest_ind(values[*key, CONSTANT], values[*key, ANNEALED], equal_var=False).pvalue
                for key in frame[ROW[1:]].itertuples(index=False, name=None)
            ]
        tables.append(with_holm(frame))
    columns = ["constant", "annealed", "p", "p_holm", "constant_holds", "annealed_holds"]
    return pd.concat(tables, ignore_index=True)[[*ROW, *columns]]


def schedule_verdicts(compared: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of the claims with either schedule.

    Returns
    -------
    DataFrame
        experiment, claim, constant_holds, annealed_holds, and the smallest p_holm of its rows.
    """
    decided = compared.dropna(subset="constant_holds")
    holds = {"constant_holds": bool, "annealed_holds": bool}
    by_claim = decided.astype(holds).groupby(["experiment", "claim"], sort=False)
    return by_claim.agg(
        constant_holds=("constant_holds", "all"),
        annealed_holds=("annealed_holds", "all"),
        p_holm=("p_holm", "min"),
    ).reset_index()


def varied_settings() -> pd.DataFrame:
    """Settings that vary: setting, the paper's statement, first and other value, experiments."""
    rows = []
    for name, multiverse in MULTIVERSES.items():
        for column, axis in multiverse.axes.items():
            levels = [f"{x:g}" if isinstance(x, float) else x for x in axis.levels]
            rows.append((column, axis.paper, *levels, name))
    columns = ["setting", "paper", "first", "other"]
    frame = pd.DataFrame(rows, columns=[*columns, "experiments"]).astype(str)
    frame = frame.groupby(columns, sort=False)["experiments"].agg(", ".join).reset_index()
    further = [column for column in frame["setting"].unique() if column not in SHARED]
    order = [*SHARED, *further]
    return frame.sort_values(
        "setting", key=lambda names: names.map(order.index), kind="stable", ignore_index=True
    )


def trainings(networks: pd.DataFrame) -> pd.DataFrame:
    """Describe training of each variant.

    Returns
    -------
    DataFrame
        experiment, variant, universes, networks; share_lowest, share_median, share_highest:
        normalised reward at the end of training; processor_hours.
    """
    keys = ["experiment", "variant", "universe", "subject"]
    described = networks[networks["claim"] == TRAINING]
    described = described.pivot(index=keys, columns="measure", values="value").reset_index()
    hours = described["processor seconds"] / 3600
    described = described.assign(share=described["share of possible gain"], hours=hours)
    summary = described.groupby(["experiment", "variant"], sort=False).agg(
        universes=("universe", "nunique"),
        networks=("subject", "size"),
        share_lowest=("share", "min"),
        share_median=("share", "median"),
        share_highest=("share", "max"),
        processor_hours=("hours", "sum"),
    )
    return summary.reset_index()


def summarise(results: Results) -> dict[str, pd.DataFrame]:
    """Compute all tables of results, next to the results of the experiments' main networks."""
    every = results["networks"]
    networks = every[every["experiment"].isin(MULTIVERSES)]
    of_schedules = every[every["experiment"].isin(SCHEDULES)]
    known = f"some of {', '.join(MULTIVERSES)}"
    check(len(networks) > 0, "networks.csv: experiment", "only schedules", known)
    names = networks["experiment"].unique()
    main = pd.concat([main_claims(results, name) for name in names], ignore_index=True)
    evaluated = evaluate_universes(networks)
    decided = verdicts(evaluated)
    means = evaluated[[*ROW, "universe", "reproduced"]].rename(columns={"reproduced": "value"})
    holds = decided.dropna(subset="reproduced_verdict")
    holds = holds.assign(value=holds["reproduced_verdict"].astype(float))
    main_verdicts = pd.concat(
        [
            claims.verdicts(rows).assign(experiment=name)
            for name, rows in grouped(main, "experiment")
        ]
    )
    main_verdicts = main_verdicts.reset_index().set_index(["experiment", "claim"])
    effects_on_claims = all_effects(holds, networks, ["experiment", "claim"])
    power = pd.concat([subsets(results, name, main) for name in names], ignore_index=True)
    counted = shares(decided, main_verdicts).merge(power, how="left", on=["experiment", "claim"])
    tables = {
        "varied_settings": varied_settings(),
        "shares": decisive(counted, effects_on_claims),
        "values": values(evaluated, main),
        "pooled": pooled(networks, evaluated),
        "bandit_by_input": bandit_by_input(evaluated),
        "effects": all_effects(means, networks, ROW),
        "effects_on_claims": effects_on_claims,
        "agreement": agreement(evaluated),
        "trainings": trainings(every),
    }
    if len(of_schedules):
        tables["schedules"] = schedules(of_schedules)
        tables["schedule_verdicts"] = schedule_verdicts(tables["schedules"])
    return tables


ANALYSIS = Analysis(summarise=summarise)
