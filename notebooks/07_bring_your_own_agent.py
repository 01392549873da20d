# %% [markdown]
# # Bring your own agent
#
# Any agent that maps observations to actions can play the tasks of the suite. Its trials go into
# the same table as those of the networks, and through the same analyses. Here a model-free
# Q-learner plays the two-step task (Fig. 5 of the paper) and is plotted next to the trained
# networks; then the networks predict its choices. Running it takes about half a minute.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import prefrontal
from prefrontal import experiments
from prefrontal.analysis import staying
from prefrontal.publishing.plotting import COLORS, bar
from prefrontal.publishing.results import Results

plt.style.use("prefrontal.publishing.paper")
LEFT, RIGHT, CENTRE = range(3)

# %% [markdown]
# ## The agent
#
# An agent is a function `observation -> action`, or an object with a method `act` and, if it has a
# memory, `reset`, which is called before each episode. `prefrontal.play("two_step", ...)` adds the
# last action and reward to the observation, as the networks receive them:
# fixation, stage 1, S1, S2, left, right, centre, reward.
#
# This one learns the value of its first-stage choice from the reward that follows, whatever the
# transition.


# %%
class QLearner:
    def __init__(self, seed, learning_rate=0.5, inverse_temperature=3.0):
        self.rng = np.random.default_rng(seed)
        self.learning_rate, self.inverse_temperature = learning_rate, inverse_temperature

    def reset(self):
        self.values, self.choice = np.zeros(2), None

    def act(self, observation):
        fixation, stage_1, *_, reward = observation
        if fixation:
            if self.choice is not None:  # the last trial has been paid
                error = reward - self.values[self.choice]
                self.values[self.choice] += self.learning_rate * error
            return CENTRE
        if stage_1:
            log_odds = self.inverse_temperature * (self.values[RIGHT] - self.values[LEFT])
            self.choice = int(self.rng.random() < 1 / (1 + np.exp(-log_odds)))
            return self.choice
        return LEFT  # at stage 2 any action is valid


# %% [markdown]
# ## It plays
#
# Eight of them, ten episodes each. The table has the columns of every trials table:
# `data/README.md` describes them.

# %%
subjects = range(8)
trials = pd.concat(
    prefrontal.play("two_step", QLearner(seed), 10, seed=seed, variant="Q-learner")
    for seed in subjects
)
trials.head()

# %% [markdown]
# ## Next to the networks
#
# The probability of repeating a choice, by its outcome and transition (Fig. 5c). The Q-learner
# repeats what was rewarded; the networks also take the transition into account.

# %%
networks = Results("two_step")["stay_probability"].query("variant == 'default'")
stay_bars = experiments.module("two_step", "figure").stay_bars
panels = {"Q-learner": staying.stay_probability(trials), "networks": networks}
figure, axes = plt.subplots(1, 2, figsize=(3.4, 1.8), sharey=True, layout="constrained")
for ax, (title, stay) in zip(axes, panels.items(), strict=True):
    cells = stay.set_index(["transition", "outcome"])["stay_probability"]
    for cell, x in stay_bars(ax, title).items():
        bar(ax, x, cells.loc[cell], COLORS[cell[0]])
axes[0].set_ylabel("stay probability")

# %% [markdown]
# ## The networks predict its choices
#
# `predict` feeds the agent's own trials to the trained networks: each network sees what the agent
# saw, chose and earned, and returns its policy, value, reward prediction error and unit activity at
# every choice. Here: how often the networks' likelier choice is the one that the agent made, and
# the same for choices of one of them. They expect a planner, which the agent is not.

# %%
trained = prefrontal.load("two_step")
recorded = trained.record(10).trials
for name, subject in {"Q-learner": trials, "network 0": recorded[recorded["seed"] == 0]}.items():
    predicted = trained.predict(subject, activity=False)
    agree = (predicted["p_right"] > predicted["p_left"]) == (predicted["choice"] == RIGHT)
    share = agree.groupby(predicted["network"]).mean()
    print(f"{name}: {share.mean():.3f} of choices (mean of {len(share)} networks)")

# %% [markdown]
# ## Faster
#
# An agent that takes a batch of observations plays many episodes at a time, hundreds of times as
# fast: `prefrontal.play("two_step", agent, 500, num_envs=500)`. For training agents of other
# libraries there are `gymnasium.make("prefrontal/two_step-v0", last=True)` and
# `gymnasium.make_vec("prefrontal/two_step-v0", num_envs=512, last=True)`.


# %%
def stubborn(observations):
    """Always choose left, in every episode of a batch."""
    return np.where(observations[:, 0] > 0, CENTRE, LEFT)


prefrontal.play("two_step", stubborn, 500, num_envs=500)["reward"].mean().round(3)
