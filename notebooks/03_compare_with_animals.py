# %% [markdown]
# # Compare your own animals with the networks
#
# Trials of animals and networks share one table format, and the same analyses apply. This notebook
# reads a CSV file of the two-step task, compares the animals' behaviour with that of the networks,
# and fits models to their choices. It runs in about half a minute.
#
# **To use your own file, set `FILE`** (and, if they differ, the columns below) and run the notebook
# again. Without one it simulates four animals: two that plan, and two that do not. The analyses do
# not know which is which.

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from prefrontal import experiments
from prefrontal.analysis import staying
from prefrontal.models import two_step
from prefrontal.publishing.plotting import COLORS, dots
from prefrontal.publishing.results import Results

animals, analysis = (experiments.module("two_step", part) for part in ("animals", "analysis"))
plt.style.use("prefrontal.publishing.paper")
# Path("my_rats.csv"), or the MATLAB file of Brody-Lab/MixtureAgentsModels, data/ofc_physdata.mat
FILE: Path | None = None

# %% [markdown]
# ## Simulated animals
#
# `Ada` and `Bea` plan: they learn the values of the second-stage states, and know which action
# leads where. `Cal` and `Dot` repeat rewarded choices, whatever the transition. All four
# perseverate a little. Their file looks like a laboratory's: its own column names, sides as
# letters, sessions as dates.


# %%
def simulated_file() -> Path:
    """Write a CSV file of four simulated animals, eight sessions of 150 trials each."""
    planner = two_step.LearningPlanner(learning_rate=0.5, common=0.8)
    model_free = two_step.ModelFree(0.5, eligibility=1.0)
    task = {"common": 0.8, "rich": 0.8, "reversal": 0.02, "episodes": 8, "trials": 150}
    agents = {"Ada": planner, "Bea": planner, "Cal": model_free, "Dot": model_free}
    parts = []
    for seed, (name, agent) in enumerate(agents.items()):
        rng = np.random.default_rng(seed)
        trials = two_step.simulate(agent, 4.0, rng=rng, perseveration=0.5, **task)
        parts.append(trials.assign(animal=name))
    trials = pd.concat(parts)
    sheet = pd.DataFrame(
        {
            "animal": trials["animal"],
            "date": "2026-01-" + (trials["episode"] + 1).astype(str).str.zfill(2),
            "resp": trials["choice"].map({0: "L", 1: "R"}),
            "common": (trials["transition"] == "common").astype(int),
            "water": trials["reward"].astype(int),
        }
    )
    path = Path(mkdtemp()) / "simulated_animals.csv"
    sheet.to_csv(path, index=False)
    return path


file = FILE or simulated_file()
if file.suffix == ".csv":
    print(*file.read_text().splitlines()[:4], sep="\n")

# %% [markdown]
# ## Reading the file
#
# Name your columns, and recode their values. Errors name the column and row. Each subject gets a
# number (`seed`, as networks have), each of its sessions a number (`episode`), and lags never cross
# sessions. A column `forced` marks trials in which the animal had no choice: they count as
# experience, not as decisions.

# %%
columns = ("subject=animal", "session=date", "choice=resp", "reward=water", "transition=common")
recode = ("choice=L:0,R:1", "transition=1:common,0:uncommon")
options = animals.Options(file, columns=columns, recode=recode)
trials = animals.completed(animals.read(options))
names = trials.drop_duplicates("seed").set_index("seed")["subject"]
summary = {
    "sessions": ("episode", "nunique"),
    "trials": ("trial", "size"),
    "reward": ("reward", "mean"),
}
trials.groupby("subject").agg(**summary).round(3)

# %% [markdown]
# ## Do they stay?
#
# The probability of repeating the first-stage choice, by transition and outcome. A planner stays
# after a rewarded common or an unrewarded uncommon transition. But stay probability alone is not
# decisive: values outlast a trial, so that a model-free animal shows some interaction too. Hence
# the regression below.

# %%
results, main = Results("two_step"), experiments.get("two_step").main
tables = ("stay_probability", "lag_weights", "fits")
networks = {name: results[name].query("variant == @main") for name in tables}
stay = staying.stay_probability(trials)
figure, axes = plt.subplots(1, len(names) + 1, figsize=(1.4 * (len(names) + 1), 1.8), sharey=True)
panels = {names[seed]: rows for seed, rows in stay.groupby("seed")}
panels["networks"] = networks["stay_probability"]
for ax, (title, rows) in zip(axes, panels.items(), strict=True):
    means = rows.groupby(["outcome", "transition"])["stay_probability"].mean()
    for x, ((outcome, transition), mean) in enumerate(means.items()):
        place, label = x + 0.4 * (outcome == "unrewarded"), transition if x < 2 else None
        ax.bar(place, mean, 0.9, color=COLORS[transition], label=label)
    ax.set(title=title, ylim=(0, 1), xticks=[0.5, 2.9])
    ax.set_xticklabels(["rewarded", "not"])
axes[0].set_ylabel("stay probability")
figure.tight_layout()
figure.legend(
    *axes[0].get_legend_handles_labels(), ncols=2, loc="lower center", bbox_to_anchor=(0.5, -0.1)
)

# %% [markdown]
# ## How do past trials affect the next choice?
#
# A logistic regression of choice on the last five trials (Miller et al. 2017; Fig. 5d, e of the
# paper): one weight per kind of trial and lag, positive for repeating. The sign after an
# **uncommon** transition (dotted) distinguishes planning from model-free learning: a planner leaves
# after an uncommon reward, and stays after an uncommon omission.

# %%
weights = staying.two_step_weights(trials)
panels = {names[seed]: rows for seed, rows in weights.groupby("seed")}
panels["networks"] = networks["lag_weights"]
figure, axes = plt.subplots(1, len(panels), figsize=(1.4 * len(panels), 2.0), sharex=True)
for ax, (title, rows) in zip(axes, panels.items(), strict=True):
    for transition, outcome in two_step.TRIAL_TYPES:
        kind = rows[(rows["signal"] == f"{transition}/{outcome}") & (rows["lag"] > 0)]
        mean = kind.groupby("lag")["weight"].mean()
        style = {"color": COLORS[outcome], "ls": "-" if transition == "common" else ":"}
        ax.plot(mean.index, mean, label=f"{transition}, {outcome}", **style)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(title=title, xlabel="trials ago", xticks=range(1, 6))
axes[0].set_ylabel("weight on choice (log odds)")
figure.tight_layout()
figure.legend(
    *axes[0].get_legend_handles_labels(), ncols=4, loc="lower center", bbox_to_anchor=(0.5, -0.1)
)
lag_1 = weights.query("lag == 1").assign(subject=weights["seed"].map(names))
lag_1.pivot(index="subject", columns="signal", values="weight").round(2)

# %% [markdown]
# ## Which model predicts their choices?
#
# Model-free, model-based and mixed models, fitted to each animal by maximum likelihood. The
# Bayesian information criterion (BIC) penalises the mixture's additional parameters; lower is
# better, and differences above about 10 are decisive. `planning_weight` and `model_free_weight` are
# the log odds per unit of each part's value.

# %%
fits = analysis.fit_models(trials, starts=2, common=animals.common_probability(trials))
fits["subject"] = fits["seed"].map(names)
bic = fits.pivot(index="subject", columns="model", values="bic")
bic.sub(bic.min(axis=1), axis=0).round(1)

# %%
parts = {
    "planning_weight": "planning",
    "model_free_weight": "model-free",
    "perseveration": "perseveration",
}
# The simulated model-free animals credit their first choice with the reward at once.
mixture = "mixture, eligibility 1"
fitted = fits[fits["model"] == mixture]
trained = networks["fits"][networks["fits"]["model"] == mixture]
figure, ax = plt.subplots(figsize=(3.4, 2.0))
for x, column in enumerate(parts):
    dots(ax, x - 0.15, fitted[column], COLORS["animal"], size=16)
    dots(ax, x + 0.15, trained[column], COLORS["network"], size=16)
ax.axhline(0, color="black", lw=0.5)
ax.set(
    ylabel="weight in the fitted mixture",
    xticks=range(len(parts)),
    yscale="symlog",
    ylim=(-0.5, 60),
)
ax.set_xticklabels(list(parts.values()))
for x, label in enumerate(("animals", "networks")):
    style = {"color": COLORS[label.removesuffix("s")], "ha": "right", "va": "top"}
    ax.text(0.98, 0.95 - 0.1 * x, label, transform=ax.transAxes, **style)

# %%
parameters = ["planning_rate", "learning_rate", "weight", "inverse_temperature", *parts]
fitted.set_index("subject")[parameters].round(2)

# %% [markdown]
# Both the regression and the fits separate the planners from the model-free animals; the networks
# plan, with hardly any model-free contribution. The command line gives tables, parameter recovery
# and a figure of your own file:
#
# ```sh
# prefrontal animals two_step my_rats.csv \
#     --columns subject=animal session=date choice=resp reward=water transition=common \
#     --recode choice=L:0,R:1 transition=1:common,0:uncommon
# ```
