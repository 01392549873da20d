# %% [markdown]
# # Inside the network
#
# Low-dimensional dynamics in three experiments: (1) how activity moves with evidence in the bandit,
# (2) how the latent state of the two-step task is coded at each step of the trial, and (3) how fast
# a single outcome is forgotten in these two and in the inferred-value task. Each is compared with
# an ideal observer. It runs in about half a minute.
# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LinearRegression

import prefrontal
from prefrontal.analysis import neural
from prefrontal.models.two_step_learners import REPLAYED, Planner
from prefrontal.networks import play
from prefrontal.publishing.plotting import COLORS, bar
from prefrontal.statistics import interval, summarize
from prefrontal.task import RandomStreams

plt.style.use("prefrontal.publishing.paper")


# %% [markdown]
# ## 1. Evidence moves activity: the bandit
#
# Correlated arms: if left pays with probability p, right pays with 1 - p. Every outcome is evidence
# for left (left rewarded, right not) or for right. An ideal observer counts: after n outcomes, k of
# them for left, its estimate is p = (k + 1) / (n + 2).
#
# We decode this belief in each network by a linear regression on the 48 units, always tested on
# held-out episodes.

# %%
bandit = prefrontal.load("bandit", "correlated")
recorded = bandit.record(60, steps=False, activity_periods=("choice",), purpose="inside")
trials = recorded.trials
speaks_left = (trials["choice"] == 0) == (trials["reward"] > 0)
counts = speaks_left.groupby([trials["subject"], trials["episode"]]).cumsum() - speaks_left
trials["belief"] = (counts + 1) / (trials["trial"] + 2)

for seed, activity in recorded.activity.groupby("subject"):
    rows = trials["subject"] == seed
    belief, episode = trials.loc[rows, "belief"].to_numpy(), trials.loc[rows, "episode"].to_numpy()
    trials.loc[rows, "decoded"] = neural.decode_value(neural.units(activity), belief, episode)

groups = trials.groupby(["subject", "episode"])
for name in ("belief", "decoded"):
    trials[f"{name}_change"] = groups[name].shift(-1) - trials[name]
r2 = trials.groupby("subject")[["belief", "decoded"]].corr().iloc[::2, 1].droplevel(1) ** 2
example = bandit.seeds[0]
scores, pca = neural.principal_components(
    recorded.activity[recorded.activity["subject"] == example]
)

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.3), layout="constrained")
shown = scores["episode"] < 20
image = axes[0].scatter(
    scores["pc1"][shown],
    scores["pc2"][shown],
    c=trials["belief"][trials["subject"] == example][shown],
    s=3,
    lw=0,
    cmap="coolwarm_r",
)
figure.colorbar(image, ax=axes[0], label="belief that left pays")
axes[0].set(xlabel="PC 1", ylabel="PC 2", title=f"network {example}, 20 episodes")

early = trials[trials["trial"].between(2, 20)]
moves = (
    early.groupby(["choice", "reward", "subject"])[["decoded_change", "belief_change"]]
    .mean()
    .reset_index()
)
labels = []
for x, ((choice, reward), changes) in enumerate(moves.groupby(["choice", "reward"])):
    bar(axes[1], x, changes["decoded_change"], COLORS["rewarded" if reward else "unrewarded"])
    axes[1].plot(
        [x - 0.35, x + 0.35], [changes["belief_change"].mean()] * 2, color="black", lw=1, ls=":"
    )
    labels.append(f"{'right' if choice else 'left'}\n{'paid' if reward else 'unpaid'}")
axes[1].axhline(0, color="black", lw=0.5)
axes[1].set(
    xticks=range(4),
    ylabel="change of the decoded belief\n(dotted: ideal observer)",
    title="trials 3 to 21",
)
axes[1].set_xticklabels(labels)

sizes = trials.assign(
    network=trials["decoded_change"].abs(), observer=trials["belief_change"].abs()
)
sizes = sizes.groupby(["subject", "trial"])[["network", "observer"]].mean().reset_index()
for name, color in (("observer", COLORS["model-based"]), ("network", COLORS["network"])):
    means = summarize(sizes.dropna(), ["trial"], name)
    axes[2].loglog(means["trial"] + 1, means["mean"], color=color, label=name)
axes[2].set(xlabel="trial", ylabel="size of the change", title="step size")
axes[2].legend()
plt.show()
print(
    "variance of the belief that units explain, r2: {:.2f} (95 % interval {:.2f} to {:.2f})".format(
        *interval(r2)
    )
)
share = pca.explained_variance_ratio_.sum()
print(f"variance of the activity along two principal components, network {example}: {share:.0%}")

# %% [markdown]
# Activity lies on a curve from "right pays" to "left pays", and outcomes move it as they should:
# about as far as the observer's belief, and towards left both when left pays and when right does
# not. The observer's steps shrink as 1/n. The networks' steps shrink too, but less: late in the
# episode they are still larger than the observer's (perhaps in part because of decoding noise). The
# rise at the very end is due to the end of the episode, which the network can predict from its
# input, the trial number.
#
# ## 2. What carries the latent state: the two-step task
#
# The rich second-stage state must be remembered from trial to trial, through steps with other
# observations and actions. How many dimensions does this memory have, and is its code the same
# throughout the trial?
#
# For the first question we predict the planner's belief (its value of S2) from the first principal
# components at stage 1, where all inputs are the same in every trial. For the second we take each
# unit's slope on the belief at each step of the trial. The 48 slopes are the direction in which the
# belief moves activity; the cosine between two directions is 1 if the code is the same, and 0 if
# the codes are orthogonal.

# %%
trained = prefrontal.load("two_step")
task = trained.task
recorded = trained.record(40, steps=False, activity_periods=task.periods, purpose="inside")
observer = Planner(**trained.settings.task.probabilities, fixed=REPLAYED)
keys = ["subject", "episode", "trial"]
beliefs = recorded.trials[keys].assign(belief=observer.replay(recorded.trials)["state_value_1"])
activity = recorded.activity.merge(beliefs, on=keys)


def explained(predicted, true):
    """Share of variance explained by a prediction as it stands, without rescaling; below 0 if it is
    worse than the mean."""
    return 1 - ((predicted - true) ** 2).mean() / true.var()


def coding_direction(activity):
    """Slope of every unit on the belief, as a vector of length 1."""
    centred = activity["belief"] - activity["belief"].mean()
    slopes = centred.to_numpy() @ neural.units(activity)
    return slopes / np.linalg.norm(slopes)


cosines, dimensions, within = [], [], []
for seed, units in activity.groupby("subject"):
    directions = np.stack(
        [coding_direction(units[units["period"] == period]) for period in task.periods]
    )
    cosines.append(directions @ directions.T)
    halves = [units[units["episode"] % 2 == half] for half in (0, 1)]
    for period in task.periods:
        train, test = (half[half["period"] == period] for half in halves)
        readout = LinearRegression().fit(neural.units(train), train["belief"])
        within.append(
            {
                "subject": seed,
                "period": period,
                "r2": explained(readout.predict(neural.units(test)), test["belief"]),
            }
        )
    train, test = (half[half["period"] == "stage 1"] for half in halves)
    _, pca = neural.principal_components(train, 20)
    scores = [pca.transform(neural.units(half)) for half in (train, test)]
    for k in (1, 2, 3, 5, 8, 12, 20):
        share = explained(
            LinearRegression().fit(scores[0][:, :k], train["belief"]).predict(scores[1][:, :k]),
            test["belief"],
        )
        dimensions.append(
            {
                "subject": seed,
                "k": k,
                "belief": share,
                "activity": pca.explained_variance_ratio_[:k].sum(),
            }
        )
cosines, dimensions, within = np.array(cosines), pd.DataFrame(dimensions), pd.DataFrame(within)

# %%
figure, axes = plt.subplots(1, 2, figsize=(5.6, 2.3), layout="constrained")
lines = (
    ("activity", COLORS["published"], "of the activity itself"),
    ("belief", COLORS["network"], "of the planner's belief"),
)
for name, color, label in lines:
    means = summarize(dimensions, ["k"], name)
    axes[0].plot(means["k"], means["mean"], color=color, marker="o", label=label)
    axes[0].fill_between(
        means["k"], means["ci_low"], means["ci_high"], color=color, alpha=0.2, lw=0
    )
axes[0].set(
    xlabel="principal components, at stage 1",
    ylabel="variance explained",
    ylim=(0, 1.02),
    xticks=[1, 5, 10, 15, 20],
)
axes[0].legend(loc="lower right")
axes[1].imshow(cosines.mean(0), cmap="RdBu_r", vmin=-1, vmax=1)
for row, column in np.ndindex(3, 3):
    entries = cosines[:, row, column]
    text = (
        f"{entries.mean():.2f}\n[{entries.min():.2f}, {entries.max():.2f}]"
        if row != column
        else "1"
    )
    axes[1].text(
        column,
        row,
        text,
        ha="center",
        va="center",
        fontsize=5.5,
        color="white" if row == column else "black",
    )
axes[1].set(xticks=range(3), yticks=range(3), xticklabels=task.periods, yticklabels=task.periods)
axes[1].set_title("cosine of the belief's directions\nmean [range] over networks")
plt.show()
by_period = within.groupby("period", sort=False)["r2"].agg(["mean", "min"]).round(2)
print("variance of the belief explained by all units, held-out episodes")
print(by_period)

# %% [markdown]
# One dimension of activity at stage 1 contains nearly all of the belief, and most of the variance.
# The belief can be decoded at every step of the trial, but its direction changes with the step: the
# codes overlap but differ. A decoder fitted at one step would be biased at another.
#
# ## 3. Forgetting
#
# How long does a single outcome matter? The networks replay the same episode twice, with the same
# observations, actions and rewards, except that in the second run the reward of one trial is
# reversed. The difference in activity after m more trials is the memory of that outcome. The ideal
# observers of the three tasks forget at different rates:
#
# * bandit: never. The arms do not change, so an outcome always counts, as one among more and more.
# * two-step: the rich state may have changed since, so new outcomes outweigh old ones.
# * inferred value: the next outcome is fully informative, so earlier ones no longer matter.


# %%
def replay(agent, batch, rewards):
    """Activity at every time step, (step, seed, episode, unit), when the networks replay given
    steps and rewards."""
    memory, activity = agent.reset(*batch[0].action.shape), []
    reward, action = torch.zeros(batch[0].reward.shape), torch.full(batch[0].action.shape, -1)
    with torch.no_grad():
        for step, next_reward in zip(batch, rewards, strict=True):
            memory, _, _, units = agent.step(memory, step.observation, reward, action)
            activity.append(units)
            reward, action = next_reward, step.action
    return torch.stack(activity)


FLIPPED, LAGS = 20, np.arange(1, 16)


def memory_of_one_outcome(networks, task, paid_at, look_at, episodes=40):
    """Distance between the two runs' activity after m trials, (lag, network), and the replayed
    steps.

    ``paid_at`` and ``look_at`` are the time steps of a trial at which the reward is earned and at
    which activity is compared.
    """
    agent = networks.agent
    batch = list(play.play(agent, task, RandomStreams(networks.seeds, "inside"), episodes))
    steps = len(task.periods)
    rewards = [step.reward for step in batch]
    changed = list(rewards)
    when = steps * FLIPPED + paid_at
    changed[when] = 1 - rewards[when]
    distance = (replay(agent, batch, changed) - replay(agent, batch, rewards)).norm(dim=-1)
    looked = torch.stack([distance[steps * (FLIPPED + m) + look_at] for m in LAGS])
    # Rare invalid responses shift the later steps of an episode: leave such episodes out.
    regular = batch[steps * (FLIPPED + LAGS[-1]) + look_at].state["trial"] == FLIPPED + LAGS[-1]
    return ((looked * regular).sum(-1) / regular.sum(-1)).numpy(), batch


# %% [markdown]
# In the two-step and the inferred-value task we compare activity at least one time step after the
# reward was an input, so that any difference is memory. The bandit has no such step: one trial
# later the reward is still an input, so the comparison starts with the second trial.

# %%
distance, ideal, first = {}, {}, {"bandit": 2, "two-step": 1, "inferred value": 1}
distance["bandit"], _ = memory_of_one_outcome(bandit, bandit.task, 0, 0)
ideal["bandit"] = 1 / (FLIPPED + LAGS + 2)

distance["two-step"], batch = memory_of_one_outcome(trained, task, 2, 1)
outcomes = [
    (step.state["choice"], step.state["outcome_state"], step.reward) for step in batch[2::3]
]
choice, state, reward = (
    torch.stack(part, -1).flatten(0, 1).numpy() for part in zip(*outcomes, strict=True)
)
regular = ((choice >= 0) & (state >= 0) & (reward >= 0)).all(1)
other = reward.copy()
other[:, FLIPPED] = 1 - other[:, FLIPPED]
episodes, length = reward[regular].shape
columns = {"episode": np.repeat(range(episodes), length), "trial": np.tile(range(length), episodes)}
columns |= {"variant": "network", "subject": 0, "choice": choice[regular].ravel()}
columns["outcome_state"] = np.array(["S1", "S2"])[state[regular].ravel()]
values = [
    observer.replay(pd.DataFrame({**columns, "reward": paid[regular].ravel()}))["state_value_0"]
    for paid in (reward, other)
]
moved = np.abs(values[1] - values[0]).to_numpy().reshape(episodes, length)
ideal["two-step"] = moved[:, FLIPPED + LAGS].mean(0)

inferred = prefrontal.load("inferred_value")
distance["inferred value"], _ = memory_of_one_outcome(
    inferred, replace(inferred.settings.task, blocks=12).build(), 2, 0
)
ideal["inferred value"] = (LAGS == 1).astype(float)

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.2), sharey=True, layout="constrained")
for ax, name in zip(axes, distance, strict=True):
    start = first[name] - 1
    measured, expected = (
        distance[name][start:] / distance[name][start],
        ideal[name][start:] / ideal[name][start],
    )
    ax.plot(LAGS[start:], measured, color=COLORS["network"], lw=0.5)
    ax.plot(
        LAGS[start:],
        measured.mean(1),
        color=COLORS["network"],
        lw=1.6,
        label="networks: distance of activity",
    )
    ax.plot(
        LAGS[start:],
        expected,
        color=COLORS["model-based"],
        ls="--",
        label="ideal observer: difference of belief",
    )
    ax.set(
        title=name, xlabel="trials since the changed outcome", ylim=(0, 1.25), xticks=[1, 5, 10, 15]
    )
    print(
        f"{name}: left after 5 trials {measured[5 - first[name]].mean():.2f} "
        f"(ideal observer {expected[5 - first[name]]:.2f})",
        end="; ",
    )
    print(f"after 15 {measured[-1].mean():.2f} ({expected[-1]:.2f})")
axes[0].set_ylabel("remaining effect\n(relative to the first trial shown)")
axes[0].legend(loc="upper right")
plt.show()

# %% [markdown]
# The same architecture gives three time courses of forgetting. The networks forget most slowly in
# the bandit, as the task requires, though faster than the ideal observer, as the step size above
# also shows. In the two-step task they forget like the planner. In the inferred-value task the
# ideal observer forgets fastest of all; some networks drop an outcome as soon as the next one is
# known, others keep a trace of it for many trials.
