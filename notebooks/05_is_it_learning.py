# %% [markdown]
# # Is it learning?
#
# At test, the weights of a network are frozen. Does it run a learning algorithm within an
# episode, or could a heuristic such as win-stay lose-shift explain its behaviour? You will see (1)
# how much the networks and a heuristic improve within an episode; (2) which measures distinguish an
# algorithm from a heuristic; (3) what happens outside the training range.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import prefrontal
from prefrontal import experiments
from prefrontal.models import bandit
from prefrontal.models.two_step_learners import REPLAYED, Planner, TwoStep
from prefrontal.publishing.plotting import COLORS, dots
from prefrontal.statistics import interval, summarize

BanditTask = experiments.module("bandit", "task").BanditTask
plt.style.use("prefrontal.publishing.paper")
networks = {"bandit": prefrontal.load("bandit"), "two-step": prefrontal.load("two_step")}


def flat_weights(trained):
    """All weights of the networks, (network, weight)."""
    return trained.agent.network.flatten(trained.agent.parameters).clone()


weights = {name: flat_weights(trained) for name, trained in networks.items()}


def play(trained, episodes=40, steps=True, **changed):
    """Play the task of the training, or one with changed settings."""
    task = replace(trained.settings.task, **changed).build()
    return trained.record(episodes, task, purpose="is it learning", steps=steps)


# %% [markdown]
# ## 1. Improvement within an episode
#
# Bandits with random reward probabilities, 200 episodes per network, compared with the best
# possible agent (dynamic programming over the counts of both arms) and win-stay lose-shift. The
# latter remembers one trial only, so it stops improving after a few trials.

# %%
drawn = play(networks["bandit"], 200, steps=False).trials
better = drawn["choice"] == (drawn["p_right"] > drawn["p_left"])
curves = drawn.assign(better=better).groupby(["subject", "trial"])["better"].mean().reset_index()

rng = np.random.default_rng(0)
p = rng.random((4000, 2))
optimal = bandit.simulate(bandit.bayes_optimal(100), p, 100, rng)
stay_shift = np.empty((len(p), 100), int)
stay_shift[:, 0] = rng.integers(2, size=len(p))
for t in range(1, 100):
    won = rng.random(len(p)) < p[np.arange(len(p)), stay_shift[:, t - 1]]
    stay_shift[:, t] = np.where(won, stay_shift[:, t - 1], 1 - stay_shift[:, t - 1])

figure, ax = plt.subplots(figsize=(3.5, 2.2), layout="constrained")
trial = np.arange(1, 101)
means = summarize(curves, ["trial"], "better")
ax.plot(trial, means["mean"], color=COLORS["network"], label="networks, weights frozen")
ax.fill_between(trial, means["ci_low"], means["ci_high"], color=COLORS["network"], alpha=0.2, lw=0)
for choice, color, label in (
    (optimal.choice, "black", "best possible"),
    (stay_shift, "#999999", "win-stay lose-shift"),
):
    ax.plot(
        trial, (choice == p.argmax(1)[:, None]).mean(0), color=color, lw=0.8, ls="--", label=label
    )
ax.set(xlabel="trial of the episode", ylabel="P(better arm)", ylim=(0.45, 1), xlim=(0, 100))
ax.legend(loc="lower right")
plt.show()

late = curves[curves["trial"] >= 80].groupby("subject")["better"].mean()
print("P(better arm) over the last 20 trials")
print("  networks            {:.3f} (95 % interval {:.3f} to {:.3f})".format(*interval(late)))
for label, choice in (("best possible", optimal.choice), ("win-stay lose-shift", stay_shift)):
    print(f"  {label:19} {(choice == p.argmax(1)[:, None])[:, 80:].mean():.3f}")

# %% [markdown]
# ## 2. Which algorithm?
#
# Improvement alone does not identify the algorithm. [The inner
# algorithm](../replications/inner_algorithm/README.md) addresses this with criteria that were
# written before its networks were trained, and validates every measure on agents with known
# strategies. Its README has the numbers and the verdicts; `figures/fig_inner_algorithm.png` shows
# them.
#
# *Which model predicts the choices?* One-trial heuristics, learning at a fixed rate, and inference,
# fitted to one half of the episodes and evaluated on the other, in the bandit, the volatile bandit
# and the two-step task (`inner-learning`; the models are in `rules.py`).
#
# *Is the state Bayesian?* The beliefs of a Bayesian agent are decoded from the network's state, and
# the network's state is predicted from these beliefs (`inner-statistics`, `inner-minimal`); the
# policy is predicted from the beliefs (`inner-policy`); and the order of trials is changed, which
# does not matter to an agent that counts (`inner-exchangeable`).
#
# *Does it learn a new problem, or identify a known one?* Networks trained on 1, 2, 4, ... 1,024
# problems play new ones (`inner-location`).

# %% [markdown]
# ## 3. Outside the training range
#
# What is learned within the episode, and what is built into the weights? We change what was
# constant in training.
#
# *Two-step:* in all training episodes the probability of common transitions was .8 and that of
# reversals .025. We vary each, and compare the networks' reward with that of two planners: one that
# knows the new value, and one that keeps the trained value.
#
# *Bandit:* for networks trained on correlated arms the reward probabilities always added up to 1.
# We vary the sum, with a difference of .3 between the arms, on both sides.


# %%
def planner_reward(believed, true, rng):
    """Reward per trial of a planner whose assumed probabilities may differ from the true ones."""
    greedy = REPLAYED | {"inverse_temperature": np.inf}
    return Planner(**believed).simulate(TwoStep(400, 100, **true), greedy, rng)["reward"].mean()


def vary(name, values):
    task, rows = networks["two-step"].settings.task.probabilities, []
    for value in values:
        trials = play(networks["two-step"], steps=False, **{name: value}).trials
        true = task | {name: value}
        informed, kept = (
            planner_reward(believed, true, np.random.default_rng(0)) for believed in (true, task)
        )
        row = {"value": value, "informed": informed, "kept": kept}
        for seed, reward in trials.groupby("subject")["reward"].mean().items():
            rows.append(row | {"subject": seed, "networks": reward})
    return pd.DataFrame(rows)


def vary_sum(variant, sums=(0.4, 0.7, 1.0, 1.3, 1.6), difference=0.3):
    trained, parts = prefrontal.load("bandit", variant), []
    for total in sums:
        high, low = (total + difference) / 2, (total - difference) / 2
        for left, right in ((high, low), (low, high)):
            task = BanditTask(trained.settings.task, (left, right))
            trials = trained.record(100, task, purpose="is it learning", steps=False).trials
            trials = trials[trials["trial"] >= 50]
            better = (trials["choice"] == int(right > left)).groupby(trials["subject"]).mean()
            parts.append(better.rename("better").reset_index().assign(total=total))
    return pd.concat(parts).groupby(["total", "subject"])["better"].mean().reset_index()


common, reversal = (
    vary("common", (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)),
    vary("reversal", (0.0, 0.025, 0.1, 0.2, 0.4)),
)
sums = {variant: vary_sum(variant) for variant in ("independent", "correlated")}

figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.3), layout="constrained")
for ax, frame, name, trained in (
    (axes[0], common, "common transitions", 0.8),
    (axes[1], reversal, "reversals", 0.025),
):
    lines = frame.groupby("value")[["networks", "informed", "kept"]].mean()
    ax.plot(lines["informed"], color="black", ls="--", lw=0.8, label="planner, informed")
    ax.plot(lines["kept"], color="#999999", ls="--", lw=0.8, label="planner, trained value")
    ax.plot(lines["networks"], color=COLORS["network"], label="networks")
    for value, rewards in frame.groupby("value"):
        dots(
            ax,
            value,
            rewards["networks"],
            COLORS["network"],
            width=0.012 if ax is axes[0] else 0.006,
            size=4,
        )
    ax.axvline(trained, color="black", lw=0.5, ls=":")
    ax.set(xlabel=f"probability of {name}", ylabel="reward per trial")
axes[1].legend(loc="upper right")
for variant, frame in sums.items():
    means = summarize(frame, ["total"], "better")
    axes[2].plot(
        means["total"], means["mean"], color=COLORS[variant], label=f"trained on {variant} arms"
    )
    for total, choices in frame.groupby("total"):
        dots(axes[2], total, choices["better"], COLORS[variant], width=0.03, size=4)
axes[2].axvline(1, color="black", lw=0.5, ls=":")
axes[2].set(
    xlabel="sum of the arms' reward probabilities",
    ylabel="P(better arm), last 50 trials",
    ylim=(0.4, 1.0),
)
axes[2].legend(loc="lower right")
plt.show()

# %%
two_step_rewards = pd.concat({"common": common, "reversal": reversal}, names=["varied"])
two_step_rewards.groupby(["varied", "value"])[["networks", "kept", "informed"]].mean().round(3)

# %%
pd.concat(sums, names=["trained on"]).groupby(["trained on", "total"])["better"].mean().unstack(
    "total"
).round(3)

# %% [markdown]
# The networks do as well as the planner that keeps the trained values, and fail where it fails. If
# left now mostly leads to S2, they do not adapt: they earn less than chance. If reversals become
# more frequent, they fall as far behind the informed planner as the other planner does. In the
# bandit, networks trained on correlated arms are best if the sum is 1 and get worse with
# distance from 1, while those trained on independent arms depend on the sum far less: each is
# adapted to its family of problems.
#
# ## So, is it learning?
#
# Within an episode, with frozen weights, the networks keep improving after one-trial heuristics
# have stopped. They learn *which member of the family of tasks* they are in. The family itself
# (which transitions are common, whether the arms are correlated) is in the weights: it was learned
# slowly, and is not learned again. That is both halves of the paper's claim: a fast learning
# algorithm, adapted to the structure of the training tasks.
#
# This does not show how they do it; see [the inner
# algorithm](../replications/inner_algorithm/README.md).

# %%
assert all((flat_weights(trained) == weights[name]).all() for name, trained in networks.items())
