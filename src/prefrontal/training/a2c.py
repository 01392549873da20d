"""Advantage actor-critic for a batch of networks (Mnih et al. 2016).

Each time step t of an unroll contributes to the ascended gradient (Wang et al. 2018, Methods,
"Learning")

    delta_t * grad log pi(a_t)  +  beta_v * delta_t * grad V_t  +  beta_e * grad H(pi_t),

with delta_t = R_t - V_t, and R_t the discounted rewards to the end of the episode, or of the
unroll, where the next step's value is the bootstrap value. Contributions are summed over the unroll
and averaged over episodes played in parallel. Supervised networks ascend grad log pi(a*_t) instead
of the first term, where a*_t is the action that the task marks as correct. Networks that predict
also ascend beta_p * (r_t - P_t(a_t)) * grad P_t(a_t), where P_t(a_t) is the predicted reward of the
action taken.

One time step (network, sampling and task together) is compiled for the loop over an unroll. Policy,
value and prediction are then read from the activity of the whole unroll at once, and PyTorch
differentiates. Cores that allow it (attention) first play without gradient, and then compute the
activity of all steps at once.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from prefrontal.networks.network import Memory, Network, NetworkInput, Parameters, read
from prefrontal.task import State, Task
from prefrontal.training.compiled_loop import Loop, Tensors

Hyperparameters = dict[str, Tensor]
"""Numeric settings, each (network,): discount, value_cost, prediction_cost, reward_scale,
learning_rate, rms_decay, rms_epsilon, gradient_clip, rpe_scale, negative_rpe_scale and
rpe_noise."""

Rollout = dict[str, Tensor]
"""Record of an unroll, each (network, steps, episode, ...): ``action``, ``reward`` (scaled; zero
once the episode is done), ``running`` (the episode had not ended before the step), ``done`` (it had
after the step), the activity of every core (and its input, if that is in its memory), and for
supervised networks ``target``, the correct action, and where what is predicted is not the reward,
``prediction_target``."""


@dataclass
class RolloutState:
    """State of the running episodes between two updates; tensors are (network, episode, ...)."""

    state: State
    memory: Memory
    observation: Tensor
    reward: Tensor
    action: Tensor

    def where(self, mask: Tensor, other: RolloutState) -> RolloutState:
        """Take ``other`` where mask (network, episode) is true and self elsewhere."""
        mine = self.flatten()

        def pick(name: str, new: Tensor) -> Tensor:
            return torch.where(mask.reshape(mask.shape + (1,) * (new.ndim - 2)), new, mine[name])

        picked = {name: pick(name, new) for name, new in other.flatten().items()}
        return RolloutState.unflatten(picked)

    def flatten(self) -> dict[str, Tensor]:
        """All tensors by name, such as "state.trial", "memory.cell" or "reward"."""
        state = {f"state.{name}": tensor for name, tensor in self.state.items()}
        memory = {f"memory.{name}": tensor for name, tensor in self.memory.items()}
        last = {"observation": self.observation, "reward": self.reward, "action": self.action}
        return state | memory | last

    @staticmethod
    def unflatten(tensors: dict[str, Tensor]) -> RolloutState:
        """Inverse of ``flatten``."""
        fields: dict[str, Any] = {"state": {}, "memory": {}}
        for name, tensor in tensors.items():
            field, _, entry = name.partition(".")
            if entry:
                fields[field][entry] = tensor
            else:
                fields[field] = tensor
        return RolloutState(**fields)


def start_episodes(task: Task, network: Network, p: Parameters, noise: Tensor) -> RolloutState:
    """Start all episodes: noise (network, episode, reset_noise)."""
    state, observation = task.reset(noise)
    blank = torch.zeros_like(noise[..., 0])
    memory = network.reset(p, noise.shape[1])
    return RolloutState(
        state, memory, observation, blank, torch.full_like(blank, -1, dtype=torch.int64)
    )


def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw actions from softmax policies with one uniform number each."""
    each = logits.unbind(-1)  # action by action, so that it compiles into one loop with the task
    largest = functools.reduce(torch.maximum, each)
    weights = [torch.exp(logit - largest) for logit in each]
    threshold = uniform * sum(weights)
    action, reached = torch.zeros_like(uniform, dtype=torch.int64), torch.zeros_like(uniform)
    for weight in weights[:-1]:
        reached = reached + weight
        action = action + (threshold >= reached)
    return action


def step(
    task: Task,
    network: Network,
    p: Parameters,
    hyperparameters: Hyperparameters,
    current: RolloutState,
    noise: Tensor,
    supervised: bool = False,
) -> tuple[RolloutState, Rollout]:
    """Take one time step with noise (network, episode, 1 + step_noise)."""
    network_input = NetworkInput(current.observation, current.reward, current.action)
    memory, logits, _ = network.step(p, current.memory, network_input, hyperparameters["discount"])
    action = sample(logits.detach(), noise[..., 0])
    running = ~current.state["done"]
    state, observation, reward = task.step(current.state, action, noise[..., 1:])
    reward = reward * hyperparameters["reward_scale"][:, None] * running
    kept = [f"{prefix}{name}" for prefix in network.readouts for name in ("activity", "input")]
    cores = {name: memory[name] for name in kept if name in memory}
    rollout = {
        "action": action,
        "reward": reward,
        "running": running,
        "done": state["done"],
    } | cores
    if supervised:
        rollout["target"] = task.target(state)
    return RolloutState(state, memory, observation, reward, action), rollout


def discounted_returns(
    reward: Tensor, done: Tensor, bootstrap_value: Tensor, discount: Tensor
) -> Tensor:
    """Sum discounted rewards to the end of the episode or of the unroll.

    Parameters
    ----------
    reward, done : Tensor
        (network, steps, episode): reward of a step; true if the episode was done after it.
    bootstrap_value : Tensor
        (network, episode): value of the step after the unroll.
    discount : Tensor
        (network,).

    Returns
    -------
    Tensor
        R_t, (network, steps, episode).
    """
    total, weight = reward, discount[:, None, None] * ~done
    last = total[:, -1] + weight[:, -1] * bootstrap_value
    total = torch.cat([total[:, :-1], last[:, None]], dim=1)
    reach, pad = 1, torch.nn.functional.pad
    while reach < reward.shape[1]:  # total sums `reach` rewards, then twice as many
        later, further = (pad(x[:, reach:], (0, 0, 0, reach)) for x in (total, weight))
        total, weight = total + weight * later, weight * further
        reach *= 2
    return total


def perturb_rpe(delta: Tensor, hyperparameters: Hyperparameters, normal: Tensor) -> Tensor:
    """Perturb the reward prediction errors (network, ...) that drive learning, as drugs or lesions
    might.

    All errors are scaled, negative ones once more (0 clips them at zero); then noise is added,
    standard normal numbers ``normal`` (network, ...) times ``rpe_noise``.
    """

    def column(name: str) -> Tensor:
        return hyperparameters[name].reshape(-1, *(1,) * (delta.ndim - 1))

    scale = column("rpe_scale") * torch.where(delta < 0, column("negative_rpe_scale"), 1.0)
    return scale * delta + column("rpe_noise") * normal


def loss(
    network: Network,
    p: Parameters,
    rollout: Rollout,
    bootstrap_value: Tensor,
    hyperparameters: Hyperparameters,
    entropy_cost: Tensor,
    rpe_noise: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the loss, and quantities for the learning curve.

    Parameters
    ----------
    bootstrap_value : Tensor
        (network, episode): value of the step after the unroll.
    entropy_cost : Tensor
        beta_e now, (network,).
    rpe_noise : Tensor, optional
        Standard normal numbers (network, steps, episode), to perturb the errors (``perturb_rpe``).

    Returns
    -------
    loss : Tensor
        (network,).
    monitor : dict
        Reward per parallel episode, entropy (nats) and squared value error per step, and number of
        episodes that ended, each (network,).
    """
    action, reward, running = (rollout[name] for name in ("action", "reward", "running"))
    outputs = {
        name: read(p, name, rollout[f"{prefix}activity"].flatten(1, 2)).unflatten(
            1, action.shape[1:]
        )
        for prefix, names in network.readouts.items()
        for name in names
    }
    value, log_policy = outputs["value"][..., 0], torch.log_softmax(outputs["policy"], dim=-1)
    entropy = -(log_policy.exp() * log_policy).sum(-1)
    chosen = log_policy.gather(-1, rollout.get("target", action)[..., None])[..., 0]
    discount, value_cost = hyperparameters["discount"], hyperparameters["value_cost"]
    delta = discounted_returns(reward, rollout["done"], bootstrap_value, discount) - value.detach()
    drive = delta if rpe_noise is None else perturb_rpe(delta, hyperparameters, rpe_noise)
    scaled_value = value_cost[:, None, None] * value
    learned = (
        chosen + drive * scaled_value if "target" in rollout else drive * (chosen + scaled_value)
    )
    gain = learned + entropy_cost[:, None, None] * entropy
    if network.predicts:
        expected = outputs["prediction"].gather(-1, action[..., None])[..., 0]
        error = rollout.get("prediction_target", reward) - expected
        gain = gain - hyperparameters["prediction_cost"][:, None, None] * error**2 / 2
    episodes, steps = action.shape[2], running.sum((1, 2))
    monitor = {
        "reward": reward.sum((1, 2)) / episodes,
        "entropy": (entropy.detach() * running).sum((1, 2)) / steps,
        "value_error": (delta**2 * running).sum((1, 2)) / steps,
        "ended": (rollout["done"] & running).sum((1, 2)),
    }
    return -(gain * running).sum((1, 2)) / episodes, monitor


def rmsprop(
    flat: Tensor,
    square: Tensor,
    gradient: Tensor,
    hyperparameters: Hyperparameters,
    rate: Tensor,
) -> tuple[Tensor, Tensor]:
    """Take one step of RMSProp. Of networks whose gradients are clipped, one that overflows is left
    out.

    Parameters
    ----------
    flat, square, gradient : Tensor
        Parameters, running mean square of their gradient, and gradient, each (network, size).
    hyperparameters : Hyperparameters
    rate : Tensor
        Factor on the learning rate (a schedule, or one per parameter); broadcasts to (network,
        size).

    Returns
    -------
    flat, square : Tensor
    """
    names = ("gradient_clip", "rms_decay", "learning_rate", "rms_epsilon")
    clip, decay, learning_rate, epsilon = (hyperparameters[name][:, None] for name in names)
    norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    clipped = gradient * (clip / norm.clamp_min(1e-12)).clamp_max(1)
    gradient = torch.where(clip.isfinite() & ~norm.isfinite(), 0, clipped)
    square = decay * square + (1 - decay) * gradient * gradient
    return flat - learning_rate * rate * gradient / (square.sqrt() + epsilon), square


class Unroll:
    """Plays unrolls of one task and returns their gradients.

    Parameters
    ----------
    task : Task
    network : Network
    immediate_reset : bool
        Start a new episode as soon as one ends; otherwise at the next unroll.
    compiled : bool
        Compile the time step (``compiled_loop.Loop``); results are equal up to rounding.
    supervised : bool
        Learn the actions that the task marks as correct.
    predicts_noise : bool
        Networks that predict learn to predict uniform random numbers in place of the reward.

    Attributes
    ----------
    noise : int
        Uniform numbers that ``gradient`` takes per episode and time step.
    loop : Loop
        The loop over time steps; if compiled, in the first call of ``gradient``.
    """

    def __init__(
        self,
        task: Task,
        network: Network,
        immediate_reset: bool = False,
        compiled: bool = False,
        supervised: bool = False,
        predicts_noise: bool = False,
    ) -> None:
        self.task, self.network = task, network
        self.immediate_reset, self.supervised = immediate_reset, supervised
        self.predicts_noise = predicts_noise
        self.parallel = network.parallel and not immediate_reset
        opening = task.reset_noise if immediate_reset else 0
        self.noise = 1 + task.step_noise + opening + predicts_noise
        self.loop = Loop(self._step, self._needs_grad, compiled)

    def _needs_grad(self, carried: str) -> bool:
        return carried.startswith("memory.") and not self.parallel

    def _step(self, fixed: Tensors, carried: Tensors, noise: Tensor) -> tuple[Tensors, Rollout]:
        """Take one time step with noise (network, episode, ``self.noise``), as a ``Loop`` does."""
        taken = 1 + self.task.step_noise
        chance, opening = noise[..., :taken], noise[..., taken : taken + self.task.reset_noise]
        state = RolloutState.unflatten(carried)
        state, rollout = step(self.task, self.network, fixed, fixed, state, chance, self.supervised)
        if self.immediate_reset:
            fresh = start_episodes(self.task, self.network, fixed, opening)
            state = state.where(rollout["done"], fresh)
        return state.flatten(), rollout

    def play(
        self, p: Parameters, hyperparameters: Hyperparameters, current: RolloutState, noise: Tensor
    ) -> tuple[RolloutState, Rollout]:
        """Play one unroll with noise (network, steps, episode, ``self.noise``)."""
        fixed = p | {name: hyperparameters[name] for name in ("discount", "reward_scale")}
        after, rollout = self.loop(fixed, current.flatten(), noise)
        return RolloutState.unflatten(after), rollout

    def gradient(
        self,
        flat: Tensor,
        hyperparameters: Hyperparameters,
        current: RolloutState | None,
        opening: Tensor,
        noise: Tensor,
        entropy_cost: Tensor,
        rpe_noise: Tensor | None = None,
    ) -> tuple[Tensor, RolloutState, dict[str, Tensor]]:
        """Play one unroll and differentiate.

        Parameters
        ----------
        flat : Tensor
            Parameters, (network, size).
        current : RolloutState or None
            State of the episodes; None at the start of training.
        opening : Tensor
            (network, episode, reset_noise), for the episodes that start with this unroll.
        noise : Tensor
            (network, steps, episode, ``self.noise``).
        entropy_cost, rpe_noise
            As in ``loss``.

        Returns
        -------
        gradient : Tensor
            Of the loss, (network, size).
        current : RolloutState
            State of the episodes after the unroll.
        monitor : dict
            As in ``loss``.
        """
        network = self.network
        p = {
            name: view.detach().requires_grad_()
            for name, view in network.views(flat.detach()).items()
        }
        with torch.enable_grad():
            if current is None or current.state["done"].any():
                fresh = start_episodes(self.task, network, p, opening)
                current = fresh if current is None else current.where(current.state["done"], fresh)
            if self.parallel:
                with torch.no_grad():
                    constant = {name: view.detach() for name, view in p.items()}
                    after, rollout = self.play(constant, hyperparameters, current, noise)
                rollout |= network.forward_sequence(p, current.memory, rollout)
            else:
                after, rollout = self.play(p, hyperparameters, current, noise)
            if self.predicts_noise:
                rollout["prediction_target"] = noise[..., -1]
            with torch.no_grad():
                network_input = NetworkInput(after.observation, after.reward, after.action)
                discount = hyperparameters["discount"]
                bootstrap_value = network.step(p, after.memory, network_input, discount).value
            total, monitor = loss(
                network, p, rollout, bootstrap_value, hyperparameters, entropy_cost, rpe_noise
            )
            gradients = torch.autograd.grad(total.sum(), list(p.values()), materialize_grads=True)
        after.memory = {name: tensor.detach() for name, tensor in after.memory.items()}
        return network.flatten(dict(zip(p, gradients, strict=True))), after, monitor
