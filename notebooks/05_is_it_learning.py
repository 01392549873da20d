# %% [markdown]
# # Is it learning?
#
# The weights of a test network never change. Does what it does within an episode deserve the name of a learning algorithm, or
# would a heuristic such as win-stay lose-shift do? You will see (1) how much the networks improve within an episode, and how much
# a heuristic would; (2) which textbook learner or heuristic predicts their choices best, on episodes that it was not fitted to,
# in three tasks; (3) what happens outside the range of the training. Running it takes about a minute.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import prefrontal
from prefrontal import config, experiment
from prefrontal.learners import bandit, comparison, rescorla_wagner, two_step
from prefrontal.learners.comparison import WIN_STAY_LOSE_SHIFT, Rule
from prefrontal.learners.volatility import VolatilityObserver
from prefrontal.plotting import COLORS, dots
from prefrontal.statistics import interval, summarize

plt.style.use("prefrontal.paper")
networks = {name: prefrontal.load(name.replace(" ", "_").replace("-", "_")) for name in ("bandit", "volatile bandit", "two-step")}
weights = {name: own.agent.network.flatten(own.agent.parameters).clone() for name, own in networks.items()}


def play(trained, episodes=40, steps=True, **changed):
    """Play the task of the training, or one with changed settings."""
    task = config.build(type(trained.task), trained.config.settings() | changed)
    return trained.record(episodes, task, purpose="is it learning", steps=steps)


# %% [markdown]
# ## 1. Improvement within an episode
#
# Bandits with both reward probabilities drawn at random, 200 episodes per network. Beside the networks play the best possible
# agent (dynamic programming over the counts of both arms) and win-stay lose-shift. One trial is all that the latter remembers, so
# after a few trials it is as good as it will ever be.

# %%
drawn = play(networks["bandit"], 200, steps=False).trials
better = drawn["choice"] == (drawn["p_right"] > drawn["p_left"])
curves = drawn.assign(better=better).groupby(["seed", "trial"])["better"].mean().reset_index()

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
for choice, color, label in ((optimal.choice, "black", "best possible"), (stay_shift, "#999999", "win-stay lose-shift")):
    ax.plot(trial, (choice == p.argmax(1)[:, None]).mean(0), color=color, lw=0.8, ls="--", label=label)
ax.set(xlabel="trial of the episode", ylabel="P(better arm)", ylim=(0.45, 1), xlim=(0, 100))
ax.legend(loc="lower right")
plt.show()

late = curves[curves["trial"] >= 80].groupby("seed")["better"].mean()
print("P(better arm) over the last 20 trials")
print("  networks            {:.3f} (95 % interval {:.3f} to {:.3f})".format(*interval(late)))
for label, choice in (("best possible", optimal.choice), ("win-stay lose-shift", stay_shift)):
    print(f"  {label:19} {(choice == p.argmax(1)[:, None])[:, 80:].mean():.3f}")

# %% [markdown]
# ## 2. Which rule predicts the choices?
#
# Every rule gets the network's own past and gives the probability of its next choice. Its free parameters are fitted to one half
# of the episodes and judged on the other half, and the reverse (`learners.comparison`), so that a rule gains nothing from mere
# flexibility.
#
# | rule | bandit | volatile bandit | two-step |
# | --- | --- | --- | --- |
# | perseveration | repeat the last choice | and weigh magnitudes | repeat the last choice |
# | win-stay lose-shift | by the last reward | and weigh magnitudes | by the last reward |
# | one trial back | | | by the last reward *and* transition |
# | fixed learning rate | Q-learning | Rescorla-Wagner | Q-learning of the first choice (model-free) |
# | inference | Bayesian: posterior means | Bayesian: learns the volatility too | planner: infers the rich state |
# | with uncertainty | posterior means and deviations | | |
#
# The rules of the last three rows choose by a sigmoid of the difference of values, plus perseveration. The yardstick is the
# network itself: the probability that its own policy gave to its choices, which no rule can beat on average. 0 is a coin toss,
# 1 is that yardstick.

# %%
TEMPERATURE, STAY, RATE = (0.0, 40.0), (-8.0, 8.0), (0.0, 1.0)


def softmax(data, values, inverse_temperature, perseveration):
    return inverse_temperature * (values[..., 1] - values[..., 0]) + perseveration * comparison.toward_last(data["choice"])


def perseverate(data, perseveration):
    return perseveration * comparison.toward_last(data["choice"])


def q_learning(data, learning_rate, inverse_temperature, perseveration):
    values = bandit.action_values(data["choice"], data["reward"], learning_rate)
    return softmax(data, values, inverse_temperature, perseveration)


def bayesian_means(data, inverse_temperature, perseveration):
    return softmax(data, data["posterior_mean"], inverse_temperature, perseveration)


def bayesian_uncertainty(data, inverse_temperature, bonus, thompson, perseveration):
    """Exploration by bonus and by Thompson sampling (Gershman 2018): relative and total uncertainty enter the choice."""
    mean, deviation = data["posterior_mean"], data["posterior_deviation"]
    directed = bonus * (deviation[..., 1] - deviation[..., 0])
    random = thompson * (mean[..., 1] - mean[..., 0]) / np.sqrt((deviation**2).sum(-1))
    return softmax(data, mean, inverse_temperature, perseveration) + directed + random


SOFTMAX = {"inverse_temperature": TEMPERATURE, "perseveration": STAY}
PERSEVERATION = Rule(perseverate, {"perseveration": STAY})
Q_LEARNING = Rule(q_learning, {"learning_rate": RATE, **SOFTMAX})
RULES = {
    "bandit": {
        "perseveration": PERSEVERATION,
        "win-stay lose-shift": WIN_STAY_LOSE_SHIFT,
        "fixed learning rate": Q_LEARNING,
        "inference": Rule(bayesian_means, SOFTMAX),
        "with uncertainty": Rule(bayesian_uncertainty, {**SOFTMAX, "bonus": (-20.0, 20.0), "thompson": (0.0, 10.0)}),
    }
}

# %% [markdown]
# In the volatile bandit the points at stake are shown before each choice, so every rule may weigh them. In the two-step task,
# the heuristic of one trial back may use the transition: "stay after a rewarded common or an unrewarded uncommon transition" is
# what a planner does, as far as one trial can tell.


# %%
def magnitudes_only(data, magnitude, perseveration):
    return magnitude * data["magnitude"] + perseverate(data, perseveration)


def stay_shift_magnitudes(data, magnitude, after_win, after_loss):
    return magnitude * data["magnitude"] + comparison.win_stay_lose_shift(data, after_win, after_loss)


def expected_reward(data, left_pays, inverse_temperature, perseveration):
    left = rescorla_wagner.advantage(left_pays, data["magnitudes"][..., 0], data["magnitudes"][..., 1])
    return perseverate(data, perseveration) - inverse_temperature * left


def fixed_rate(data, learning_rate, inverse_temperature, perseveration):
    return expected_reward(data, rescorla_wagner.values(data["left_paid"], learning_rate), inverse_temperature, perseveration)


def learns_volatility(data, inverse_temperature, perseveration):
    return expected_reward(data, data["inferred"], inverse_temperature, perseveration)


def one_trial_back(data, **log_odds):
    return comparison.stay_after(data["choice"], data["kind"], np.array(list(log_odds.values())))


def planner(data, inverse_temperature, perseveration):
    return softmax(data, data["planned"], inverse_temperature, perseveration)


STAYS = {name: STAY for name in ("uncommon_unrewarded", "uncommon_rewarded", "common_unrewarded", "common_rewarded")}
RULES["volatile bandit"] = {
    "perseveration": Rule(magnitudes_only, {"magnitude": TEMPERATURE, "perseveration": STAY}),
    "win-stay lose-shift": Rule(stay_shift_magnitudes, {"magnitude": TEMPERATURE, **WIN_STAY_LOSE_SHIFT.bounds}),
    "fixed learning rate": Rule(fixed_rate, {"learning_rate": RATE, **SOFTMAX}),
    "inference": Rule(learns_volatility, SOFTMAX),
}
RULES["two-step"] = {
    "perseveration": PERSEVERATION,
    "win-stay lose-shift": WIN_STAY_LOSE_SHIFT,
    "one trial back": Rule(one_trial_back, STAYS),
    "fixed learning rate": Q_LEARNING,
    "inference": Rule(planner, SOFTMAX),
}

# %% [markdown]
# The networks play: bandits as in training; the human test schedule of the volatile bandit, which is not that of their training;
# the two-step task. What a rule needs beside choice and reward, and does not depend on its parameters, is worked out once.

# %%
recordings = {
    "bandit": play(networks["bandit"]),
    "volatile bandit": play(networks["volatile bandit"], **experiment.module("volatile_bandit", "conditions").HUMAN_SCHEDULE),
    "two-step": play(networks["two-step"]),
}


def arrays(trials, columns):
    """Columns of one network's trials as arrays (episode, trial)."""
    return {name: trials.pivot(index="episode", columns="trial", values=name).to_numpy() for name in columns}


def prepare(task, trials):
    """What the rules look at, for one network."""
    if task == "bandit":
        data = arrays(trials, ["choice", "reward"])
        data["posterior_mean"], data["posterior_deviation"] = bandit.posterior(data["choice"], data["reward"])
    elif task == "volatile bandit":
        data = arrays(trials, ["choice", "reward", "magnitude_left", "magnitude_right"])
        data["magnitudes"] = np.stack([data.pop("magnitude_left"), data.pop("magnitude_right")], -1) / 100
        data["magnitude"] = data["magnitudes"][..., 1] - data["magnitudes"][..., 0]
        data["left_paid"] = (data["reward"] > 0) == (data["choice"] == 0)
        data["inferred"], _ = VolatilityObserver().infer(data["left_paid"])
    else:
        own = two_step.arrange(trials)
        data = {"choice": own.choice, "reward": own.reward, "kind": 2 * (own.choice == own.outcome_state) + (own.reward > 0)}
        data["planned"] = two_step.action_values(two_step.Planner(), own.choice, own.outcome_state, own.reward)
    return data


def yardstick(task, recorded):
    """Mean log probability of each network's choices under its own policy, in nats, by seed."""
    steps = recorded.steps
    made = steps[steps["period"].isin(["choice", "stage 1"]) & (steps["action"] < 2)]
    chosen = made["p_left"].where(made["action"] == 0, made["p_right"])
    return np.log(chosen / (made["p_left"] + made["p_right"])).groupby(made["seed"]).mean()


# %%
rows = []
for task, recorded in recordings.items():
    own_policy = yardstick(task, recorded)
    for seed, trials in recorded.trials.groupby("seed"):
        data = prepare(task, trials)
        for name, rule in RULES[task].items():
            log_p = np.nanmean(comparison.cross_validate(rule, data, np.random.default_rng(seed), starts=2))
            share = 1 - (own_policy[seed] - log_p) / (own_policy[seed] - np.log(0.5))
            rows.append({"task": task, "rule": name, "seed": seed, "log_likelihood": log_p, "share": share})
result = pd.DataFrame(rows)

figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), sharey=True, layout="constrained")
for ax, (task, own) in zip(axes, result.groupby("task", sort=False), strict=True):
    names = list(RULES[task])
    for x, name in enumerate(names):
        dots(ax, x, own.loc[own["rule"] == name, "share"], COLORS["network"], width=0.2, size=6)
        ax.plot([x - 0.3, x + 0.3], [own.loc[own["rule"] == name, "share"].mean()] * 2, color="black", lw=0.8)
    ax.axhline(1, color="black", lw=0.6, ls="--")
    ax.axhline(0, color="black", lw=0.5, ls=":")
    ax.set(title=task, xlim=(-0.6, len(names) - 0.4))
    ax.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
axes[0].set_ylabel("held-out likelihood\n(0 coin toss, 1 own policy)")
plt.show()

# %%
table = summarize(result, ["task", "rule"], "share")
table["nats per choice"] = result.groupby(["task", "rule"], sort=False)["log_likelihood"].mean().to_numpy()
table.rename(columns={"mean": "share", "n": "networks"}).round(3)

# %%
for task, own in result.groupby("task", sort=False):
    wide = own.pivot(index="seed", columns="rule", values="log_likelihood")
    heuristics = wide[[name for name in ("perseveration", "win-stay lose-shift", "one trial back") if name in wide]].max(axis=1)
    learners = wide[[name for name in ("fixed learning rate", "inference", "with uncertainty") if name in wide]]
    gain = learners.max(axis=1) - heuristics
    print(f"{task}: best learner beats best heuristic in {(gain > 0).sum()} of {len(gain)} networks, ", end="")
    print("by {:.3f} nats per choice (95 % interval {:.3f} to {:.3f}); ".format(*interval(gain)), end="")
    print("best learner: " + ", ".join(f"{name} in {n}" for name, n in learners.idxmax(axis=1).value_counts().items()))

# %% [markdown]
# A rule that infers predicts the choices best in all three tasks, in every network. Perseveration alone goes far in the bandit
# and the two-step task: a good agent mostly repeats its choice, so that the tasks differ in what is left to explain. In the
# two-step task the heuristic that uses reward and transition of the last trial beats the model-free learner, but not the
# planner, which has fewer parameters. In the volatile bandit a *single* learning rate predicts worse than win-stay lose-shift,
# and a Bayesian agent that learns the volatility better than both: what the networks have is not one learning rate. There the
# best rule is also farthest from the yardstick, so that no rule here is the whole story.

# %% [markdown]
# ## 3. Outside the range of the training
#
# What of all this is learned within the episode, and what is built into the weights? We change what never changed in training.
#
# *Two-step:* all training episodes had common transitions with probability .8 and reversals with .025. We vary each, and compare
# the networks' reward with that of two planners: one who knows the new value, and one who keeps believing in that of the
# training.
#
# *Bandit:* networks trained on correlated arms have only ever met reward probabilities that add up to 1. We vary the sum, with
# a difference of .3 between the arms, in both orders of sides.


# %%
def planner_reward(believed, true, rng):
    """Reward per trial of a planner that believes in some probabilities, in a task with others."""
    return two_step.simulate(two_step.Planner(**believed), np.inf, 400, 100, rng, **true)["reward"].mean()


def vary(name, values):
    trained, rows = getattr(networks["two-step"].config, name), []
    for value in values:
        reward = play(networks["two-step"], steps=False, **{name: value}).trials.groupby("seed")["reward"].mean()
        informed, kept = (planner_reward({name: b}, {name: value}, np.random.default_rng(0)) for b in (value, trained))
        rows += [{"value": value, "seed": s, "networks": r, "informed": informed, "kept": kept} for s, r in reward.items()]
    return pd.DataFrame(rows)


def vary_sum(condition, sums=(0.4, 0.7, 1.0, 1.3, 1.6), difference=0.3):
    trained, parts = prefrontal.load("bandit", condition), []
    for total in sums:
        high, low = (total + difference) / 2, (total - difference) / 2
        for left, right in ((high, low), (low, high)):
            trials = trained.record(
                100, type(trained.task)("fixed", 100, left, right), purpose="is it learning", steps=False
            ).trials
            trials = trials[trials["trial"] >= 50].assign(better=lambda frame, side=int(right > left): frame["choice"] == side)
            parts.append(trials.groupby("seed")["better"].mean().reset_index().assign(total=total))
    return pd.concat(parts).groupby(["total", "seed"])["better"].mean().reset_index()


common, reversal = vary("common", (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)), vary("reversal", (0.0, 0.025, 0.1, 0.2, 0.4))
sums = {condition: vary_sum(condition) for condition in ("independent", "correlated")}

figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.3), layout="constrained")
for ax, frame, name, trained in ((axes[0], common, "common transitions", 0.8), (axes[1], reversal, "reversals", 0.025)):
    lines = frame.groupby("value")[["networks", "informed", "kept"]].mean()
    ax.plot(lines["informed"], color="black", ls="--", lw=0.8, label="planner, knows the change")
    ax.plot(lines["kept"], color="#999999", ls="--", lw=0.8, label="planner, keeps the trained value")
    ax.plot(lines["networks"], color=COLORS["network"], label="networks")
    for value, own in frame.groupby("value"):
        dots(ax, value, own["networks"], COLORS["network"], width=0.012 if ax is axes[0] else 0.006, size=4)
    ax.axvline(trained, color="black", lw=0.5, ls=":")
    ax.set(xlabel=f"probability of {name}", ylabel="reward per trial")
axes[1].legend(loc="upper right")
for condition, frame in sums.items():
    means = summarize(frame, ["total"], "better")
    axes[2].plot(means["total"], means["mean"], color=COLORS[condition], label=f"trained on {condition} arms")
    for total, own in frame.groupby("total"):
        dots(axes[2], total, own["better"], COLORS[condition], width=0.03, size=4)
axes[2].axvline(1, color="black", lw=0.5, ls=":")
axes[2].set(xlabel="sum of the arms' reward probabilities", ylabel="P(better arm), last 50 trials", ylim=(0.4, 1.0))
axes[2].legend(loc="lower right")
plt.show()

# %%
two_step_rewards = pd.concat({"common": common, "reversal": reversal}, names=["varied"])
two_step_rewards.groupby(["varied", "value"])[["networks", "kept", "informed"]].mean().round(3)

# %%
pd.concat(sums, names=["trained on"]).groupby(["trained on", "total"])["better"].mean().unstack("total").round(3)

# %% [markdown]
# The networks do as well as the planner who keeps believing in the values of the training, and fail where it fails. If left now
# mostly leads to S2, they do not find out: they earn less than by tossing a coin. If reversals become more frequent, they fall
# behind the planner who knows by about as much as the other one does. In the bandit, networks trained on correlated arms are
# best where the sum is 1 and lose more the farther it is from 1, while those trained on independent arms mind far less: each is
# built for its own family of problems.
#
# ## So, is it learning?
#
# Within an episode, with frozen weights, the networks go on improving where one-trial heuristics stop; rules of inference
# predict what they choose better than the heuristics do, and better than learning at a fixed rate. What they learn is *which
# member of the family of tasks* they are in. The family itself (which transitions are common, whether the arms are linked) is
# in the weights, was learned slowly, and is not learned anew. That is the paper's claim in both its halves: a fast learning
# algorithm, and one made for the structure that slow learning met.
#
# What this does not show: that the networks compute what the best rule computes. Likelihood compares the rules that are in
# the list, and a better one may be missing from it, most clearly in the volatile bandit.

# %%
assert all((own.agent.network.flatten(own.agent.parameters) == weights[name]).all() for name, own in networks.items())
