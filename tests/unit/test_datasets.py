"""Published data sets: small files of each format, and every way in which fetching fails."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from prefrontal import files, load_data, load_units
from prefrontal.animals import datasets, formats
from prefrontal.errors import UserError
from prefrontal.tables.schema import check_columns
from tests.helpers import Interrupted, prefrontal, server


def cells(values):
    """A MATLAB cell array or list of structures."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def test_registry_pins_every_file():
    for dataset in datasets.registry().values():
        assert len(dataset.commit) == 40 and int(dataset.commit, 16)
        assert dataset.license and dataset.citation and dataset.name in datasets.READERS
        sums = [sha for sha in dataset.paths(bool(dataset.units)).values() if sha]
        assert sums and all(len(sha) == 64 and int(sha, 16) for sha in sums)
    assert len(datasets.get("miranda_2026").paths(units=True)) == 1 + 2 * 661
    assert len(datasets.get("gagne_2020").paths()) == 171 + 294


def test_pattern_stands_for_every_combination():
    assert list(datasets.expand("a{x,y}_{8..10}.c")) == [
        f"a{letter}_{number}.c" for letter in "xy" for number in (8, 9, 10)
    ]
    assert list(datasets.expand("plain.mat")) == ["plain.mat"]


MONKEY = {
    "TrialType": [1, 2, 3, 1],
    "PicChosen1": [2, 1, 1, 2],
    "Transition": [1, 1, 2, 2],
    "PicChosen2": [5, 4, 6, 3],
    "LevelRew2": [2, 3, 1, 1],
    "PayRew2": [321, 0, 873, 900],
    "RT1": [400, 500, 600, 700],
}


def write_monkeys(path, **changes):
    session = {name: np.array(values) for name, values in (MONKEY | changes).items()}
    later = session | {"RT1": session["RT1"] + 7}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "subject_for_analysis": cells(["Ann", "Bob"]),
        "PreparedData": cells([cells([session, later]), cells([session])]),
    }
    savemat(path, content)


def test_monkeys(tmp_path):
    write_monkeys(tmp_path / "m.mat")
    trials = formats.read_monkeys(tmp_path / "m.mat")
    check_columns(trials, "trials", "here")
    assert len(trials) == 12 and list(trials["subject"].unique()) == ["Ann", "Bob"]
    first = trials.query("subject == 'Ann' and episode == 0")
    assert list(first["choice"]) == [1, 0, 0, 1] and list(first["choice2"]) == [0, 1, 1, 0]
    assert list(first["outcome_state"]) == ["S2", "S1", "S2", "S1"]
    assert list(first["reward"]) == [0.5, 0, 1, 1] and list(first["trial"]) == [0, 1, 2, 3]
    assert list(first["forced"]) == [False, True, False, False]
    assert list(first["forced2"]) == [False, False, True, False]


def test_transition_that_contradicts_the_state_is_an_error(tmp_path):
    write_monkeys(tmp_path / "m.mat", Transition=[2, 1, 2, 2])
    with pytest.raises(UserError, match=r"m\.mat: row 0: .*disagree"):
        formats.read_monkeys(tmp_path / "m.mat")


def write_neuron(folder, area, unit, reaction):
    """Spikes at 10, 499 and 500 ms after every event; trial 2 breaks off before the outcome."""
    rows, spikes = [], []
    for trial, time in enumerate(reaction):
        start = 100_000 * trial
        for k, code in enumerate(formats.EVENTS.values()):
            at = start + (3000 * k if code != 24 else 3000 * (k - 1) + time)
            if (trial, code) != (2, 37):
                rows.append((trial, code, at))
                spikes += [at + 10, at + 499, at + 500] if code != 24 else []
    (folder / area / "spikes").mkdir(parents=True, exist_ok=True)
    (folder / area / "trial_timings").mkdir(exist_ok=True)
    np.save(folder / area / "spikes" / f"cell_{unit}.npy", np.array(sorted(spikes), np.int32))
    table = pd.DataFrame(rows, columns=["trial_number", "codes", "times"])
    table.to_parquet(folder / area / "trial_timings" / f"cell_{unit}.parquet")


def test_neurons_are_counted_and_find_their_session(tmp_path):
    write_monkeys(tmp_path / "PreparedData.mat")
    trials = formats.read_monkeys(tmp_path / "PreparedData.mat")
    later = np.array(MONKEY["RT1"]) + 7
    for unit in (10, 9):
        write_neuron(tmp_path, "ACC", unit, later + (unit == 9))
    units, counts = formats.read_units(tmp_path, trials)
    assert list(units["unit"]) == [9, 10] and list(units["episode"]) == [1, 1]
    assert set(units["subject"]) == {"Ann"} and counts[0].shape == (4, 7, 2)
    assert counts[1][0, 0].tolist() == [2, 1] and counts[1][3, 3].tolist() == [2, 1]
    assert (counts[0][2, -1] == formats.MISSING).all() and (counts[0] != 255).sum() == 54
    write_neuron(tmp_path, "ACC", 11, later + 50)
    with pytest.raises(UserError, match=r"cell_11.*no session"):
        formats.read_units(tmp_path, trials)


def transcript(name, turns, letters="MZ", states="SA", second="RW"):
    text = (
        f"In each second-stage state, you will make another choice between two options: "
        f"{second[0]} and {second[1]}.\n"
    )
    for choice, state, choice2, reward in turns:
        text += (
            f"You are presented with first-stage options {letters[0]} and {letters[1]}. "
            f"You choose <<{letters[choice]}>>. This leads to state {states[state]}. In state "
            f"{states[state]}, you choose <<{second[choice2]}>>. "
            f"You receive {'a' if reward else 'no'} reward.\n"
        )
    return json.dumps({"text": text, "participant": name})


def test_people_in_words(tmp_path):
    turns = [(0, 1, 0, 1), (1, 0, 1, 0), (0, 1, 1, 1), (1, 1, 0, 0), (0, 1, 0, 0)]
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("prompts.jsonl", transcript("7", turns) + "\n" + transcript("x", turns))
    trials = formats.read_people_in_words(tmp_path / "p.zip").query("subject == '7'")
    assert list(trials["choice"]) == [0, 1, 0, 1, 0] and list(trials["choice2"]) == [0, 1, 1, 0, 0]
    assert list(trials["outcome_state"]) == ["S1", "S2", "S1", "S1", "S1"]
    assert list(trials["transition"]) == ["common"] * 3 + ["uncommon", "common"]
    assert list(trials["reward"]) == [1, 0, 1, 0, 0]


def test_trial_in_other_words_is_an_error(tmp_path):
    text = transcript("7", [(0, 1, 0, 1)] * 2).replace("receive a reward", "get", 1)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("prompts.jsonl", text)
    with pytest.raises(UserError, match="line 1 is '1 of 2 trials'"):
        formats.read_people_in_words(tmp_path / "p.zip")


def block(**changes):
    probability = np.array([[0.4, 0.1]] * 2 + [[0.1, 0.4]])
    return {
        "c": np.array([-1, 1, 1]),
        "r": np.array([1, 0, 1]),
        "rewardprob": probability,
        "block_indices": cells([np.array([1, 2]), np.array([3])]),
        **changes,
    }


def test_mice_and_monkeys_of_two_laboratories(tmp_path):
    waits = {"bait_l": np.array([0, 1, 1]), "bait_r": np.array([1, 1, 0])}
    names = ("B", "B", "A")
    sessions = [block(animal_ids=name, **waits) for name in names]
    savemat(tmp_path / "mice.mat", {"all_stats": cells(sessions)})
    mice = formats.read_mice(tmp_path / "mice.mat")
    assert list(mice["choice"][:3]) == [0, 1, 1] and list(mice["reward"][:3]) == [1, 0, 1]
    assert list(mice["block"][:3]) == [0, 0, 1] and list(mice["p_0"][:3]) == [0.4, 0.4, 0.1]
    assert list(mice["subject"][::3]) == ["B", "B", "A"] and list(mice["episode"][::3]) == [0, 1, 0]
    assert list(mice["baited_0"][:3]) == [0, 1, 1]
    blocks = [block(abs_superblock_idx=index) for index in (1, 3, 2)]
    savemat(tmp_path / "monkeys.mat", {"all_stats": cells(blocks)})
    monkeys = formats.read_monkeys_reversal(tmp_path / "monkeys.mat")
    assert list(monkeys["session"][::3]) == [0, 0, 1] and list(monkeys["episode"][::3]) == [0, 1, 2]


def test_volatility_with_magnitudes(tmp_path):
    columns = {
        "choice": [1.0, 0.0, np.nan],
        "green_outcome": [0, 0, 1],
        "green_mag": [0.1, 0.2, 0.3],
        "blue_mag": [0.7, 0.8, 0.9],
        "rt": [200.0, 300.0, np.nan],
        "block": ["stable", "stable", "volatile"],
        "run": [0.0, 0.0, 1.0],
    }
    for name in ("behavioral_trial_table_cb1_rew_", "behavioral_tablehit_batch_loss_mturk3_"):
        pd.DataFrame(columns).to_csv(tmp_path / f"{name}modelready.csv")
    trials = formats.read_volatility(tmp_path)
    people = trials[["variant", "subject"]].drop_duplicates().to_numpy().tolist()
    assert people == [["online, loss", "mturk3"], ["lab, reward", "cb1"]]
    assert list(trials["choice"][:3]) == [1, 0, -1] and list(trials["reward"][:3]) == [0, 1, 0]
    assert list(trials["magnitude_1"][:3]) == [0.1, 0.2, 0.3]
    assert list(trials["magnitude_0"][:3]) == [0.7, 0.8, 0.9]


READERS = {
    "m.mat": formats.read_monkeys,
    "p.zip": formats.read_people_in_words,
    "c.mat": formats.read_mice,
    "s.mat": formats.read_monkeys_reversal,
    "r.mat": formats.read_rats,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("content", [b"", b"not what it should be" * 30])
def test_damaged_file_is_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name) as error:
        READERS[name](tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The monkeys' data set, small, on a folder that can be served -> that folder and the set."""
    write_monkeys(tmp_path / "clone" / "data" / "PreparedData.mat")
    later = np.array(MONKEY["RT1"]) + 7
    write_neuron(tmp_path / "clone" / "data", "ACC", 0, later)
    path = "data/PreparedData.mat"
    dataset = datasets.Dataset(
        **{name: "x" for name in ("title", "task", "license", "citation")},
        **{"name": "miranda_2026", "subjects": 2, "trials": 12, "megabytes": 1.0},
        **{"repository": "lab/repository", "commit": "c" * 40},
        files={path: files.digest(tmp_path / "clone" / path)},
        units={"data/ACC/spikes/cell_0.npy": "", "data/ACC/trial_timings/cell_0.parquet": ""},
    )
    monkeypatch.setattr(datasets, "registry", lambda: {"miranda_2026": dataset})
    monkeypatch.setenv(datasets.CACHE, str(tmp_path / "cache"))
    served = tmp_path / "served" / "lab" / "repository"
    served.mkdir(parents=True)
    (tmp_path / "clone").rename(served / ("c" * 40))
    return tmp_path / "served", dataset


def left(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_data_set_is_fetched_once_and_read(published, tmp_path, monkeypatch):
    with server(published[0]) as address:
        monkeypatch.setenv(datasets.ADDRESS, address)
        trials = load_data("miranda_2026")
        units, counts = load_units("miranda_2026")
    assert len(trials) == 12 and list(units["area"]) == ["ACC"] and counts[0].shape == (4, 7, 2)
    again, kept = load_units("miranda_2026")  # without a server
    pd.testing.assert_frame_equal(again, units)
    assert (kept[0] == counts[0]).all()
    pd.testing.assert_frame_equal(load_data("miranda_2026"), trials)


def test_clone_is_read_in_place_or_copied(published, tmp_path):
    clone = published[0] / "lab" / "repository" / ("c" * 40)
    assert len(load_data("miranda_2026", clone)) == 12 and not (tmp_path / "cache").exists()
    assert datasets.fetch("miranda_2026", clone=clone) == tmp_path / "cache" / "miranda_2026"
    assert [path.name for path in left(tmp_path)] == ["PreparedData.mat"]
    write_monkeys(clone / "data" / "PreparedData.mat", RT1=[1, 2, 3, 4])
    left(tmp_path)[0].unlink()
    with pytest.raises(UserError, match="wrong checksum"):
        datasets.fetch("miranda_2026", clone=clone)
    assert not left(tmp_path)
    with pytest.raises(UserError, match="a clone that has"):
        load_data("miranda_2026", tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("content", "wrong checksum"),
        ("interrupted", "cannot be downloaded"),
        ("missing", "cannot be downloaded"),
        ("network", "cannot be downloaded"),
        ("space", "No space left"),
    ],
)
def test_failed_download_keeps_nothing(published, tmp_path, monkeypatch, damage, message):
    path = next(published[0].rglob("PreparedData.mat"))
    if damage == "content":
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    if damage == "missing":
        path.unlink()
    if damage == "space":
        monkeypatch.setattr("pooch.HTTPDownloader.__call__", fill_disk)
    options = {"handler": Interrupted} if damage == "interrupted" else {}
    with server(published[0], **options) as address:
        monkeypatch.setenv(
            datasets.ADDRESS, "http://127.0.0.1:9" if damage == "network" else address
        )
        with pytest.raises(UserError, match=message) as error:
            load_data("miranda_2026")
    assert "\n" not in str(error.value) and not left(tmp_path)


def fill_disk(self, url, output_file, pooch):
    """Write a little, and then find the disk full."""
    with open(output_file, "wb") as file:
        file.write(b"half")
    raise OSError(28, "No space left on device")


def test_number_of_trials_must_be_as_published(published):
    published[1].__dict__["trials"] = 13
    clone = published[0] / "lab" / "repository" / ("c" * 40)
    with pytest.raises(UserError, match="number of trials is 12; it must be 13"):
        load_data("miranda_2026", clone)


@pytest.mark.slow
def test_command_lists_fetches_and_fails_in_one_line(tmp_path):
    listed = prefrontal("data", "list", PREFRONTAL_DATASETS=str(tmp_path))
    assert listed.returncode == 0 and all(name in listed.stdout for name in datasets.registry())
    environment = {"PREFRONTAL_DATASETS": str(tmp_path), datasets.ADDRESS: "http://127.0.0.1:9"}
    for words, message in (
        (["fetch", "miller_2022"], "cannot be downloaded"),
        (["path", "miller_2022"], "not fetched"),
        (["path", "rats"], "miller_2022, miranda_2026"),
        (["get"], "list, fetch, path"),
        (["fetch", "miller_2022", "--units"], "neurons"),
        (["neurons"], "cannot be downloaded"),
    ):
        command = "record" if words == ["neurons"] else "data"
        ended = prefrontal(command, *words, **environment)
        error = ended.stderr.strip()
        assert ended.returncode and message in error and "\n" not in error, (words, error)
