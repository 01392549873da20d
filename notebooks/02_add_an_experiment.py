# %% [markdown]
# # Add an experiment
#
# From an empty folder to a figure: you write a reversal-learning task in twenty lines, train four
# networks on it for less than a minute, record them with frozen weights, analyse, and draw. The
# question: do networks learn to handle reversals within an episode, as well as an agent who knows
# the task?
#
# Every section below is one file of an experiment's folder; its name is in the heading. At the end
# they go into `replications/reversal/`, and the Makefile and the tests find them there. Running all
# of it takes about half a minute.
# %%
import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from prefrontal import settings
from prefrontal.analysis import matching, regression
from prefrontal.models import two_step
from prefrontal.networks import files, record
from prefrontal.networks.build import agent_of
from prefrontal.publishing import claims, plotting
from prefrontal.publishing.plotting import COLORS
from prefrontal.statistics import summarize
from prefrontal.tables import storage
from prefrontal.training import checkpoints, loop
from prefrontal.training.batch import NetworkBatch

plt.style.use("prefrontal.publishing.paper")
SEEDS = [0, 1, 2, 3]
folder = Path(tempfile.mkdtemp())  # stands for data/reversal

# %% [markdown]
# ## `task.py`
#
# A task is a pure function of tensors: `begin` opens episodes, `step` takes one action in each of
# them. Everything it stateful is in `state`, and its randomness comes in as uniform numbers
# (`noise`). All tensors start with two axes, network and episode; you write as if there were one of
# each.
#
# One arm pays with probability .8, the other one with .2. Before every trial they swap with
# probability .05. The only observation is a constant: what the network knows it must find out from
# its own actions and rewards, which every network of the suite receives beside the observation.


# %%
@dataclass(frozen=True)
class ReversalTask:
    """Two arms, of which the better one now and then changes."""

    trials: int = 50
    better: float = 0.8
    reversal: float = 0.05

    observations = ("go",)
    actions = ("left", "right")
    periods = ("choice",)
    reset_noise, step_noise = 1, 2

    @property
    def episode_steps(self):
        return self.trials

    def reset(self, noise):
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        state = {
            "trial": zero,
            "period": zero,
            "done": zero > 0,
            "better": (noise[..., 0] < 0.5).long(),
            "choice": zero - 1,
        }
        return state | {"reward": torch.zeros_like(noise[..., 0])}, torch.ones_like(noise[..., :1])

    def step(self, state, action, noise):
        better = torch.where(noise[..., 0] < self.reversal, 1 - state["better"], state["better"])
        reward = (
            noise[..., 1] < torch.where(action == better, self.better, 1 - self.better)
        ).float()
        trial = state["trial"] + 1
        after = {
            "trial": trial,
            "done": trial >= self.trials,
            "better": better,
            "choice": action,
            "reward": reward,
        }
        return state | after, torch.ones_like(noise[..., :1]), reward

    def trial_columns(self, state):
        return {name: state[name].numpy() for name in ("choice", "reward", "better")}


# %% [markdown]
# ## `variants.py`
#
# What is trained, what is tested and what is claimed. What is trained has a name, and the settings
# in which it departs from the defaults. A claim states its criterion before the result is seen:
# here, that the interval over networks lies above 0.

# %%
MAIN = "default"
TRAINED = {MAIN: {}}
TEST_EPISODES = 400
CLAIMS = [
    claims.Claim(
        "reversal-recovery",
        "after minus at",
        claims.EXTENSION,
        "P(better arm) five trials after a reversal minus right after it",
        claims.above(0),
    )
]

# %% [markdown]
# ## `train.py`
#
# Settings are a dataclass; each becomes a command-line option. What is not listed is the paper's.
# Here we ask for speed: 16 episodes per update and a larger learning rate, with larger initial
# weights and a bound on the gradient. In the paper a network learns from one episode at a time.
#
# `reward_range` says what random choice and the best possible agent earn. With a certain transition
# (`common` = 1) the two-step task *is* this task, so the library's planner for it is the ideal
# observer here.

# %%
CERTAIN = {"common": 1.0, "rich": ReversalTask.better, "reversal": ReversalTask.reversal}


@dataclass(frozen=True)
class Config(settings.Config):
    """Settings of the reversal networks."""

    trials: int = settings.count(50)
    episodes: int = 5_000
    episodes_per_update: int = 16
    learning_rate: float = 5e-3
    gradient_clip: float | None = 10.0
    discount: float = 0.8
    init_scale: float = 2.5
    output_scale: float = 3.0

    def task(self):
        return ReversalTask(self.trials)

    def reward_range(self):
        return 0.5 * self.trials, two_step.belief_state_value(self.trials, **CERTAIN)


# %% [markdown]
# All seeds train as one tensor program, each with its own weights, updates and random numbers. For
# long trainings that program is compiled first; for half a minute it does not pay. (In an
# experiment's folder the command line does these lines.)

# %%
configs = [Config(seed=seed) for seed in SEEDS]
batch = NetworkBatch(configs)
curves = loop.train(batch, MAIN, folder / "checkpoint.safetensors")
checkpoints.save(batch, MAIN, curves, folder / "networks")
print("\n".join(sorted(path.name for path in (folder / "networks").iterdir())))

# %% [markdown]
# Each network left its weights, its settings with their provenance, and its learning curve.

# %%
chance, best = configs[0].reward_range()
figure, ax = plt.subplots(figsize=(3.5, 2), layout="constrained")
for seed in SEEDS:
    curve = storage.read(folder / "networks" / f"{MAIN}_{seed}.csv", "learning_curve")
    ax.plot(curve["episode"], curve["reward"], color=COLORS["network"], lw=0.5)
for level, name in ((chance, "random choice"), (best, "ideal observer")):
    ax.axhline(level, color="black", lw=0.6, ls="--")
    ax.text(1.01, level, name, transform=ax.get_yaxis_transform(), va="center", fontsize=5.5)
ax.set(
    xlabel="training episodes",
    ylabel=f"reward per episode\nof {ReversalTask.trials} trials",
    xlim=(0, Config.episodes),
    ylim=(chance - 3, best + 2),
)
plt.show()

# %% [markdown]
# ## `record.py`
#
# The trained networks play new episodes with frozen weights, and what happens is written down as a
# table, one row per trial. The ideal observer plays as well, since an analysis is to be trusted
# once it gives the right answer for an agent whose answer is known.

# %%
configs, network, weights = files.load(folder / "networks", Config, MAIN)
networks = record.Trained(MAIN, configs, agent_of(network, weights, configs))
recorded = networks.record(TEST_EPISODES, steps=False)
trials = recorded.trials[["seed", "variant", "episode", "trial", "choice", "reward", "better"]]

rng = np.random.default_rng(0)
observer = two_step.simulate(
    two_step.Planner(**CERTAIN),
    np.inf,
    1600,
    ReversalTask.trials,
    rng,
    variant="observer",
    **CERTAIN,
)
observer = observer.assign(better=(observer["rich_state"] == "S2").astype(int))[trials.columns]
both = pd.concat(
    [trials.astype({"variant": str}), observer.astype({"variant": str})], ignore_index=True
)
both.head(3)

# %% [markdown]
# ## `analysis.py`
#
# Two questions. How fast does choice follow a reversal? And how far back do rewards count for a
# choice? The second is answered by the lagged logistic regression that the library has for all
# experiments. (It needs some randomness in the choices. The ideal observer has none: rewards would
# predict its choices perfectly, and their weights would be infinite.)


# %%
def around_reversals(trials, before=5, after=15):
    """P(better arm) by trials since the reversal (0: first trial after it), per subject."""
    trials = trials.assign(correct=trials["choice"] == trials["better"])
    episode = trials.groupby(["variant", "seed", "episode"], sort=False)
    reversed_at = trials.index[episode["better"].diff().fillna(0) != 0]
    parts = []
    for lag in range(-before, after + 1):
        inside = (
            trials.loc[reversed_at, "trial"].add(lag).between(0, ReversalTask.trials - 1).to_numpy()
        )
        own = trials.loc[reversed_at[inside] + lag]
        parts.append(
            own.groupby(["variant", "seed"])["correct"].mean().reset_index().assign(lag=lag)
        )
    return pd.concat(parts, ignore_index=True)


recovery = around_reversals(both)
regression = regression.lagged_regression(trials, matching.history_signals(trials), lags=5)
reward_weights = regression[regression["signal"] == "reward"]

reward = both.groupby(["variant", "seed"])["reward"].mean().unstack("variant")
earned, observer_reward = reward[MAIN].dropna(), reward["observer"].dropna().item()
print(f"reward per trial: networks {earned.mean():.3f} ({earned.min():.3f} to {earned.max():.3f})")
print(
    f"                  ideal observer {observer_reward:.3f} (in theory {best / ReversalTask.trials:.3f})"
)

# %% [markdown]
# The claim is about one number per network, under the claim's name and that of its measure. The
# library settles it.

# %%
at_lag = recovery.pivot(index=["variant", "seed"], columns="lag", values="correct")
measures = claims.measures("reversal-recovery", (at_lag[5] - at_lag[0]).to_frame("after minus at"))
claims.readable(claims.evaluate_claims(CLAIMS, measures, MAIN, {}))

# %% [markdown]
# ## `figure.py`

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(5.4, 2.1), layout="constrained")
for variant, name, color in (
    (MAIN, "networks", COLORS["network"]),
    ("observer", "observer", COLORS["model-based"]),
):
    means = summarize(recovery[recovery["variant"] == variant], ["lag"], "correct")
    left.plot(means["lag"], means["mean"], color=color, label=name)
means = summarize(reward_weights, ["lag"], "weight")
right.plot(means["lag"], means["mean"], color=COLORS["network"])
for lag, own in reward_weights.groupby("lag"):
    plotting.dots(right, lag, own["weight"], COLORS["network"], size=6)
left.axvline(-0.5, color="black", lw=0.5, ls=":")
left.set(xlabel="trials since the reversal", ylabel="P(better arm)", ylim=(0, 1))
left.legend(loc="lower right")
right.axhline(0, color="black", lw=0.5, ls=":")
right.set(xlabel="trials ago", ylabel="weight of reward on\nchoice (log odds)", xticks=range(1, 6))
plt.show()

# %% [markdown]
# After a reversal the networks need about as many trials as the observer to change sides, and
# beyond the last two trials rewards count less the further back they lie. Both are properties of
# their activity: the weights stood still. A learner with a fixed learning rate would forget too, so
# that the right panel does not tell it from inference; for that, fit the alternatives as in
# [05_is_it_learning](05_is_it_learning.ipynb).
#
# ## Make it an experiment of the suite
#
# ```sh
# make new NAME=reversal                               # writes replications/reversal, a folder that
# runs
# ```
#
# Put the cells above in the files of their headings, and the question, the task and your choices in
# `README.md`. Then
#
# ```sh
# python -m replications.reversal.train --seeds 8      # --help explains every setting;
# prefrontal.sweep varies them make reversal                                        # record,
# analyse, draw make test                                            # your experiment is now part
# of the tests
# ```
#
# `CONTRIBUTING.md` is the checklist. Claims state a criterion before the result is seen: write
# yours before you look.
