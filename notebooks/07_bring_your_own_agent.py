# %% [markdown]
# # Bring your own agent
#
# Any agent that maps observations to actions can play the tasks of the suite. Its trials have the
# same format as those of the networks, so the same analyses apply. Here a model-free
# Q-learner plays the two-step task (Fig. 5 of the paper) and is plotted next to the trained
# networks; then the networks predict its choices. Running it takes about half a minute.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import prefrontal
from prefrontal.analysis import staying
from prefrontal.publishing.plotting import COLORS
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
# transition (learning rate 0.5), and chooses by a softmax (inverse temperature 3).


# %%
class QLearner:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def reset(self):
        self.values, self.choice = np.zeros(2), None

    def act(self, observation):
        fixation, stage_1, *_, reward = observation
        if fixation:
            if self.choice is not None:  # the last trial has been paid
                self.values[self.choice] += 0.5 * (reward - self.values[self.choice])
            return CENTRE
        if stage_1:
            log_odds = 3.0 * (self.values[RIGHT] - self.values[LEFT])
            self.choice = int(self.rng.random() < 1 / (1 + np.exp(-log_odds)))
            return self.choice
        return LEFT  # at stage 2 any action is valid


# %% [markdown]
# ## It plays
#
# Eight of them, ten episodes each. The table has the columns of every trials table:
# `data/README.md` describes them.

# %%
trials = pd.concat(
    prefrontal.play("two_step", QLearner(seed), 10, seed=seed, variant="Q-learner")
    for seed in range(8)
)
trials.head()

# %% [markdown]
# ## Comparison with the networks
#
# Weights of past trials on the next choice (Fig. 5d, e): positive if the choice is repeated. The
# Q-learner repeats what was rewarded, whatever the transition. After an uncommon transition
# (dotted) the networks do the opposite: like planners, they switch after a reward.

# %%
networks = Results("two_step")["lag_weights"].query("variant == 'scales_1_3'")
panels = {"Q-learner": staying.two_step_weights(trials), "networks": networks}
figure, axes = plt.subplots(1, 2, figsize=(4.4, 1.8), layout="constrained")
for ax, (title, weights) in zip(axes, panels.items(), strict=True):
    means = weights.query("lag > 0").groupby(["signal", "lag"])["weight"].mean()
    for kind, curve in means.groupby("signal"):
        transition, outcome = kind.split("/")
        style = {"color": COLORS[outcome], "ls": "-" if transition == "common" else ":"}
        ax.plot(curve.droplevel("signal"), **style, label=f"{transition}, {outcome}")
    ax.axhline(0, color="black", lw=0.5)
    ax.set(title=title, xlabel="trials ago", ylabel="weight on choice (log odds)")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")

# %% [markdown]
# ## The networks predict its choices
#
# `predict` feeds the agent's trials to the trained networks: each network sees what the agent
# saw, chose and earned, and returns its policy, value, reward prediction error and unit activity at
# every choice. We count how often the networks' more probable choice is the one that the agent
# made, and do the same for the choices of one of the networks. The networks predict planned
# choices, and the Q-learner does not plan.

# %%
trained = prefrontal.load("two_step")
recorded = trained.record(10).trials
for name, subject in {"Q-learner": trials, "network 0": recorded[recorded["subject"] == 0]}.items():
    predicted = trained.predict(subject, activity=False)
    agree = (predicted["p_right"] > predicted["p_left"]) == (predicted["choice"] == RIGHT)
    share = agree.groupby(predicted["network"]).mean()
    print(f"{name}: {share.mean():.3f} of choices (mean of {len(share)} networks)")

# %% [markdown]
# ## Faster
#
# An agent that takes a batch of observations plays many episodes in parallel, hundreds of times
# faster: `prefrontal.play("two_step", agent, 500, num_envs=500)`. To train agents from other
# libraries, use `gymnasium.make("prefrontal/two_step-v0", last=True)` or
# `gymnasium.make_vec("prefrontal/two_step-v0", num_envs=512, last=True)`.


# %%
def stubborn(observations):
    """Always choose left, in every episode of a batch."""
    return np.where(observations[:, 0] > 0, CENTRE, LEFT)


prefrontal.play("two_step", stubborn, 500, num_envs=500)["reward"].mean().round(3)
