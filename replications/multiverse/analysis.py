"""What hangs on what the paper leaves open: functions of the table of all universes' networks.

python -m replications.multiverse.analysis --help
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests

from prefrontal import experiments
from prefrontal.experiments import Results
from prefrontal.publishing import claims
from prefrontal.publishing.claims import Criterion
from replications.multiverse.variants import ALPHA, MULTIVERSES, SHARED, TRAINING, WANTED

ROW = ["experiment", "claim", "measure", "variant"]
"""What tells a row of a claim from others."""


def parts(frame: pd.DataFrame, *keys: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Parts of a table by these columns, in its order: their values, and the rows."""
    yield from frame.groupby(keys[0] if len(keys) == 1 else list(keys), sort=False)


def evaluate_claim(networks: pd.DataFrame) -> pd.DataFrame:
    """Settle every universe's claims on its own networks, by the experiments' criteria.

    Parameters
    ----------
    networks : DataFrame
        A row per network and measure; ``above`` and ``below`` are the bounds of the criterion.

    Returns
    -------
    DataFrame
        Rows of claims.csv with experiment and universe.
    """
    rows = []
    for (name, universe), own in parts(networks[networks["claim"] != TRAINING], "experiment", "universe"):
        variants = experiments.module(MULTIVERSES[name].experiment, "variants")
        bounds: Any = own.groupby(["claim", "measure", "variant"])[["above", "below"]].first()
        declared = []
        for claim in MULTIVERSES[name].claims:
            low, high = bounds.loc[claim.claim, claim.measure, claim.variant or variants.MAIN]
            declared.append(replace(claim, measured="", criterion=claim.criterion and Criterion(low, high)))
        rows.append(claims.evaluate_claims(declared, own, variants.MAIN, {}).assign(experiment=name, universe=universe))
    return pd.concat(rows, ignore_index=True)


def verdicts(settled: pd.DataFrame) -> pd.DataFrame:
    """Decide claims as a whole: experiment, universe, claim, panel (of its first row), reproduced_verdict, agrees_verdict."""
    decided = [
        claims.verdicts(own).assign(experiment=name, universe=universe, panel=own.groupby("claim", sort=False)["panel"].first())
        for (name, universe), own in parts(settled, "experiment", "universe")
    ]
    return pd.concat(decided).reset_index()


def shares(decided: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """In how many universes each claim holds, and agrees, beside the verdicts of the main networks.

    Returns
    -------
    DataFrame
        experiment, panel, claim; universes; holds, agrees: how many of them, missing where nothing decides; main_holds,
        main_agrees.
    """
    rows = []
    for (name, claim), own in parts(decided, "experiment", "claim"):
        known = {verdict: own[verdict].dropna() for verdict in claims.VERDICT_COLUMNS}
        counts = [int(cells.sum()) if len(cells) else pd.NA for cells in known.values()]
        rows.append((name, own["panel"].iloc[0], claim, len(own), *counts, *main.loc[(name, claim), claims.VERDICT_COLUMNS]))
    columns = ["experiment", "panel", "claim", "universes", "holds", "agrees", "main_holds", "main_agrees"]
    return pd.DataFrame(rows, columns=columns).astype({"holds": "Int64", "agrees": "Int64"})


def of_main(results: Results, name: str) -> pd.DataFrame:
    """Claims of the experiment's own networks that its universes evaluate_claim too."""
    multiverse = MULTIVERSES[name]
    variants = experiments.module(multiverse.experiment, "variants")
    keys = [(claim.claim, claim.measure, claim.variant or variants.MAIN) for claim in multiverse.claims]
    frame = results.of(multiverse.experiment).claims.set_index(["claim", "measure", "variant"], drop=False)
    return frame.loc[keys].reset_index(drop=True).assign(experiment=name)


def values(settled: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """How the mean over a universe's networks is distributed over universes, beside published value and main networks.

    Returns
    -------
    DataFrame
        experiment, claim, measure, variant, panel, published, main (mean of the main networks), universes (with a value),
        lowest, median, highest, below_published (share of universes), agrees (how many universes).
    """
    rows = []
    for key, own in parts(settled[settled["published"].notna()], *ROW):
        means = own["reproduced"].dropna()
        published, known = own["published"].iloc[0], own["agrees_verdict"].dropna()
        rows.append(
            dict(zip(ROW, key, strict=True))
            | {"panel": own["panel"].iloc[0], "published": published, "universes": len(means)}
            | {"lowest": means.min(), "median": means.median(), "highest": means.max()}
            | {"below_published": (means < published).mean(), "agrees": int(known.sum()) if len(known) else pd.NA}
        )
    frame = pd.DataFrame(rows).astype({"agrees": "Int64"})
    return frame.merge(main[[*ROW, "reproduced"]].rename(columns={"reproduced": "main"}), on=ROW)


def inputs(settled: pd.DataFrame) -> pd.DataFrame:
    """Compare networks that see rewards and networks that see reward prediction errors, on what criteria ask of both.

    Returns
    -------
    DataFrame
        measure, arms; for either input, seen: universes, holds (how many of them), lowest, median, highest mean over a
        universe's networks. Empty until both are judged.
    """
    seen = {"bandit": "reward", "bandit_rpe": "reward prediction error"}
    own = settled[settled["experiment"].isin(seen) & settled["reproduced_verdict"].notna()]
    own = own.assign(seen=own["experiment"].map(seen), arms=own["variant"].str.removesuffix("_rpe"))
    own = own[own.groupby(["measure", "arms"])["seen"].transform("nunique") == len(seen)]
    grouped = own.groupby(["measure", "arms", "seen"])
    return grouped.agg(
        universes=("universe", "nunique"),
        holds=("reproduced_verdict", "sum"),
        lowest=("reproduced", "min"),
        median=("reproduced", "median"),
        highest=("reproduced", "max"),
    ).reset_index()


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
        setting; at_first, at_other: means of the outcome; share of its variance, p: analysis of variance of main effects
        (ordinary least squares), NaN where the outcome does not vary or has too few universes.
    """
    frame = settings.ne(first).astype(int).join(outcomes.set_index("universe")["value"]).dropna()
    names = [str(name) for name in settings]
    rows = {name: frame.groupby(name)["value"].mean().reindex([0, 1]).tolist() for name in names}
    out = pd.DataFrame.from_dict(rows, orient="index", columns=["at_first", "at_other"])
    varied = [name for name in rows if frame[name].min() < frame[name].max()]
    if len(frame) > len(varied) + 1 and np.ptp(frame["value"]) > 1e-12:
        table = anova_lm(smf.ols(f"value ~ {' + '.join(varied)}", frame).fit(), typ=2)
        total = ((frame["value"] - frame["value"].mean()) ** 2).sum()
        out = out.assign(share=table["sum_sq"] / total, p=table["PR(>F)"])
    return out.reindex(columns=["at_first", "at_other", "share", "p"]).rename_axis("setting").reset_index()


def all_effects(outcomes: pd.DataFrame, networks: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Main effects of every setting on every outcome, with Holm's correction over each experiment's settings and outcomes.

    Parameters
    ----------
    outcomes : DataFrame
        ``keys`` (experiment first), universe, value.
    networks : DataFrame
        Table of all networks, which holds the settings.
    keys : list of str
        What tells outcomes apart.
    """
    corrected = []
    for name, own in parts(outcomes, "experiment"):
        axes = MULTIVERSES[name].axes
        settings = networks[networks["experiment"] == name].drop_duplicates("universe").set_index("universe")[list(axes)]
        first = pd.Series({setting: axis.levels[0] for setting, axis in axes.items()})
        found = [
            effects(outcome, settings, first).assign(**dict(zip(keys, key, strict=True))) for key, outcome in parts(own, *keys)
        ]
        frame = pd.concat(found, ignore_index=True)
        known = frame["p"].notna()
        frame["p_holm"] = np.nan
        if known.any():
            frame.loc[known, "p_holm"] = multipletests(frame.loc[known, "p"], ALPHA, "holm")[1]
        corrected.append(frame)
    return pd.concat(corrected, ignore_index=True)[[*keys, "setting", "at_first", "at_other", "share", "p", "p_holm"]]


def decisive(share: pd.DataFrame, effect: pd.DataFrame) -> pd.DataFrame:
    """Claims with the settings on which it hangs whether they hold: those that pass Holm's correction, the strongest first.

    Of settings that are as strong, the first comes first.

    Returns
    -------
    DataFrame
        As ``shares``, then setting, and of the strongest with_first, with_other (share of universes in which the claim holds) and
        p_holm.
    """
    keys = ["experiment", "claim"]
    strong = effect[effect["p_holm"] < ALPHA].sort_values("share", key=lambda own: -own.round(9), kind="stable")
    names = strong.groupby(keys)["setting"].agg(", ".join)
    strongest = strong.drop_duplicates(keys).rename(columns={"at_first": "with_first", "at_other": "with_other"})
    strongest = strongest[[*keys, "with_first", "with_other", "p_holm"]]
    return share.merge(names, how="left", on=keys).merge(strongest, how="left", on=keys)


def together(settled: pd.DataFrame) -> pd.DataFrame:
    """Ask of every universe which of the values in ``WANTED`` agree in it, since all experiments share its settings.

    Returns
    -------
    DataFrame
        universe, a column per value: True where all its compared rows agree; agree: how many do.
    """
    columns: dict[str, Any] = {}
    for label, (name, claim, measure) in WANTED.items():
        rows = settled[(settled["experiment"] == name) & (settled["claim"] == claim) & settled["agrees_verdict"].notna()]
        own = rows[rows["measure"] == measure] if measure else rows
        columns[label] = own.groupby("universe")["agrees_verdict"].agg(lambda cells: bool(cells.astype(bool).all()))
    frame = pd.DataFrame(columns)
    return frame.assign(agree=frame.eq(True).sum(axis=1)).rename_axis("universe").reset_index()


def axes() -> pd.DataFrame:
    """What varies: setting, what the paper says, first and other value, experiments."""
    rows = [
        (setting, axis.paper, *(f"{level:g}" if isinstance(level, float) else level for level in axis.levels), name)
        for name, multiverse in MULTIVERSES.items()
        for setting, axis in multiverse.axes.items()
    ]
    columns = ["setting", "paper", "first", "other"]
    frame = pd.DataFrame(rows, columns=[*columns, "experiments"]).astype(str)
    frame = frame.groupby(columns, sort=False)["experiments"].agg(", ".join).reset_index()
    order = [*SHARED, *(setting for setting in frame["setting"].unique() if setting not in SHARED)]
    return frame.sort_values("setting", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)


def learned(networks: pd.DataFrame) -> pd.DataFrame:
    """How far training came, and what it took: experiment, variant, seed, share (of the possible gain), processor_hours."""
    own = networks[networks["claim"] == TRAINING].pivot(
        index=["experiment", "variant", "universe", "seed"], columns="measure", values="value"
    )
    hours = own["processor seconds"] / 3600
    frame = own.assign(share=own["share of possible gain"], processor_hours=hours)[["share", "processor_hours"]].reset_index()
    grouped = frame.groupby(["experiment", "variant"], sort=False)
    return grouped.agg(
        universes=("universe", "nunique"),
        networks=("seed", "size"),
        share_lowest=("share", "min"),
        share_median=("share", "median"),
        share_highest=("share", "max"),
        processor_hours=("processor_hours", "sum"),
    ).reset_index()


def summarize(results: Results) -> dict[str, pd.DataFrame]:
    """All tables of results, by name; those of other experiments tell what their main networks do."""
    networks = results["networks"]
    main = pd.concat([of_main(results, name) for name in networks["experiment"].unique()], ignore_index=True)
    settled = evaluate_claim(networks)
    decided = verdicts(settled)
    means = settled[[*ROW, "universe", "reproduced"]].rename(columns={"reproduced": "value"})
    holds = decided.dropna(subset="reproduced_verdict").assign(value=lambda own: own["reproduced_verdict"].astype(float))
    by_claim = pd.concat([claims.verdicts(own).assign(experiment=name) for name, own in parts(main, "experiment")]).reset_index()
    share = shares(decided, by_claim.set_index(["experiment", "claim"]))
    effect = all_effects(holds, networks, ["experiment", "claim"])
    return {
        "axes": axes(),
        "shares": decisive(share, effect),
        "values": values(settled, main),
        "inputs": inputs(settled),
        "effects": all_effects(means, networks, ROW),
        "effects_on_claims": effect,
        "together": together(settled),
        "trainings": learned(networks),
    }


if __name__ == "__main__":
    experiments.analysis_main(__file__)
