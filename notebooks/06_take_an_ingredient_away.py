# %% [markdown]
# # Take an ingredient away
#
# Memory, reward and past actions among the inputs, a family of tasks, reinforcement: which of them does a network need to learn
# within an episode, with its weights frozen? [replications/ingredients](../replications/ingredients) trains eight networks
# without each. Here you take one away and watch: (1) networks that were trained without it, trial by trial on one bandit; (2)
# the full network, from which it is taken only now. Running it takes about half a minute.

# %%
import matplotlib.pyplot as plt
import torch

import prefrontal
from prefrontal import experiments
from prefrontal.statistics import interval, normalised_reward, summarize
from prefrontal.models import bandit
from prefrontal.publishing.plotting import COLORS

BanditTask = experiments.module("bandit", "task").BanditTask
variants, words = experiments.module("ingredients", "variants"), experiments.module("ingredients", "figure").WORDS
plt.style.use("prefrontal.paper")

# %% [markdown]
# ## 1. Trained without it
#
# Every network meets the same bandit again and again: the left arm pays with .25, the right one with .75, and it cannot know
# which. Put other variants of `replications/ingredients/variants.py` here, or other payoffs.

# %%
CONDITIONS = ("lstm", "attention", "feedforward", "no_reward", "no_action", "one_problem")
LEFT, RIGHT = 0.25, 0.75

figure, axes = plt.subplots(2, 3, figsize=(7.2, 3.4), layout="constrained", sharex=True, sharey=True)
for ax, variant in zip(axes.flat, CONDITIONS, strict=True):
    networks = prefrontal.load("ingredients", variant)
    for payoffs, name in (((LEFT, RIGHT), "rewarded"), ((RIGHT, LEFT), "unrewarded")):
        task = BanditTask("fixed", 100, *payoffs)
        trials = networks.record(40, task, purpose="take away", steps=False).trials
        right = trials.groupby(["seed", "trial"])["choice"].mean().reset_index()
        means = summarize(right, ["trial"], "choice")
        label = f"right pays {payoffs[1]}"
        ax.plot(means["trial"] + 1, means["mean"], color=COLORS[name], label=label)
        ax.fill_between(means["trial"] + 1, means["ci_low"], means["ci_high"], color=COLORS[name], alpha=0.2, lw=0)
    ax.set(title=words[variant], ylim=(0, 1), xlim=(0, 100))
axes[0, 0].legend(fontsize=5.5)
figure.supxlabel("trial of the episode")
figure.supylabel("P(right), 8 networks")
plt.show()

# %% [markdown]
# A network that learns within the episode parts the two bandits: it starts at one half in both and ends at the better arm.
# Without memory it follows the last outcome at best; without reward it cannot tell the two apart; trained on one problem it
# knows the answer beforehand, and keeps to it when the answer is wrong.
#
# ## 2. Taken from the full network
#
# The full networks were trained with everything. Now their inputs are blanked, or their state is set back to where an episode
# begins before every trial. `Without` is an agent as any other: it stands between network and task.


# %%
class Without:
    """Networks that lack an ingredient from now on."""

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
rows = {}
for ingredient in ("nothing", "reward", "action", "memory"):
    recorded = full.record(
        150, agent=Without(full.agent, ingredient), columns={"test": "drawn"}, purpose="take away", steps=False
    )
    rows[ingredient] = normalised_reward(100 * bandit.expected_reward(recorded.trials, ["seed"]), RANDOM, BEST)

figure, ax = plt.subplots(figsize=(3.4, 2.0), layout="constrained")
for x, (ingredient, share) in enumerate(rows.items()):
    mean, low, high = interval(share)
    ax.plot([x] * len(share), share, "o", color=COLORS["network"], ms=3, alpha=0.6, mew=0)
    ax.plot([x, x], [low, high], color="black", lw=0.8)
    print(f"without {ingredient:8} share of the gain {mean:.2f} (95 % interval {low:.2f} to {high:.2f})")
ax.axhline(0, color="black", lw=0.5)
ax.axhline(variants.ONE_TRIAL, color="#777777", lw=0.6, ls="--")
ax.annotate("best policy that stateful one trial", (0.5, variants.ONE_TRIAL), fontsize=5.5, va="bottom")
ax.set_xticks(range(len(rows)), [f"without\n{name}" for name in rows])
ax.set(ylabel="share of the gain")
plt.show()

# %% [markdown]
# A network that was trained without an ingredient had the chance to find another way; one that loses it now had not. Compare
# both: where the trained one does better, there is another way. The numbers with criteria and all memories are in the
# [README](../replications/ingredients/README.md) and its figure.
