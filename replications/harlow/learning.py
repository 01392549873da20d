"""Advantage actor-critic from pixels: the updates of ``prefrontal.a2c``, with automatic differentiation and a new episode as soon
as one ends.

The paper ran 32 asynchronous threads; here as many episodes as wanted advance side by side and share each update.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from prefrontal.a2c import sample
from prefrontal.task import NoiseStream, State
from replications.harlow.network import HarlowNetwork, Memory
from replications.harlow.task import HarlowTask

if TYPE_CHECKING:
    from replications.harlow.train import Config


@dataclass
class Stream:
    """Where the running episodes stand; state and observation have a (seed = 1, episode) lead, the rest (episode,)."""

    state: State
    observation: Tensor
    reward: Tensor
    action: Tensor
    memory: Memory


def open_stream(task: HarlowTask, network: HarlowNetwork, noise: NoiseStream, episodes: int) -> Stream:
    """Open an episode in every slot."""
    device = task.device
    state, observation = task.begin(noise.uniform(episodes, task.begin_noise, device=device))
    blank = torch.zeros(episodes, device=device)
    return Stream(state, observation, blank, torch.full_like(blank, -1, dtype=torch.int64), network.begin(episodes, device))


def reopen(stream: Stream, over: Tensor, fresh: Stream) -> Stream:
    """Open new episodes where ``over`` (episode,) holds."""

    def pick(old: Tensor, new: Tensor, lead: int) -> Tensor:
        return torch.where(over.reshape((1,) * (lead - 1) + (-1,) + (1,) * (old.ndim - lead)), new, old)

    return Stream(
        {name: pick(old, fresh.state[name], 2) for name, old in stream.state.items()},
        pick(stream.observation, fresh.observation, 2),
        pick(stream.reward, fresh.reward, 1),
        pick(stream.action, fresh.action, 1),
        (pick(stream.memory[0], fresh.memory[0], 1), pick(stream.memory[1], fresh.memory[1], 1)),
    )


class Learner:
    """One network in training.

    Parameters
    ----------
    config : Config
    task : HarlowTask
    """

    def __init__(self, config: Config, task: HarlowTask) -> None:
        self.config, self.task = config, task
        torch.manual_seed(int(np.random.SeedSequence([config.seed, *b"initial weights"]).generate_state(1)[0]))
        self.network = config.initial_network().to(task.device)
        rates = {True: config.learning_rate * config.encoder_rate, False: config.learning_rate}
        named = list(self.network.named_parameters())
        groups = [
            {"params": [p for name, p in named if name.startswith("encoder") is encoder], "lr": rate, "initial_lr": rate}
            for encoder, rate in rates.items()
        ]
        self.optimiser = torch.optim.RMSprop(groups, alpha=config.rms_decay, eps=config.rms_epsilon)
        if config.encoder_rate == 0 and self.network.encoder is not None:
            self.network.encoder.requires_grad_(False)
        self.noise = NoiseStream([config.seed], "training episodes")
        self.stream = open_stream(task, self.network, self.noise, config.episodes_per_update)
        self.episodes = self.updates = self.steps = 0

    def update(self) -> dict[str, float]:
        """Play one unroll in all slots and take one step of RMSProp -> what the learning curve shows.

        Returns
        -------
        dict
            Mean entropy in nats and squared value error per step, reward, and completed episodes of this unroll.
        """
        config = self.config
        rewards, overs, values, log_policies, actions = ([] for _ in range(5))
        stream, ended = self.stream, 0
        for _ in range(config.unroll):
            memory, logits, value = self.network(stream.memory, stream.observation[0], stream.reward, stream.action)
            uniform = self.noise.uniform(len(value), 1 + self.task.step_noise, device=self.task.device)
            action = sample(logits.detach(), uniform[0, :, 0])
            state, observation, reward = self.task.step(stream.state, action[None], uniform[..., 1:])
            over = state["over"][0]
            for record, entry in (
                (rewards, reward[0]),
                (overs, over),
                (values, value),
                (log_policies, logits.log_softmax(-1)),
                (actions, action),
            ):
                record.append(entry)
            stream = Stream(state, observation, reward[0], action, memory)
            if over.any():
                ended += int(over.sum())
                stream = reopen(stream, over, open_stream(self.task, self.network, self.noise, len(over)))
        with torch.no_grad():
            _, _, rest = self.network(stream.memory, stream.observation[0], stream.reward, stream.action)
        loss, monitor = self._loss(rewards, overs, torch.stack(values), torch.stack(log_policies), torch.stack(actions), rest)
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * self.rate_left
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_clip or torch.inf)
        self.optimiser.step()
        stream.memory = (stream.memory[0].detach(), stream.memory[1].detach())
        self.stream = stream
        self.episodes += ended
        self.updates += 1
        self.steps += config.unroll * len(rest)
        return monitor | {"episodes": ended}

    def _loss(
        self, rewards: list[Tensor], overs: list[Tensor], value: Tensor, log_policy: Tensor, action: Tensor, rest: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of an unroll, summed over time steps and averaged over episodes; value and action are (step, episode)."""
        config = self.config
        returns = []
        for reward, over in zip(reversed(rewards), reversed(overs), strict=True):
            rest = reward + config.discount * rest * ~over
            returns.append(rest)
        delta = torch.stack(returns[::-1]) - value
        entropy = -(log_policy.exp() * log_policy).sum(-1)
        chosen = log_policy.gather(-1, action[..., None])[..., 0]
        objective = delta.detach() * chosen - config.value_cost / 2 * delta**2 + self.entropy_cost * entropy
        monitor = {
            "reward": float(torch.stack(rewards).sum()),
            "entropy": float(entropy.detach().mean()),
            "value_error": float((delta.detach() ** 2).mean()),
        }
        return -objective.sum() / value.shape[1], monitor

    @property
    def entropy_cost(self) -> float:
        """Weight beta_e now: from its first to its last value, linearly over the episodes."""
        start, end = self.config.entropy_cost, self.config.entropy_cost_end
        return start if end is None else start + (end - start) * min(1, self.episodes / self.config.episodes)

    @property
    def rate_left(self) -> float:
        """Learning rate now, as a share of the first: constant, then falling linearly to zero over the episodes."""
        constant, done = self.config.constant_rate, self.episodes / self.config.episodes
        return 1.0 if done <= constant else max(0.0, (1 - done) / (1 - constant))

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, for a checkpoint."""
        squares = [state["square_avg"] for state in self.optimiser.state_dict()["state"].values()]
        stream = self.stream
        tensors = {
            **{f"network.{name}": tensor for name, tensor in self.network.state_dict().items()},
            **{f"square.{index}": square for index, square in enumerate(squares)},
            **{f"state.{name}": tensor for name, tensor in stream.state.items()},
            **{f"stream.{name}": getattr(stream, name) for name in ("observation", "reward", "action")},
            "stream.activity": stream.memory[0],
            "stream.cell": stream.memory[1],
            "noise": self.noise.get_state(),
            "counts": torch.tensor([self.episodes, self.updates, self.steps]),
        }
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    def load_tensors(self, saved: dict[str, Tensor]) -> None:
        """Continue from ``tensors``."""

        def part(kind: str) -> dict[str, Tensor]:
            prefix = f"{kind}."
            return {n.removeprefix(prefix): t.to(self.task.device) for n, t in saved.items() if n.startswith(prefix)}

        self.network.load_state_dict(part("network"))
        optimiser = self.optimiser.state_dict()
        optimiser["state"] = {int(k): {"step": torch.tensor(0.0), "square_avg": square} for k, square in part("square").items()}
        self.optimiser.load_state_dict(optimiser)
        stream = part("stream")
        memory = stream["activity"], stream["cell"]
        self.stream = Stream(part("state"), stream["observation"], stream["reward"], stream["action"], memory)
        self.noise.set_state(saved["noise"].cpu())
        self.episodes, self.updates, self.steps = saved["counts"].tolist()
