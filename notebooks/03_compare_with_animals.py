# %% [markdown]
# # Compare your own animals with the networks
#
# Trials of animals and networks share one table format, and the same analyses apply. This notebook
# reads a CSV file of the two-step task, compares the animals' behaviour with that of the networks,
# fits models to their choices, and replays the animals' trials with the frozen networks. It runs in
# less than two minutes.
#
# **To use your own file, set `FILE`** (and, if they differ, the columns below) and run the notebook
# again; **for a published data set, set `DATASET`** (`prefrontal data list` names them). Without
# either it simulates four animals: two that plan, and two that do not. The analyses do not know
# which is which.

# %%
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import prefrontal
from prefrontal.animals import families, panels, sheet
from prefrontal.models import bandit_learners, fitting, two_step_learners
from prefrontal.publishing.plotting import COLORS, dots
from prefrontal.publishing.results import Results

plt.style.use("prefrontal.publishing.paper")
FILE: Path | None = None  # Path("my_rats.csv")
DATASET: str | None = None  # "miller_2022"

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
    planner = two_step_learners.LearningPlanner(0.8)
    model_free = two_step_learners.ModelFree(fixed={"eligibility": 1.0})
    parameters = {"planning_rate": 0.5, "learning_rate": 0.5, "inverse_temperature": 4.0}
    parameters |= {"perseveration": 0.5, "bias": 0.0}
    parts = []
    for seed, name in enumerate(("Ada", "Bea", "Cal", "Dot")):
        task = two_step_learners.TwoStep(8, 150, common=0.8, rich=0.8, reversal=0.02)
        model = planner if seed < 2 else model_free
        trials = model.simulate(task, parameters, np.random.default_rng(seed))
        parts.append(trials.assign(animal=name))
    trials = pd.concat(parts)
    table = pd.DataFrame(
        {
            "animal": trials["animal"],
            "date": "2026-01-" + (trials["episode"] + 1).astype(str).str.zfill(2),
            "resp": trials["choice"].map({0: "L", 1: "R"}),
            "common": (trials["transition"] == "common").astype(int),
            "water": trials["reward"].astype(int),
        }
    )
    path = Path(mkdtemp()) / "simulated_animals.csv"
    table.to_csv(path, index=False)
    return path


file = FILE or simulated_file()
print(*file.read_text().splitlines()[:4], sep="\n")

# %% [markdown]
# ## Reading the file
#
# A task family defines which columns a file needs, which models are fitted, and which networks are
# shown for comparison. Name your columns, and recode their values. Errors name column and row. A
# column `forced` marks trials in which the animal had no choice: they count as experience, not as
# decisions. Missing choices are missed trials.

# %%
family = families.families()["two_step"]
columns = {
    "subject": "animal",
    "session": "date",
    "choice": "resp",
    "reward": "water",
    "transition": "common",
}
recoding = {"choice": {"L": 0, "R": 1}, "transition": {1: "common", 0: "uncommon"}}
table = (
    sheet.read(prefrontal.load_data(DATASET), form=family.form)
    if DATASET
    else sheet.read(file, columns, recoding, form=family.form)
)
trials = family.prepare(table)
summary = {
    "sessions": ("episode", "nunique"),
    "trials": ("trial", "size"),
    "reward": ("reward", "mean"),
}
trials.groupby("subject").agg(**summary).round(3)

# %% [markdown]
# ## Do they stay, and how do past trials affect the next choice?
#
# The probability of repeating the first-stage choice, by transition and outcome, and a logistic
# regression of choice on the last five trials (Miller et al. 2017; Fig. 5d, e of the paper): one
# weight per trial type and lag, positive for repeating. The sign after an **uncommon**
# transition (dotted) distinguishes planning from model-free learning: a planner switches after an
# uncommon reward, and stays after an uncommon omission. Stay probability alone is not decisive:
# values persist over trials, so a model-free animal also shows some interaction.

# %%
networks = families.network_tables(family, Results(family.experiment))
tables = families.behaviour(family, trials)
weights = tables["lag_weights"]
groups = dict(list(weights.groupby("subject")))
groups["networks"] = networks["lag_weights"]
drawn, axes = plt.subplots(1, len(groups), figsize=(1.6 * len(groups), 2.2), sharex=True)
for ax, (title, rows) in zip(axes, groups.items(), strict=True):
    panels.draw_weights(ax, rows, title)
    ax.get_legend().set_visible(ax is axes[0])
axes[0].set_ylabel("weight on choice (log odds)")
drawn.tight_layout()
weights.query("lag == 1").pivot(index="subject", columns="signal", values="weight").round(2)

# %%
kinds = ["transition", "outcome"]
tables["stay_probability"].pivot(index="subject", columns=kinds, values="stay_probability").round(2)

# %% [markdown]
# ## Which model predicts their choices?
#
# Model-free, model-based and mixed models, fitted to each animal by maximum likelihood. The
# Bayesian information criterion (BIC) penalises the mixture's additional parameters; lower is
# better, and differences above about 10 are decisive. `planning_weight` and `model_free_weight` are
# the log odds per unit of each component's value.

# %%
models = family.models(trials, None)
fits = families.with_part_weights(fitting.fit_subjects(models, trials, starts=2))
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
fitted, trained = (table[table["model"] == mixture] for table in (fits, networks["fits"]))
drawn, ax = plt.subplots(figsize=(3.4, 2.0))
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
# plan, with hardly any model-free contribution.
#
# ## Do the networks predict the animals' choices?
#
# Frozen networks replay each animal's history: they see its choices and rewards and give, before
# every choice, their own probabilities of left and right. A readout with three parameters (inverse
# temperature, perseveration, side bias), fitted to the animal, turns the networks' mean log odds
# into predictions, which are compared with the models' predictions of held-out choices.

# %%
trained = prefrontal.load("two_step")
policy = trained.predict(trials, activity=False)
likely = policy[["p_left", "p_right"]].clip(lower=1e-9)
odds = np.log(likely["p_right"] / likely["p_left"]).to_numpy().reshape(-1, len(trials)).mean(axis=0)
readout = bandit_learners.GivenValues(name="networks")
fed = fitting.fit_subjects([readout], trials.assign(value_0=0.0, value_1=odds), starts=2)
likelihood = pd.concat([fits, fed])
predicted = likelihood.pivot(index="subject", columns="model", values="cross_validated")
above = predicted.sub(predicted["model-free"], axis=0).drop(columns="model-free")
drawn, ax = plt.subplots(figsize=(4.6, 2.0))
for x, name in enumerate(above):
    color = COLORS["network"] if name == readout.name else COLORS["animal"]
    dots(ax, x, above[name], color, size=16)
ax.axhline(0, color="black", lw=0.5)
ax.set(ylabel="log likelihood per choice\nabove model-free (nats)", xticks=range(above.shape[1]))
ax.set_xticklabels([name.replace(", ", ",\n") for name in above])
above.round(3)

# %% [markdown]
# The networks, which have never seen these animals, predict the planners almost as well as the
# model that generated their choices, and the model-free animals far worse than theirs.
# Predictions for mice, rats, monkeys and people are compared in `replications/choices`.
#
# ## Neurons, if there are any
#
# The same call also returns the activity of the networks' units on the animals' trials, which can
# be analysed by the same regressions as neurons. `replications/neurons` does so for 661 published
# neurons of monkeys:
#
# ```python
# units, counts = prefrontal.load_units("miranda_2026")
# activity = trained.predict(trials)  # columns unit_00, unit_01, ...
# ```
#
# ## All in one command
#
# The command does all this and more in one go: it writes tables, a report in words, and a figure
# with parameter and model recovery, for this and other tasks (`prefrontal animals --help`):
#
# ```sh
# prefrontal animals two_step my_rats.csv \
#     --columns subject=animal session=date choice=resp reward=water transition=common \
#     --recode choice=L:0,R:1 transition=1:common,0:uncommon
# ```
