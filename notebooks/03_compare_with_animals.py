# %% [markdown]
# # Your own animals beside the networks
#
# Trials of animals go into the same table as the networks' trials, and through the same analyses. This notebook reads a CSV
# file of the two-step task, shows what the animals do beside networks and textbook learners, and asks which learner predicts
# their choices best. Running it takes about half a minute.
#
# **To use your own file, set `FILE`** (and, if they differ, the columns below) and run the notebook again. Without one it makes
# up animals whose answer is known: two that plan, and two that do not. Nothing below is told which is which.
# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from prefrontal import experiments
from prefrontal.analysis import staying
from prefrontal.files import DATA
from prefrontal.models import two_step
from prefrontal.publishing.plotting import COLORS, dots

animals, analysis, variants = (experiments.module("two_step", part) for part in ("animals", "analysis", "variants"))
plt.style.use("prefrontal.paper")
FILE: Path | None = None  # Path("my_rats.csv"), or the MATLAB file of Brody-Lab/MixtureAgentsModels, data/ofc_physdata.mat

# %% [markdown]
# ## Animals whose answer is known
#
# `Ada` and `Bea` look ahead: they learn how good the second-stage states are, and know which action leads where. `Cal` and
# `Dot` repeat what was rewarded, whatever the transition. All four also repeat themselves a little. The file that they end up
# in looks as a laboratory's files do: its own column names, sides as letters, sessions as dates.


# %%
def made_up_file() -> Path:
    """Write a CSV file of four simulated animals, eight sessions of 150 trials each."""
    planner, model_free = two_step.LearningPlanner(0.5), two_step.ModelFree(0.5, eligibility=1.0)
    task = {"episodes": 8, "trials": 150, "rich": 0.8, "reversal": 0.02, "perseveration": 0.5}
    parts = []
    for seed, (name, learner) in enumerate({"Ada": planner, "Bea": planner, "Cal": model_free, "Dot": model_free}.items()):
        played = two_step.simulate(learner, inverse_temperature=4.0, rng=np.random.default_rng(seed), **task)
        parts.append(played.assign(animal=name))
    played = pd.concat(parts)
    sheet = pd.DataFrame(
        {
            "animal": played["animal"],
            "date": "2026-01-" + (played["episode"] + 1).astype(str).str.zfill(2),
            "resp": played["choice"].map({0: "L", 1: "R"}),
            "common": (played["transition"] == "common").astype(int),
            "water": played["reward"].astype(int),
        }
    )
    path = Path(mkdtemp()) / "made_up_animals.csv"
    sheet.to_csv(path, index=False)
    return path


file = FILE or made_up_file()
if file.suffix == ".csv":
    print(*file.read_text().splitlines()[:4], sep="\n")

# %% [markdown]
# ## Reading the file
#
# Say which of your columns is which, and what your codes stand for. What does not fit is refused with the column and row that
# is wrong. Each subject gets a number (`seed`, as networks have), each session of it a number (`episode`), and no lag of any
# analysis crosses from one session to the next. A column `forced` would mark trials in which the animal had no choice: they
# count as experience, not as decisions.

# %%
columns = ("subject=animal", "session=date", "choice=resp", "reward=water", "transition=common")
codes = ("choice=L:0,R:1", "transition=1:common,0:uncommon")
options = animals.Options(file, map=columns, values=codes)
trials = animals.completed(animals.read(options))
names = trials.drop_duplicates("seed").set_index("seed")["subject"]
trials.groupby("subject").agg(sessions=("episode", "nunique"), trials=("trial", "size"), reward=("reward", "mean")).round(3)

# %% [markdown]
# ## Do they stay?
#
# The probability of repeating the first-stage choice, by what it led to. A planner stays after a rewarded common or an
# unrewarded uncommon transition. But stay probability alone does not evaluate_claim the matter: values outlast a trial, so that a
# model-free animal shows some interaction too. Hence the regression below.

# %%
results = experiments.Results("two_step", DATA)
networks = {name: results[name].query("variant == @variants.MAIN") for name in ("fig5c", "fig5e", "fits")}
stay = staying.stay_probability(trials)
figure, axes = plt.subplots(1, len(names) + 1, figsize=(1.4 * (len(names) + 1), 1.8), sharey=True)
panels = {names[seed]: own for seed, own in stay.groupby("seed")} | {"networks": networks["fig5c"]}
for ax, (title, own) in zip(axes, panels.items(), strict=True):
    means = own.groupby(["outcome", "transition"])["stay_probability"].mean()
    for x, ((outcome, transition), mean) in enumerate(means.items()):
        ax.bar(x + 0.4 * (outcome == "unrewarded"), mean, 0.9, color=COLORS[transition], label=transition if x < 2 else None)
    ax.set(title=title, ylim=(0, 1), xticks=[0.5, 2.9])
    ax.set_xticklabels(["rewarded", "not"])
axes[0].set_ylabel("stay probability")
figure.tight_layout()
figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, loc="lower center", bbox_to_anchor=(0.5, -0.1))

# %% [markdown]
# ## What do past trials do to the next choice?
#
# A logistic regression of choice on the last five trials (Miller et al. 2017; Fig. 5d, e of the paper): one weight per kind of
# trial and lag, positive for repeating. The sign after an **uncommon** transition (dotted) tells planning from model-free
# learning: a planner leaves after an uncommon reward, and comes back after an uncommon omission.

# %%
weights = staying.two_step_weights(trials)
panels = {names[seed]: own for seed, own in weights.groupby("seed")} | {"networks": networks["fig5e"]}
figure, axes = plt.subplots(1, len(panels), figsize=(1.4 * len(panels), 2.0), sharex=True)
for ax, (title, own) in zip(axes, panels.items(), strict=True):
    for transition, outcome in behavior.TRIAL_TYPES:
        mean = own[(own["signal"] == f"{transition}/{outcome}") & (own["lag"] > 0)].groupby("lag")["weight"].mean()
        style = {"color": COLORS[outcome], "ls": "-" if transition == "common" else ":"}
        ax.plot(mean.index, mean, label=f"{transition}, {outcome}", **style)
    ax.axhline(0, color="black", lw=0.5)
    ax.set(title=title, xlabel="trials ago", xticks=range(1, 6))
axes[0].set_ylabel("weight on choice (log odds)")
figure.tight_layout()
figure.legend(*axes[0].get_legend_handles_labels(), ncols=4, loc="lower center", bbox_to_anchor=(0.5, -0.1))
lag_1 = weights.query("lag == 1").assign(subject=weights["seed"].map(names))
lag_1.pivot(index="subject", columns="signal", values="weight").round(2)

# %% [markdown]
# ## Which learner predicts their choices?
#
# Model-free, model-based and mixed learners, fitted to each animal by maximum likelihood. The Bayesian information criterion
# (BIC) makes the mixture pay for its additional parameters; lower is better, and differences above about 10 are decisive.
# `planning_weight` and `model_free_weight` are what a unit of each part's value adds to the log odds.

# %%
fits = analysis.fit_models(trials, starts=2, common=options.common)
fits["subject"] = fits["seed"].map(names)
bic = fits.pivot(index="subject", columns="model", values="bic")
bic.sub(bic.min(axis=1), axis=0).round(1)

# %%
parts = {"planning_weight": "planning", "model_free_weight": "model-free", "perseveration": "perseveration"}
mixture = "mixture, eligibility 1"  # the made-up model-free animals credit their first choice with the reward at once
own = fits[fits["model"] == mixture]
trained = networks["fits"][networks["fits"]["model"] == mixture]
figure, ax = plt.subplots(figsize=(3.4, 2.0))
for x, column in enumerate(parts):
    dots(ax, x - 0.15, own[column], COLORS["animal"], size=16)
    dots(ax, x + 0.15, trained[column], COLORS["network"], size=16)
ax.axhline(0, color="black", lw=0.5)
ax.set(ylabel="weight in the fitted mixture", xticks=range(len(parts)), yscale="symlog", ylim=(-0.5, 60))
ax.set_xticklabels(list(parts.values()))
for x, label in enumerate(("animals", "networks")):
    ax.text(0.98, 0.95 - 0.1 * x, label, color=COLORS[label.removesuffix("s")], ha="right", va="top", transform=ax.transAxes)

# %%
own.set_index("subject")[["planning_rate", "learning_rate", "weight", "inverse_temperature", *parts]].round(2)

# %% [markdown]
# The planners are told from the model-free animals by the regression and by the fits; the networks plan, and hardly anything
# else. For tables, parameter recovery and a figure of your own file, run the same from the command line:
#
# ```sh
# python -m replications.two_step.animals my_rats.csv \
#     --map subject=animal session=date choice=resp reward=water transition=common \
#     --values choice=L:0,R:1 transition=1:common,0:uncommon
# ```
