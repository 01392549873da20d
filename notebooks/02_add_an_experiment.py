# %% [markdown]
# # Add an experiment
#
# From an empty folder to a figure: you write a reversal-learning task, train four networks on it in
# less than a minute, record them with frozen weights, analyse, and draw. The question: do networks
# learn to handle reversals within an episode as well as an agent that knows the task?
#
# `prefrontal new reversal` writes a folder that runs. Each section below shows what goes into one
# of its files; the heading is the file's name. `CONTRIBUTING.md` is the checklist, in the same
# order. This notebook runs in about half a minute.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from prefrontal.analysis import matching, regression
from prefrontal.experiments import Experiment
from prefrontal.models import two_step
from prefrontal.models.two_step_learners import REPLAYED, Planner, TwoStep
from prefrontal.networks import files
from prefrontal.networks.build import agent_of
from prefrontal.networks.record import Trained
from prefrontal.publishing import claims, plotting
from prefrontal.publishing.plotting import COLORS
from prefrontal.settings import (
    Count,
    NetworkSettings,
    Probability,
    Settings,
    TaskSettings,
    TrainingSettings,
    validated,
)
from prefrontal.statistics import summarize
from prefrontal.tables import storage
from prefrontal.tables.schema import SUBJECT
from prefrontal.task import Task
from prefrontal.training import loop
from prefrontal.training.batch import NetworkBatch

plt.style.use("prefrontal.publishing.paper")
folder = Path(tempfile.mkdtemp())  # in place of data/reversal

# %% [markdown]
# ## `settings.py`
#
# The task's settings form a validated class: each field has a type with its legal range, a default
# and a docstring. `build` makes the task; `reward_range` gives the reward of random choice and of
# the best possible agent. With a certain transition (`common` = 1) the two-step task *is* this
# task, so the planner for it is the ideal observer here.
#
# `SETTINGS` nests the settings of task, network and training; what is not listed is the paper's.
# Here training should be fast: 16 episodes per update and a larger learning rate, with larger
# initial weights and a bound on the gradient. In the paper a network learns from one episode at a
# time.


# %%
@validated
class Reversal(TaskSettings):
    """Settings of the reversal task."""

    trials: Count = 50
    """Trials per episode."""
    better: Probability = 0.8
    """Reward probability of the better arm; the other has 1 - better."""
    reversal: Probability = 0.05
    """Probability per trial that the arms swap."""

    def build(self):
        return ReversalTask(self)

    @property
    def as_two_step(self):
        return {"common": 1.0, "rich": self.better, "reversal": self.reversal}

    def reward_range(self):
        return 0.5 * self.trials, two_step.belief_state_value(self.trials, **self.as_two_step)


SETTINGS = Settings(
    task=Reversal(),
    network=NetworkSettings(init_scale=2.5, output_scale=3.0),
    training=TrainingSettings(
        episodes=5_000,
        episodes_per_update=16,
        learning_rate=5e-3,
        gradient_clip=10.0,
        discount=0.8,
    ),
)
MAIN = "default"
VARIANTS = {MAIN: {}, "volatile": {"task.reversal": 0.2}}

# %% [markdown]
# Invalid settings fail at once, in one line.

# %%
try:
    SETTINGS.vary({"task.reversal": 1.5})
except Exception as error:
    print(error)

# %% [markdown]
# ## `claims.py`
#
# A claim states its criterion before the result is known: here, that the 95 % interval over
# networks lies above 0.

# %%
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
# ## `experiment.py`

# %%
EXPERIMENT = Experiment(
    name="reversal",
    title="Reversals",
    question="Do networks learn to handle reversals within an episode?",
    settings=SETTINGS,
    variants=VARIANTS,
    test_episodes=400,
    claims=CLAIMS,
)

# %% [markdown]
# ## `task.py`
#
# A task is a pure function of tensors: `reset` starts episodes, `step` takes one action in each.
# Its state is in `state`, and its randomness comes in as uniform numbers (`noise`). All tensors
# start with two axes, network and episode; you write the code as if there were one of each.
#
# The only observation is a constant: the network has to infer the better arm from its own actions
# and rewards, which are part of its input.


# %%
class ReversalTask(Task):
    """Two arms that swap their reward probabilities at random."""

    observations = ("go",)
    actions = ("left", "right")
    periods = ("choice",)
    reset_noise, step_noise = 1, 2

    def __init__(self, settings):
        self.settings = settings

    @property
    def episode_steps(self):
        return self.settings.trials

    def reset(self, noise):
        zero = torch.zeros_like(noise[..., 0], dtype=torch.int64)
        state = {
            "trial": zero,
            "period": zero,
            "done": zero > 0,
            "better": (noise[..., 0] < 0.5).long(),
            "choice": zero - 1,
            "reward": torch.zeros_like(noise[..., 0]),
        }
        return state, torch.ones_like(noise[..., :1])

    def step(self, state, action, noise):
        swaps = noise[..., 0] < self.settings.reversal
        better = torch.where(swaps, 1 - state["better"], state["better"])
        p_reward = torch.where(action == better, self.settings.better, 1 - self.settings.better)
        reward = (noise[..., 1] < p_reward).float()
        trial = state["trial"] + 1
        after = state | {
            "trial": trial,
            "done": trial >= self.settings.trials,
            "better": better,
            "choice": action,
            "reward": reward,
        }
        return after, torch.ones_like(noise[..., :1]), reward

    def trial_columns(self, state):
        return {name: state[name].numpy() for name in ("choice", "reward", "better")}


# %% [markdown]
# ## `train.py`
#
# In an experiment's folder this file holds `TRAINING = Training()`, and `prefrontal train reversal`
# runs the next cell. All networks train as one tensor program, each with its own weights, updates
# and random numbers.

# %%
settings = [replace(EXPERIMENT.variant(), seed=seed) for seed in range(4)]
batch = NetworkBatch(settings)
loop.train_and_save(batch, "reversal", MAIN, loop.Training(), folder, folder / "networks")
print("\n".join(sorted(path.name for path in (folder / "networks").iterdir())))

# %% [markdown]
# Each network left its weights, its settings with their provenance, and its learning curve.

# %%
task = SETTINGS.task
chance, best = task.reward_range()
figure, ax = plt.subplots(figsize=(3.5, 2), layout="constrained")
for each in settings:
    curve = storage.read(folder / "networks" / f"{MAIN}_{each.seed}.csv", "learning_curve")
    ax.plot(curve["episode"], curve["reward"], color=COLORS["network"], lw=0.5)
for level, name in ((chance, "random choice"), (best, "ideal observer")):
    ax.axhline(level, color="black", lw=0.6, ls="--")
    ax.text(1.01, level, name, transform=ax.get_yaxis_transform(), va="center", fontsize=5.5)
ax.set(xlabel="training episodes", ylabel=f"reward per episode\nof {task.trials} trials")
ax.set(xlim=(0, SETTINGS.training.episodes), ylim=(chance - 3, best + 2))
plt.show()

# %% [markdown]
# ## `record.py`
#
# The trained networks play new episodes with frozen weights, recorded in a table with one row per
# trial. In an experiment's folder, `record(networks, episodes)` yields
# `networks(variant).record(episodes)` for each variant.
#
# The ideal observer plays as well: an analysis should give the right answer for an agent with a
# known strategy.

# %%
trained_settings, network, weights = files.load(folder / "networks", Reversal, MAIN)
trained = Trained(MAIN, trained_settings, agent_of(network, weights, trained_settings))
recorded = trained.record(EXPERIMENT.test_episodes, steps=False)
trials = recorded.trials[["subject", "variant", "episode", "trial", "choice", "reward", "better"]]
trials = trials.astype({"variant": str})

rng, probabilities = np.random.default_rng(0), task.as_two_step
greedy = REPLAYED | {"inverse_temperature": np.inf}
played = TwoStep(1600, task.trials, **probabilities)
observer = Planner(**probabilities).simulate(played, greedy, rng)
observer = observer.assign(variant="observer", better=(observer["rich_state"] == "S2").astype(int))
both = pd.concat([trials, observer[trials.columns]], ignore_index=True)
both.head(3)

# %% [markdown]
# ## `analysis.py`
#
# Two questions. How fast does choice follow a reversal? And how long do rewards affect choice? The
# second is answered by the lagged logistic regression that all experiments share. (It needs some
# randomness in the choices. The ideal observer has none: rewards would predict its choices
# perfectly, and their weights would be infinite.)


# %%
def around_reversals(trials, before=5, after=15):
    """P(better arm) by trials since the reversal (0: first trial after it), per subject."""
    trials = trials.assign(correct=trials["choice"] == trials["better"])
    episode = trials.groupby([*SUBJECT, "episode"], sort=False)
    reversed_at = trials.index[episode["better"].diff().fillna(0) != 0]
    parts = []
    for lag in range(-before, after + 1):
        inside = trials.loc[reversed_at, "trial"].add(lag).between(0, task.trials - 1).to_numpy()
        rows = trials.loc[reversed_at[inside] + lag]
        parts.append(rows.groupby(SUBJECT)["correct"].mean().reset_index().assign(lag=lag))
    return pd.concat(parts, ignore_index=True)


recovery = around_reversals(both)
weights = regression.lagged_regression(trials, matching.history_signals(trials), lags=5)
reward_weights = weights[weights["signal"] == "reward"]

reward = both.groupby(SUBJECT)["reward"].mean().unstack("variant")
earned, observer_reward = reward[MAIN].dropna(), reward["observer"].dropna().item()
print(f"reward per trial: networks {earned.mean():.3f} ({earned.min():.3f} to {earned.max():.3f})")
print(f"                  ideal observer {observer_reward:.3f} (expected {best / task.trials:.3f})")

# %% [markdown]
# A claim needs one number per network, under its name and that of its measure. The library
# evaluates it.

# %%
at_lag = recovery.pivot(index=SUBJECT, columns="lag", values="correct")
gain = (at_lag[5] - at_lag[0]).to_frame("after minus at")
measures = claims.measures("reversal-recovery", gain)
claims.readable(claims.evaluate_claims(CLAIMS, measures, MAIN, {}))

# %% [markdown]
# ## `figure.py`

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(5.4, 2.1), layout="constrained")
agents = {MAIN: ("networks", COLORS["network"]), "observer": ("observer", COLORS["model-based"])}
for variant, (name, color) in agents.items():
    means = summarize(recovery[recovery["variant"] == variant], ["lag"], "correct")
    left.plot(means["lag"], means["mean"], color=color, label=name)
means = summarize(reward_weights, ["lag"], "weight")
right.plot(means["lag"], means["mean"], color=COLORS["network"])
for lag, rows in reward_weights.groupby("lag"):
    plotting.dots(right, lag, rows["weight"], COLORS["network"], size=6)
left.axvline(-0.5, color="black", lw=0.5, ls=":")
left.set(xlabel="trials since the reversal", ylabel="P(better arm)", ylim=(0, 1))
left.legend(loc="lower right")
right.axhline(0, color="black", lw=0.5, ls=":")
right.set(xlabel="trials ago", ylabel="weight of reward on\nchoice (log odds)", xticks=range(1, 6))
plt.show()

# %% [markdown]
# After a reversal the networks need about as many trials as the observer to change sides, and
# beyond the last two trials the weight of rewards falls with their lag. Both are properties of
# activity: the weights were frozen. A learner with a fixed learning rate would forget too, so
# the right panel does not identify inference; for that, fit the alternatives as in
# [05_is_it_learning](05_is_it_learning.ipynb).
#
# ## Make it an experiment of the suite
#
# ```sh
# prefrontal new reversal     # writes replications/reversal, an experiment that runs
# prefrontal run reversal     # trains, records, analyses, draws
# ```
#
# Replace the contents of its files by the cells above, and describe the question, the task and your
# choices in `README.md`. Then
#
# ```sh
# prefrontal train reversal --help                       # explains every setting
# prefrontal train reversal --overwrite                  # trains the new networks
# prefrontal run reversal                                # records, analyses, draws
# prefrontal run reversal --task.reversal 0.1 --out runs/r1    # one number changed
# make test                                              # finds your experiment too
# ```
