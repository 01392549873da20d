"""Models of choice among n arms, and the analysis of animals next to networks."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import expit

from prefrontal import statistics
from prefrontal.analysis import staying
from prefrontal.animals import bandit as bandit_animals
from prefrontal.animals import read
from prefrontal.errors import UserError
from prefrontal.models import bandit, choice_models, fitting, rescorla_wagner, two_step
from prefrontal.models.softmax import RATES, at_rate
from prefrontal.tables import storage
from replications.bandit import animals as bandits
from replications.probability_matching import animals as matching
from replications.volatile_bandit import animals as reversal

PARAMETERS = {
    "learning_rate": 0.3,
    "inverse_temperature": 5.0,
    "perseveration": 0.4,
    "after_win": 2.0,
    "after_loss": -0.5,
}


def play(strategy, family=bandits, arms=2, sessions=4, trials=150, seed=0, **parameters):
    rng = np.random.default_rng(seed)
    biases = {f"bias_{arm}": 0.0 for arm in range(1, arms)}
    p_reward = family.schedule(rng, sessions, trials, arms)
    parameters = PARAMETERS | biases | parameters
    baited = family.FAMILY.baited
    simulated = choice_models.simulate(strategy, parameters, p_reward, rng, baited)
    return simulated.assign(seed=seed)


def cue_values(strategy, trials, arms, rate=None):
    cue = choice_models.watch(strategy, trials, arms)["inverse_temperature"]
    return (cue if rate is None else at_rate(cue, rate)).reshape(
        trials["episode"].nunique(), -1, arms
    )


def test_cues_are_the_values_of_the_other_models():
    trials = play("delta rule", arms=3, trials=40)
    choice, reward = (trials[name].to_numpy().reshape(4, 40) for name in ("choice", "reward"))
    rate = float(RATES[100])
    values = bandit.action_values(choice, reward, rate, arms=3)
    assert cue_values("delta rule", trials, 3, rate) == pytest.approx(values, abs=1e-6)
    mean, _ = bandit.posterior(choice, reward, arms=3)
    assert cue_values("counting", trials, 3) == pytest.approx(mean, abs=1e-6)
    trials = play("delta rule", trials=40)
    pays_left = (trials["reward"] > 0).to_numpy() == (trials["choice"] == 0).to_numpy()
    mirrored = cue_values("delta rule, both arms", trials, 2, rate)
    values = rescorla_wagner.values(pays_left.reshape(4, 40), rate)
    assert mirrored[..., 0] == pytest.approx(values, abs=1e-6)
    assert mirrored.sum(-1) == pytest.approx(1, abs=1e-6)


@given(rate=st.floats(0, 1))
@example(rate=0.9967)  # between the last two of the grid
def test_values_between_grid_rates_are_accurate_and_smooth(rate):
    outcomes = np.random.default_rng(0).random(60) < 0.7
    known = rescorla_wagner.values(outcomes, RATES)
    assert at_rate(known, rate) == pytest.approx(rescorla_wagner.values(outcomes, rate), abs=1e-6)
    knot = RATES[np.clip(np.searchsorted(RATES, rate), 1, len(RATES) - 2)]
    below, at, above = (at_rate(known, knot + gap) for gap in (-1e-7, 0, 1e-7))
    assert above - at == pytest.approx(at - below, abs=1e-9)


def test_forgetting_and_last_outcomes_by_hand():
    trials = pd.DataFrame({"choice": [0, 1, -1, 1], "reward": [1.0, 0, 0, 0], "trial": range(4)})
    trials = trials.assign(seed=0, variant="c", episode=0)
    data = choice_models.watch("delta rule, forgetting", trials, 2)
    value = at_rate(data["inverse_temperature"], float(RATES[100]))
    assert (
        value[:, 0] == pytest.approx([0, 0.25, 0.25 * 0.75, 0.25 * 0.75], abs=1e-6)
        and (value[:, 1] == 0).all()
    )
    cues = choice_models.watch("win-stay lose-shift", trials, 2)
    assert cues["after_win"].tolist() == [[0, 0], [1, 0], [0, 0], [0, 0]]
    assert cues["after_loss"].tolist() == [[0, 0], [0, 0], [0, 1], [0, 1]]
    assert cues["choice"].tolist() == [0, 1, -1, 1]


@pytest.mark.parametrize(("strategy", "arms"), [("delta rule", 4), ("win-stay lose-shift", 3)])
def test_models_of_n_arms_are_recovered_and_identified(strategy, arms):
    trials, rng = play(strategy, bandits, arms, sessions=8), np.random.default_rng(0)
    fits = bandit_animals.fit_models(trials, arms, rng, restarts=2).set_index("model")
    assert fits["bic"].idxmin() == strategy and fits["cross_validated"].idxmax() == strategy
    fit = fits.loc[strategy]
    for name in choice_models.STRATEGIES[strategy]:
        assert fit[name] == pytest.approx(PARAMETERS[name], rel=0.25, abs=0.15), name
    total = fit["choices"] * np.log(fit["likelihood_per_choice"])
    assert fit["log_likelihood"] == pytest.approx(total)


def test_two_preferences_have_the_likelihood_of_log_odds():
    choice, odds = np.array([0, 1, 1, -1]), np.array([0.3, -1.0, 2.0, 0.0])
    both = fitting.log_probabilities(choice, np.stack([np.ones(4), 1 + odds], axis=-1))
    assert both == pytest.approx(fitting.log_probabilities(choice, odds), nan_ok=True)
    assert np.exp(both[1]) == pytest.approx(expit(-1.0))


def test_forced_choices_and_magnitudes():
    trials = play("delta rule").assign(forced=lambda frame: frame["trial"] % 3 == 0)
    assert ((choice_models.watch("delta rule", trials, 2)["choice"] < 0) == trials["forced"]).all()
    scaled = choice_models.watch("delta rule", trials.assign(magnitude_0=2.0, magnitude_1=3.0), 2)
    plain = choice_models.watch("delta rule", trials, 2)["inverse_temperature"]
    assert scaled["inverse_temperature"] == pytest.approx(plain * [2.0, 3.0])


def test_learning_rates_differ_by_block():
    strategy, parts = "delta rule, both arms", []
    for k, (block, rate) in enumerate({"stable": 0.1, "volatile": 0.6}.items()):
        trials = play(strategy, reversal, sessions=6, seed=k, learning_rate=rate)
        parts.append(trials.assign(block=block, episode=trials["episode"] + 10 * k, seed=0))
    rates = bandit_animals.block_rates(pd.concat(parts, ignore_index=True), strategy, 2, 2)
    rates = rates.set_index("block")["learning_rate"]
    assert rates["stable"] == pytest.approx(0.1, abs=0.06)
    assert rates["volatile"] == pytest.approx(0.6, abs=0.15)


def test_pooled_mean_weights_precise_subjects_and_finds_spread():
    rng = np.random.default_rng(0)
    error = rng.choice([0.1, 2.0], size=400)
    values = 3 + 0.5 * rng.standard_normal(400) + error * rng.standard_normal(400)
    pooled = statistics.pooled(values, error)
    assert pooled["pooled"] == pytest.approx(3, abs=0.1)
    assert pooled["between"] == pytest.approx(0.5, abs=0.1)
    assert pooled["pooled_low"] < pooled["pooled"] < pooled["pooled_high"]
    assert pooled["pooled_high"] - pooled["pooled_low"] < 0.2
    alone = statistics.pooled([1.0, np.nan], [0.1, np.nan])
    assert alone["pooled"] == 1 and alone["pooled_low"] == -np.inf


def sheet(path, strategy, family, arms, **columns):
    """A file as hBayesDM's: tab-separated, arms from 1, losses -1."""
    parts = [
        play(strategy, family, arms, sessions=1, trials=100, seed=seed).assign(subjID=f"s{seed}")
        for seed in range(2)
    ]
    trials = pd.concat(parts, ignore_index=True)
    frame = pd.DataFrame(
        {
            "subjID": trials["subjID"],
            "trial": trials["trial"] + 1,
            "choice": trials["choice"] + 1,
            "outcome": np.where(trials["reward"] > 0, 1, -1),
        }
    )
    frame.assign(**columns).to_csv(path, sep="\t", index=False)
    return path


def recorded(data, family, **columns):
    """Recorded trials, as if of two networks."""
    parts = [play("delta rule", family, seed=seed, sessions=3, trials=60) for seed in range(2)]
    path = data / family.FAMILY.experiment / "trials.parquet"
    storage.write(pd.concat(parts).assign(**columns), path, "trials", {})
    return data


HUMAN = {
    "magnitude_left": 50.0,
    "magnitude_right": 50.0,
    "volatile": True,
    "trained_episodes": np.nan,
    "test": "human schedule",
}
COMMANDS = [
    (bandits, "delta rule", 3, {"variant": "independent", "test": "drawn"}),
    (matching, "delta rule, forgetting", 2, {"variant": "3_steps"}),
    (reversal, "delta rule, both arms", 2, {"variant": "tied", **HUMAN}),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "strategy", "arms", "networks"),
    COMMANDS,
    ids=lambda value: getattr(value, "__name__", None),
)
def test_one_command_analyses_a_file_of_hbayesdm(
    tmp_path, coarse, family, strategy, arms, networks
):
    path = sheet(tmp_path / "study.txt", strategy, family, arms)
    data = recorded(tmp_path / "data", family, **networks)
    meanings = ",".join(f"{arm + 1}:{arm}" for arm in range(arms))
    command = [str(path), "--columns", "subject=subjID", "reward=outcome"]
    command += ["--recode", f"choice={meanings}", "reward=-1:0,1:1", "--species", "humans"]
    command += ["--restarts", "1", "--simulations", "1", "--lags", "2", "--data", str(data)]
    family.main(command)
    folder = tmp_path / f"study_txt_{family.FAMILY.experiment}"
    assert {part.name for part in tmp_path.iterdir()} == {"study.txt", "data", folder.name}
    weights = storage.read(folder / "lag_weights.csv")
    assert set(weights["subject"]) == {"s0", "s1"}
    assert weights.query("signal == 'reward' and lag == 1")["weight"].mean() > 0.5
    assert set(storage.read(folder / "summary.csv")["best_by_bic"]) & {strategy}
    blocks = storage.read(folder / "block_rates.csv")["block"]
    assert set(blocks) == {"first half", "second half"}
    confusion = storage.read(folder / "confusion.csv")
    assert len(confusion) == len(choice_models.strategies(arms)) ** 2
    assert confusion.groupby("simulated")["percentage"].sum().max() <= 100.01
    group = storage.read(folder / "group.csv").set_index("measure")
    assert group.loc["reward, 1 back", ["n", "undetermined"]].tolist() == [2, 0]
    assert np.isfinite(group.loc["reward, 1 back", "pooled"])
    caption = " ".join((folder / f"fig{family.FAMILY.figure}_animals.txt").read_text().split())
    assert "2 humans (file study.txt; source not stated; licence not stated)" in caption
    about = json.loads((folder / "manifest.json").read_text())["fits.csv"]
    assert about["file"] == "study.txt" and about["species"] == "humans"


def test_missing_input_raises_before_any_work(tmp_path):
    path = sheet(tmp_path / "study.txt", "delta rule", bandits, 2)
    columns = ("subject=subjID", "reward=outcome")
    recode = ("choice=1:0,2:1", "reward=-1:0,1:1")

    def run(columns, recode, data):
        options = bandit_animals.Options(path, columns, recode, data=data)
        bandit_animals.run(bandits.FAMILY, options)

    missing = r"bandit/trials\.parquet: no such table; prefrontal record bandit"
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UserError, match=missing):
        run(columns, recode, tmp_path / "elsewhere")
    data = recorded(tmp_path / "data", bandits, variant="independent", test="drawn")
    cases = {
        "--columns reward=": ((), recode),
        "--recode choice=": (columns, recode[1:]),
        "--recode reward=": (columns, recode[:1]),
    }
    for message, arguments in cases.items():
        with pytest.raises(UserError, match=message):
            run(*arguments, data)
    assert not (tmp_path / "study_txt_bandit").exists()


def test_animals_with_undetermined_choices_are_listed():
    usual = play("delta rule", sessions=2).assign(subject="usual")
    odd = [
        usual.assign(subject="same", choice=0),
        usual.assign(subject="never", reward=0.0),
        usual.head(3).assign(subject="few"),
    ]
    trials = read.read(pd.concat([usual, *odd]).drop(columns="seed"), {"session": "episode"})

    def analyse(trials):
        return dict(bandit_animals.analyse(trials, bandits.FAMILY, restarts=1, simulations=1))

    found = analyse(trials)
    named = found["undetermined"].set_index(["subject", "analysis"])["why"]
    assert "one choice only" in named["same", "fits of models"]
    assert "3 choices for" in named["few", "fits of models"]
    columns = {"choice": np.repeat([0, 1, 0, 1], 20), "reward": np.tile([1] * 19 + [0], 4)}
    perfect = analyse(read.read(pd.DataFrame(columns)))["undetermined"].set_index("analysis")
    reasons = perfect.loc["fit of win-stay lose-shift", "why"].tolist()
    assert "after_win is at its bound, 8" in reasons
    assert {"same", "never", "few"} == set(named.xs("lag weights", level="analysis").index)
    assert set(found["fits"]["seed"]) == {0, 2} and found["lag_weights"]["seed"].nunique() == 4


def test_rewards_in_other_units_raise():
    trials = play("delta rule", sessions=1)
    trials["reward"] *= 0.04
    with pytest.raises(UserError, match=r"reward 0\.04 is neither 0 nor 1.*--recode reward="):
        choice_models.watch("delta rule", trials, 2)
    states = trials.assign(outcome_state="S1", transition="common")
    with pytest.raises(UserError, match=r"reward 0\.04 is neither 0 nor 1.*--recode reward="):
        planner = two_step.LearningPlanner(common=0.8)
        two_step.fit("mixture", states, np.random.default_rng(0), planner=planner)


def test_win_stay_probability_by_hand():
    trials = pd.DataFrame({"choice": [0, 0, 1, 1, 2, -1, 2], "reward": [1.0, 0, 1, 1, 0, 0, 0]})
    stay = staying.stay_probability(read.read(trials, arms=3)).set_index("outcome")
    assert stay["stay_probability"].to_dict() == pytest.approx(
        {"rewarded": 2 / 3, "unrewarded": 0.0}
    )
    assert stay["trials"].to_dict() == {"rewarded": 3, "unrewarded": 1}
