"""Choices among arms, of animals beside networks: one command for bandits, probability matching and reversal learning.

Lag weights, win-stay lose-shift, strategies fitted by maximum likelihood and compared by cross-validation and BIC, their
recovery, and the learning rate by block. ``replications/<experiment>/animals.py`` says what is particular about a kind of task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from matplotlib.axes import Axes
from tqdm import tqdm

from prefrontal import errors
from prefrontal.analysis import matching, regression, staying
from prefrontal.animals import read, report
from prefrontal.errors import check
from prefrontal.models import choice_models as learners
from prefrontal.models import fitting
from prefrontal.publishing import plotting
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT

FOLDS = 4
"""Parts of the trials, of which each is predicted from the others: sessions, or where these are fewer, quarters of them."""

NETWORK_EPISODES = 20
"""Episodes of each network that are analysed beside the animals."""

BASELINE = "repetition"
"""Strategy that the others are compared with: it looks at no reward."""

PARAMETERS = {"learning_rate": "learning rate", "inverse_temperature": "inverse temperature", "perseveration": "perseveration"}
"""Parameters whose recovery is shown, and their labels."""

CAPTION = """**%s: {animals: species} beside networks.** {animals: subjects} {animals: species} (file {animals: file}; {animals:
file_source}; {animals: file_licence}) and the networks of Fig. %s [@wang2018]. **a**, Weights of past rewards and
choices on choice: of the reward one trial ago {animals/lag_weights.csv: weight where lag == 1 and signal ==
"reward"}, of the choice {animals/lag_weights.csv: weight where lag == 1 and signal == "choice"}. **b**, The same for
networks. **c**, Probability of repeating a choice after reward, {animals/stay_probability.csv: stay_probability where
outcome == "rewarded"}, and without, {animals/stay_probability.csv: stay_probability where outcome == "unrewarded"}.
**d**, Log likelihood per choice, cross-validated, of each strategy above that of mere repetition. **e**, Learning
rate of the %s, fitted to each block. **f**, Its parameters in subjects simulated from the fits, and fitted again.
**g**, Of subjects simulated from each strategy (rows), the percentage to whom each fits best by BIC.

Dots, subjects; bars and lines, means ± s.e.m.; δ, delta rule; WSLS, win-stay lose-shift; numbers, means [95 %% t
intervals] over subjects whose choices determine them.
"""


@dataclass(frozen=True)
class Kind:
    """What is particular about a kind of task."""

    experiment: str
    """Folder of the networks that are shown beside."""
    figure: str
    """Figure of the paper that they are from."""
    title: str
    """The task in words."""
    lags: int
    """Trials of history in the regression."""
    strategy: str
    """Strategy whose learning rate is shown by block, and whose recovery."""
    networks: Callable[[pd.DataFrame], pd.DataFrame]
    """From the recorded trials to those that are shown, rewards 0 or 1, with a column ``block`` if it has blocks."""
    schedule: learners.Schedule
    """Reward probabilities for simulated subjects."""
    baited: bool = False
    """Whether an arm keeps its reward until it is chosen."""
    arms: int | None = 2
    """Number of arms; None if the file may have any."""


@dataclass(frozen=True)
class Options(report.Options):
    """What to read, how to fit it, and where to write."""

    lags: int = 0
    """Trials of history in the regression; by default as many as the networks' figure has."""
    arms: int = 0
    """Number of arms; by default those that are chosen in the file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lags", "arms"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "at least 0")


def lag_weights(trials: pd.DataFrame, arms: int, lags: int) -> pd.DataFrame:
    """Weights of past rewards and choices on choice (log odds), with standard errors; forced choices are history only."""
    free = schema.free_choices(trials)
    if arms == 2:
        return regression.lagged_regression(trials, matching.history_signals(trials), lags, free, errors=True)
    return regression.arm_regression(trials, regression.arm_signals(trials, arms), lags, free, errors=True)


def folds(trials: pd.DataFrame) -> np.ndarray:
    """Tell which trials stay together in cross-validation: sessions, or quarters of them where there are fewer than folds."""
    session = trials.groupby(schema.EPISODE, observed=True).ngroup()
    if session.nunique() >= FOLDS:
        return session.to_numpy()
    quarter = FOLDS * trials["trial"] // (trials["trial"].groupby(session).transform("max") + 1)
    return (FOLDS * session + quarter).to_numpy()


def fit_strategies(trials: pd.DataFrame, arms: int, rng: np.random.Generator, starts: int, validate: bool = True) -> pd.DataFrame:
    """Fit all strategies to one subject.

    Returns
    -------
    DataFrame
        model, choices (fitted), log_likelihood (nats), likelihood_per_choice (geometric mean), bic (lower is better),
        cross_validated (log likelihood per choice, in nats, of choices that were not fitted), converged, and the parameters.
    """
    rows = []
    for name in learners.strategies(arms):
        rule, data = learners.rule(name, arms), learners.watch(name, trials, arms)
        low, high = np.array(list(rule.starts.values())).T
        parameters, success = fitting.maximum_likelihood(rule, data, rng.uniform(low, high, (starts, len(low))))
        log_p = fitting.log_likelihoods(rule, data, parameters)
        choices, total = int(np.isfinite(log_p).sum()), float(np.nansum(log_p))
        row = {"model": name, "choices": choices, "log_likelihood": total, "likelihood_per_choice": np.exp(total / choices)}
        row["bic"] = len(parameters) * np.log(choices) - 2 * total
        if validate:
            unseen = fitting.cross_validate(rule, data, rng, FOLDS, max(1, starts // 2), folds(trials))
            row["cross_validated"] = np.nanmean(unseen)
        rows.append(row | {"converged": success, **parameters})
    return pd.DataFrame(rows)


def fit_subjects(trials: pd.DataFrame, arms: int, starts: int, of: str) -> pd.DataFrame:
    """Fit all strategies to every subject: variant, seed, and the columns of ``fit_strategies``."""
    parts = []
    subjects: Any = list(trials.groupby(SUBJECT, observed=True, sort=False))
    for (variant, seed), own in tqdm(subjects, desc=f"fitting strategies to {of}", unit="subject", disable=None):
        found = fit_strategies(own.reset_index(drop=True), arms, np.random.default_rng(seed), starts)
        parts.append(found.assign(variant=variant, seed=seed))
    return storage.leading(pd.concat(parts, ignore_index=True), *SUBJECT)


def block_rates(trials: pd.DataFrame, strategy: str, arms: int, starts: int) -> pd.DataFrame:
    """Learning rate of a strategy in each block, or half of the sessions where the table has none: variant, seed, block, ..."""
    rows, rule = [], learners.rule(strategy, arms)
    low, high = np.array(list(rule.starts.values())).T
    subjects: Any = trials.groupby(SUBJECT, observed=True, sort=False)
    for (variant, seed), own in subjects:
        data, rng = learners.watch(strategy, own, arms), np.random.default_rng(seed)
        half = own["trial"] < own.groupby("episode")["trial"].transform("max") / 2
        blocks = own["block"].astype(str) if "block" in own.columns else pd.Series(np.where(half, "first half", "second half"))
        for block in blocks.unique():
            chosen = np.where(blocks == block, data["choice"], -1)
            row = {"variant": variant, "seed": seed, "block": block, "choices": int((chosen >= 0).sum())}
            rate = np.nan
            if row["choices"] > len(low) and len(np.unique(chosen[chosen >= 0])) > 1:
                points = rng.uniform(low, high, (starts, len(low)))
                rate = fitting.maximum_likelihood(rule, data | {"choice": chosen}, points)[0]["learning_rate"]
            rows.append(row | {"learning_rate": rate})
    return pd.DataFrame(rows)


def recover(
    trials: pd.DataFrame, fits: pd.DataFrame, kind: Kind, arms: int, starts: int, repeats: int
) -> dict[str, pd.DataFrame]:
    """Simulate every subject by every strategy that was fitted to it, with about as many trials, and fit them again.

    Returns
    -------
    dict of DataFrame
        recovery: seed, repeat, parameter, true, recovered, of the kind's strategy. confusion: simulated, best (by BIC),
        percentage of the simulated subjects.
    """
    lengths = trials.groupby(schema.EPISODE, observed=True)["trial"].max().groupby(SUBJECT, observed=True).agg(["size", "mean"])
    rows, best = [], []
    jobs: Any = [(row, repeat) for row in fits.to_dict("records") for repeat in range(repeats)]
    for true, repeat in tqdm(jobs, desc="recovery", unit="simulated subject", disable=None):
        sessions, last = lengths.loc[(true["variant"], true["seed"])]
        rng = np.random.default_rng([true["seed"], repeat])
        p_reward = kind.schedule(rng, int(sessions), round(last) + 1, arms)
        played = learners.simulate(true["model"], true, p_reward, rng, kind.baited)
        if played["choice"].nunique() < 2:
            continue
        found = fit_strategies(played, arms, rng, starts, validate=False).set_index("model")
        best.append({"simulated": true["model"], "best": found["bic"].idxmin()})
        if true["model"] == kind.strategy:
            own = found.loc[kind.strategy]
            about = {"variant": true["variant"], "seed": true["seed"], "repeat": repeat}
            rows += [about | {"parameter": name, "true": true[name], "recovered": own[name]} for name in PARAMETERS]
    names = learners.strategies(arms)
    told = pd.DataFrame(best, columns=["simulated", "best"])
    share = 100 * pd.crosstab(told["simulated"], told["best"], normalize="index").reindex(index=names, columns=names)
    confusion = share.fillna(0.0).rename_axis(index="simulated").reset_index().melt("simulated", None, "best", "percentage")
    recovery = pd.DataFrame(rows, columns=[*SUBJECT, "repeat", "parameter", "true", "recovered"])
    return {"recovery": recovery, "confusion": confusion}


def summary(fits: pd.DataFrame) -> pd.DataFrame:
    """A row per subject: by BIC and by cross-validation the best strategy; and each one's BIC above the best."""
    bic, unseen = (fits.pivot(index=SUBJECT, columns="model", values=name) for name in ("bic", "cross_validated"))
    above = bic.sub(bic.min(axis=1), axis=0).add_prefix("BIC above best: ")
    best = {"best_by_bic": bic.idxmin(axis=1), "best_by_cross_validation": unseen.idxmax(axis=1)}
    return pd.DataFrame(best).join(above).reset_index()


def analyse(
    trials: pd.DataFrame, kind: Kind, arms: int = 2, lags: int = 0, starts: int = 5, repeats: int = 5
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Analyse animals' choices; ``dict(analyse(...))`` has all tables.

    Parameters
    ----------
    trials : DataFrame
        From ``animals.read``.
    kind : Kind
    arms : int
        Number of arms.
    lags : int
        Trials of history; 0 for those of the kind.
    starts, repeats : int
        Runs of the optimiser per fit; simulated subjects per fit.
    """
    trials = trials.reset_index(drop=True)
    parameters = max(len(learners.rule(name, arms).bounds) for name in learners.strategies(arms))
    reasons = report.unfit(trials, parameters)
    fitted = report.fittable(trials, reasons, "trials")
    weights, stays = lag_weights(trials, arms, lags or kind.lags), staying.stay_probability(trials)
    yield "lag_weights", weights
    yield "stay_probability", stays
    rates = block_rates(fitted, kind.strategy, arms, starts)
    yield "block_rates", rates
    fits = fit_subjects(fitted, arms, starts, "animals")
    yield "fits", fits
    yield "undetermined", report.undetermined(trials, weights, reasons, fits, learners.BOUNDS)
    yield "summary", summary(fits)
    parts = [
        report.over_subjects(
            weights[weights["lag"] > 0], ["variant", "signal", "lag"], "weight", "{signal}, {lag} back", "error"
        ),
        report.over_subjects(stays, ["variant", "outcome"], "stay_probability", "stay after {outcome}"),
        report.over_subjects(rates, ["variant", "block"], "learning_rate", "learning rate, {block}"),
        report.over_subjects(fits, ["variant", "model"], "cross_validated", "log likelihood per unseen choice, {model}"),
    ]
    yield "group", pd.concat(parts, ignore_index=True)
    yield from recover(fitted, fits, kind, arms, starts, repeats).items()


def measure_networks(trials: pd.DataFrame, kind: Kind, lags: int, starts: int) -> dict[str, pd.DataFrame]:
    """Analyse the networks' choices in the same way."""
    return {
        "lag_weights": lag_weights(trials, 2, lags or kind.lags),
        "stay_probability": staying.stay_probability(trials),
        "block_rates": block_rates(trials, kind.strategy, 2, starts),
        "fits": fit_subjects(trials, 2, starts, "networks"),
    }


def draw_weights(ax: Axes, weights: pd.DataFrame, title: str) -> None:
    """Lagged regression: mean ± s.e.m. as lines, every subject a dot."""
    styles = {"reward": (COLORS["rewarded"], "-"), "choice": (COLORS["model-based"], ":")}
    for signal, (color, line) in styles.items():
        own = weights[weights["signal"] == signal]
        by_lag = own.groupby("lag")["weight"]
        ax.errorbar(
            by_lag.mean().index, by_lag.mean(), by_lag.sem().fillna(0), color=color, ls=line, elinewidth=0.8, label=signal
        )
        ax.scatter(own["lag"], own["weight"], s=3, color=color, lw=0, alpha=0.6)
    ax.axhline(0, color="black", lw=0.5)
    ax.locator_params(axis="x", integer=True)
    ax.set(xlabel="trials ago", title=f"{title}, n = {weights.groupby(SUBJECT, observed=True).ngroups}")


def draw_groups(ax: Axes, frames: Mapping[str, pd.DataFrame], by: str, value: str) -> None:
    """Bars of either group: mean ± s.e.m., every subject a dot; groups whose categories differ stand side by side."""
    names = list(dict.fromkeys(name for frame in frames.values() for name in frame[by]))
    for k, (group, frame) in enumerate(frames.items()):
        for x, name in enumerate(names):
            own, place = frame.loc[frame[by] == name, value].dropna(), x + 0.36 * (k - 0.5)
            if len(own):
                look: dict[str, Any] = {"color": report.GROUP_COLORS[group], "alpha": 0.8, "error_kw": {"lw": 0.8}}
                ax.bar(place, own.mean(), 0.34, yerr=report.sem(own), **look)
                plotting.dots(ax, place, own, width=0.1)
    ax.set(xticks=range(len(names)), ylim=(0, 1.02))
    ax.set_xticklabels([name.replace(" ", "\n") for name in names])


def short(name: str) -> str:
    """Name of a strategy for a narrow axis."""
    return name.replace("delta rule", "δ").replace("win-stay lose-shift", "WSLS")


def draw_confusion(ax: Axes, confusion: pd.DataFrame) -> None:
    """Which strategy fits best to subjects simulated from each."""
    names = list(dict.fromkeys(confusion["simulated"]))
    share = confusion.pivot(index="simulated", columns="best", values="percentage").loc[names, names]
    ax.imshow(share, cmap="Purples", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(share.shape):
        number = float(share.to_numpy()[row, column])
        ax.text(column, row, f"{number:.0f}", ha="center", va="center", fontsize=5, color="white" if number > 60 else "black")
    ax.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="fits best by BIC (%)", title="simulated by (row)")
    ax.set_xticklabels([short(name) for name in names], rotation=40, ha="right")
    ax.set_yticklabels([short(name) for name in names])
    ax.spines[:].set_visible(False)


def drawing(kind: Kind, folder: Path, networks: Mapping[str, pd.DataFrame], species: str, about: dict[str, Any]) -> Drawing:
    """Draw animals beside networks."""
    names = ("lag_weights", "stay_probability", "block_rates", "fits", "recovery", "confusion")
    own = {name: storage.read(folder / f"{name}.csv") for name in names}
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 118)
    grid = figure.add_gridspec(2, 1, hspace=0.45, left=0.075, right=0.985, top=0.94, bottom=0.15)
    top = grid[0].subgridspec(1, 4, wspace=0.62, width_ratios=(1, 1, 0.95, 1.7))
    bottom = grid[1].subgridspec(1, 3, wspace=0.42, width_ratios=(0.9, 1.8, 1.1))
    a, b, c, d = (figure.add_subplot(top[column]) for column in range(4))
    e, g = figure.add_subplot(bottom[0]), figure.add_subplot(bottom[2])
    cells = bottom[1].subgridspec(1, len(PARAMETERS), wspace=0.45)
    f = [figure.add_subplot(cells[column]) for column in range(len(PARAMETERS))]
    draw_weights(a, own["lag_weights"], species)
    draw_weights(b, networks["lag_weights"], "networks")
    a.set_ylabel("weight on choice (log odds)")
    a.legend()
    both = {name: {"animals": own[name], "networks": networks[name]} for name in ("stay_probability", "block_rates", "fits")}
    draw_groups(c, both["stay_probability"], "outcome", "stay_probability")
    c.set_ylabel("stay probability")
    c.set_xticklabels([label.get_text().replace("un", "un-\n") for label in c.get_xticklabels()])
    gains = {}
    for group, fits in both["fits"].items():
        wide = fits.pivot(index=SUBJECT, columns="model", values="cross_validated")
        gains[group] = wide.sub(wide[BASELINE], axis=0)[
            [name for name in learners.STRATEGIES if name in wide and name != BASELINE]
        ]
    shown = list(gains["animals"].columns)
    gains["networks"] = gains["networks"][shown]
    report.draw_comparison(d, gains, [short(name).replace(" ", "\n") for name in shown])
    d.set_ylabel("log likelihood per choice\nabove repetition (nats)")
    for x, (group, label) in enumerate(zip(report.GROUPS, (species, "networks"), strict=True)):
        c.text(0.02 + 0.5 * x, 1.04, label, color=report.GROUP_COLORS[group], transform=c.transAxes)
    draw_groups(e, both["block_rates"], "block", "learning_rate")
    e.set_ylabel(f"learning rate per trial\n({kind.strategy})")
    report.draw_recovery(f, own["recovery"], PARAMETERS)
    f[0].set_ylabel("recovered")
    for ax in f:
        ax.set_xlabel("true")
        ax.locator_params(axis="x", nbins=2)
    f[0].set(xlim=(0, 1.02), ylim=(0, 1.02), xticks=[0, 0.5, 1])
    draw_confusion(g, own["confusion"])
    panels = {"a": [a], "b": [b], "c": [c], "d": [d], "e": [e], "f": f, "g": [g]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    return Drawing(f"fig{kind.figure}_animals", figure, panels, about)


def networks_of(kind: Kind, data: Path) -> pd.DataFrame:
    """Trials of the networks that are shown, of a few episodes each."""
    recorded = storage.read(data / kind.experiment / "trials.parquet", "trials")
    shown = kind.networks(recorded)
    episode = shown.groupby(SUBJECT, observed=True)["episode"].transform(lambda own: pd.factorize(own)[0])
    return shown[episode < NETWORK_EPISODES].astype({"variant": str}).reset_index(drop=True)


def command(kind: Kind, options: Options) -> None:
    """Read a file, analyse it and draw it beside the networks."""
    options.folder(kind.experiment)
    recorded = networks_of(kind, options.data)
    arms = options.arms or kind.arms
    trials = read.read(options.file, options.columns, options.codes, arms=arms)
    arms = arms or int(trials["choice"].max()) + 1
    check(arms >= 2, "choice", "of one arm only", "of two arms or more; --arms says how many there are")

    def draw(folder: Path, about: dict[str, Any]) -> Drawing:
        networks = measure_networks(recorded, kind, options.lags, options.starts)
        return drawing(kind, folder, networks, options.species, about)

    found = analyse(trials, kind, arms, options.lags, options.starts, options.repeats)
    report.run(kind.experiment, options, trials, found, draw, CAPTION % (kind.title.capitalize(), kind.figure, kind.strategy))


def main(kind: Kind) -> None:
    """Command line of a kind of task."""
    program = f"python -m replications.{kind.experiment}.animals"
    errors.run(lambda: command(kind, tyro.cli(Options, prog=program, description=f"Animals beside networks: {kind.title}.")))
