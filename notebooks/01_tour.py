# %% [markdown]
# # A tour of one network
#
# One trained network, one episode of the two-step task, trial by trial. You will see what the network is shown, what it chooses
# and what it expects; how its units carry what it has found out; and a panel of the paper redrawn from a fresh recording.
# Running it takes about ten seconds.
#
# The network was trained by slow reinforcement learning on 10,000 episodes. Here its weights never change: whatever it learns
# within the episode, it learns in the activity of its units.
# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import prefrontal
from prefrontal import experiments
from prefrontal.analysis import neural, staying
from prefrontal.models import two_step
from prefrontal.networks import play
from prefrontal.publishing.plotting import COLORS
from prefrontal.task import RandomStreams

plt.style.use("prefrontal.paper")

# %% [markdown]
# ## The network
#
# An LSTM of 48 units. At every time step it receives the observation, the last reward and the last action, and returns
# probabilities for its actions and a value: the discounted reward that it expects from here on.

# %%
networks = prefrontal.load("two_step")
config, task = networks.config, networks.task
print("networks       ", ", ".join(map(str, networks.seeds)))
print("it sees        ", ", ".join(task.observations))
print("it can press   ", ", ".join(task.actions))
print("a trial has    ", ", ".join(task.periods))
print("weights        ", networks.agent.network.size)
print("trained for    ", config.episodes, "episodes of", config.trials, "trials, learning rate", config.learning_rate)

# %% [markdown]
# ## One episode, step by step
#
# Press centre at fixation; then choose left or right. Left usually (80 %) leads to the state S1, right to S2. One of the two
# states is rich: it pays with probability .9, the other one with .1. Now and then (2.5 % of trials) they swap.
#
# `recording.play` is the loop between networks and task; all networks play side by side, and we look at the first one. All
# randomness comes from one stream of numbers per seed, so the episode is the same each time.

# %%
rows = []
for step in play.play(networks.agent, task, RandomStreams(networks.seeds, "tour"), episodes=1):
    policy = {f"P({name})": p.item() for name, p in zip(task.actions, step.probabilities[0, 0], strict=True)}
    rows.append(
        {
            "trial": step.state["trial"][0, 0].item(),
            "sees": task.observations[step.observation[0, 0].argmax()],
            **policy,
            "presses": task.actions[step.action[0, 0].item()],
            "reward": step.reward[0, 0].item(),
            "value": step.value[0, 0].item(),
        }
    )
pd.DataFrame(rows).head(12).round(2)

# %% [markdown]
# It knows the rules: centre at fixation, a side at stage 1. At stage 2 every action is accepted, and what it presses does not
# matter.
#
# `networks.record` plays the same episode (same seeds, same name of the stream) and writes it down as tables: `trials`,
# `steps` (with reward prediction errors) and `activity` (with all units).

# %%
recorded = networks.record(1, purpose="tour", activity_periods=task.periods)
trials, steps, activity = (table[table["seed"] == 0] for table in (recorded.trials, recorded.steps, recorded.activity))
trials.head()

# %% [markdown]
# ## Trial by trial
#
# Beside the network we put an ideal observer that watches the same trials: a planner who knows the task's probabilities and
# infers which state is rich (`learners.two_step.Planner`). It has no free parameter here.

# %%
watched = two_step.arrange(trials)
planner = two_step.replay(two_step.Planner(discount=config.discount), watched.choice, watched.outcome_state, watched.reward)
right_is_better = planner["action_values"][0, :, 1] - planner["action_values"][0, :, 0]
at_choice, at_outcome = (steps[steps["period"] == period].set_index("trial") for period in ("stage 1", "stage 2"))

s2_rich = trials["rich_state"] == "S2"

figure, (top, middle, bottom) = plt.subplots(
    3, 1, figsize=(7.2, 4.2), sharex=True, height_ratios=(1.4, 1, 1), layout="constrained"
)
top.fill_between(trials["trial"], 0, 1, where=s2_rich, step="mid", color="#e8e8e8", lw=0, label="S2 is rich")
top.plot(at_choice["p_right"], color=COLORS["network"], label="network")
for outcome, paid in (("rewarded", 1), ("unrewarded", 0)):
    own = trials[trials["reward"] == paid]
    height = np.where(own["choice"] == 1, 1.07, -0.07)
    top.scatter(own["trial"], height, s=7, color=COLORS[outcome], lw=0, label=f"{outcome} choice")
top.set(ylabel="P(right)", ylim=(-0.12, 1.12), xlim=(-1, task.trials))
top.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))

middle.axhline(0, color="black", lw=0.5, ls=":")
middle.plot(right_is_better, color=COLORS["model-based"])
middle.set(ylabel="planner: value of\nright minus left", ylim=(-0.5, 0.5))
other = middle.twinx()
other.spines.right.set_visible(True)
other.plot(np.log(at_choice["p_right"] / at_choice["p_left"]), color=COLORS["network"])
other.set_ylim(-10, 10)
other.set_ylabel("network: log odds\nof right", color=COLORS["network"])

bottom.axhline(0, color="black", lw=0.5, ls=":")
bottom.plot(planner["rpe_reward"][0], color=COLORS["model-based"], label="planner")
bottom.plot(at_outcome["rpe"], color=COLORS["network"], label="network")
bottom.set(xlabel="trial", ylabel="reward\nprediction error")
bottom.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 0.93))
plt.show()

# %%
complete = trials["choice"] >= 0
better = (planner["action_values"][0].argmax(1) == trials["choice"])[complete].mean()
agreement = np.corrcoef(planner["rpe_reward"][0][:-1], at_outcome["rpe"].to_numpy()[:-1])[0, 1]
best = two_step.belief_state_value(task.trials) / task.trials
print(f"reward per trial {trials['reward'].mean():.2f}; the best possible agent expects {best:.2f}, random choice .50")
print(f"it chose what the planner holds to be better in {better:.0%} of trials")
print(f"correlation of reward prediction errors, network and planner: {agreement:.2f}")

# %% [markdown]
# The last trial is left out of the correlation: no value follows it, and the network, which is not told the time, cannot foresee
# the end.
#
# ## Its units
#
# All 48 units, at each of the three steps of a trial. At stage 1 everything that the network receives is the same in every
# trial: the same observation, no reward, and centre as its last action. What its units tell apart there, they remember. We sort
# them by their correlation, at stage 1, with the planner's belief that S2 is rich.

# %%
by_period = {period: neural.units(own) for period, own in activity.groupby("period", observed=True)}
s2_value = planner["state_values"][0, :, 1]
followed = np.array([np.corrcoef(unit, s2_value)[0, 1] for unit in by_period["stage 1"].T])
order = np.argsort(followed)

figure, axes = plt.subplots(1, 3, figsize=(7.2, 3), sharey=True, layout="constrained")
for ax, period in zip(axes, task.periods, strict=True):
    image = ax.imshow(by_period[period][:, order].T, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set(title=period, xlabel="trial", yticks=[])
axes[0].set_ylabel("unit, sorted by correlation\nwith the planner's belief")
figure.colorbar(image, ax=axes, label="activity", pad=0.01)
plt.show()

# %% [markdown]
# The changes of sides around trials 20 and 80 of the figure above are seen at every step of the trial, not only where the
# choice is made. The three units that follow the belief most closely, at stage 1:

# %%
closest = np.argsort(-np.abs(followed))[:3]
figure, axes = plt.subplots(4, 1, figsize=(7.2, 3.4), sharex=True, layout="constrained")
axes[0].plot(s2_value, color=COLORS["model-based"])
axes[0].set_ylabel("planner:\nvalue of S2")
for ax, unit in zip(axes[1:], closest, strict=True):
    ax.plot(by_period["stage 1"][:, unit], color=COLORS["network"])
    ax.set_ylabel(f"unit {unit}\nr = {followed[unit]:.2f}")
axes[-1].set_xlabel("trial")
figure.align_ylabels(axes)
plt.show()
print(f"units with a correlation above .5 in size: {(np.abs(followed) > 0.5).sum()} of {len(followed)}")

# %% [markdown]
# No single unit is the belief; many share in it. [04_inside_the_network](04_inside_the_network.ipynb) looks at the batch.
#
# ## Redraw a panel
#
# Fig. 5e asks which past trials move the next choice: a logistic regression on the last five trials, by transition and
# outcome. A planner repeats its choice after a rewarded common and an *unrewarded uncommon* transition. All networks play
# 300 episodes each, as in the paper, but others than those of `figures/fig5.png`; the same function draws the panel. Dots are
# networks, open diamonds the published means.

# %%
weights_before = {name: tensor.clone() for name, tensor in networks.agent.parameters.items()}
many = networks.record(300, purpose="tour", steps=False)
regression = staying.two_step_weights(many.trials)

fig5 = experiments.module("two_step", "figure")
figure, (left, right) = plt.subplots(1, 2, figsize=(5, 2.3), layout="constrained")
fig5.draw_rat_weights(left)
fig5.draw_weights(right, regression)
plt.show()
assert all((tensor == weights_before[name]).all() for name, tensor in networks.agent.parameters.items())

# %% [markdown]
# The `assert` says that no weight changed while the networks played.
#
# Next: [write an experiment of your own](02_add_an_experiment.ipynb), or ask whether
# [what the networks do is learning at all](05_is_it_learning.ipynb).
