# %% [markdown]
# # A tour of one network
#
# One trained network plays one episode of the two-step task. You will see its observations, choices
# and values trial by trial, its unit activity, and a panel of the paper redrawn from a new
# recording. It runs in about ten seconds.
#
# The network was trained by slow reinforcement learning on 10,000 episodes. Here its weights are
# frozen: whatever it learns within the episode is held in the activity of its units.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import prefrontal
from prefrontal import experiments
from prefrontal.analysis import neural, staying
from prefrontal.models.two_step_learners import REPLAYED, Planner
from prefrontal.networks import play
from prefrontal.publishing.plotting import COLORS
from prefrontal.task import RandomStreams

plt.style.use("prefrontal.publishing.paper")

# %% [markdown]
# ## The network
#
# An LSTM of 48 units. At every time step it receives the observation, the last reward and the last
# action, and returns probabilities for its actions and a value: the discounted reward that it
# expects from here on.

# %%
networks = prefrontal.load("two_step")
settings, task = networks.settings, networks.task
print("networks       ", ", ".join(map(str, networks.seeds)))
print("observations   ", ", ".join(task.observations))
print("actions        ", ", ".join(task.actions))
print("periods        ", ", ".join(task.periods))
print("weights        ", networks.agent.network.size)
print("training       ", settings.training.episodes, "episodes of", settings.task.trials, "trials")
print("learning rate  ", settings.training.learning_rate)

# %% [markdown]
# ## One episode, step by step
#
# Press centre at fixation; then choose left or right. Left usually (80 %) leads to the state S1,
# right to S2. One of the two states is rich: it pays with probability .9, the other one with .1.
# Now and then (2.5 % of trials) they swap.
#
# `play` is the loop between networks and task. All networks play in parallel; we look at the first
# one. Random numbers come from one stream per network, so the episode is the same each time.

# %%
rows = []
for step in play.play(networks.agent, task, RandomStreams(networks.seeds, "tour"), episodes=1):
    policy = {
        f"P({name})": p.item()
        for name, p in zip(task.actions, step.probabilities[0, 0], strict=True)
    }
    rows.append(
        {
            "trial": step.state["trial"][0, 0].item(),
            "observation": task.observations[step.observation[0, 0].argmax()],
            **policy,
            "action": task.actions[step.action[0, 0].item()],
            "reward": step.reward[0, 0].item(),
            "value": step.value[0, 0].item(),
        }
    )
pd.DataFrame(rows).head(12).round(2)

# %% [markdown]
# The network knows the rules: centre at fixation, a side at stage 1. At stage 2 any action is
# accepted, so its choice does not matter.
#
# `networks.record` plays the same episode (same seeds, same purpose) and returns tables: `trials`,
# `steps` (with reward prediction errors) and `activity` (of all units).

# %%
recorded = networks.record(1, purpose="tour", activity_periods=task.periods)
trials, steps, activity = (
    table[table["subject"] == 0] for table in (recorded.trials, recorded.steps, recorded.activity)
)
trials.head()

# %% [markdown]
# ## Trial by trial
#
# We compare the network with an ideal observer on the same trials: a planner that knows the task's
# probabilities and infers which state is rich (`Planner`). It has no free parameters.

# %%
fixed = {"discount": settings.training.discount, **REPLAYED}
planner = Planner(**settings.task.probabilities, fixed=fixed).replay(trials)
right_is_better = (planner["action_value_1"] - planner["action_value_0"]).to_numpy()
at_choice, at_outcome = (
    steps[steps["period"] == period].set_index("trial") for period in ("stage 1", "stage 2")
)

s2_rich = trials["rich_state"] == "S2"

figure, (top, middle, bottom) = plt.subplots(
    3, 1, figsize=(7.2, 4.2), sharex=True, height_ratios=(1.4, 1, 1), layout="constrained"
)
top.fill_between(
    trials["trial"], 0, 1, where=s2_rich, step="mid", color="#e8e8e8", lw=0, label="S2 is rich"
)
top.plot(at_choice["p_right"], color=COLORS["network"], label="network")
for outcome, paid in (("rewarded", 1), ("unrewarded", 0)):
    choices = trials[trials["reward"] == paid]
    height = np.where(choices["choice"] == 1, 1.07, -0.07)
    top.scatter(
        choices["trial"], height, s=7, color=COLORS[outcome], lw=0, label=f"{outcome} choice"
    )
top.set(ylabel="P(right)", ylim=(-0.12, 1.12), xlim=(-1, settings.task.trials))
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
bottom.plot(planner["rpe_reward"].to_numpy(), color=COLORS["model-based"], label="planner")
bottom.plot(at_outcome["rpe"], color=COLORS["network"], label="network")
bottom.set(xlabel="trial", ylabel="reward\nprediction error")
bottom.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 0.93))
plt.show()

# %%
complete = trials["choice"] >= 0
better = ((right_is_better > 0) == (trials["choice"] == 1))[complete].mean()
agreement = np.corrcoef(planner["rpe_reward"][:-1], at_outcome["rpe"].to_numpy()[:-1])[0, 1]
best = settings.task.reward_range()[1] / settings.task.trials
print(
    f"reward per trial {trials['reward'].mean():.2f} (best possible {best:.2f}, random choice .50)"
)
print(f"choices of the better action, by the planner: {better:.0%}")
print(f"correlation of the reward prediction errors of network and planner: {agreement:.2f}")

# %% [markdown]
# The correlation leaves out the last trial: no value follows it, and the network, which has no
# clock, cannot predict the end.
#
# ## Its units
#
# All 48 units, at each of the three steps of a trial. At stage 1 the network's input is the same in
# every trial: the same observation, no reward, and centre as its last action. Any difference in
# activity is memory. Units are sorted by their correlation at stage 1 with the planner's belief
# that S2 is rich.

# %%
by_period = {
    period: neural.units(rows) for period, rows in activity.groupby("period", observed=True)
}
s2_value = planner["state_value_1"].to_numpy()
correlation = np.array([np.corrcoef(unit, s2_value)[0, 1] for unit in by_period["stage 1"].T])
order = np.argsort(correlation)

figure, axes = plt.subplots(1, 3, figsize=(7.2, 3), sharey=True, layout="constrained")
for ax, period in zip(axes, task.periods, strict=True):
    image = ax.imshow(
        by_period[period][:, order].T,
        aspect="auto",
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        interpolation="nearest",
    )
    ax.set(title=period, xlabel="trial", yticks=[])
axes[0].set_ylabel("unit, sorted by correlation\nwith the planner's belief")
figure.colorbar(image, ax=axes, label="activity", pad=0.01)
plt.show()

# %% [markdown]
# The switches around trials 20 and 80 of the figure above are visible at every step of the trial,
# not only at the choice. These are the three units most correlated with the belief, at stage 1:

# %%
closest = np.argsort(-np.abs(correlation))[:3]
figure, axes = plt.subplots(4, 1, figsize=(7.2, 3.4), sharex=True, layout="constrained")
axes[0].plot(s2_value, color=COLORS["model-based"])
axes[0].set_ylabel("planner:\nvalue of S2")
for ax, unit in zip(axes[1:], closest, strict=True):
    ax.plot(by_period["stage 1"][:, unit], color=COLORS["network"])
    ax.set_ylabel(f"unit {unit}\nr = {correlation[unit]:.2f}")
axes[-1].set_xlabel("trial")
figure.align_ylabels(axes)
plt.show()
strong = np.abs(correlation) > 0.5
print(f"units with an absolute correlation above .5: {strong.sum()} of {len(correlation)}")

# %% [markdown]
# The belief is not carried by a single unit but by many.
# [04_inside_the_network](04_inside_the_network.ipynb) looks at the population.
#
# ## Redraw a panel
#
# Fig. 5e asks how past trials affect the next choice: a logistic regression on the last five
# trials, by transition and outcome. A planner repeats its choice after a rewarded common and an
# *unrewarded uncommon* transition. All networks play 300 episodes each, as in the paper, with other
# random numbers than in `figures/fig5.png`; the same function draws the panel. Dots are networks,
# open diamonds the published means.

# %%
weights_before = {name: tensor.clone() for name, tensor in networks.agent.parameters.items()}
many = networks.record(300, purpose="tour", steps=False)
lag_weights = staying.two_step_weights(many.trials)

fig5 = experiments.module("two_step", "figure")
figure, (left, right) = plt.subplots(1, 2, figsize=(5, 2.3), layout="constrained")
fig5.draw_rat_weights(left)
fig5.draw_weights(right, lag_weights)
plt.show()
assert all(
    (tensor == weights_before[name]).all() for name, tensor in networks.agent.parameters.items()
)

# %% [markdown]
# The `assert` checks that no weight changed while the networks played.
#
# Next: [write an experiment of your own](02_add_an_experiment.ipynb), or ask whether
# [what the networks do is learning at all](05_is_it_learning.ipynb).
