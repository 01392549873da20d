# %% [markdown]
# # Take an ingredient away
#
# Memory, reward and past actions as inputs, a family of tasks, reinforcement: which of these does a
# network need to learn within an episode, with its weights frozen?
# [replications/ingredients](../replications/ingredients) trains eight networks without each of
# them. Here you see (1) networks that were trained without an ingredient, trial by trial on one
# bandit; (2) the full network, deprived of it at test only. It runs in about half a minute.

# %%
import matplotlib.pyplot as plt
import torch

import prefrontal
from prefrontal import experiments
from prefrontal.models import bandit
from prefrontal.publishing.plotting import COLORS
from prefrontal.statistics import interval, normalised_reward, summarize

BanditTask = experiments.module("bandit", "task").BanditTask
ONE_TRIAL = experiments.module("ingredients", "settings").ONE_TRIAL
LABELS = experiments.module("ingredients", "figure").LABELS
plt.style.use("prefrontal.publishing.paper")

# %% [markdown]
# ## 1. Trained without it
#
# Every network plays the same two bandits: the left arm pays with probability .25 and the right one
# with .75, or vice versa; the network cannot know which. Try other variants of
# `replications/ingredients/settings.py`, or other reward probabilities.

# %%
SHOWN = ("lstm", "attention", "feedforward", "no_reward", "no_action", "one_problem")
LEFT, RIGHT = 0.25, 0.75

figure, axes = plt.subplots(
    2, 3, figsize=(7.2, 3.4), layout="constrained", sharex=True, sharey=True
)
for ax, variant in zip(axes.flat, SHOWN, strict=True):
    networks = prefrontal.load("ingredients", variant)
    for payoffs, name in (((LEFT, RIGHT), "rewarded"), ((RIGHT, LEFT), "unrewarded")):
        task = BanditTask(networks.settings.task, payoffs)
        trials = networks.record(40, task, purpose="take away", steps=False).trials
        right = trials.groupby(["subject", "trial"])["choice"].mean().reset_index()
        means = summarize(right, ["trial"], "choice")
        label = f"right pays {payoffs[1]}"
        ax.plot(means["trial"] + 1, means["mean"], color=COLORS[name], label=label)
        ax.fill_between(
            means["trial"] + 1,
            means["ci_low"],
            means["ci_high"],
            color=COLORS[name],
            alpha=0.2,
            lw=0,
        )
    ax.set(title=LABELS[variant], ylim=(0, 1), xlim=(0, 100))
axes[0, 0].legend(fontsize=5.5)
figure.supxlabel("trial of the episode")
figure.supylabel("P(right), 8 networks")
plt.show()

# %% [markdown]
# A network that learns within the episode separates the two bandits: P(right) starts at one half in
# both, and the network ends up choosing the better arm. Without memory it can at best follow the
# last outcome; without reward it cannot distinguish the bandits; trained on one problem it knows
# the answer beforehand, and sticks to it even if it is wrong.
#
# ## 2. Removed from the full network
#
# The full networks were trained with everything. Now an input is blanked, or their state is reset
# before every trial. `Without` is an agent like any other: it wraps the networks.


# %%
class Without:
    """Networks without one ingredient at test."""

    def __init__(self, agent, ingredient):
        self.agent, self.ingredient = agent, ingredient

    def reset(self, seeds, episodes):
        return self.agent.reset(seeds, episodes)

    def step(self, memory, observation, last_reward, last_action):
        if self.ingredient == "reward":
            last_reward = torch.zeros_like(last_reward)
        if self.ingredient == "action":
            last_action = torch.full_like(last_action, -1)
        if self.ingredient == "memory":
            memory = self.agent.reset(len(last_action), len(last_action[0]))
        return self.agent.step(memory, observation, last_reward, last_action)


full = prefrontal.load("ingredients", "lstm")
RANDOM, BEST = 50.0, 64.92
rewards = {}
for ingredient in ("nothing", "reward", "action", "memory"):
    recorded = full.record(
        150,
        agent=Without(full.agent, ingredient),
        columns={"test": "drawn"},
        purpose="take away",
        steps=False,
    )
    reward = 100 * bandit.expected_reward(recorded.trials, ["subject"])
    rewards[ingredient] = normalised_reward(reward, RANDOM, BEST)

figure, ax = plt.subplots(figsize=(3.4, 2.0), layout="constrained")
for x, (ingredient, share) in enumerate(rewards.items()):
    mean, low, high = interval(share)
    ax.plot([x] * len(share), share, "o", color=COLORS["network"], ms=3, alpha=0.6, mew=0)
    ax.plot([x, x], [low, high], color="black", lw=0.8)
    print(f"without {ingredient:8} {mean:.2f} (95 % interval {low:.2f} to {high:.2f})")
ax.axhline(0, color="black", lw=0.5)
ax.axhline(ONE_TRIAL, color="#777777", lw=0.6, ls="--")
ax.annotate("best policy with a memory of one trial", (0.5, ONE_TRIAL), fontsize=5.5, va="bottom")
ax.set_xticks(range(len(rewards)), [f"without\n{name}" for name in rewards])
ax.set(ylabel="normalised reward\n(0 random, 1 optimal)")
plt.show()

# %% [markdown]
# A network trained without an ingredient can find another solution; one that loses it only at test
# cannot. If the former does better, such a solution exists. All numbers are in the
# [README](../replications/ingredients/README.md) and its figure.
