"""Task families shared by animals and networks, and measures of choices in them.

``replications/<experiment>/animals.py`` defines them in ``FAMILIES``: animals and the networks of
that experiment are analysed by the same functions, into tables of the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from prefrontal import experiments, files
from prefrontal.analysis import matching, regression, staying
from prefrontal.animals.columns import Format
from prefrontal.models import bandit_learners, fitting
from prefrontal.models.fitting import TaskFor
from prefrontal.models.model import Model
from prefrontal.publishing.results import Results
from prefrontal.statistics import interval, pooled
from prefrontal.tables import schema, storage
from prefrontal.tables.schema import EPISODE, SUBJECT

SEVERAL, MOST_BLOCKS = 2, 12
"""Range of the number of blocks whose learning rates are compared."""

LONGEST = 1000
"""Largest number of trials of a simulated subject."""

BETTER, REVERSAL = 0.8, 0.05
"""Reward probability of the better option, and probability per trial of a reversal, in simulated
reversal learning."""

SETTLING = 10
"""First trials of a block that are left out of its ratios of choices and rewards."""

BASELINE_SUM = 0.5
"""Sum of both sides' baselines in simulated probability matching (Methods, simulation 1)."""


@dataclass(frozen=True)
class Family:
    """Tasks that are described and fitted in the same way.

    Attributes
    ----------
    title : str
        Name of the task in captions.
    experiment, variant, figure : str
        Experiment and variant of the networks shown for comparison, and their figure in the paper.
    columns : str
        For ``--help``: which columns a file needs.
    models : callable
        Trials, and the probability of the common transition if given -> models to fit, the baseline
        of the comparison first.
    main : str
        Model whose parameters are plotted.
    task : callable
        Trials -> tasks on which subjects are simulated, for recovery.
    form : Format
        Legal values of the columns.
    prepare : callable, optional
        Trials -> trials that are analysed, such as completed ones.
    further : dict of callable
        Name of a further table -> trials, as read, to this table.
    lags : int
        Trials of history in the regression.
    matches : bool
        Whether ratios of choices and of rewards are compared.
    network_episodes : int
        Episodes of each network that are fitted.
    block_model : Model, optional
        Model that is fitted to each block; by default the main one.
    published : callable
        Published values as table name -> those of animals and of networks, with our columns.
    drawing : str
        Name of the figure; by default that of the paper's figure, and "_animals".
    """

    title: str
    experiment: str
    variant: str
    figure: str
    columns: str
    models: Callable[[pd.DataFrame, float | None], Sequence[Model]]
    main: str
    task: Callable[[pd.DataFrame], TaskFor]
    form: Format = field(default_factory=Format)
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda trials: trials
    further: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = field(default_factory=dict)
    lags: int = 5
    matches: bool = False
    network_episodes: int = 20
    block_model: Model | None = None
    published: Callable[[], Mapping[str, Sequence[pd.DataFrame]]] = dict
    drawing: str = ""

    @property
    def figure_name(self) -> str:
        """Name of the figure's files."""
        return self.drawing or f"fig{self.figure}_animals"

    def model_of_blocks(self, models: Sequence[Model]) -> Model:
        """Model that is fitted to each block, given those that are fitted to all trials."""
        return self.block_model or next(model for model in models if model.name == self.main)


def families() -> dict[str, Family]:
    """All families by name."""
    known: dict[str, Family] = {}
    for name in experiments.names("animals"):
        known |= experiments.module(name, "animals").FAMILIES
    return known


def bandit_models(trials: pd.DataFrame, common: float | None = None) -> list[Model]:
    """Models of choice among the options in the file; some need rewards of 0 and 1."""
    stakes = "magnitude_0" in trials.columns
    models: list[Model] = []
    for model in bandit_learners.models(max(2, int(trials["choice"].max()) + 1)):
        if stakes and "magnitude" in model.parameters:
            model = type(model)(model.options, fixed={"magnitude": None})
        if model.outcomes == "binary" and not trials["reward"].isin([0, 1]).all():
            print(f"{model.name}: left out, since it needs rewards of 0 and 1")
        else:
            models.append(model)
    return models


@dataclass
class Paying(bandit_learners.Bandit):
    """A bandit that pays two amounts: the mean rewards of a file's bad and of its good trials."""

    amounts: tuple[float, float] = (0.0, 1.0)

    def play(self, trial: int, choose: Any) -> dict[str, np.ndarray]:
        """Choose an arm, and draw its reward."""
        columns = super().play(trial, choose)
        bad, good = self.amounts
        return columns | {"reward": np.where(columns["reward"] > 0, good, bad)}


def shapes(trials: pd.DataFrame) -> Callable[[Mapping[str, Any]], tuple[int, int]]:
    """Numbers of sessions and of trials in each for a subject simulated from a row of fits: about
    as many as the fitted subject has, up to ``LONGEST`` trials."""
    lengths = trials.groupby(EPISODE, observed=True)["trial"].max() + 1
    sizes = lengths.groupby(SUBJECT, observed=True).agg(["size", "mean"])

    def shape(row: Mapping[str, Any]) -> tuple[int, int]:
        sessions, mean = sizes.loc[tuple(row[name] for name in SUBJECT)]
        length = min(max(2, round(mean)), LONGEST)
        return max(1, min(int(sessions), LONGEST // length)), length

    return shape


def bandit_task(trials: pd.DataFrame, baited: bool = False, reverses: bool = False) -> TaskFor:
    """Bandits on which subjects are simulated.

    Reward probabilities are uniform and constant in each session; those of ``baited`` options add
    up to ``BASELINE_SUM``, and if it ``reverses`` the better option changes at random.
    """
    arms, shape_of = max(2, int(trials["choice"].max()) + 1), shapes(trials)
    made = trials[trials["choice"] >= 0]
    occurred = won(made.drop(columns=["magnitude_0", "magnitude_1"], errors="ignore"))
    amounts = made["reward"].groupby(occurred).mean()
    stakes = trials.filter(regex=r"^magnitude_\d+$").to_numpy(float)

    def task(rng: np.random.Generator, row: Mapping[str, Any]) -> Paying:
        sessions, length = shape = shape_of(row)
        if reverses:
            start, swaps = rng.integers(2, size=(sessions, 1)), rng.random(shape) < REVERSAL
            right = (start + swaps.cumsum(1)) % 2
            p = np.where(np.stack([1 - right, right], axis=-1) == 1, BETTER, 1 - BETTER)
        elif baited:
            left = BASELINE_SUM * rng.random((sessions, 1))
            p = np.repeat(np.stack([left, BASELINE_SUM - left], axis=-1), length, axis=1)
        else:
            p = np.repeat(rng.random((sessions, 1, arms)), length, axis=1)
        drawn = stakes[rng.integers(len(stakes), size=shape)] if stakes.size else None
        paid = (float(amounts[False]), float(amounts[True])) if len(amounts) == 2 else (0.0, 1.0)
        return Paying(p, baited, drawn, paid)

    return task


def won(trials: pd.DataFrame) -> pd.Series:
    """Whether each trial was won.

    A trial is won if it paid more than 0 or, where all amounts are gains or all are losses, more
    than the subject's mean; where a loss is at stake (a negative magnitude), if it was avoided.
    """
    valid = trials["choice"] >= 0
    reward = trials["reward"].where(valid)
    subject = [trials[name] for name in SUBJECT]
    low, high, mean = (
        reward.groupby(subject, observed=True).transform(name) for name in ("min", "max", "mean")
    )
    threshold = mean.where((low > 0) | (high <= 0) & (low < 0), 0.0)
    well = reward > threshold
    if "magnitude_1" in trials.columns:
        first, second = trials["magnitude_0"], trials["magnitude_1"]
        well ^= second.where(trials["choice"] == 1, first) < 0
    return valid & well


def lag_weights(trials: pd.DataFrame, lags: int) -> pd.DataFrame:
    """Weights of past trials on choice (log odds), with standard errors: of the four trial types if
    there are transitions, otherwise of rewards and choices. Forced choices only enter as history.
    """
    if "transition" in trials.columns:
        return staying.two_step_weights(trials, lags, errors=True)
    free, arms = schema.free_choices(trials), int(trials["choice"].max()) + 1
    if arms <= 2:
        signals = matching.history_signals(trials)
        return regression.lagged_regression(trials, signals, lags, free, errors=True)
    signals_by_arm = regression.arm_signals(trials, arms)
    return regression.arm_regression(trials, signals_by_arm, lags, free, errors=True)


def block_starts(trials: pd.DataFrame) -> pd.Series:
    """Whether each trial is the first of a block in its session."""
    session = [trials[name] for name in EPISODE]
    block = trials["block"].astype(str)
    return block != block.groupby(session, observed=True).shift()


def settled(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials of each block without its first ``SETTLING``, each block as a separate episode; all
    trials where there are no blocks."""
    if "block" not in trials.columns:
        return trials
    subject = [trials[name] for name in SUBJECT]
    numbered = trials.assign(
        episode=block_starts(trials).groupby(subject, observed=True).cumsum() - 1
    )
    return numbered[numbered.groupby(EPISODE, observed=True).cumcount() >= SETTLING]


def matching_slopes(points: pd.DataFrame) -> pd.DataFrame:
    """Slope of choice on reward ratios per subject."""
    return pd.DataFrame(
        [
            (*key, "all", matching.matching_slope(episodes), len(episodes))
            for key, episodes in points.groupby(SUBJECT, observed=True)
        ],
        columns=[*SUBJECT, "baselines", "slope", "episodes"],
    )


def behaviour(family: Family, trials: pd.DataFrame, lags: int = 0) -> dict[str, pd.DataFrame]:
    """Describe choices, without models: tables by name."""
    trials = trials.assign(reward=won(trials).astype(float))
    tables = {
        "stay_probability": staying.stay_probability(trials),
        "lag_weights": lag_weights(trials, lags or family.lags),
    }
    if family.matches:
        tables["matching_points"] = matching.matching_points(settled(trials))
        tables["matching_slopes"] = matching_slopes(tables["matching_points"])
    return tables


PARTS = ("planning_weight", "model_free_weight")


def with_part_weights(fits: pd.DataFrame) -> pd.DataFrame:
    """Add the weight of each component of a mixture: its share of the inverse temperature."""
    if "weight" not in fits.columns:
        return fits
    share, total = fits["weight"], fits["inverse_temperature"]
    return fits.assign(planning_weight=share * total, model_free_weight=(1 - share) * total)


def fit_blocks(model: Model, trials: pd.DataFrame, starts: int) -> pd.DataFrame:
    """Fit a model to the choices of each block; trials of other blocks count as history.

    Returns
    -------
    DataFrame
        As of ``fitting.fit_subjects``, and block; empty unless there are several blocks.
    """
    parts, free = [], schema.free_choices(trials)
    blocks = trials["block"].astype(str) if "block" in trials.columns else pd.Series(dtype=str)
    known = list(blocks.unique())
    for block in known if SEVERAL <= len(known) <= MOST_BLOCKS else ():
        inside = free & (blocks == block)
        subject = [trials[name] for name in SUBJECT]
        counts = inside.groupby(subject, observed=True).transform("sum")
        kinds = trials["choice"].where(inside).groupby(subject, observed=True).transform("nunique")
        some = trials.assign(forced=~inside)[(counts > len(model.free)) & (kinds > 1)]
        if len(some):
            label = f"fitting block {block}"
            fits = fitting.fit_subjects([model], some, starts, False, label)
            parts.append(storage.leading(fits.assign(block=block), *SUBJECT, "block"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def measure_networks(
    family: Family, trials: pd.DataFrame, common: float | None = None, starts: int = 2
) -> dict[str, pd.DataFrame]:
    """Tables of an experiment's networks, to compare with those of animals."""
    trials = trials[trials["episode"] < family.network_episodes]
    reward = trials["reward"].where(trials["choice"] >= 0, 0.0)
    trials = trials.assign(reward=reward, variant=trials["variant"].astype(str))
    trials = family.prepare(trials.reset_index(drop=True))
    fits = fitting.fit_subjects(family.models(trials, common), trials, starts)
    return behaviour(family, trials) | {"fits": with_part_weights(fits)}


def animal_tables(experiment: str) -> dict[str, pd.DataFrame]:
    """Committed statistics of animals on an experiment's task by name; none where there are
    none."""
    folder = files.DATA / experiment / "animals"
    return {path.stem: storage.read(path) for path in sorted(folder.glob("*.csv"))}


NETWORK_TABLES = ("stay_probability", "lag_weights", "matching_points", "matching_slopes")
FIT_TABLES = ("fits", "fits_by_block")


def network_tables(family: Family, results: Results) -> dict[str, pd.DataFrame]:
    """Committed results of the networks for comparison; missing ones are left out."""
    tables = {}
    for name in (*NETWORK_TABLES, *FIT_TABLES):
        if name in results:
            table = results[name]
            tables[name] = table[table["variant"] == family.variant]
    if "matching_slopes" in tables:
        tables["matching_slopes"] = tables["matching_slopes"].query("baselines == 'all'")
    return tables


def over_subjects(
    frame: pd.DataFrame, by: Sequence[str], value: str, error: str | None = None
) -> pd.DataFrame:
    """Summarise a value over subjects by ``by``, the first of which is variant.

    Returns
    -------
    DataFrame
        ``by``; n, subjects with a value, and undetermined, those without; median; mean with its 95
        % t interval (ci_low, ci_high). With standard errors also the random-effects mean, which
        weights subjects by precision, with its interval (pooled, pooled_low, pooled_high), and the
        standard deviation between subjects (between).
    """
    rows = []
    for keys, part in frame.groupby(list(by), sort=False, observed=True):
        mean, low, high = interval(part[value])
        row = dict(zip(by, keys, strict=True)) | {
            "n": int(part[value].notna().sum()),
            "undetermined": int(part[value].isna().sum()),
            "median": part[value].median(),
            "mean": mean,
            "ci_low": low,
            "ci_high": high,
        }
        rows.append(row | (pooled(part[value], part[error]) if error else {}))
    return pd.DataFrame(rows)


def gains(fits: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Log likelihood per choice of each model relative to the baseline: of held-out choices or,
    without cross-validation, of the fitted ones."""
    value = fits["log_likelihood"] / fits["choices"]
    if "cross_validated" in fits.columns:
        value = fits["cross_validated"]
    reference = value[fits["model"] == baseline].set_axis(
        pd.MultiIndex.from_frame(fits.loc[fits["model"] == baseline, SUBJECT])
    )
    subjects = pd.MultiIndex.from_frame(fits[SUBJECT])
    gain = value.to_numpy() - reference.reindex(subjects).to_numpy()
    return fits[[*SUBJECT, "model"]].assign(gain=gain).query("model != @baseline")


def parameters_of(fits: pd.DataFrame, model: str) -> pd.DataFrame:
    """Parameters of a fitted model in long form: the subject's columns, parameter, value, and its
    standard error where there is one."""
    known = fits[fits["model"] == model]
    names = [
        name
        for name in fits.columns
        if (f"{name}_error" in fits.columns or name in PARTS) and known[name].notna().any()
    ]
    errors = known.reindex(columns=[f"{name}_error" for name in names])
    long = known.melt(SUBJECT, names, "parameter", "value")
    return long.assign(error=errors.to_numpy(float).T.ravel())


def summary(family: Family, tables: Mapping[str, pd.DataFrame], baseline: str = "") -> pd.DataFrame:
    """Summarise tables over subjects, one row per measure and variant.

    Returns
    -------
    DataFrame
        quantity, measure (in words), and the columns of ``over_subjects``.
    """
    parts = []

    def add(quantity: str, frame: pd.DataFrame, value: str, *by: str, error: str = "") -> None:
        if len(frame):
            known = over_subjects(frame, ["variant", *by], value, error or None)
            words = known[list(by)].astype(str).agg(", ".join, axis=1) if by else "all"
            known = known.drop(columns=list(by)).assign(quantity=quantity, measure=words)
            parts.append(known)

    if "stay_probability" in tables:
        stays = tables["stay_probability"]
        kinds = [name for name in ("transition", "outcome") if name in stays.columns]
        add("probability of repeating a choice", stays, "stay_probability", *kinds)
    if "lag_weights" in tables:
        last = tables["lag_weights"].query("lag == 1")
        error = "error" if "error" in last.columns else ""
        add("weight of the last trial on choice (log odds)", last, "weight", "signal", error=error)
    if "matching_slopes" in tables:
        slopes = tables["matching_slopes"]
        add("slope of log choice ratio on log reward ratio (1 is matching)", slopes, "slope")
    if "fits" in tables:
        fits = tables["fits"]
        gain = f"log likelihood per choice above {baseline} (nats)"
        add(gain, gains(fits, baseline), "gain", "model")
        parameters = parameters_of(fits, family.main)
        add(f"parameters of {family.main}", parameters, "value", "parameter", error="error")
    if "fits_by_block" in tables:
        blocks = tables["fits_by_block"]
        add(f"learning rate of {blocks['model'].iloc[0]}", blocks, "learning_rate", "block")
    joined = pd.concat(parts, ignore_index=True)
    return joined[["quantity", "measure", *joined.columns.drop(["quantity", "measure"])]]
