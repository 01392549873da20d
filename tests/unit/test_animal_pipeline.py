"""From a file of animals' choices to tables, a report in words, and a figure with networks."""

import json

import numpy as np
import pandas as pd
import pytest

from prefrontal import statistics
from prefrontal.analysis import staying
from prefrontal.animals import families, pipeline, sheet
from prefrontal.errors import UserError
from prefrontal.models import bandit_learners, daw_learners
from prefrontal.tables import storage
from replications.bandit.animals import BANDIT
from replications.probability_matching.animals import MATCHING
from replications.volatile_bandit.animals import (
    REVERSAL,
    control_rates,
    numbered_blocks,
    rises,
)
from tests.unit.test_animals import read_rats, simulated

PARAMETERS = {"learning_rate": 0.3, "inverse_temperature": 5.0, "perseveration": 0.4, "bias": 0.0}


def play(model, family=BANDIT, sessions=2, trials=100, seed=0, **parameters):
    """A subject that is simulated from a model on the family's task."""
    shape = pd.DataFrame(
        {"variant": "a", "subject": 0, "trial": np.tile(np.arange(trials), sessions)}
    ).assign(episode=np.repeat(np.arange(sessions), trials), choice=model.options - 1, reward=1.0)
    rng = np.random.default_rng(seed)
    task = family.task(shape)(rng, {"variant": "a", "subject": 0})
    biases = {f"bias_{arm}": 0.0 for arm in range(1, model.options)}
    simulated = model.simulate(task, PARAMETERS | biases | parameters, rng)
    return simulated.assign(subject=f"s{seed}", session=simulated["episode"])


def run(tmp_path, task, frame, *options, columns=()):
    """Run the command without simulations, and return its tables and report."""
    path = tmp_path / "study.txt"
    kept = ["subject", "session", "choice", "reward", *columns]
    frame[kept].to_csv(path, sep="\t", index=False)
    (tmp_path / "data").mkdir(exist_ok=True)
    fast = ["--restarts", "1", "--simulations", "0", "--data", str(tmp_path / "data")]
    pipeline.main([task, str(path), *fast, *options])
    folder = tmp_path / f"study_txt_{task}"
    tables = {part.stem: storage.read(part) for part in folder.glob("*.csv")}
    return tables, (folder / "report.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_bandit_file_becomes_tables_words_and_figure(tmp_path, coarse):
    model = bandit_learners.models(3)[3]
    frame = pd.concat([play(model, seed=seed) for seed in range(2)])
    (tmp_path / "data" / "bandit" / "results").mkdir(parents=True)
    networks = pd.DataFrame({"variant": "independent", "subject": [0, 1]})
    stays = networks.assign(outcome="rewarded", stay_probability=[0.9, 0.8], trials=9)
    storage.write(stays, tmp_path / "data" / "bandit" / "results" / "stay_probability.csv")
    options = ("--species", "hamsters", "--source", "a pet shop", "--licence", "CC0")
    tables, report = run(tmp_path, "bandit", frame, *options, "--simulations", "1", "--lags", "2")
    folder = tmp_path / "study_txt_bandit"
    assert {"description", "lag_weights", "stay_probability", "fits", "undetermined"} <= {*tables}
    assert tables["description"]["subject"].tolist() == ["s0", "s1"]
    assert tables["description"]["trials"].tolist() == [200, 200]
    assert set(tables["fits"]["model"]) == {each.name for each in bandit_learners.models(3)}
    assert len(tables["confusion"]) == len(bandit_learners.models(3)) ** 2
    assert set(tables["recovery"]["parameter"]) >= {"learning_rate", "inverse_temperature"}
    assert "hamsters (n = 2)" in report and "networks (n = 2)" in report and "0.85 [" in report
    assert "best model by BIC, number of 2 subjects" in report
    assert report.index("probability of repeating") < report.index("Fitting")
    caption = " ".join((folder / "fig1_animals.txt").read_text(encoding="utf-8").split())
    assert "2 hamsters (file study.txt; a pet shop; CC0)" in caption
    about = json.loads((folder / "manifest.json").read_text())["fits.csv"]
    assert about["file"] == "study.txt" and about["species"] == "hamsters"
    assert (folder / "fig1_animals.png").exists()


def test_planning_animals_are_recognised(tmp_path, coarse):
    frame = simulated(sessions=6).assign(session=lambda trials: trials["episode"] + 1)
    tables, report = run(tmp_path, "two_step", frame, columns=["transition"])
    last = tables["lag_weights"].query("lag == 1").groupby("signal")["weight"].mean()
    assert last["common/rewarded"] > 0.5 and last["uncommon/rewarded"] < -0.5
    fits = tables["fits"]
    pure = fits[fits["model"].isin(["model-free", "model-based"])].sort_values("bic")
    assert set(pure.drop_duplicates("subject")["model"]) == {"model-based"}
    mixtures = fits.query("model == 'mixture'")["planning_weight"]
    assert mixtures.to_numpy() == pytest.approx(4.0, abs=1.5)
    assert "planning_weight" in report and "transitions" not in report
    assert set(tables["sensitivity"]["handling"]) >= {"violations left out (ours)"}


def test_two_choices_are_fitted_with_daws_models(tmp_path, coarse):
    task = daw_learners.DawTwoStep(1, 400)
    parameters = {"learning_rate": 0.5, "learning_rate_2": 0.5, "inverse_temperature": 6.0}
    parameters |= {"inverse_temperature_2": 4.0, "weight": 0.9, "perseveration": 0.2}
    model = daw_learners.Hybrid(0.7)
    frame = model.simulate(task, parameters | {"eligibility": 0.5}, np.random.default_rng(0))
    frame = frame.assign(subject="a", session=1)
    tables, report = run(tmp_path, "daw", frame, columns=["transition", "choice2"])
    assert set(tables["fits"]["model"]) == {"model-free", "model-based", "hybrid"}
    fit = tables["fits"].set_index("model").loc["hybrid"]
    assert fit["weight"] > 0.5 and fit["inverse_temperature_2"] == pytest.approx(4.0, abs=1.5)
    assert "parameters of hybrid" in report


def test_matching_slopes_and_learning_rates_by_block(tmp_path, coarse):
    model = bandit_learners.ForgettingDeltaRule()
    frame = play(model, MATCHING, sessions=12, trials=60)
    slope = families.behaviour(MATCHING, frame)["matching_slopes"]["slope"].iloc[0]
    assert 0 < slope < 1.2
    parts, mirrored = [], bandit_learners.MirroredDeltaRule()
    for k, (block, rate) in enumerate({"stable": 0.1, "volatile": 0.6}.items()):
        part = play(mirrored, REVERSAL, sessions=5, seed=k, learning_rate=rate)
        parts.append(part.assign(block=block, episode=part["episode"] + 10 * k, subject=0))
    rates = families.fit_blocks(mirrored, pd.concat(parts, ignore_index=True), 2)
    rates = rates.set_index("block")["learning_rate"]
    assert rates["stable"] == pytest.approx(0.1, abs=0.08)
    assert rates["volatile"] == pytest.approx(0.6, abs=0.2)


def test_blocks_are_numbered_and_their_first_trials_left_out():
    block = np.repeat(["stable", "volatile"], 20)
    trials = pd.DataFrame({"variant": "a", "subject": "x", "episode": 0, "block": block})
    numbered = numbered_blocks(trials)["block"]
    assert numbered.drop_duplicates().tolist() == ["stable 1", "volatile 2"]
    returned = trials.assign(block=np.repeat(["a", "b", "a", "b"], 10))
    assert numbered_blocks(returned).equals(returned)
    kept = families.settled(trials)
    assert kept["episode"].tolist() == [0] * 10 + [1] * 10
    assert kept.index.tolist() == [*range(10, 20), *range(30, 40)]


def test_agents_in_the_subjects_place_are_told_apart():
    rng, parts = np.random.default_rng(0), []
    volatile = np.repeat([1.0, 0.0, 1.0, 0.0, 1.0], 20)
    for number in range(6):
        chance = np.concatenate([np.full(100, 0.75), volatile])
        choice = rng.integers(2, size=200)
        columns = {"choice": choice, "reward": (rng.random(200) < chance) == (choice == 0)}
        stakes = {f"magnitude_{arm}": rng.uniform(0.05, 0.95, 200) for arm in (0, 1)}
        part = pd.DataFrame(columns | stakes | {"block": np.repeat(["stable", "volatile"], 100)})
        parts.append(part.assign(variant="a", subject=f"s{number}", episode=0, trial=range(200)))
    rates = control_rates(pd.concat(parts, ignore_index=True).astype({"reward": float}))
    rise = {agent: rises(part)["volatile - stable"] for agent, part in rates.groupby("agent")}
    assert len(rise["fixed rate"]) == 6 and abs(rise["fixed rate"].mean()) < 0.1
    assert rise["ideal observer"].mean() > rise["fixed rate"].mean() + 0.05


def test_parameters_keep_their_errors():
    fits = pd.DataFrame({"variant": "a", "subject": ["x", "y"], "model": "m"})
    fits = fits.assign(rate=[0.1, 0.2], bias=[1.0, 2.0], rate_error=[0.01, 0.02], bias_error=0.5)
    long = families.parameters_of(fits, "m").set_index(["subject", "parameter"])
    assert long.loc[("y", "rate")].tolist() == ["a", 0.2, 0.02]
    assert long.loc[("x", "bias")].tolist() == ["a", 1.0, 0.5]


def test_undetermined_subjects_are_listed_and_the_others_fitted(tmp_path, coarse):
    usual = play(bandit_learners.DeltaRule(), sessions=3, trials=60)
    odd = [
        usual.assign(subject="same", choice=0),
        usual.head(3).assign(subject="few"),
        usual.assign(subject="silent", choice=-1, reward=0.0),
    ]
    tables, report = run(tmp_path, "bandit", pd.concat([usual, *odd]), "--lags", "2")
    named = tables["undetermined"].set_index(["subject", "analysis"])["why"]
    assert "one choice only" in named["same", "fits of models"]
    assert "3 choices for" in named["few", "fits of models"]
    assert "no free and valid choice" in named["silent", "fits of models"]
    assert set(tables["fits"]["subject"]) == {"s0"} and "undetermined" in report
    with pytest.raises(UserError, match=r"no subject can be fitted.*silent"):
        run(tmp_path, "bandit", odd[2], "--lags", "2")


def test_a_subject_in_two_variants_is_two_samples(tmp_path, coarse):
    usual = play(bandit_learners.DeltaRule(), trials=50)
    both = pd.concat([usual.assign(variant="drug"), usual.assign(variant="saline")])
    tables, report = run(tmp_path, "reversal", both, "--lags", "2", columns=["variant"])
    assert set(tables["fits"]["variant"]) == {"drug", "saline"}
    assert "drug (n = 1)" in report and "saline (n = 1)" in report


def test_models_that_need_zero_or_one_are_left_out(capsys):
    trials = play(bandit_learners.DeltaRule(), trials=50)
    names = {model.name for model in families.bandit_models(trials.assign(reward=lambda t: 3.5))}
    assert not {"counting", "delta rule, both arms"} & names and "delta rule" in names
    assert "counting: left out, since it needs rewards of 0 and 1" in capsys.readouterr().out


def test_missing_columns_raise_before_any_work(tmp_path):
    path = tmp_path / "study.txt"
    path.write_text("subjID\tpick\toutcome\na\t1\t-1\na\t2\t1\n")
    for message, options in {
        "--columns choice=": (),
        "--columns reward=": ("--columns", "choice=pick"),
        "--recode choice=": ("--columns", "choice=pick", "reward=outcome", "subject=subjID"),
    }.items():
        with pytest.raises(UserError, match=message):
            pipeline.main(["reversal", str(path), *options])
    assert [part.name for part in tmp_path.iterdir()] == ["study.txt"]


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


def test_win_stay_probability_by_hand():
    frame = pd.DataFrame({"choice": [0, 0, 1, 1, 2, -1, 2], "reward": [1.0, 0, 1, 1, 0, 0, 0]})
    trials = sheet.read(frame, form=BANDIT.form)
    stay = staying.stay_probability(trials).set_index("outcome")
    expected = {"rewarded": 2 / 3, "unrewarded": 0.0}
    assert stay["stay_probability"].to_dict() == pytest.approx(expected)
    assert stay["trials"].to_dict() == {"rewarded": 3, "unrewarded": 1}


def test_sessions_of_published_tables_are_counted():
    trials = read_rats(simulated(sessions=3))
    assert "2 subjects, 6 sessions, 600 trials" in sheet.describe(trials)
