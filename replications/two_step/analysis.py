"""Analyse recorded behaviour and values on the two-step task (Wang et al. 2018, Fig. 5 and Supplementary Fig. 6).

python -m replications.two_step.analysis --help
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro
from tqdm import tqdm

from prefrontal import behavior, claims, plotting, tables
from prefrontal.errors import run
from prefrontal.learners import two_step
from prefrontal.paths import DATA

SARSA_RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Learning rates of the model-free reference; the paper does not state the one it used."""

DISCOUNT = 0.9
"""Of the reference learners' second-stage value, as in the networks. The clusters of the published model-based errors (.066 and
-.605 on entering stage 2) are those of a planner with this discount."""

PUBLISHED_R2 = 0.89
"""Of the network's RPEs with model-based ones (Fig. 5f)."""

EXAMPLE_EPISODES = 30
"""Episodes of one network drawn in Fig. 5f, g (caption)."""

STAGES = {"stage 1": "stage 2", "stage 2": "reward"}
"""Period in which the network acts -> event whose reward prediction error follows."""

EVENTS = {"stage 2": "rpe_stage_2", "reward": "rpe_reward"}
"""Event -> the reference learners' name for its reward prediction error."""


MODELS = {
    "model-free": ("model_free", 0.0),
    "model-free, eligibility 1": ("model_free", 1.0),
    "model-based": ("model_based", 0.0),
    "mixture": ("mixture", 0.0),
    "mixture, eligibility 1": ("mixture", 1.0),
}
"""Learners that are fitted to choices: name -> kind, and eligibility of the model-free part."""

FITTED_EPISODES, FITTED_STARTS = 100, 5
"""Episodes of each network to which learners are fitted, which makes it about as many choices as of a rat; runs per fit."""


@dataclass(frozen=True)
class Options:
    """Where the tables are."""

    data: Path = DATA
    """Data folder."""


def reference_rpes(trials: pd.DataFrame, learner: two_step.Learner) -> pd.DataFrame:
    """Reward prediction errors of a reference learner on somebody's own trials.

    Returns
    -------
    DataFrame
        seed, episode, trial, event ("stage 2" or "reward"), rpe; completed trials only.
    """
    arranged = two_step.arrange(trials)
    replayed = two_step.replay(learner, arranged.choice, arranged.outcome_state, arranged.reward)
    keys = trials[["seed", "episode", "trial"]]
    parts = [keys.assign(event=event, rpe=replayed[name][arranged.index]) for event, name in EVENTS.items()]
    return pd.concat(parts, ignore_index=True).dropna()


EVENT_KEYS = ["seed", "episode", "trial", "event"]


def with_reference(pairs: pd.DataFrame, trials: pd.DataFrame, name: str, learner: two_step.Learner) -> pd.DataFrame:
    """Put a reference learner's reward prediction errors beside those that are there, as column ``name``."""
    return pairs.merge(reference_rpes(trials, learner).rename(columns={"rpe": name}), on=EVENT_KEYS)


def with_model_free(pairs: pd.DataFrame, trials: pd.DataFrame, sarsa_rate: float) -> pd.DataFrame:
    """Put SARSA's reward prediction errors beside those that are there."""
    return with_reference(pairs, trials, "model_free", two_step.ModelFree(learning_rate=sarsa_rate, discount=DISCOUNT))


def model_based_pairs(trials: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """Reward prediction errors of the networks beside those of the planner.

    An episode's last time step is left out: no value follows it, and the network, which is not told the time, cannot foresee
    the end.

    Returns
    -------
    DataFrame
        seed, episode, trial, event, network, model_based.
    """
    own = steps[steps["period"].isin(STAGES) & (steps["step"] < steps["step"].max())]
    own = own.assign(event=own["period"].astype(str).map(STAGES))
    # Of a repeated step only the last, valid response leads on.
    own = own.drop_duplicates(EVENT_KEYS, keep="last")
    pairs = own[[*EVENT_KEYS, "rpe"]].rename(columns={"rpe": "network"})
    return with_reference(pairs, trials, "model_based", two_step.Planner(discount=DISCOUNT))


def paired_rpes(trials: pd.DataFrame, steps: pd.DataFrame, sarsa_rate: float) -> pd.DataFrame:
    """As ``model_based_pairs``, with a column model_free."""
    return with_model_free(model_based_pairs(trials, steps), trials, sarsa_rate)


def rpe_regressions(pairs: pd.DataFrame) -> pd.DataFrame:
    """Explained variance of each network's reward prediction errors, both events together and each alone.

    Returns
    -------
    DataFrame
        seed, event, r2_model_based, r2_model_free, r2_model_free_residual (the model-based part regressed out of the
        model-free errors, as in Fig. 5g), r2_both (both as predictors), weight_model_based and weight_model_free (standardised,
        from that regression), correlation of the two references.
    """
    rows = []
    for seed, block in pairs.groupby("seed"):
        for event in ("both", *STAGES.values()):
            part = block if event == "both" else block[block["event"] == event]
            network, based, free = (part[name].to_numpy(float) for name in ("network", "model_based", "model_free"))
            rows.append(
                {
                    "seed": seed,
                    "event": event,
                    "r2_model_based": behavior.explained_variance(network, [based]),
                    "r2_model_free": behavior.explained_variance(network, [free]),
                    "r2_model_free_residual": behavior.explained_variance(network, [behavior.residual(free, based)]),
                    "r2_both": behavior.explained_variance(network, [based, free]),
                    **behavior.standardized_weights(network, {"model_based": based, "model_free": free}),
                    "correlation": np.corrcoef(based, free)[0, 1] if len(part) > 1 else np.nan,
                }
            )
    return pd.DataFrame(rows)


def part_weights(mixture: Mapping[str, float]) -> dict[str, float]:
    """What a unit of either part's value adds to the log odds of choice in a fitted mixture."""
    weight, temperature = mixture["weight"], mixture["inverse_temperature"]
    return {"planning_weight": weight * temperature, "model_free_weight": (1 - weight) * temperature}


def fit_models(trials: pd.DataFrame, starts: int, common: float = 0.8) -> pd.DataFrame:
    """Fit textbook learners to the choices of every subject that made any, by maximum likelihood.

    The planner knows the transitions and learns how much the second-stage states pay (Miller et al. 2017).

    Parameters
    ----------
    trials : DataFrame
        Trials table of networks or animals.
    starts : int
        Runs of the optimiser per fit.
    common : float
        Probability of the common transition.

    Returns
    -------
    DataFrame
        condition, seed, model, choices (fitted), log_likelihood (nats), likelihood_per_choice (geometric mean), bic (Bayesian
        information criterion, lower is better), converged, the parameters, and for mixtures planning_weight and
        model_free_weight: each part's share of the inverse temperature.
    """
    planner = two_step.LearningPlanner(common=common)
    by_subject = trials.groupby(behavior.SUBJECT, observed=True, sort=True)
    subjects = [(key, own) for key, own in by_subject if tables.free_choices(own).any()]
    rows = []
    for (condition, seed), own in tqdm(subjects, desc="fitting learners", unit="subject", disable=None):
        for model, (kind, eligibility) in MODELS.items():
            found = two_step.fit(kind, own, np.random.default_rng(seed), starts, eligibility, planner)
            choices, total = int(np.isfinite(found.likelihood).sum()), found.log_likelihood
            row = {"condition": condition, "seed": seed, "model": model, "choices": choices, "log_likelihood": total}
            row["likelihood_per_choice"] = np.exp(total / choices)
            row |= {"bic": len(found.parameters) * np.log(choices) - 2 * total, "converged": found.success, **found.parameters}
            rows.append(row | (part_weights(found.parameters) if kind == "mixture" else {}))
    return pd.DataFrame(rows)


def schematic(episodes: int = 1_000, trials: int = 100) -> pd.DataFrame:
    """Stay probabilities of a model-free and a model-based learner that play the task themselves (Fig. 5b).

    The model-free one credits its first-stage choice with the reward at once (eligibility 1), as the paper's schematic implies.
    """
    rng = np.random.default_rng(0)
    model_free = two_step.ModelFree(learning_rate=0.5, eligibility=1.0)
    players = {"model-free": (model_free, 3.0), "model-based": (two_step.Planner(), 5.0)}
    parts = []
    for name, (learner, temperature) in players.items():
        played = two_step.simulate(learner, temperature, episodes, trials, rng)
        parts.append(behavior.stay_probability(played.assign(condition=name, seed=0)))
    return pd.concat(parts, ignore_index=True)


def share_of_best(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward per trial of each network, and as a share of what the best possible agent expects."""
    length = int(trials.groupby(["seed", "episode"])["trial"].size().median())
    best = two_step.belief_state_value(length) / length
    reward = trials.groupby("seed")["reward"].mean()
    return pd.DataFrame({"seed": reward.index, "reward_per_trial": reward.to_numpy(), "best_possible": best}).assign(
        share=lambda frame: frame["reward_per_trial"] / frame["best_possible"]
    )


def settle_claims(weights: pd.DataFrame, stay: pd.DataFrame, interaction: pd.DataFrame, rpes: pd.DataFrame) -> list[dict]:
    """Decide the claims of Fig. 5; the criteria are fixed in advance."""
    rows = []
    for signal, published in published_lag_1().items():
        uncommon_sign = signal in ("common/unrewarded", "uncommon/rewarded")
        criterion = claims.below(0) if uncommon_sign else claims.above(0)
        values = weights.query("signal == @signal and lag == 1")["weight"]
        statement = f"lag-1 weight of {signal.replace('/', ' ')} trials"
        rows.append(claims.settle("twostep-lags", "5e", statement, values, criterion, published, 0.6))
    statement = "reward x transition interaction in staying (log odds), correct side as covariate"
    rows.append(claims.settle("twostep-stay", "5c", statement, interaction["interaction"], claims.above(0)))
    for (transition, outcome), published in published_stay().items():
        values = stay.query("transition == @transition and outcome == @outcome")["stay_probability"]
        statement = f"stay probability after {outcome} {transition} trials"
        rows.append(claims.settle("twostep-stay", "5c", statement, values, None, published, 0.08))
    both = rpes[rpes["event"] == "both"]
    statement = "variance of the RPEs explained by model-based RPEs (r2)"
    rows.append(claims.settle("twostep-rpe-mb", "5f", statement, both["r2_model_based"], claims.above(0.8), PUBLISHED_R2, 0.05))
    statement = "variance explained by model-free RPEs, model-based ones regressed out (r2)"
    rows.append(claims.settle("twostep-rpe-mf", "5g", statement, both["r2_model_free_residual"], claims.below(0.01), 5.8e-7))
    return rows


def published_lag_1() -> dict[str, float]:
    """Published mean weights at lag 1, by signal (Fig. 5e)."""
    frame = plotting.published("fig5e")
    first = frame[frame["series"].str.startswith("meta-RL mean") & (frame["x"].astype(float).round() == 1)]
    return {row.series.removeprefix("meta-RL mean "): row.y for row in first.itertuples()}


def published_stay() -> dict[tuple[str, str], float]:
    """Published mean stay probabilities of the networks, by transition and outcome (Fig. 5c)."""
    frame = plotting.published("fig5c-right").query("series == 'meta-RL mean (bar)'")
    outcomes = {tuple(reversed(row.x.split("/"))): row.y for row in frame.itertuples()}
    return {(transition, outcome): outcomes[transition, outcome] for transition, outcome in behavior.TRIAL_TYPES}


def sarsa_sensitivity(trials: pd.DataFrame, steps: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """RPE regressions for every learning rate of the model-free reference, and the rate that explains the networks best.

    That rate is the one most favourable to the model-free account, so that nothing hinges on a poor choice of it.
    """
    pairs = model_based_pairs(trials, steps)
    rates = pd.concat(
        [rpe_regressions(with_model_free(pairs, trials, rate)).assign(sarsa_rate=rate) for rate in SARSA_RATES], ignore_index=True
    )
    pooled = rates[rates["event"] == "both"].groupby("sarsa_rate")["r2_model_free"].mean()
    return rates, float(pooled.idxmax()) if pooled.notna().any() else SARSA_RATES[0]


def trial_sensitivity(trials: pd.DataFrame, steps: pd.DataFrame, sarsa_rate: float) -> pd.DataFrame:
    """Main results per network for every variant of the trial: lag-1 weights, RPE regressions, share of the best reward."""
    parts = []
    for condition, own in trials.groupby("condition", observed=True):
        weights = behavior.two_step_weights(own).query("lag == 1").pivot(index="seed", columns="signal", values="weight")
        rpes = rpe_regressions(paired_rpes(own, steps[steps["condition"] == condition], sarsa_rate))
        rpes = rpes[rpes["event"] == "both"].set_index("seed")[["r2_model_based", "r2_model_free_residual"]]
        rewards = share_of_best(own).set_index("seed")[["reward_per_trial", "share"]]
        parts.append(pd.concat([weights, rpes, rewards], axis=1).reset_index().assign(condition=condition))
    frame = pd.concat(parts, ignore_index=True)
    return frame[["condition", "seed", *(name for name in frame.columns if name not in ("condition", "seed"))]]


def rpe_input(structure: pd.DataFrame) -> pd.DataFrame:
    """Lag-1 weights, explained variance of RPEs and reward of networks of either input (``claims.by_input``).

    ``structure`` holds the main results of every kind of network (``trial_sensitivity``).
    """
    signals = {"/".join(kind): f"lag-1 weight of {' '.join(kind)} trials" for kind in behavior.TRIAL_TYPES}
    names = signals | {"r2_model_based": "RPE variance explained by model-based RPEs", "reward_per_trial": "reward per trial"}
    wide = structure.set_index(["condition", "seed"])[list(names)].rename(columns=names)
    published = {signals[signal]: value for signal, value in published_lag_1().items()}
    published[names["r2_model_based"]] = PUBLISHED_R2
    return claims.by_input(wide.loc["default"], wide.loc["default_rpe"], published)


def rpe_input_claims(frame: pd.DataFrame) -> list[dict]:
    """Settle twostep-lags and twostep-rpe-mb for networks of the other input."""
    signs = {("common", "unrewarded"): claims.below(0), ("uncommon", "rewarded"): claims.below(0)}
    lags = {f"lag-1 weight of {' '.join(kind)} trials": signs.get(kind, claims.above(0)) for kind in behavior.TRIAL_TYPES}
    r2 = {"RPE variance explained by model-based RPEs": claims.above(0.8)}
    return claims.settle_rpe_input(frame, "5e", lags) + claims.settle_rpe_input(frame, "5f", r2)


def example_points(pairs: pd.DataFrame) -> pd.DataFrame:
    """What Fig. 5f, g draw: the reward prediction errors of one network in a few episodes."""
    first = pairs[(pairs["seed"] == pairs["seed"].min()) & (pairs["episode"] < EXAMPLE_EPISODES)]
    residual = behavior.residual(first["model_free"].to_numpy(float), first["model_based"].to_numpy(float))
    return first[["event", "network", "model_based"]].assign(model_free_residual=residual)


def main(options: Options) -> None:
    """Write one table per panel, and the claims."""
    folder = options.data / "two_step"
    all_trials = tables.read(folder / "trials.parquet", "trials", needs=("transition", "outcome_state", "rich_state"))
    all_steps = tables.read(folder / "steps.parquet", "steps")
    about = tables.read_provenance(folder / "trials.parquet")
    trials, steps = (frame[frame["condition"] == "default"] for frame in (all_trials, all_steps))
    rates, sarsa_rate = sarsa_sensitivity(trials, steps)
    rpes = rates[rates["sarsa_rate"] == sarsa_rate]
    results = {
        "fig5b": schematic(),
        "fig5c": behavior.stay_probability(trials),
        "fig5e": behavior.two_step_weights(trials),
        "fig5fg": rpes,
        "fig5fg_points": example_points(paired_rpes(trials, steps, sarsa_rate)),
        "supplementary6": rates,
        "stay_interaction": behavior.stay_interaction(trials),
        "reward": share_of_best(trials),
        "fits": fit_models(trials[trials["episode"] < FITTED_EPISODES], FITTED_STARTS),
        "trial_structure": trial_sensitivity(all_trials, all_steps, sarsa_rate),
    }
    results["rpe_input"] = rpe_input(results["trial_structure"])
    for name, frame in results.items():
        tables.write(frame, folder / "results" / f"{name}.csv", about=about)
    rows = settle_claims(results["fig5e"], results["fig5c"], results["stay_interaction"], rpes)
    rows += rpe_input_claims(results["rpe_input"])
    claims.write(rows, folder / "results", about)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
