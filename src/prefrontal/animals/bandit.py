"""Animals next to networks on bandits, probability matching and reversal learning.

Lag weights, win-stay lose-shift, models fitted by maximum likelihood and compared by
cross-validation and BIC, their recovery, and the learning rate by block.
``replications/<experiment>/animals.py`` defines the task family.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from matplotlib.axes import Axes
from tqdm import tqdm

from prefrontal.analysis import matching, regression, staying
from prefrontal.animals import read, report
from prefrontal.errors import UserError, check
from prefrontal.models import choice_models, fitting
from prefrontal.publishing import plotting, text
from prefrontal.publishing.plotting import COLORS, Drawing
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import SUBJECT

FOLDS = 4
"""Folds of the cross-validation: sessions, or quarters of sessions where there are fewer."""

MOST_LAGS = 100
"""Longest history in the regression."""

NETWORK_EPISODES = 20
"""Episodes of each network that are analysed for comparison."""

BASELINE = "repetition"
"""Model with which the others are compared; it ignores rewards."""

PARAMETERS = {
    "learning_rate": "learning rate",
    "inverse_temperature": "inverse temperature",
    "perseveration": "perseveration",
}
"""Parameters whose recovery is shown, and their labels."""

CAPTION = """**%s: {{ animals.species }} and networks.** {{ animals.subjects }}
{{ animals.species }} (file {{ animals.file }}; {{ animals.file_source }};
{{ animals.file_licence }}) and the networks of Fig. %s {{ cite("wang2018") }}. **a**, Weights of
past rewards and choices on choice: of the reward one trial ago
{{ value(experiment, "animals/lag_weights", "weight", lag=1, signal="reward") }}, of the choice
{{ value(experiment, "animals/lag_weights", "weight", lag=1, signal="choice") }}. **b**, The same
for networks. **c**, Probability of repeating a choice after reward,
{{ value(experiment, "animals/stay_probability", "stay_probability", outcome="rewarded") }}, and
without, {{ value(experiment, "animals/stay_probability", "stay_probability", outcome="unrewarded")
}}. **d**, Cross-validated log likelihood per choice of each model, minus that of mere repetition.
**e**, Learning rate of the %s, fitted to each block. **f**, Recovery of its parameters in subjects
simulated from the fits. **g**, Model recovery: of subjects simulated from each model (rows), the
percentage that each model fits best by BIC.

Dots, subjects; bars and lines, means ± s.e.m.; δ, delta rule; WSLS, win-stay lose-shift; numbers,
means [95 %% t intervals] over subjects whose choices determine them.
"""


@dataclass(frozen=True)
class TaskFamily:
    """A family of tasks that animals and networks share."""

    experiment: str
    """Experiment whose networks are shown for comparison."""
    figure: str
    """Figure of the paper that shows them."""
    title: str
    """Name of the task."""
    lags: int
    """Trials of history in the regression."""
    strategy: str
    """Model whose learning rate by block and parameter recovery are shown."""
    networks: Callable[[pd.DataFrame], pd.DataFrame]
    """Select recorded trials to show, with rewards 0 or 1; add ``block`` if there are blocks."""
    schedule: choice_models.Schedule
    """Reward probabilities for simulated subjects."""
    baited: bool = False
    """True if an arm keeps its reward until it is chosen."""
    arms: int | None = 2
    """Number of arms; None if any."""


@dataclass(frozen=True)
class Options(report.Options):
    """Analyse the choices of animals next to the networks'."""

    lags: int = 0
    """Trials of history in the regression; by default as in the networks' figure."""
    arms: int = 0
    """Number of arms; by default those chosen in the file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, most in (("lags", MOST_LAGS), ("arms", read.MOST_ARMS)):
            value = getattr(self, name)
            check(0 <= value <= most, name, value, f"at least 0, at most {most}")


def lag_weights(trials: pd.DataFrame, arms: int, lags: int) -> pd.DataFrame:
    """Weights of past rewards and choices on choice (log odds), with standard errors.

    Forced choices only enter as history.
    """
    free = schema.free_choices(trials)
    if arms == 2:
        signals = matching.history_signals(trials)
        return regression.lagged_regression(trials, signals, lags, free, errors=True)
    arm_signals = regression.arm_signals(trials, arms)
    return regression.arm_regression(trials, arm_signals, lags, free, errors=True)


def check_lags(trials: pd.DataFrame, lags: int) -> None:
    """Raise UserError if no session is longer than the trials of history."""
    longest = int(trials["trial"].max())
    check(lags <= longest, "lags", lags, f"below the trials of the longest session, {longest + 1}")


def folds(trials: pd.DataFrame) -> np.ndarray:
    """Group trials for cross-validation: by session, or quarter of a session if there are few.

    Where all choices would be in few folds, as of an animal that stopped responding, by quarters of
    its choices.
    """
    session = trials.groupby(schema.EPISODE, observed=True).ngroup()
    if session.nunique() >= FOLDS:
        groups = session.to_numpy()
    else:
        last = trials["trial"].groupby(session).transform("max")
        groups = (FOLDS * session + FOLDS * trials["trial"] // (last + 1)).to_numpy()
    free = schema.free_choices(trials).to_numpy()
    if len(np.unique(groups[free] % FOLDS)) == FOLDS:
        return groups
    return FOLDS * np.maximum(free.cumsum() - 1, 0) // max(1, int(free.sum()))


def fit_models(
    trials: pd.DataFrame, arms: int, rng: np.random.Generator, restarts: int, validate: bool = True
) -> pd.DataFrame:
    """Fit all models to one subject.

    Returns
    -------
    DataFrame
        model, choices (fitted), log_likelihood (nats), likelihood_per_choice (geometric mean), bic
        (lower is better), cross_validated (log likelihood per held-out choice, nats), converged,
        and the parameters.
    """
    rows = []
    for name in choice_models.strategies(arms):
        rule = choice_models.rule(name, arms)
        data = choice_models.watch(name, trials, arms)
        low, high = np.array(list(rule.starts.values())).T
        points = rng.uniform(low, high, (restarts, len(low)))
        parameters, success = fitting.maximum_likelihood(rule, data, points)
        log_p = fitting.log_likelihoods(rule, data, parameters)
        choices, total = int(np.isfinite(log_p).sum()), float(np.nansum(log_p))
        row = {
            "model": name,
            "choices": choices,
            "log_likelihood": total,
            "likelihood_per_choice": np.exp(total / choices),
            "bic": len(parameters) * np.log(choices) - 2 * total,
        }
        if validate:
            fewer = max(1, restarts // 2)
            held_out = fitting.cross_validate(rule, data, rng, FOLDS, fewer, folds(trials))
            row["cross_validated"] = np.nanmean(held_out)
        rows.append(row | {"converged": success, **parameters})
    return pd.DataFrame(rows)


def fit_subjects(trials: pd.DataFrame, arms: int, restarts: int, group: str) -> pd.DataFrame:
    """Fit all models to every subject: variant, seed, and the columns of ``fit_models``."""
    parts = []
    subjects: Any = list(trials.groupby(SUBJECT, observed=True, sort=False))
    bar = tqdm(subjects, desc=f"fitting models to {group}", unit="subject", disable=None)
    for (variant, seed), subject_trials in bar:
        rng = np.random.default_rng(seed)
        fits = fit_models(subject_trials.reset_index(drop=True), arms, rng, restarts)
        parts.append(fits.assign(variant=variant, seed=seed))
    return storage.leading(pd.concat(parts, ignore_index=True), *SUBJECT)


def block_rates(trials: pd.DataFrame, strategy: str, arms: int, restarts: int) -> pd.DataFrame:
    """Learning rate of a model in each block: variant, seed, block, choices, learning_rate.

    Where the table has no blocks, halves of the sessions take their place.
    """
    rows, rule = [], choice_models.rule(strategy, arms)
    low, high = np.array(list(rule.starts.values())).T
    subjects: Any = trials.groupby(SUBJECT, observed=True, sort=False)
    for (variant, seed), subject_trials in subjects:
        data = choice_models.watch(strategy, subject_trials, arms)
        rng = np.random.default_rng(seed)
        if "block" in subject_trials.columns:
            blocks = subject_trials["block"].astype(str)
        else:
            last = subject_trials.groupby("episode")["trial"].transform("max")
            half = subject_trials["trial"] < last / 2
            blocks = pd.Series(np.where(half, "first half", "second half"))
        for block in blocks.unique():
            chosen = np.where(blocks == block, data["choice"], -1)
            choices, rate = int((chosen >= 0).sum()), np.nan
            if choices > len(low) and len(np.unique(chosen[chosen >= 0])) > 1:
                points = rng.uniform(low, high, (restarts, len(low)))
                fitted, _ = fitting.maximum_likelihood(rule, data | {"choice": chosen}, points)
                rate = fitted["learning_rate"]
            row = {"variant": variant, "seed": seed, "block": block, "choices": choices}
            rows.append(row | {"learning_rate": rate})
    return pd.DataFrame(rows)


def recover(
    trials: pd.DataFrame,
    fits: pd.DataFrame,
    family: TaskFamily,
    arms: int,
    restarts: int,
    simulations: int,
) -> dict[str, pd.DataFrame]:
    """Simulate every subject from every fitted model, with about as many trials, and fit again.

    Returns
    -------
    dict of DataFrame
        recovery: variant, seed, repeat, parameter, true, recovered, of the family's model.
        confusion: simulated, best (by BIC), percentage of the simulated subjects.
    """
    last_trials = trials.groupby(schema.EPISODE, observed=True)["trial"].max()
    lengths = last_trials.groupby(SUBJECT, observed=True).agg(["size", "mean"])
    rows, best = [], []
    jobs: Any = [(row, repeat) for row in fits.to_dict("records") for repeat in range(simulations)]
    for true, repeat in tqdm(jobs, desc="recovery", unit="simulated subject", disable=None):
        sessions, last = lengths.loc[(true["variant"], true["seed"])]
        rng = np.random.default_rng([true["seed"], repeat])
        p_reward = family.schedule(rng, int(sessions), round(last) + 1, arms)
        simulated = choice_models.simulate(true["model"], true, p_reward, rng, family.baited)
        if simulated["choice"].nunique() < 2:
            continue
        refits = fit_models(simulated, arms, rng, restarts, validate=False).set_index("model")
        best.append({"simulated": true["model"], "best": refits["bic"].idxmin()})
        if true["model"] == family.strategy:
            refit = refits.loc[family.strategy]
            key = {"variant": true["variant"], "seed": true["seed"], "repeat": repeat}
            rows += [
                key | {"parameter": name, "true": true[name], "recovered": refit[name]}
                for name in PARAMETERS
            ]
    names = choice_models.strategies(arms)
    winners = pd.DataFrame(best, columns=["simulated", "best"])
    fractions = pd.crosstab(winners["simulated"], winners["best"], normalize="index")
    percentages = 100 * fractions.reindex(index=names, columns=names).fillna(0.0)
    confusion = percentages.rename_axis(index="simulated").reset_index()
    confusion = confusion.melt("simulated", None, "best", "percentage")
    recovery = pd.DataFrame(rows, columns=[*SUBJECT, "repeat", "parameter", "true", "recovered"])
    return {"recovery": recovery, "confusion": confusion}


def summary(fits: pd.DataFrame) -> pd.DataFrame:
    """Best model of each subject by BIC and by cross-validation, and BICs relative to the best."""
    bic, held_out = (
        fits.pivot(index=SUBJECT, columns="model", values=name)
        for name in ("bic", "cross_validated")
    )
    above = bic.sub(bic.min(axis=1), axis=0).add_prefix("BIC above best: ")
    best = {"best_by_bic": bic.idxmin(axis=1), "best_by_cross_validation": held_out.idxmax(axis=1)}
    return pd.DataFrame(best).join(above).reset_index()


def analyse(
    trials: pd.DataFrame,
    family: TaskFamily,
    arms: int = 2,
    lags: int = 0,
    restarts: int = 5,
    simulations: int = 5,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Analyse animals' choices; ``dict(analyse(...))`` has all tables.

    Parameters
    ----------
    trials : DataFrame
        From ``animals.read``.
    family : TaskFamily
    arms : int
        Number of arms.
    lags : int
        Trials of history; 0 for the family's.
    restarts, simulations : int
        Runs of the optimiser per fit; simulated subjects per fit.
    """
    trials = trials.reset_index(drop=True)
    names = choice_models.strategies(arms)
    parameters = max(len(choice_models.rule(name, arms).bounds) for name in names)
    reasons = report.unfit(trials, parameters)
    fitted = report.fittable(trials, reasons, "trials")
    weights = lag_weights(trials, arms, lags or family.lags)
    stays = staying.stay_probability(trials)
    yield "lag_weights", weights
    yield "stay_probability", stays
    rates = block_rates(fitted, family.strategy, arms, restarts)
    yield "block_rates", rates
    fits = fit_subjects(fitted, arms, restarts, "animals")
    yield "fits", fits
    yield "undetermined", report.undetermined(trials, weights, reasons, fits, choice_models.BOUNDS)
    yield "summary", summary(fits)
    measures: list[tuple[pd.DataFrame, list[str], str, str, str | None]] = [
        (weights[weights["lag"] > 0], ["signal", "lag"], "weight", "{signal}, {lag} back", "error"),
        (stays, ["outcome"], "stay_probability", "stay after {outcome}", None),
        (rates, ["block"], "learning_rate", "learning rate, {block}", None),
        (fits, ["model"], "cross_validated", "log likelihood per unseen choice, {model}", None),
    ]
    parts = [
        report.over_subjects(frame, ["variant", *by], value, name, error)
        for frame, by, value, name, error in measures
    ]
    yield "group", pd.concat(parts, ignore_index=True)
    yield from recover(fitted, fits, family, arms, restarts, simulations).items()


def measure_networks(
    trials: pd.DataFrame, family: TaskFamily, lags: int, restarts: int
) -> dict[str, pd.DataFrame]:
    """Analyse the networks' choices in the same way."""
    return {
        "lag_weights": lag_weights(trials, 2, lags or family.lags),
        "stay_probability": staying.stay_probability(trials),
        "block_rates": block_rates(trials, family.strategy, 2, restarts),
        "fits": fit_subjects(trials, 2, restarts, "networks"),
    }


def draw_weights(ax: Axes, weights: pd.DataFrame, title: str) -> None:
    """Draw the lagged regression: mean ± s.e.m. as lines, every subject a dot."""
    styles = {"reward": (COLORS["rewarded"], "-"), "choice": (COLORS["model-based"], ":")}
    for signal, (color, line) in styles.items():
        part = weights[weights["signal"] == signal]
        by_lag = part.groupby("lag")["weight"]
        mean, sem = by_lag.mean(), by_lag.sem().fillna(0)
        style: dict[str, Any] = {"color": color, "ls": line, "elinewidth": 0.8}
        ax.errorbar(mean.index, mean, sem, label=signal, **style)
        ax.scatter(part["lag"], part["weight"], s=3, color=color, lw=0, alpha=0.6)
    ax.axhline(0, color="black", lw=0.5)
    ax.locator_params(axis="x", integer=True)
    subjects = weights.groupby(SUBJECT, observed=True).ngroups
    ax.set(xlabel="trials ago", title=f"{title}, n = {subjects}")


def draw_groups(ax: Axes, frames: Mapping[str, pd.DataFrame], by: str, value: str) -> None:
    """Draw bars of both groups side by side: mean ± s.e.m., every subject a dot."""
    names = list(dict.fromkeys(name for frame in frames.values() for name in frame[by]))
    for k, (group, frame) in enumerate(frames.items()):
        for x, name in enumerate(names):
            values = frame.loc[frame[by] == name, value].dropna()
            place, color = x + 0.36 * (k - 0.5), report.GROUP_COLORS[group]
            if len(values):
                style: dict[str, Any] = {"color": color, "alpha": 0.8, "error_kw": {"lw": 0.8}}
                ax.bar(place, values.mean(), 0.34, yerr=report.sem(values), **style)
                plotting.dots(ax, place, values, width=0.1)
    ax.set(xticks=range(len(names)), ylim=(0, 1.02))
    report.label_blocks(ax, names)


def short(name: str) -> str:
    """Short name of a model, for a narrow axis."""
    return name.replace("delta rule", "δ").replace("win-stay lose-shift", "WSLS")


def draw_confusion(ax: Axes, confusion: pd.DataFrame) -> None:
    """Draw how often each model fits best, by the model that was simulated."""
    names = list(dict.fromkeys(confusion["simulated"]))
    table = confusion.pivot(index="simulated", columns="best", values="percentage")
    percentages = table.loc[names, names].to_numpy(float)
    ax.imshow(percentages, cmap="Purples", vmin=0, vmax=100, aspect="auto")
    for (row, column), number in np.ndenumerate(percentages):
        style: dict[str, Any] = {"fontsize": 5, "color": "white" if number > 60 else "black"}
        ax.text(column, row, f"{number:.0f}", ha="center", va="center", **style)
    ax.set(xticks=range(len(names)), yticks=range(len(names)))
    ax.set(xlabel="fits best by BIC (%)", title="simulated by (row)")
    ax.set_xticklabels([short(name) for name in names], rotation=40, ha="right")
    ax.set_yticklabels([short(name) for name in names])
    ax.spines[:].set_visible(False)


def drawing(
    family: TaskFamily,
    folder: Path,
    networks: Mapping[str, pd.DataFrame],
    species: str,
    about: dict[str, Any],
) -> Drawing:
    """Draw animals next to networks."""
    names = ("lag_weights", "stay_probability", "block_rates", "fits", "recovery", "confusion")
    animals = {name: storage.read(folder / f"{name}.csv") for name in names}
    figure = plotting.new_figure(plotting.DOUBLE_COLUMN, 118)
    grid = figure.add_gridspec(2, 1, hspace=0.45, left=0.075, right=0.985, top=0.94, bottom=0.15)
    top = grid[0].subgridspec(1, 4, wspace=0.62, width_ratios=(1, 1, 0.95, 1.7))
    bottom = grid[1].subgridspec(1, 3, wspace=0.42, width_ratios=(0.9, 1.8, 1.1))
    a, b, c, d = (figure.add_subplot(top[column]) for column in range(4))
    e, g = figure.add_subplot(bottom[0]), figure.add_subplot(bottom[2])
    cells = bottom[1].subgridspec(1, len(PARAMETERS), wspace=0.45)
    f = [figure.add_subplot(cells[column]) for column in range(len(PARAMETERS))]
    species = report.plain(species)
    animals["block_rates"]["block"] = animals["block_rates"]["block"].astype(str)
    draw_weights(a, animals["lag_weights"], species)
    draw_weights(b, networks["lag_weights"], "networks")
    a.set_ylabel("weight on choice (log odds)")
    a.legend()
    both = {
        name: {"animals": animals[name], "networks": networks[name]}
        for name in ("stay_probability", "block_rates", "fits")
    }
    draw_groups(c, both["stay_probability"], "outcome", "stay_probability")
    c.set_ylabel("stay probability")
    c.set_xticklabels([label.get_text().replace("un", "un-\n") for label in c.get_xticklabels()])
    gains = {}
    for group, fits in both["fits"].items():
        wide = fits.pivot(index=SUBJECT, columns="model", values="cross_validated")
        compared = [name for name in choice_models.STRATEGIES if name in wide and name != BASELINE]
        gains[group] = wide.sub(wide[BASELINE], axis=0)[compared]
    models = list(gains["animals"].columns)
    gains["networks"] = gains["networks"][models]
    report.draw_comparison(d, gains, [short(name).replace(" ", "\n") for name in models])
    d.set_ylabel("log likelihood per choice\nabove repetition (nats)")
    for x, (group, label) in enumerate(zip(report.GROUPS, (species, "networks"), strict=True)):
        color = report.GROUP_COLORS[group]
        c.text(0.02 + 0.5 * x, 1.04, label, color=color, transform=c.transAxes)
    draw_groups(e, both["block_rates"], "block", "learning_rate")
    e.set_ylabel(f"learning rate per trial\n({family.strategy})")
    report.draw_recovery(f, animals["recovery"], PARAMETERS)
    f[0].set_ylabel("recovered")
    for ax in f:
        ax.set_xlabel("true")
        ax.locator_params(axis="x", nbins=2)
    f[0].set(xlim=(0, 1.02), ylim=(0, 1.02), xticks=[0, 0.5, 1])
    draw_confusion(g, animals["confusion"])
    panels = {"a": [a], "b": [b], "c": [c], "d": [d], "e": [e], "f": f, "g": [g]}
    for letter, axes in panels.items():
        plotting.panel_label(axes[0], letter)
    return Drawing(f"fig{family.figure}_animals", figure, panels, about)


def networks_of(family: TaskFamily, data: Path) -> pd.DataFrame:
    """Trials of the networks to show, a few episodes of each."""
    path = data / family.experiment / "trials.parquet"
    if not path.exists():
        raise UserError(
            f"{path}: no such table; prefrontal record {family.experiment} records the networks"
        )
    trials = family.networks(storage.read(path, "trials"))
    episodes = trials.groupby(SUBJECT, observed=True)["episode"]
    number = episodes.transform(lambda episode: pd.factorize(episode)[0])
    return trials[number < NETWORK_EPISODES].astype({"variant": str}).reset_index(drop=True)


def run(family: TaskFamily, options: Options) -> None:
    """Read a file, analyse it, and draw animals next to networks."""
    options.folder(family.experiment)
    network_trials = networks_of(family, options.data)
    arms = options.arms or family.arms
    trials = read.read(
        options.file, options.column_names, options.recoding, arms=arms, rows=options.rows
    )
    check_lags(trials, options.lags or family.lags)
    arms = arms or int(trials["choice"].max()) + 1
    check(arms >= 2, "choice", "of one arm only", "of two or more; give their number with --arms")

    def draw(folder: Path, about: dict[str, Any]) -> Drawing:
        networks = measure_networks(network_trials, family, options.lags, options.restarts)
        return drawing(family, folder, networks, options.species, about)

    tables = analyse(trials, family, arms, options.lags, options.restarts, options.simulations)
    words = family.title.capitalize(), family.figure, family.strategy
    caption = text.Template(CAPTION % words, Path(__file__))
    report.run(family.experiment, options, trials, tables, draw, caption)


def main(family: TaskFamily, arguments: Sequence[str]) -> None:
    """Run ``prefrontal animals`` for a task family."""
    program = f"prefrontal animals {family.experiment}"
    about = f"Analyse the choices of animals next to the networks': {family.title}."
    run(family, tyro.cli(Options, args=arguments, prog=program, description=about))
