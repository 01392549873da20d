"""Animals' trials from any CSV file and from the rats' MATLAB file, through the analyses of the networks."""

import h5py
import numpy as np
import pandas as pd
import pytest

from prefrontal import animals, behavior, tables
from prefrontal.errors import UserError
from prefrontal.learners import two_step
from replications.two_step import animals as rats

MAP = {"choice": "resp", "reward": "rew", "subject": "rat", "session": "day"}
VALUES = {"choice": {"l": 0, "r": 1, "none": -1}}


def sheet(tmp_path, **changes):
    columns = {
        "rat": ["Ann", "Ann", "Bob", "Ann", "Bob"],
        "day": ["mon", "mon", "mon", "tue", "mon"],
        "resp": ["l", "r", "none", "r", "l"],
        "rew": [1, 0, None, 0.5, 1],
        "light": ["on", "off", "on", "on", "off"],
    }
    path = tmp_path / "rats.csv"
    pd.DataFrame(columns | changes).to_csv(path, index=False, na_rep="")
    return path


def test_columns_and_values_are_mapped_and_subjects_and_sessions_numbered(tmp_path):
    trials = animals.read(sheet(tmp_path), MAP, VALUES)
    tables.check(trials, "trials", "here")
    assert trials["subject"].tolist() == ["Ann", "Ann", "Ann", "Bob", "Bob"]
    assert trials["session"].tolist() == ["mon", "mon", "tue", "mon", "mon"]
    assert trials[["seed", "episode", "trial"]].to_numpy().tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 0, 1]]
    assert trials["choice"].tolist() == [0, 1, 1, -1, 0] and trials["reward"].tolist() == [1, 0, 0.5, 0, 1]
    assert trials["light"].tolist() == ["on", "off", "on", "on", "off"] and set(trials["condition"]) == {"animals"}


def test_trial_column_orders_rows(tmp_path):
    trials = animals.read(sheet(tmp_path, n=[7, 3, 9, 1, 2]), {**MAP, "trial": "n"}, VALUES)
    assert trials["choice"].tolist() == [1, 0, 1, 0, -1] and trials["trial"].tolist() == [0, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("changes", "mapping", "values", "named"),
    [
        ({"resp": ["l", "r", "x", "r", "l"]}, MAP, VALUES, ["rats.csv", "'resp'", "row 3", "'x'", "l, r, none"]),
        ({"resp": [0, 1, 2, 0, 1]}, MAP, None, ["'resp'", "row 3", "'2'", "0 (left)"]),
        ({"rew": [1, "lots", 0, 1, 1]}, MAP, VALUES, ["'rew'", "row 2", "'lots'", "a number"]),
        ({"rew": [1, 0, 0, None, 1]}, MAP, VALUES, ["'rew'", "row 4", "nan"]),
        ({"rat": ["Ann", None, "Bob", "Ann", "Bob"]}, MAP, VALUES, ["'rat'", "row 2"]),
        ({"n": [1, 1, 1, 1, 2]}, {**MAP, "trial": "n"}, VALUES, ["'n'", "row 2", "'1'"]),
        ({"forced": ["no", "no", "no", "maybe", "no"]}, MAP, VALUES, ["'forced'", "row 1"]),
        ({"light": ["on", "off", "of", "on", "on"]}, MAP, VALUES | {"light": {"on": 1, "off": 0}}, ["'light'", "row 3", "'of'"]),
        ({}, {**MAP, "choice": "response"}, VALUES, ["'response'", "'choice'", "resp"]),
        ({}, {"choice": "resp"}, VALUES, ["'reward'", "--map reward="]),
        ({}, MAP, {"lever": {"a": 1}}, ["lever"]),
    ],
)
def test_what_is_wrong_is_named_by_file_column_and_row(tmp_path, changes, mapping, values, named):
    with pytest.raises(UserError) as error:
        animals.read(sheet(tmp_path, **changes), mapping, values)
    message = str(error.value)
    assert "\n" not in message and all(part in message for part in named), message


def test_command_line_writes_a_trials_table(tmp_path):
    options = animals.Options(sheet(tmp_path), ("choice=resp", "reward=rew"), ("choice=l:0,r:1,none:-1",), tmp_path / "t.parquet")
    animals.main(options)
    assert len(tables.read(tmp_path / "t.parquet", "trials")) == 5
    for wrong in ({"map": ("choice",)}, {"values": ("choice=l",)}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            animals.main(animals.Options(options.file, **wrong))


def simulated(sessions=30, subjects=2):
    """Animals that plan: the answer is known."""
    learner = two_step.LearningPlanner(0.5)
    parts = []
    for seed in range(subjects):
        rng = np.random.default_rng(seed)
        parts.append(two_step.simulate(learner, 4.0, sessions, 100, rng, rich=0.8, reversal=0.02, perseveration=0.5, seed=seed))
    trials = pd.concat(parts, ignore_index=True).astype(dict.fromkeys(("transition", "outcome_state", "rich_state"), str))
    return trials.assign(subject=trials["seed"].map("R{}".format), condition="rats")


def write_matlab(trials, path, crossed=(1,)):
    """Write a small file of the rats' layout; in ``crossed`` subjects left commonly leads to the right port."""
    with h5py.File(path, "w") as file:
        cells = file.create_dataset("ratdatas", (1, trials["seed"].nunique()), h5py.ref_dtype)
        for seed, own in trials.groupby("seed"):
            congruent = seed not in crossed
            side = np.where(own["choice"] == 1, ord("r"), ord("l"))
            right_port = (own["outcome_state"] == "S2") == congruent
            fields = {
                "ratname": np.array([ord(letter) for letter in own["subject"].iloc[0]], dtype="u2"),
                "p_congruent": 0.8 if congruent else 0.2,
                "sides1": side.astype("u2"),
                "sides2": np.where(own["violation"], ord("v"), np.where(right_port, ord("r"), ord("l"))).astype("u2"),
                "trans_common": (own["transition"] == "common").to_numpy(float),
                "rewards": own["reward"].to_numpy(),
                "viols": np.zeros(len(own)),
                "new_sess": (own["trial"] == 0).to_numpy(float),
                "leftprobs": np.where((own["rich_state"] == "S1") == congruent, 0.8, 0.2),
                "better_choices": np.where(own["forced"], np.nan, 1.0),
            }
            group = file.create_group(f"#refs#/{seed}")
            for name, values in fields.items():
                group[name] = np.atleast_2d(values)
            cells[0, int(seed)] = group.ref


@pytest.fixture(scope="module")
def matlab(tmp_path_factory):
    path = tmp_path_factory.mktemp("rats") / "rats.mat"
    trials = simulated()
    rng = np.random.default_rng(9)
    trials = trials.assign(violation=rng.random(len(trials)) < 0.01, forced=rng.random(len(trials)) < 0.1)
    write_matlab(trials, path)
    return path, trials


def test_matlab_reader_gives_back_what_was_written(matlab):
    path, written = matlab
    trials = rats.read_rats(path)
    kept = ~written["violation"]
    names = ["seed", "subject", "episode", "trial", "choice", "reward", "transition", "outcome_state", "forced"]
    pd.testing.assert_frame_equal(trials.loc[kept, names], written.loc[kept, names], check_dtype=False)
    assert set(trials.loc[~kept, "choice"]) == {-1} and set(trials.loc[~kept, "transition"]) == {"none"}
    assert (trials["rich_state"] == written["rich_state"]).all()


def test_violations_leave_the_sequence_and_no_lag_crosses_a_session(matlab):
    trials = rats.completed(rats.read_rats(matlab[0]))
    sessions = trials.groupby(["seed", "episode"])
    assert (sessions["trial"].max() + 1 == sessions.size()).all() and (trials["choice"] >= 0).all()
    history = behavior.lagged(trials, {"row": pd.Series(np.arange(len(trials)), index=trials.index)}, 3)
    assert history["row_3"].isna().equals(trials["trial"] < 3)
    assert (history["row_1"].dropna() == np.flatnonzero(trials["trial"] >= 1) - 1).all()


def test_forced_choices_are_history_but_not_outcomes(matlab):
    trials = rats.completed(rats.read_rats(matlab[0]))
    toss = np.random.default_rng(0).integers(2, size=len(trials))
    kinds = behavior.stay_probability(trials)
    assert kinds["trials"].sum() == (~trials["forced"] & (trials["trial"] > 0)).sum()
    last = trials.groupby(["seed", "episode"])["trial"].transform("max") == trials["trial"]
    changed = trials.assign(choice=trials["choice"].mask(trials["forced"] & last, toss))
    pd.testing.assert_frame_equal(behavior.two_step_weights(trials), behavior.two_step_weights(changed))


@pytest.mark.parametrize("damage", ["text", "variable", "field", "contradiction"])
def test_other_files_are_refused_in_one_line(matlab, tmp_path, damage):
    path = tmp_path / "bad.mat"
    path.write_bytes(matlab[0].read_bytes() if damage != "text" else b"not a MATLAB file")
    if damage != "text":
        with h5py.File(path, "a") as file:
            if damage == "variable":
                file["other"] = file["ratdatas"]
            elif damage == "field":
                del file["#refs#/1/rewards"]
            else:
                file["#refs#/1/p_congruent"][...] = 0.8
    with pytest.raises(UserError, match=r"bad\.mat") as error:
        rats.read_rats(path)
    assert "\n" not in str(error.value)


def test_transition_and_second_stage_state_follow_from_each_other(tmp_path):
    trials = simulated(sessions=2)
    trials.loc[5, ["choice", "transition", "outcome_state"]] = [-1, "none", "none"]
    read = {}
    for name in ("transition", "outcome_state"):
        trials[["subject", "episode", "choice", "reward", name]].to_csv(tmp_path / "t.csv", index=False)
        read[name] = rats.read_csv(tmp_path / "t.csv", {"session": "episode"}, {})
        assert (read[name][["transition", "outcome_state"]] == trials[["transition", "outcome_state"]]).all(axis=None)
    trials[["choice", "reward"]].to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match="transition=<column>"):
        rats.read_csv(tmp_path / "t.csv", {}, {})
    trials.assign(transition="rare").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match=r"'transition', row 1 .*'rare'"):
        rats.read_csv(tmp_path / "t.csv", {}, {})


def test_planning_animals_are_recognised_from_file_to_figure(tmp_path):
    trials = simulated(sessions=12)
    path = tmp_path / "planners.csv"
    coded = trials.assign(side=trials["choice"].map({0: "l", 1: "r"}), day=trials["episode"] + 1)
    coded[["subject", "day", "side", "reward", "transition"]].to_csv(path, index=False)
    results = tmp_path / "data" / "two_step" / "results"
    for name in ("fig5c", "fig5e", "fits"):
        tables.write(tables.read(tables.ROOT / "data" / "two_step" / "results" / f"{name}.csv"), results / f"{name}.csv")
    mapping, values = ("choice=side", "session=day"), ("choice=l:0,r:1",)
    places = {"data": tmp_path / "data", "figures": tmp_path / "figures"}
    rats.main(rats.Options(path, mapping, values, starts=1, repeats=1, **places))
    folder = tmp_path / "data" / "two_step" / "animals"
    weights = tables.read(folder / "lag_weights.csv").query("lag == 1").groupby("signal")["weight"].mean()
    assert weights["common/rewarded"] > 0.5 and weights["uncommon/rewarded"] < -0.5
    fits = tables.read(folder / "fits.csv")
    best = fits[fits["model"].isin(["model-free", "model-based"])].sort_values("bic").drop_duplicates("subject")
    assert set(best["model"]) == {"model-based"}
    assert fits.query("model == 'mixture'")["planning_weight"].to_numpy() == pytest.approx(4.0, abs=1.0)
    recovered = tables.read(folder / "recovery.csv").query("parameter == 'planning_rate'")
    assert recovered["recovered"].to_numpy() == pytest.approx(recovered["true"].to_numpy(), abs=0.2)
    assert (tmp_path / "figures" / "fig5_animals.png").exists()
    assert {"file", "file_sha256", "commit"} <= set(tables.manifest(folder)["fits.csv"])
