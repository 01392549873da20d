"""Analyse recorded behaviour and values on the two-step task (Wang et al. 2018, Fig. 5 and
Supplementary Fig. 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import minimize_scalar

from prefrontal.analysis import regression, staying
from prefrontal.animals.families import with_part_weights
from prefrontal.experiments import Analysis
from prefrontal.models import fitting, two_step, two_step_learners
from prefrontal.models.model import Model
from prefrontal.models.two_step_learners import REPLAYED, ModelFree, Planner
from prefrontal.publishing import claims
from prefrontal.settings import Settings
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import EPISODE, SUBJECT
from replications.two_step import cue
from replications.two_step.settings import (
    EXAMPLE_EPISODES,
    FITTED_EPISODES,
    FITTED_STARTS,
    IN_TRAINING,
    LARGE,
    MAIN,
    SARSA_RATES,
    TwoStep,
)

STAGES = {"stage 1": "stage 2", "stage 2": "reward"}
"""Period in which the network acts -> event whose reward prediction error follows."""

EVENTS = {"stage 2": "rpe_stage_2", "reward": "rpe_reward"}
"""Event -> the reference learners' name for its reward prediction error."""

EVENT_KEYS = [*SUBJECT, "episode", "trial", "event"]

CONTROLS = (
    "planning",
    "model_free",
    "interaction",
    "r2_model_based",
    "r2_model_free",
    "r2_unlearned",
    "weight_model_based",
    "weight_model_free",
    "weight_unlearned",
    "mixture_planning",
    "mixture_model_free",
    "share",
)
"""Measures of planning and of model-free control."""

BySettings = Mapping[str, Settings[TwoStep]]
"""Variant -> settings of its networks."""


def planner(settings: Settings[TwoStep]) -> Planner:
    """Build the planner that knows the task of networks with these settings, and discounts as they
    do."""
    fixed = {"discount": settings.training.discount, **REPLAYED}
    return Planner(**settings.task.probabilities, fixed=fixed)


def sarsa(learning_rate: float, discount: float, eligibility: float = 0.0) -> ModelFree:
    """Build the model-free reference."""
    known = {"learning_rate": learning_rate, "discount": discount, "eligibility": eligibility}
    return ModelFree(fixed=known | REPLAYED)


def reference_rpes(trials: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Reward prediction errors of a reference model on given trials.

    Returns
    -------
    DataFrame
        variant, subject, episode, trial, event ("stage 2" or "reward"), rpe; completed trials only.
    """
    replayed, keys = model.replay(trials), trials[EVENT_KEYS[:-1]]
    parts = [keys.assign(event=event, rpe=replayed[name]) for event, name in EVENTS.items()]
    return pd.concat(parts, ignore_index=True).dropna()


def with_reference(
    pairs: pd.DataFrame, trials: pd.DataFrame, name: str, model: Model
) -> pd.DataFrame:
    """Add a reference model's reward prediction errors as column ``name``."""
    return pairs.merge(reference_rpes(trials, model).rename(columns={"rpe": name}), on=EVENT_KEYS)


def with_model_free(
    pairs: pd.DataFrame,
    trials: pd.DataFrame,
    sarsa_rate: float,
    settings: BySettings,
    name: str = "model_free",
) -> pd.DataFrame:
    """Add the errors of SARSA, with the networks' discount, as column ``name``."""
    parts = []
    for variant, variant_pairs in pairs.groupby("variant"):
        model = sarsa(sarsa_rate, settings[str(variant)].training.discount)
        parts.append(
            with_reference(variant_pairs, trials[trials["variant"] == variant], name, model)
        )
    return pd.concat(parts, ignore_index=True)


def model_based_pairs(recording: Recording[TwoStep], last_step: bool = False) -> pd.DataFrame:
    """Reward prediction errors of the networks, and of the planner that knows their task.

    Unless ``last_step``, an episode's last time step is left out: no value follows it, and the
    network, which is not told the time, cannot foresee the end.

    Returns
    -------
    DataFrame
        variant, subject, episode, trial, event, network, model_based.
    """
    parts = []
    for variant, steps in recording.steps.groupby("variant"):
        network_rpes = steps[
            steps["period"].isin(STAGES) & (last_step | (steps["step"] < steps["step"].max()))
        ]
        network_rpes = network_rpes.assign(event=network_rpes["period"].astype(str).map(STAGES))
        # If a step was repeated, only the last response, which is valid, leads on.
        network_rpes = network_rpes.drop_duplicates(EVENT_KEYS, keep="last")
        pairs = network_rpes[[*EVENT_KEYS, "rpe"]].rename(columns={"rpe": "network"})
        trials = recording.trials[recording.trials["variant"] == variant]
        parts.append(
            with_reference(pairs, trials, "model_based", planner(recording.settings[str(variant)]))
        )
    return pd.concat(parts, ignore_index=True)


def rpe_regressions(
    pairs: pd.DataFrame,
    references: Sequence[str] = ("model_based", "model_free"),
    events: Sequence[str] = ("both", *EVENTS),
) -> pd.DataFrame:
    """Explained variance of each network's reward prediction errors, both events together and each
    alone.

    Returns
    -------
    DataFrame
        variant, subject, event; for each reference r2_<name>; for all but the first
        r2_<name>_residual (the first one regressed out of its errors, as in Fig. 5g); r2_together
        (all as predictors), for each weight_<name> (standardised, from that regression);
        correlation of the first reference with the last.
    """
    rows = []
    for (variant, subject), block in pairs.groupby(SUBJECT):
        for event in events:
            part = block if event == "both" else block[block["event"] == event]
            network, first, last = (
                part[name].to_numpy(float) for name in ("network", references[0], references[-1])
            )
            reference_errors = {name: part[name].to_numpy(float) for name in references}
            residuals = {
                f"{name}_residual": regression.residual(reference_errors[name], first)
                for name in references[1:]
            }
            rows.append(
                {
                    "variant": variant,
                    "subject": subject,
                    "event": event,
                    **{
                        f"r2_{name}": regression.explained_variance(network, [errors])
                        for name, errors in (reference_errors | residuals).items()
                    },
                    "r2_together": regression.explained_variance(
                        network, list(reference_errors.values())
                    ),
                    **standardized_weights(network, reference_errors),
                    "correlation": np.corrcoef(first, last)[0, 1] if len(part) > 1 else np.nan,
                }
            )
    return pd.DataFrame(rows)


def standardized_weights(
    outcome: np.ndarray, predictors: dict[str, np.ndarray]
) -> dict[str, float]:
    """Weights of a multiple linear regression on z-scored variables, as weight_<name>."""
    values = np.column_stack([outcome, *predictors.values()])
    if len(values) < values.shape[1] + 2 or (np.ptp(values, axis=0) == 0).any():
        return {f"weight_{name}": np.nan for name in predictors}
    z = stats.zscore(values, axis=0)
    weights = np.linalg.lstsq(z[:, 1:], z[:, 0])[0]
    return dict(zip([f"weight_{name}" for name in predictors], weights, strict=True))


def reward_error(trials: pd.DataFrame, settings: BySettings) -> Callable[[float], pd.Series]:
    """Mean squared error of SARSA's predictions of reward, by subject and learning rate. The
    second-stage state's value predicts the reward, the chosen action's the discounted reward. The
    errors of the two are the reward prediction error at reward, and the discounted sum of those of
    the trial.
    """
    by_variant = [
        (variant_trials, sarsa(0.5, discount).prepare(variant_trials), discount)
        for variant, variant_trials in trials.groupby("variant", observed=True)
        for discount in [settings[str(variant)].training.discount]
    ]

    def at(sarsa_rate: float) -> pd.Series:
        parts = []
        for variant_trials, prepared, discount in by_variant:
            errors = sarsa(sarsa_rate, discount).replay(prepared).set_axis(variant_trials.index)
            at_stage_2, at_reward = (errors[name] for name in EVENTS.values())
            squares = (at_reward**2 + (at_stage_2 + discount * at_reward) ** 2) / 2
            parts.append(
                squares.groupby([variant_trials[name] for name in SUBJECT], observed=True).mean()
            )
        return pd.concat(parts)

    return at


def fitted_rate(trials: pd.DataFrame, settings: BySettings) -> float:
    """Learning rate at which SARSA predicts the networks' rewards best, which is the purpose of a
    model-free learner. It is fitted to the networks' trials; their reward prediction errors do not
    enter.
    """
    error = reward_error(trials, settings)
    best = minimize_scalar(lambda rate: error(rate).mean(), bounds=(0, 1), options={"xatol": 1e-4})
    return round(float(best.x), 3)


def reference_rates(
    pairs: pd.DataFrame, trials: pd.DataFrame, settings: BySettings
) -> tuple[pd.DataFrame, float]:
    """RPE regressions, and errors in predicting reward, for every learning rate of SARSA; the
    fitted rate, which is among them.

    The networks are the main ones, or all where those were not recorded.
    """
    if MAIN in set(trials["variant"]):
        pairs, trials = (frame[frame["variant"] == MAIN] for frame in (pairs, trials))
    error, fitted, parts = reward_error(trials, settings), fitted_rate(trials, settings), []
    for rate in sorted({*SARSA_RATES, fitted}):
        regressions = rpe_regressions(with_model_free(pairs, trials, rate, settings))
        parts.append(
            regressions.join(error(rate).rename("reward_error"), on=SUBJECT).assign(sarsa_rate=rate)
        )
    return pd.concat(parts, ignore_index=True), fitted


def fit_models(trials: pd.DataFrame, starts: int, common: float) -> pd.DataFrame:
    """Fit the models of the two-step task to every subject (``fitting.fit_subjects``).

    The planner knows the transitions and learns how much the second-stage states pay (Miller et al.
    2017).

    Returns
    -------
    DataFrame
        As from ``fit_subjects``; for mixtures planning_weight and model_free_weight, what a unit of
        either component's value adds to the log odds of choice.
    """
    return with_part_weights(fitting.fit_subjects(two_step_learners.models(common), trials, starts))


def schematic(settings: Settings[TwoStep], episodes: int = 1_000) -> pd.DataFrame:
    """Stay probabilities of a model-free and a model-based learner that play the task themselves
    (Fig. 5b).

    The model-free one credits its first-stage choice with the reward at once (eligibility 1), as
    the paper's schematic implies.
    """
    rng, known = np.random.default_rng(0), settings.task.probabilities
    task = two_step_learners.TwoStep(episodes, settings.task.trials, **known)
    players: dict[str, tuple[Model, float]] = {
        "model-free": (sarsa(0.5, 1.0, eligibility=1.0), 3.0),
        "model-based": (Planner(**known, fixed=REPLAYED), 5.0),
    }
    parts = []
    for name, (model, temperature) in players.items():
        played = model.simulate(task, {"inverse_temperature": temperature}, rng)
        parts.append(staying.stay_probability(played.assign(variant=name)))
    return pd.concat(parts, ignore_index=True)


def share_of_best(trials: pd.DataFrame, settings: BySettings) -> pd.DataFrame:
    """Reward per trial of each network, and as a fraction of the best possible agent's in its
    task."""
    frame = trials.groupby(SUBJECT)["reward"].mean().rename("reward_per_trial").reset_index()
    best = {
        variant: variant_settings.task.reward_range()[1] / variant_settings.task.trials
        for variant, variant_settings in settings.items()
    }
    frame["best_possible"] = frame["variant"].map(best).astype(float)
    return frame.assign(share=frame["reward_per_trial"] / frame["best_possible"])


def measure_cue(
    trials: pd.DataFrame, weights: pd.DataFrame, pairs: pd.DataFrame, settings: BySettings
) -> dict[str, pd.DataFrame]:
    """Compare a learner that uses the last outcome as a cue with the main networks, in all measures
    that identify planning."""
    trials, weights, pairs = (frame[frame["variant"] == MAIN] for frame in (trials, weights, pairs))
    learner = cue.learner(settings[MAIN])
    pairs = with_reference(pairs, trials, "cue", learner)
    tables = {"cue_rpes": rpe_regressions(pairs, ("model_based", "model_free", "cue"))}
    return tables | cue.measure(trials, weights, learner, planner(settings[MAIN]), settings[MAIN])


def part(recording: Recording[TwoStep], **values: Any) -> Recording:
    """Rows of a recording's trials and steps that have these values in these columns."""
    trials, steps = (
        frame[np.logical_and.reduce([frame[name] == value for name, value in values.items()])]
        for frame in (recording.trials, recording.steps)
    )
    return replace(recording, trials=trials, steps=steps)


def mixture(trials: pd.DataFrame, sarsa_rate: float, settings: Settings[TwoStep]) -> pd.DataFrame:
    """Weights of planner and model-free learner in choices, as a mixture mixes their values,
    by network.

    With a given learning rate this is a logistic regression of choosing right on the difference of
    right and left values in either model, and on the last choice. The model-free one credits its
    choice with the reward at once (eligibility 1).

    Returns
    -------
    DataFrame
        variant, subject, mixture_planning, mixture_model_free (log odds per unit of value).
    """
    discount = settings.training.discount
    seen = [
        model.replay(trials)
        for model in (planner(settings), sarsa(sarsa_rate, discount, eligibility=1.0))
    ]
    last = seen[0]["last_choice"]
    differences = [network["action_value_1"] - network["action_value_0"] for network in seen]
    stay = np.where(last >= 0, 2.0 * last - 1, 0.0)
    design = np.column_stack([*differences, stay, np.ones(len(trials))])
    choice, rows = trials["choice"].to_numpy(), []
    networks: Any = trials.groupby(SUBJECT, observed=True).indices
    for (variant, subject), network in networks.items():
        chosen = network[choice[network] >= 0]
        planning, model_free, *_ = regression.logistic(
            choice[chosen].astype(float), design[chosen]
        ).weights
        rows.append((variant, subject, planning, model_free))
    return pd.DataFrame(rows, columns=[*SUBJECT, "mixture_planning", "mixture_model_free"])


def stay_interaction(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward x transition interaction in staying, in log odds, with the correct side as covariate,
    per subject.

    Logistic regression of stay on outcome, transition, their product and whether the choice was
    correct, coded ±1/2. Without the covariate a subject that merely prefers the richer side also
    shows an interaction (Akam, Costa & Dayan 2015).
    """
    rows = []
    for (variant, subject), block in staying.stays(trials).groupby(SUBJECT, sort=False):
        outcome, transition = (
            (block["outcome"] == "rewarded") - 0.5,
            (block["transition"] == "common") - 0.5,
        )
        design = pd.DataFrame(
            {
                "constant": 1.0,
                "outcome": outcome,
                "transition": transition,
                "interaction": outcome * transition * 2,
                "correct": block["correct"] - 0.5,
            }
        )
        fit = regression.logistic(block["stay"].to_numpy(float), design.to_numpy(float))
        rows.append({"variant": variant, "subject": subject, "interaction": fit.weights[3]})
    return pd.DataFrame(rows, columns=["variant", "subject", "interaction"])


def controls(recording: Recording[TwoStep], sarsa_rate: float) -> pd.DataFrame:
    """Planning and model-free control in choices and reward prediction errors, by network.

    Parameters
    ----------
    recording : Recording
        Of one variant.
    sarsa_rate : float
        Learning rate of the model-free references.

    Returns
    -------
    DataFrame
        variant, subject; planning and model_free (weights of lag 1, log odds); interaction (as
        ``stay_interaction``); r2 and standardised weights of RPEs (``rpe_regressions``),
        those of the planner, SARSA, and expectations that do not learn (SARSA at rate 0);
        weights as from ``mixture``; share of what the best possible agent earns.
    """
    trials, ((_, settings),) = recording.trials, recording.settings.items()
    weights = staying.two_step_weights(trials)
    kinds = {"planning": staying.PLANNER_STAYS, "model_free": staying.MODEL_FREE_STAYS}
    pairs = model_based_pairs(recording)
    for name, rate in (("model_free", sarsa_rate), ("unlearned", 0.0)):
        pairs = with_model_free(pairs, trials, rate, recording.settings, name)
    parts = [
        *(
            staying.staying_by_lag(weights, stays).rename(columns={"lag 1": name})
            for name, stays in kinds.items()
        ),
        stay_interaction(trials),
        rpe_regressions(pairs, ("model_based", "model_free", "unlearned"), ["both"]),
        mixture(trials, sarsa_rate, settings),
        share_of_best(trials, recording.settings),
    ]
    return pd.concat([measure.set_index(SUBJECT) for measure in parts], axis=1)[
        list(CONTROLS)
    ].reset_index()


def over_training(training: Recording, finished: Recording, sarsa_rate: float) -> pd.DataFrame:
    """Both controls at each stage of training, and of the finished networks with the same initial
    scales (``LARGE``) in the same number of episodes.

    Returns
    -------
    DataFrame
        As ``controls``, and trained_episodes.
    """
    stages = []
    for stage in np.sort(training.trials["trained_episodes"].unique()):
        at_stage = part(training, trained_episodes=stage)
        stages.append(controls(at_stage, sarsa_rate).assign(trained_episodes=int(stage)))
    if LARGE in finished.settings:
        as_many = range(training.trials["episode"].max() + 1)
        trials, steps = (
            frame[(frame["variant"] == LARGE) & frame["episode"].isin(as_many)]
            for frame in (finished.trials, finished.steps)
        )
        main = Recording(trials, steps, settings={LARGE: finished.settings[LARGE]})
        stages.append(
            controls(main, sarsa_rate).assign(
                trained_episodes=finished.settings[LARGE].training.episodes
            )
        )
    return storage.leading(pd.concat(stages, ignore_index=True), *SUBJECT, "trained_episodes")


def pooled_weights(trials: pd.DataFrame) -> pd.DataFrame:
    """Lag-1 weights of one regression over all networks' trials, as jackknife pseudo-values.

    Their mean over networks is the pooled weight, up to the jackknife's correction of bias, and
    their interval that of a weight whose unit of replication is the network.

    Returns
    -------
    DataFrame
        variant, subject, signal, weight.
    """
    numbered = trials.groupby(EPISODE, observed=True).ngroup()

    def fitted(rows: pd.DataFrame) -> pd.Series:
        one = rows.assign(episode=numbered[rows.index], **{SUBJECT[1]: 0})
        return staying.two_step_weights(one).query("lag == 1").set_index("signal")["weight"]

    parts = []
    for variant, networks in trials.groupby("variant", observed=True):
        subjects = networks[SUBJECT[1]].unique()
        whole = fitted(networks)
        for subject in subjects:
            others, pseudo_value = networks[networks[SUBJECT[1]] != subject], whole
            if len(others):
                pseudo_value = whole + (len(subjects) - 1) * (whole - fitted(others))
            key = dict(zip(SUBJECT, (variant, subject), strict=True))
            parts.append(pseudo_value.reset_index().assign(**key))
    return storage.leading(pd.concat(parts, ignore_index=True), *SUBJECT)


def before_planning(training: pd.DataFrame) -> pd.DataFrame:
    """Training episodes until planning emerges, and both controls at the stages before, one row per
    network. Planning has emerged when its weight in the mixture reaches half of its last value; NaN
    if it never does.
    """
    rows = {}
    for key, stages in training.sort_values("trained_episodes").groupby(SUBJECT):
        weight = stages["mixture_planning"]
        there = (weight >= weight.iloc[-1] / 2) & (weight.iloc[-1] > 0)
        before = stages[~there.cummax()]
        rows[key] = {
            "planning": stages["trained_episodes"].where(there).min(),
            "weights": (before["model_free"] - before["planning"]).mean(),
            "RPEs": (before["weight_model_free"] - before["weight_model_based"]).mean(),
            "unlearned": before["r2_unlearned"].mean(),
            "mixture": (before["mixture_model_free"] - before["mixture_planning"]).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(SUBJECT)


def analyse(recording: Recording[TwoStep]) -> dict[str, pd.DataFrame]:
    """Measure behaviour and, where steps were recorded, reward prediction errors;
    rpe_regressions_by_rate is about the main networks."""
    stages = {
        name: settings_of for name, settings_of in recording.settings.items() if name == IN_TRAINING
    }
    if stages:
        training = replace(part(recording, variant=IN_TRAINING), settings=stages)
        trials, steps = (
            frame[frame["variant"] != IN_TRAINING] for frame in (recording.trials, recording.steps)
        )
        settings = {
            name: settings_of
            for name, settings_of in recording.settings.items()
            if name not in stages
        }
        recording = replace(recording, trials=trials, steps=steps, settings=settings)
    trials, settings = recording.trials, recording.settings
    measured = {
        "stay_probability": staying.stay_probability(trials),
        "lag_weights": staying.two_step_weights(trials),
        "stay_interaction": stay_interaction(trials),
        "reward": share_of_best(trials, settings),
    }
    if len(recording.steps):
        pairs = model_based_pairs(recording)
        measured["rpe_regressions_by_rate"], rate = reference_rates(pairs, trials, settings)
        pairs = with_model_free(pairs, trials, rate, settings)
        measured["rpe_regressions"] = rpe_regressions(pairs).assign(sarsa_rate=rate)
        whole = rpe_regressions(
            model_based_pairs(recording, last_step=True), ("model_based",), ("both",)
        )
        measured["last_step"] = whole[[*SUBJECT, "r2_model_based"]]
        if MAIN in settings:
            measured["pooled_weights"] = pooled_weights(trials[trials["variant"] == MAIN])
            measured |= measure_cue(trials, measured["lag_weights"], pairs, settings)
        if stages:
            measured["training"] = over_training(training, recording, rate)
    return measured


def lag_1(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lag-1 weights, one row per network and one column per trial type."""
    return (
        measured["lag_weights"]
        .query("lag == 1")
        .pivot(index=SUBJECT, columns="signal", values="weight")
    )


def pooled_rpes(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """RPE regressions of both events together, a row per network."""
    return measured["rpe_regressions"].query("event == 'both'").set_index(SUBJECT)


def beside_cue(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the networks and the cue learner, one row per main network."""
    likelihood = measured["cue_rules"].pivot(index=SUBJECT, columns="rule", values="log_likelihood")
    rpes = measured["cue_rpes"].query("event == 'both'").set_index(SUBJECT)
    later = (
        measured["cue_lags"].query("variant == @MAIN").set_index(SUBJECT)[cue.LATER].mean(axis=1)
    )
    return pd.DataFrame(
        {
            "likelihood": likelihood["planner"] - likelihood["cue"],
            "lags 2-5": later,
            "r2": rpes["r2_cue"],
            "r2, residual": rpes["r2_cue_residual"],
            "weight": rpes["weight_cue"],
        }
    )


def claim_measures(measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measures of the claims."""
    stays = measured["stay_probability"]
    stays = stays.assign(measure="after " + stays["outcome"] + " " + stays["transition"])
    stays = stays.pivot(index=SUBJECT, columns="measure", values="stay_probability")
    after = [f"after {outcome} {transition}" for transition, outcome in two_step.TRIAL_TYPES]
    parts = [
        claims.measures("twostep-lags", lag_1(measured), lambda name: name.replace("/", " ")),
        claims.measures("twostep-stay", stays.reindex(columns=after)),
        claims.measures("twostep-stay", measured["stay_interaction"]),
    ]
    if "pooled_weights" in measured:
        pooled = measured["pooled_weights"].pivot(index=SUBJECT, columns="signal", values="weight")
        parts.append(claims.measures("twostep-pooled", pooled, lambda name: name.replace("/", " ")))
    if "rpe_regressions" in measured:
        parts.append(
            claims.measures("twostep-rpe-mb", pooled_rpes(measured), {"r2_model_based": "r2"})
        )
        parts.append(
            claims.measures(
                "twostep-rpe-mb", measured["last_step"], {"r2_model_based": "r2, last step too"}
            )
        )
        parts.append(
            claims.measures(
                "twostep-rpe-mf", pooled_rpes(measured), {"r2_model_free_residual": "r2"}
            )
        )
        by_rate = measured["rpe_regressions_by_rate"].query(
            "event == 'both' and sarsa_rate in @SARSA_RATES"
        )
        by_rate = by_rate.pivot(
            index=SUBJECT, columns="sarsa_rate", values="r2_model_free_residual"
        )
        parts.append(claims.measures("twostep-rpe-mf", by_rate, "r2, rate {:g}".format))
    if "cue_rules" in measured:
        parts.append(claims.measures("twostep-cue", beside_cue(measured)))
    if "training" in measured:
        training = measured["training"].query("variant == @IN_TRAINING")
        parts.append(claims.measures("twostep-training", before_planning(training)))
    return pd.concat(parts, ignore_index=True)


def example_points(recording: Recording[TwoStep], sarsa_rate: float) -> pd.DataFrame:
    """Data of Fig. 5f, g: reward prediction errors of one network in a few episodes."""
    first = recording.trials["subject"].min()
    trials, steps = (
        frame[
            (frame["variant"] == MAIN)
            & (frame["subject"] == first)
            & (frame["episode"] < EXAMPLE_EPISODES)
        ]
        for frame in (recording.trials, recording.steps)
    )
    pairs = model_based_pairs(Recording(trials, steps, settings=recording.settings))
    pairs = with_model_free(pairs, trials, sarsa_rate, recording.settings)
    residual = regression.residual(
        pairs["model_free"].to_numpy(float), pairs["model_based"].to_numpy(float)
    )
    return pairs[["event", "network", "model_based"]].assign(model_free_residual=residual)


def further_tables(
    recording: Recording[TwoStep], measured: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Further tables: simulated learners (5b), single errors (5f, g), fitted learners, and the main
    results by variant."""
    settings, trials = recording.settings[MAIN], recording.trials
    fitted = trials[(trials["variant"] == MAIN) & (trials["episode"] < FITTED_EPISODES)]
    r2 = pooled_rpes(measured)[["r2_model_based", "r2_model_free_residual"]]
    rewards = measured["reward"].set_index(SUBJECT)[["reward_per_trial", "share"]]
    return {
        "stay_probability_models": schematic(settings),
        "rpe_examples": example_points(
            recording, measured["rpe_regressions"]["sarsa_rate"].iloc[0]
        ),
        "fits": fit_models(fitted, FITTED_STARTS, settings.task.common),
        "trial_structure": pd.concat([lag_1(measured), r2, rewards], axis=1).reset_index(),
    }


ANALYSIS = Analysis(analyse=analyse, measures=claim_measures, further_tables=further_tables)
