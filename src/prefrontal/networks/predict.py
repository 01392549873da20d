"""Replay the trials of other subjects with frozen networks: networks as models of behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from prefrontal.errors import UserError, check, require_memory
from prefrontal.networks.network import NetworkAgent
from prefrontal.tables.schema import EPISODE, check_columns
from prefrontal.task import Replay, Task

EPISODES_AT_ONCE = 256
"""Episodes of subjects that are replayed in parallel."""

TRIAL = [*EPISODE, "trial"]


@dataclass(frozen=True)
class _Steps:
    """Time steps of all episodes, one episode after the other.

    ``trial`` is the row of the sorted trials; ``action`` is -1 if it is left to the networks;
    ``reward`` is NaN if a network does not experience the trial. Arrays are (step,).
    """

    trial: np.ndarray
    period: np.ndarray
    action: np.ndarray
    reward: np.ndarray


@dataclass(frozen=True)
class _Results:
    """Network responses; arrays are (network, entry, ...), an entry being a period of a trial.

    ``entry`` is that of each time step, -1 for periods that were not requested; ``all_values`` are
    those of every time step.
    """

    entry: np.ndarray
    all_values: np.ndarray
    value: np.ndarray
    rpe: np.ndarray
    policy: np.ndarray
    activity: np.ndarray


@torch.inference_mode()
def predict(
    agent: NetworkAgent,
    task: Task,
    trials: pd.DataFrame,
    steps: pd.DataFrame | None = None,
    periods: Sequence[str] = (),
    activity: bool = True,
) -> pd.DataFrame:
    """Replay subjects' trials with networks; see ``Trained.predict``.

    Networks are numbered from 0 in the column ``network``.
    """
    order, trials = _sorted(trials)
    expected = "a table (DataFrame)"
    check(steps is None or isinstance(steps, pd.DataFrame), "steps", steps, expected)
    words = not isinstance(periods, str) and isinstance(periods, Sequence)
    check(words, "periods", periods, f"a list of {', '.join(task.periods)}")
    replay = task.replay(trials)
    choices = [-1, *np.flatnonzero(replay.legal[replay.choice])]
    for choice in trials.loc[~trials["choice"].isin(choices), "choice"].head(1):
        check(False, "trials: choice", choice, f"one of {', '.join(map(str, choices))}")
    names = list(periods) or [task.periods[replay.choice]]
    for name in names:
        check(name in task.periods, "periods", name, f"of {', '.join(task.periods)}")
    kept = np.array([task.periods.index(name) for name in names])
    happened = _steps(replay) if steps is None else _recorded_steps(task, trials, steps)
    if replay.experienced is not None:
        experienced = replay.experienced[happened.trial]
        happened = replace(happened, reward=np.where(experienced, happened.reward, np.nan))
    results = _empty(agent, happened, order, kept, activity)
    episode = (trials[EPISODE] != trials[EPISODE].shift()).any(axis=1).cumsum().to_numpy() - 1
    first = np.flatnonzero(np.diff(episode[happened.trial], prepend=-1))
    _run(agent, replay, happened, first, results)
    _fill_values(agent, happened, first, results)
    return _frame(task, trials.loc[np.argsort(order)], names, results)


def _sorted(trials: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Check and sort a trials table -> original position of each sorted row, and the sorted
    table."""
    check(isinstance(trials, pd.DataFrame), "trials", trials, "a table (DataFrame)")
    check_columns(trials, "trials", "trials")
    check(len(trials) > 0, "trials", "empty", "a table with rows")
    if trials.duplicated(TRIAL).any():
        raise UserError(f"trials: a trial occurs twice, by {', '.join(TRIAL)}")
    whole = trials["choice"] % 1 == 0
    for choice in trials.loc[~whole, "choice"].head(1):
        check(False, "trials: choice", choice, "a whole number, -1 where it was missed")
    choice = trials["choice"].astype(np.int64)
    reward = trials["reward"].where(choice >= 0, trials["reward"].fillna(0.0))
    check(
        bool(reward.notna().all()), "trials: reward", np.nan, "a number wherever a choice was made"
    )
    for paid in reward[(choice < 0) & (reward > 0)].head(1):
        check(False, "trials: reward of a missed trial (choice -1)", paid, "at most 0")
    trials = trials.assign(choice=choice, reward=reward).reset_index(drop=True)
    trials = trials.sort_values(TRIAL)
    steps = trials.groupby(EPISODE, observed=True)["trial"].diff()
    for row in trials[steps.notna() & (steps != 1)].head(1).itertuples():
        raise UserError(
            f"trials: trial {row.trial} of episode {row.episode} does not follow the one before by "
            "1; a missed trial has a row with choice -1, and trials after a gap are an episode of "
            "their own"
        )
    return trials.index.to_numpy(), trials.reset_index(drop=True)


def _steps(replay: Replay) -> _Steps:
    """Time steps according to trials."""
    at = trial, period = np.nonzero(replay.happened)
    return _Steps(trial, period, replay.action[at], replay.reward[at].astype(np.float64))


def _recorded_steps(task: Task, trials: pd.DataFrame, steps: pd.DataFrame) -> _Steps:
    """Time steps according to a steps table, without an unfinished last trial."""
    check_columns(steps, "steps", "steps")
    rows = trials[TRIAL].assign(row=np.arange(len(trials)))
    columns = steps[[*TRIAL, "step", "period", "action", "reward"]]
    merged = columns.merge(rows, on=TRIAL).sort_values(["row", "step"])
    if merged.duplicated(["row", "step"]).any():
        raise UserError(f"steps: a time step occurs twice, by {', '.join([*TRIAL, 'step'])}")
    lacking = np.setdiff1d(rows["row"], merged["row"])
    if len(lacking):
        raise UserError(f"steps: missing for {len(lacking)} of the trials")
    codes = {name: k for k, name in enumerate(task.periods)}
    period = merged["period"].astype(str).map(codes)
    for name in merged.loc[period.isna(), "period"].head(1):
        check(False, "steps: period", name, f"one of {', '.join(codes)}")
    action, reward = merged["action"].to_numpy(np.int64), merged["reward"].to_numpy(np.float64)
    legal = range(len(task.actions))
    for odd in action[~np.isin(action, legal)][:1]:
        check(False, "steps: action", odd.item(), f"0 to {legal[-1]}")
    return _Steps(merged["row"].to_numpy(), period.to_numpy(np.int64), action, reward)


def _empty(
    agent: NetworkAgent, happened: _Steps, order: np.ndarray, kept: np.ndarray, activity: bool
) -> _Results:
    """Results before the networks have run: NaN, which remains where a period did not happen."""
    networks, network = len(agent.discount), agent.network
    units = network.core.units if activity else 0
    entries = len(order) * len(kept)
    size = 8.0 * networks * (len(happened.trial) + entries * (units + network.actions + 4))
    require_memory(size, f"predictions of {networks} networks for {len(order):,} trials")
    place = np.full(happened.period.max() + 1, -1)
    place[kept[kept < len(place)]] = np.flatnonzero(kept < len(place))
    place = place[happened.period]
    entry = np.where(place < 0, -1, order[happened.trial] * len(kept) + place)

    def nan(*shape: int) -> np.ndarray:
        return np.full((networks, entries, *shape), np.nan, dtype=np.float32)

    values = np.empty((networks, len(happened.trial)))
    return _Results(entry, values, nan(), nan(), nan(network.actions), nan(units))


def _run(
    agent: NetworkAgent, replay: Replay, happened: _Steps, first: np.ndarray, results: _Results
) -> None:
    """Replay all episodes with the networks, those of similar length in parallel."""
    lengths = np.diff(first, append=len(happened.trial))
    by_length = np.argsort(-lengths, kind="stable")
    with tqdm(
        total=len(happened.trial),
        desc="predict",
        unit="step",
        unit_scale=True,
        leave=False,
        delay=2,
    ) as bar:
        for begin in range(0, len(first), EPISODES_AT_ONCE):
            batch = by_length[begin : begin + EPISODES_AT_ONCE]
            _run_batch(agent, replay, happened, (first[batch], lengths[batch]), results)
            bar.update(int(lengths[batch].sum()))


def _run_batch(
    agent: NetworkAgent,
    replay: Replay,
    happened: _Steps,
    episodes: tuple[np.ndarray, np.ndarray],
    results: _Results,
) -> None:
    """Replay some episodes with the networks from the first step, the longest episodes first."""
    first, lengths = episodes
    networks, running = len(agent.discount), len(first)
    legal = torch.from_numpy(replay.legal)
    memory = agent.reset(networks, running)
    last_reward = torch.zeros(networks, running, dtype=torch.float64)
    last_action = torch.full((networks, running), -1)
    for t in range(lengths[0]):
        still = int((lengths > t).sum())
        if still < running:
            running = still
            memory = {name: tensor[:, :running] for name, tensor in memory.items()}
            last_reward, last_action = last_reward[:, :running], last_action[:, :running]
        at = first[:running] + t
        trial, period = happened.trial[at], happened.period[at]
        observation = torch.from_numpy(replay.observation[trial, period])
        observation = observation.expand(networks, *observation.shape)
        after, policy, value, units = agent.step(memory, observation, last_reward, last_action)
        _keep(results, at, value, policy, units)
        likeliest = torch.where(legal[period], policy, -1.0).argmax(-1)
        action, reward = (
            torch.from_numpy(happened.action[at]),
            torch.from_numpy(happened.reward[at]),
        )
        action = torch.where(action >= 0, action, likeliest)
        lived = ~reward.isnan()
        if lived.all():
            memory, last_action, last_reward = after, action, reward.expand(networks, -1)
        else:
            memory = {name: _where(lived, new, memory[name]) for name, new in after.items()}
            last_action = torch.where(lived, action, last_action)
            last_reward = torch.where(lived, reward, last_reward)


def _where(episodes: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Select between tensors (network, episode, ...) for each episode."""
    return torch.where(episodes.reshape(-1, *(1,) * (new.ndim - 2)), new, old)


def _keep(
    results: _Results, at: np.ndarray, value: Tensor, policy: Tensor, units: Tensor | None
) -> None:
    """Store the networks' responses at some time steps."""
    results.all_values[:, at] = value.numpy()
    entry = results.entry[at]
    kept = entry >= 0
    if kept.any():
        results.policy[:, entry[kept]] = policy.numpy()[:, kept]
        if units is not None and results.activity.shape[-1]:
            results.activity[:, entry[kept]] = units.numpy()[:, kept]


def _fill_values(
    agent: NetworkAgent, happened: _Steps, first: np.ndarray, results: _Results
) -> None:
    """Fill in values and reward prediction errors; the value after an episode is 0."""
    kept, value = results.entry >= 0, results.all_values
    following = np.roll(value, -1, axis=1)
    following[:, first - 1] = 0.0
    rpe = happened.reward + agent.discount.double().numpy()[:, None] * following - value
    results.value[:, results.entry[kept]] = value[:, kept]
    results.rpe[:, results.entry[kept]] = rpe[:, kept]


def _frame(task: Task, trials: pd.DataFrame, periods: list[str], results: _Results) -> pd.DataFrame:
    """Join results into a table, one row per network, trial and period."""
    networks, entries = results.value.shape

    def spread(values: Any) -> Any:
        return np.tile(np.repeat(values, len(periods)), networks)

    columns: dict[str, Any] = {"network": np.repeat(np.arange(networks), entries)}
    for name in (*TRIAL, "choice", "reward"):
        codes, levels = pd.factorize(trials[name])
        words = not pd.api.types.is_numeric_dtype(trials[name])
        columns[name] = (
            pd.Categorical.from_codes(spread(codes), pd.Index(levels).astype(str))
            if words
            else spread(trials[name].to_numpy())
        )
    codes = np.tile(np.arange(len(periods)), networks * len(trials))
    columns["period"] = pd.Categorical.from_codes(codes, pd.Index(periods))
    columns |= {"value": results.value.ravel(), "rpe": results.rpe.ravel()}
    policy = results.policy.reshape(networks * entries, -1)
    columns |= {f"p_{name}": policy[:, k] for k, name in enumerate(task.actions)}
    units = results.activity.reshape(networks * entries, results.activity.shape[-1])
    activity = pd.DataFrame(units, columns=[f"unit_{k:02d}" for k in range(units.shape[1])])
    return pd.concat([pd.DataFrame(columns), activity], axis=1)
