from prefrontal.analysis import staying
from prefrontal.tables import storage

"""Strategies for n arms, and the commands that bring animals' choices beside networks."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import expit

from prefrontal import statistics
from prefrontal.animals import bandit, read
from prefrontal.errors import UserError
from prefrontal.models import bandit, fitting, rescorla_wagner, two_step
from prefrontal.models import choice_models as learners
from prefrontal.models.softmax import RATES, at_rate
from replications.bandit import animals as bandits
from replications.probability_matching import animals as matching
from replications.volatile_bandit import animals as reversal

PARAMETERS = {"learning_rate": 0.3, "inverse_temperature": 5.0, "perseveration": 0.4, "after_win": 2.0, "after_loss": -0.5}


def play(strategy, kind=bandits, arms=2, sessions=4, trials=150, seed=0, **parameters):
    rng = np.random.default_rng(seed)
    biases = {f"bias_{arm}": 0.0 for arm in range(1, arms)}
    p_reward = kind.schedule(rng, sessions, trials, arms)
    return learners.simulate(strategy, PARAMETERS | biases | parameters, p_reward, rng, kind.KIND.baited).assign(seed=seed)


def said(strategy, trials, arms, rate=None):
    cue = learners.watch(strategy, trials, arms)["inverse_temperature"]
    return (cue if rate is None else at_rate(cue, rate)).reshape(trials["episode"].nunique(), -1, arms)


def test_cues_are_the_values_of_the_other_learners():
    trials = play("delta rule", arms=3, trials=40)
    choice, reward = (trials[name].to_numpy().reshape(4, 40) for name in ("choice", "reward"))
    rate = float(RATES[100])
    assert said("delta rule", trials, 3, rate) == pytest.approx(bandit.action_values(choice, reward, rate, arms=3), abs=1e-6)
    assert said("counting", trials, 3) == pytest.approx(bandit.posterior(choice, reward, arms=3)[0], abs=1e-6)
    trials = play("delta rule", trials=40)
    pays_left = (trials["reward"] > 0).to_numpy() == (trials["choice"] == 0).to_numpy()
    mirrored = said("delta rule, both arms", trials, 2, rate)
    assert mirrored[..., 0] == pytest.approx(rescorla_wagner.values(pays_left.reshape(4, 40), rate), abs=1e-6)
    assert mirrored.sum(-1) == pytest.approx(1, abs=1e-6)


@given(rate=st.floats(0, 1))
@example(rate=0.9967)  # between the last two known ones
def test_values_between_known_rates_are_near_the_exact_ones_and_have_no_kink(rate):
    outcomes = np.random.default_rng(0).random(60) < 0.7
    known = rescorla_wagner.values(outcomes, RATES)
    assert at_rate(known, rate) == pytest.approx(rescorla_wagner.values(outcomes, rate), abs=1e-6)
    knot = RATES[np.clip(np.searchsorted(RATES, rate), 1, len(RATES) - 2)]
    below, at, above = (at_rate(known, knot + gap) for gap in (-1e-7, 0, 1e-7))
    assert above - at == pytest.approx(at - below, abs=1e-9)


def test_forgetting_and_last_outcomes_by_hand():
    trials = pd.DataFrame({"choice": [0, 1, -1, 1], "reward": [1.0, 0, 0, 0], "trial": range(4)})
    trials = trials.assign(seed=0, variant="c", episode=0)
    value = at_rate(learners.watch("delta rule, forgetting", trials, 2)["inverse_temperature"], float(RATES[100]))
    assert value[:, 0] == pytest.approx([0, 0.25, 0.25 * 0.75, 0.25 * 0.75], abs=1e-6) and (value[:, 1] == 0).all()
    cues = learners.watch("win-stay lose-shift", trials, 2)
    assert cues["after_win"].tolist() == [[0, 0], [1, 0], [0, 0], [0, 0]]
    assert cues["after_loss"].tolist() == [[0, 0], [0, 0], [0, 1], [0, 1]]
    assert cues["choice"].tolist() == [0, 1, -1, 1]


@pytest.mark.parametrize(("strategy", "kind", "arms"), [("delta rule", bandits, 4), ("win-stay lose-shift", bandits, 3)])
def test_strategies_of_n_arms_are_recovered_and_told_apart(strategy, kind, arms):
    trials = play(strategy, kind, arms, sessions=8)
    found = bandit.fit_strategies(trials, arms, np.random.default_rng(0), starts=2).set_index("model")
    assert found["bic"].idxmin() == strategy and found["cross_validated"].idxmax() == strategy
    own = found.loc[strategy]
    for name in learners.STRATEGIES[strategy]:
        assert own[name] == pytest.approx(PARAMETERS[name], rel=0.25, abs=0.15), name
    assert own["log_likelihood"] == pytest.approx(own["choices"] * np.log(own["likelihood_per_choice"]))


def test_two_preferences_have_the_likelihood_of_log_odds():
    choice, odds = np.array([0, 1, 1, -1]), np.array([0.3, -1.0, 2.0, 0.0])
    both = fitting.log_probabilities(choice, np.stack([np.ones(4), 1 + odds], axis=-1))
    assert both == pytest.approx(fitting.log_probabilities(choice, odds), nan_ok=True)
    assert np.exp(both[1]) == pytest.approx(expit(-1.0))


def test_forced_choices_and_what_is_at_stake():
    trials = play("delta rule").assign(forced=lambda own: own["trial"] % 3 == 0)
    assert ((learners.watch("delta rule", trials, 2)["choice"] < 0) == trials["forced"]).all()
    staked = learners.watch("delta rule", trials.assign(magnitude_0=2.0, magnitude_1=3.0), 2)["inverse_temperature"]
    assert staked == pytest.approx(learners.watch("delta rule", trials, 2)["inverse_temperature"] * [2.0, 3.0])


def test_learning_rates_differ_by_block():
    parts = [play("delta rule, both arms", reversal, sessions=6, seed=k, learning_rate=rate) for k, rate in enumerate((0.1, 0.6))]
    blocks = pd.concat(
        [
            own.assign(block=name, episode=own["episode"] + 10 * k, seed=0)
            for k, (name, own) in enumerate(zip(("stable", "volatile"), parts, strict=True))
        ]
    )
    rates = bandit.block_rates(blocks.reset_index(drop=True), "delta rule, both arms", 2, 2).set_index("block")["learning_rate"]
    assert rates["stable"] == pytest.approx(0.1, abs=0.06) and rates["volatile"] == pytest.approx(0.6, abs=0.15)


def test_pooled_mean_counts_precise_subjects_more_and_finds_their_spread():
    rng = np.random.default_rng(0)
    error = rng.choice([0.1, 2.0], size=400)
    found = statistics.pooled(3 + 0.5 * rng.standard_normal(400) + error * rng.standard_normal(400), error)
    assert found["pooled"] == pytest.approx(3, abs=0.1) and found["between"] == pytest.approx(0.5, abs=0.1)
    assert found["pooled_low"] < found["pooled"] < found["pooled_high"] and found["pooled_high"] - found["pooled_low"] < 0.2
    alone = statistics.pooled([1.0, np.nan], [0.1, np.nan])
    assert alone["pooled"] == 1 and alone["pooled_low"] == -np.inf


def sheet(path, strategy, kind, arms, **columns):
    """A file as hBayesDM's: tab-separated, arms from 1, losses -1."""
    parts = [play(strategy, kind, arms, sessions=1, trials=100, seed=seed).assign(subjID=f"s{seed}") for seed in range(2)]
    own = pd.concat(parts, ignore_index=True)
    outcome = np.where(own["reward"] > 0, 1, -1)
    frame = pd.DataFrame({"subjID": own["subjID"], "trial": own["trial"] + 1, "choice": own["choice"] + 1, "outcome": outcome})
    frame.assign(**columns).to_csv(path, sep="\t", index=False)
    return path


def recorded(data, kind, **columns):
    """Recorded trials, as if of two networks."""
    parts = [
        play("delta rule", kind, seed=seed, sessions=3, trials=60).assign(variant=columns["variant"]) for seed in range(2)
    ]
    storage.write(pd.concat(parts).assign(**columns), data / kind.KIND.experiment / "trials.parquet", "trials", {})
    return data


HUMAN = {"magnitude_left": 50.0, "magnitude_right": 50.0, "volatile": True, "trained_episodes": np.nan, "test": "human schedule"}
COMMANDS = [
    (bandits, "delta rule", 3, {"variant": "independent", "test": "drawn"}),
    (matching, "delta rule, forgetting", 2, {"variant": "2_steps"}),
    (reversal, "delta rule, both arms", 2, {"variant": "tied", **HUMAN}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "strategy", "arms", "networks"), COMMANDS, ids=lambda own: getattr(own, "__name__", None))
def test_a_file_of_hbayesdm_goes_through_in_one_command(tmp_path, coarse, kind, strategy, arms, networks):
    path = sheet(tmp_path / "study.txt", strategy, kind, arms)
    data = recorded(tmp_path / "data", kind, **networks)
    codes = ",".join(f"{arm + 1}:{arm}" for arm in range(arms))
    options = bandit.Options(
        path,
        ("subject=subjID", "reward=outcome"),
        (f"choice={codes}", "reward=-1:0,1:1"),
        "humans",
        starts=1,
        repeats=1,
        lags=2,
        data=data,
    )
    bandit.command(kind.KIND, options)
    folder = tmp_path / f"study_{kind.KIND.experiment}"
    assert {part.name for part in tmp_path.iterdir()} == {"study.txt", "data", folder.name}
    weights = storage.read(folder / "lag_weights.csv")
    assert set(weights["subject"]) == {"s0", "s1"} and weights.query("signal == 'reward' and lag == 1")["weight"].mean() > 0.5
    assert set(storage.read(folder / "summary.csv")["best_by_bic"]) & {strategy}
    assert set(storage.read(folder / "block_rates.csv")["block"]) == {"first half", "second half"}
    confusion = storage.read(folder / "confusion.csv")
    assert (
        len(confusion) == len(learners.strategies(arms)) ** 2
        and confusion.groupby("simulated")["percentage"].sum().max() <= 100.01
    )
    group = storage.read(folder / "group.csv").set_index("measure")
    assert group.loc["reward, 1 back", ["n", "undetermined"]].tolist() == [2, 0] and np.isfinite(
        group.loc["reward, 1 back", "pooled"]
    )
    caption = " ".join((folder / f"fig{kind.KIND.figure}_animals.txt").read_text().split())
    assert "2 humans (file study.txt; source not stated; licence not stated)" in caption
    about = json.loads((folder / "manifest.json").read_text())["fits.csv"]
    assert about["file"] == "study.txt" and about["species"] == "humans"


def test_what_a_command_lacks_is_said_before_any_work(tmp_path):
    path = sheet(tmp_path / "study.txt", "delta rule", bandits, 2)
    mapping, codes = ("subject=subjID", "reward=outcome"), ("choice=1:0,2:1", "reward=-1:0,1:1")
    with pytest.raises(UserError, match=r"bandit/trials\.parquet: no such table"):
        bandit.command(bandits.KIND, bandit.Options(path, mapping, codes, data=tmp_path / "elsewhere"))
    data = recorded(tmp_path / "data", bandits, variant="independent", test="drawn")
    cases = {"--map reward=": ((), codes), "--values choice=": (mapping, codes[1:]), "--values reward=": (mapping, codes[:1])}
    for named, (columns, values) in cases.items():
        with pytest.raises(UserError, match=named):
            bandit.command(bandits.KIND, bandit.Options(path, columns, values, data=data))
    assert not (tmp_path / "study_bandit").exists()


def test_animals_whose_choices_determine_nothing_are_named():
    usual = play("delta rule", sessions=2).assign(subject="usual")
    odd = [
        usual.assign(subject=name, seed=k + 1, **columns)
        for k, (name, columns) in enumerate({"same": {"choice": 0}, "never": {"reward": 0.0}}.items())
    ]
    trials = read.read(pd.concat([usual, *odd, usual.head(3).assign(subject="few", seed=9)]).drop(columns="seed"))
    found = dict(bandit.analyse(trials, bandits.KIND, starts=1, repeats=1))
    named = found["undetermined"].set_index(["subject", "analysis"])["why"]
    assert "one choice only" in named["same", "fits of learners"] and "3 choices for" in named["few", "fits of learners"]
    perfect = pd.DataFrame({"choice": np.repeat([0, 1, 0, 1], 20), "reward": np.tile([1] * 19 + [0], 4)})
    found_too = dict(bandit.analyse(read.read(perfect), bandits.KIND, starts=1, repeats=1))["undetermined"]
    assert "after_win is at its bound, 8" in found_too.set_index("analysis").loc["fit of win-stay lose-shift", "why"].tolist()
    assert {"same", "never", "few"} == set(named.xs("lag weights", level="analysis").index)
    assert set(found["fits"]["seed"]) == {0, 2} and found["lag_weights"]["seed"].nunique() == 4


def test_learners_refuse_rewards_in_other_units_by_name():
    trials = play("delta rule", sessions=1)
    trials["reward"] *= 0.04
    with pytest.raises(UserError, match=r"reward 0\.04 is neither 0 nor 1.*--values reward="):
        learners.watch("delta rule", trials, 2)
    states = trials.assign(outcome_state="S1", transition="common")
    with pytest.raises(UserError, match=r"reward 0\.04 is neither 0 nor 1.*--values reward="):
        two_step.fit("mixture", states, np.random.default_rng(0))


def test_win_stay_probability_by_hand():
    trials = pd.DataFrame({"choice": [0, 0, 1, 1, 2, -1, 2], "reward": [1.0, 0, 1, 1, 0, 0, 0]})
    stay = staying.stay_probability(read.read(trials, arms=3)).set_index("outcome")
    assert stay["stay_probability"].to_dict() == pytest.approx({"rewarded": 2 / 3, "unrewarded": 0.0})
    assert stay["trials"].to_dict() == {"rewarded": 3, "unrewarded": 1}
