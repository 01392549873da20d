"""Animals' trials from any table and from a MATLAB file, analysed like those of networks."""

import csv
import re

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefrontal.analysis import regression, staying
from prefrontal.animals import formats, sheet
from prefrontal.animals.columns import Format
from prefrontal.errors import UserError
from prefrontal.models import two_step_learners
from prefrontal.tables import schema, storage
from replications.two_step import animals as rats

COLUMNS = {"choice": "resp", "reward": "rew", "subject": "rat", "session": "day"}
RECODE = {"choice": {"l": 0, "r": 1, "none": -1}}


def data_file(tmp_path, **changes):
    columns = {
        "rat": ["Ann", "Ann", "Bob", "Ann", "Bob"],
        "day": ["mon", "mon", "mon", "tue", "mon"],
        "resp": ["l", "r", "none", "r", "l"],
        "rew": [1, 0, None, 0, 1],
        "light": ["on", "off", "on", "on", "off"],
    }
    path = tmp_path / "rats.csv"
    pd.DataFrame(columns | changes).to_csv(path, index=False, na_rep="")
    return path


def test_columns_are_renamed_recoded_and_trials_counted(tmp_path):
    trials = sheet.read(data_file(tmp_path), COLUMNS, RECODE)
    schema.check_columns(trials, "trials", "here")
    assert trials["subject"].tolist() == ["Ann", "Ann", "Ann", "Bob", "Bob"]
    assert trials["session"].tolist() == ["mon", "mon", "tue", "mon", "mon"]
    assert trials["episode"].tolist() == [0, 0, 1, 0, 0]
    assert trials["trial"].tolist() == [0, 1, 0, 0, 1]
    assert trials["choice"].tolist() == [0, 1, 1, -1, 0] and trials["reward"].tolist() == [
        1,
        0,
        0,
        0,
        1,
    ]
    assert trials["light"].tolist() == ["on", "off", "on", "on", "off"]
    assert set(trials["variant"]) == {"animals"}


def test_trial_column_orders_rows(tmp_path):
    trials = sheet.read(data_file(tmp_path, n=[4, 3, 2, 1, 1]), {**COLUMNS, "trial": "n"}, RECODE)
    assert trials["choice"].tolist() == [1, 0, 1, 0, -1] and trials["trial"].tolist() == [
        0,
        1,
        0,
        0,
        1,
    ]


def test_a_gap_in_trial_numbers_breaks_the_sequence(tmp_path):
    trials = sheet.read(
        data_file(tmp_path, rat="Ann", day="mon", n=[7, 1, 3, 2, 8]),
        {**COLUMNS, "trial": "n"},
        RECODE,
    )
    assert trials["choice"].tolist() == [1, 1, -1, 0, 0]
    assert trials["episode"].tolist() == [0, 0, 0, 1, 1] and trials["trial"].tolist() == [
        0,
        1,
        2,
        0,
        1,
    ]
    assert "1 sessions in 2 unbroken sequences" in sheet.describe(trials)
    again = sheet.read(trials)
    assert (
        again[["subject", "episode", "trial", "choice"]]
        == trials[["subject", "episode", "trial", "choice"]]
    ).all(axis=None)


@pytest.mark.parametrize(
    ("separator", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs")]
)
def test_separator_and_byte_order_mark_are_detected(tmp_path, capsys, separator, name):
    path = data_file(tmp_path)
    want = sheet.read(path, COLUMNS, RECODE)
    capsys.readouterr()
    pd.read_csv(path).to_csv(
        tmp_path / "other.txt",
        sep=separator,
        index=False,
        encoding="utf-8-sig",
        lineterminator="\r\n",
    )
    pd.testing.assert_frame_equal(sheet.read(tmp_path / "other.txt", COLUMNS, RECODE), want)
    assert f"other.txt: 5 rows, separated by {name}" in capsys.readouterr().out


def test_parquet_and_tables_in_memory_are_read_alike(tmp_path):
    path = data_file(tmp_path)
    want, frame = sheet.read(path, COLUMNS, RECODE), pd.read_csv(path)
    frame.to_parquet(tmp_path / "rats.parquet")
    for source in (frame, tmp_path / "rats.parquet", frame.set_index(frame.index * 3 + 7)):
        pd.testing.assert_frame_equal(sheet.read(source, COLUMNS, RECODE), want, check_dtype=False)


def test_identifiers_are_text_and_numbers_keep_their_digits(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text(
        "subject,choice,reward,time,tag\n007,0,1,1234567.891,01\n7,1,1.0,0.1,2\n1e5,1.0,0,2,3\n100000,0,0,3,4\n"
    )
    trials = sheet.read(path)
    assert trials["subject"].tolist() == ["007", "7", "1e5", "100000"]
    assert trials["time"].tolist() == [1234567.891, 0.1, 2, 3] and trials["tag"].tolist() == [
        "01",
        "2",
        "3",
        "4",
    ]
    sheet.main(sheet.Options(path, out=tmp_path / "out.csv"))
    assert "1234567.891" in (tmp_path / "out.csv").read_text()
    before = path.read_bytes()
    with pytest.raises(UserError, match="a file other than the one that is read"):
        sheet.main(sheet.Options(path, out=tmp_path / "sub" / ".." / "ids.csv"))
    for wrong, words in (
        ({"arms": 0}, "arms is 0; it must be 2 to 16"),
        ({"out": tmp_path / "x.xlsx"}, r"ends in \.parquet or \.csv"),
    ):
        with pytest.raises(UserError, match=words):
            sheet.main(sheet.Options(path, **wrong))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("subject,choice,reward\nA,0,1\nA,0,1,5\n", ["row 2", "4 fields for 3 columns", "commas"]),
        ("subject,choice,reward\nA,0\n", ["row 1", "2 fields"]),
        ("choice,reward,choice\n0,1,1\n", ["'choice'", "twice"]),
        ("choice,reward\n", ["empty"]),
        ("", ["empty"]),
        ('choice,reward\n0,"1\n', ["not a readable text file"]),
        ("choice,reward\n0,paid\n", ["row 1", "'paid'", "a number", "--recode reward="]),
        ("choice,reward\n0,\n", ["row 1", "'nan'"]),
        ("choice,reward\n2,1\n1,1\n", ["row 1", "'2'", "--recode choice="]),
        ("choice,reward,trial\n0,1,\n", ["row 1", "'nan'", "a number"]),
    ],
)
def test_invalid_tables_raise_with_the_row(tmp_path, text, named):
    path = tmp_path / "rats.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"rats\.csv") as error:
        sheet.read(path)
    message = str(error.value)
    assert "\n" not in message and all(part in message for part in named), message


def test_other_files_and_duplicate_columns_raise(tmp_path):
    (tmp_path / "latin1.csv").write_text("subject,choice,reward\nZoë,0,1\n", encoding="latin-1")
    with pytest.raises(UserError, match=r"latin1\.csv: not a readable text file in UTF-8"):
        sheet.read(tmp_path / "latin1.csv")
    with pytest.raises(UserError, match=r"nothing\.csv"):
        sheet.read(tmp_path / "nothing.csv")
    with pytest.raises(UserError, match="'choice' occurs twice"):
        sheet.read(pd.DataFrame([[0, 1, 1]], columns=["choice", "reward", "choice"]))


def test_arms_are_counted_from_zero():
    trials = pd.DataFrame({"choice": [0, 2, 1, 2], "reward": 1})
    assert sheet.read(trials, form=Format(arms=None))["choice"].tolist() == [0, 2, 1, 2]
    with pytest.raises(UserError, match=r"row 2.*'2'"):
        sheet.read(trials)
    with pytest.raises(UserError, match=r"arm 0 is never chosen.*--arms"):
        sheet.read(trials.assign(choice=trials["choice"] + 1), form=Format(arms=None))
    assert sheet.read(trials.assign(choice=[0, 3, 1, 3]), form=Format(arms=4))["choice"].max() == 3


CELLS = st.one_of(
    st.sampled_from(
        [
            "0",
            "1",
            "-1",
            "1.0",
            " 0",
            "",
            "NA",
            "l",
            "2",
            "0.5",
            "1e0",
            "inf",
            "nan",
            "007",
            "7",
            "x,y",
            'a"b',
            "ü",
            "-0",
            "TRUE",
            "False",
        ]
    ),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=4),
    st.integers(-3, 10**20).map(str),
)


def ambiguous(rows):
    """Whether a missed trial is rewarded, or a session reappears after another one."""
    rewarded = any(row[2] == "-1" and row[3] in ("1", "1.0") for row in rows)
    sessions = {}
    for subject, session, *_ in rows:
        own = sessions.setdefault(subject.strip(), [])
        if not own or own[-1] != session.strip():
            own.append(session.strip())
    unclear = {row[2] for row in rows} in ({"-1", "1"}, {"-1", "1.0"}, {"-1", "1", "1.0"})
    return rewarded or unclear or any(len(set(own)) < len(own) for own in sessions.values())


LEGAL = {
    "subject": st.sampled_from(["A", "007", "7", "1e5"]),
    "session": st.sampled_from(["1", "01", "b"]),
    "choice": st.sampled_from(["0", "1", "1.0", "-1"]),
    "reward": st.sampled_from(["0", "1", "1.0"]),
}


def as_number(cell):
    """Number that a cell means; true and false are 1 and 0."""
    return float({"true": "1", "false": "0"}.get(cell.strip().lower(), cell))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), separator=st.sampled_from([",", ";", "\t"]))
def test_random_tables_are_read_exactly_or_raise_with_the_row(tmp_path, data, separator):
    """Most cells are legal and a few are arbitrary, so that both outcomes are common."""
    odd = data.draw(st.integers(0, 2))
    rows = [
        list(row) for row in data.draw(st.lists(st.tuples(*LEGAL.values()), min_size=1, max_size=8))
    ]
    for _ in range(odd):
        row, column = data.draw(
            st.tuples(st.integers(0, len(rows) - 1), st.integers(0, len(LEGAL) - 1))
        )
        rows[row][column] = data.draw(CELLS)
    path = tmp_path / "random.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows([LEGAL, *rows])
    try:
        trials = sheet.read(path)
    except UserError as error:
        assert re.search(r"row [1-8]\b", str(error)) and (odd or ambiguous(rows))
        return
    subjects = [row[0].strip() for row in rows]
    given_order = sorted(rows, key=lambda row: subjects.index(row[0].strip()))
    sessions = {}
    for subject, session, *_ in given_order:
        sessions.setdefault((subject.strip(), session.strip()), len(sessions))
    want = sorted(given_order, key=lambda row: sessions[row[0].strip(), row[1].strip()])
    keys = [[cell.strip() for cell in row[:2]] for row in want]
    assert trials[["subject", "session"]].to_numpy().tolist() == keys
    choices = [-1 if row[2].strip() in sheet.MISSING else as_number(row[2]) for row in want]
    assert trials["choice"].tolist() == choices
    rewards = [
        as_number(row[3]) if choice >= 0 else 0 for row, choice in zip(want, choices, strict=True)
    ]
    assert trials["reward"].tolist() == rewards


@pytest.mark.parametrize(
    ("changes", "columns", "recoding", "named"),
    [
        (
            {"resp": ["l", "r", "x", "r", "l"]},
            COLUMNS,
            RECODE,
            ["rats.csv", "'resp'", "row 3", "'x'", "l, r, none"],
        ),
        ({"resp": [0, 1, 2, 0, 1]}, COLUMNS, None, ["'resp'", "row 3", "'2'", "0 (left)"]),
        ({"rew": [1, "lots", 0, 1, 1]}, COLUMNS, RECODE, ["'rew'", "row 2", "'lots'", "a number"]),
        ({"rew": [1, 0, 0, None, 1]}, COLUMNS, RECODE, ["'rew'", "row 4", "nan"]),
        ({"rat": ["Ann", None, "Bob", "Ann", "Bob"]}, COLUMNS, RECODE, ["'rat'", "row 2"]),
        ({"n": [1, 1, 1, 1, 2]}, {**COLUMNS, "trial": "n"}, RECODE, ["'n'", "row 2", "'1'"]),
        ({"forced": ["no", "no", "no", "maybe", "no"]}, COLUMNS, RECODE, ["'forced'", "row 1"]),
        (
            {"light": ["on", "off", "of", "on", "on"]},
            COLUMNS,
            RECODE | {"light": {"on": 1, "off": 0}},
            ["'light'", "row 3", "'of'"],
        ),
        ({}, {**COLUMNS, "choice": "response"}, RECODE, ["'response'", "'choice'", "resp"]),
        ({}, {"choice": "resp"}, RECODE, ["'reward'", "--columns reward="]),
        ({}, COLUMNS, {"lever": {"a": 1}}, ["lever"]),
    ],
)
def test_errors_name_file_column_and_row(tmp_path, changes, columns, recoding, named):
    with pytest.raises(UserError) as error:
        sheet.read(data_file(tmp_path, **changes), columns, recoding)
    message = str(error.value)
    assert "\n" not in message and all(part in message for part in named), message


def test_command_line_writes_a_trials_table(tmp_path):
    options = sheet.Options(
        data_file(tmp_path),
        ("choice=resp", "reward=rew", "subject=rat"),
        ("choice=l:0,r:1,none:-1",),
        out=tmp_path / "t.parquet",
    )
    sheet.main(options)
    assert len(storage.read(tmp_path / "t.parquet", "trials")) == 5
    for wrong in (
        {"columns": ("choice",)},
        {"columns": ("choice=resp", "choice=rew")},
        {"recode": ("choice=l",)},
        {"recode": ("choice=l:0,l:1",)},
    ):
        with pytest.raises(UserError, match=next(iter(wrong))):
            sheet.main(sheet.Options(options.file, **wrong))


def simulated(sessions=30, subjects=2):
    """Animals that plan."""
    planner = two_step_learners.LearningPlanner(0.8)
    parameters = {"planning_rate": 0.5, "inverse_temperature": 4.0, "perseveration": 0.5, "bias": 0}
    parts = []
    for seed in range(subjects):
        task = two_step_learners.TwoStep(sessions, 100, 0.8, 0.8, 0.02)
        trials = planner.simulate(task, parameters, np.random.default_rng(seed))
        parts.append(trials.assign(subject=f"R{seed}", variant="rats"))
    return pd.concat(parts, ignore_index=True)


def write_matlab(trials, path, crossed=("R1",)):
    """Write a small file as the rats'; in ``crossed`` subjects left commonly leads to the right."""
    with h5py.File(path, "w") as file:
        cells = file.create_dataset("ratdatas", (1, trials["subject"].nunique()), h5py.ref_dtype)
        for number, (name, own) in enumerate(trials.groupby("subject")):
            congruent = name not in crossed
            side = np.where(own["choice"] == 1, ord("r"), ord("l"))
            right_port = (own["outcome_state"] == "S2") == congruent
            fields = {
                "ratname": np.array([ord(letter) for letter in name], dtype="u2"),
                "p_congruent": 0.8 if congruent else 0.2,
                "sides1": side.astype("u2"),
                "sides2": np.where(
                    own["violation"], ord("v"), np.where(right_port, ord("r"), ord("l"))
                ).astype("u2"),
                "trans_common": (own["transition"] == "common").to_numpy(float),
                "rewards": own["reward"].to_numpy(),
                "viols": np.zeros(len(own)),
                "new_sess": (own["trial"] == 0).to_numpy(float),
                "leftprobs": np.where((own["rich_state"] == "S1") == congruent, 0.8, 0.2),
                "better_choices": np.where(own["forced"], np.nan, 1.0),
            }
            group = file.create_group(f"#refs#/{number}")
            for field, values in fields.items():
                group[field] = np.atleast_2d(values)
            cells[0, number] = group.ref


@pytest.fixture(scope="module")
def matlab(tmp_path_factory):
    path = tmp_path_factory.mktemp("rats") / "rats.mat"
    trials = simulated()
    rng = np.random.default_rng(9)
    trials = trials.assign(
        violation=rng.random(len(trials)) < 0.01, forced=rng.random(len(trials)) < 0.1
    )
    write_matlab(trials, path)
    return path, trials


def test_matlab_file_round_trip(matlab):
    path, written = matlab
    trials = formats.read_rats(path)
    kept = ~written["violation"]
    names = [
        "subject",
        "episode",
        "trial",
        "choice",
        "reward",
        "transition",
        "outcome_state",
        "forced",
    ]
    pd.testing.assert_frame_equal(
        trials.loc[kept, names], written.loc[kept, names], check_dtype=False
    )
    assert set(trials.loc[~kept, "choice"]) == {-1} and set(trials.loc[~kept, "transition"]) == {
        "none"
    }
    assert (trials["rich_state"] == written["rich_state"]).all()


def test_violations_are_left_out_and_no_lag_crosses_a_session(matlab):
    trials = rats.completed(formats.read_rats(matlab[0]))
    sessions = trials.groupby(["subject", "episode"])
    assert (sessions["trial"].max() + 1 == sessions.size()).all() and (trials["choice"] >= 0).all()
    history = regression.lagged(
        trials, {"row": pd.Series(np.arange(len(trials)), index=trials.index)}, 3
    )
    assert history["row_3"].isna().equals(trials["trial"] < 3)
    assert (history["row_1"].dropna() == np.flatnonzero(trials["trial"] >= 1) - 1).all()


def test_forced_choices_are_history_but_not_outcomes(matlab):
    trials = rats.completed(formats.read_rats(matlab[0]))
    toss = np.random.default_rng(0).integers(2, size=len(trials))
    kinds = staying.stay_probability(trials)
    assert kinds["trials"].sum() == (~trials["forced"] & (trials["trial"] > 0)).sum()
    last = trials.groupby(["subject", "episode"])["trial"].transform("max") == trials["trial"]
    changed = trials.assign(choice=trials["choice"].mask(trials["forced"] & last, toss))
    pd.testing.assert_frame_equal(
        staying.two_step_weights(trials), staying.two_step_weights(changed)
    )


@pytest.mark.parametrize(
    "damage",
    ["text", "cut", "variable", "field", "kind", "contradiction", "no reward", "reward in ml"],
)
def test_damaged_matlab_files_raise_in_one_line(matlab, tmp_path, damage):
    path = tmp_path / "bad.mat"
    whole = matlab[0].read_bytes()
    path.write_bytes(
        {"text": b"not a MATLAB file", "cut": whole[: len(whole) // 2]}.get(damage, whole)
    )
    if damage not in ("text", "cut"):
        with h5py.File(path, "a") as file:
            if damage == "variable":
                file["other"] = file["ratdatas"]
            elif damage == "field":
                del file["#refs#/1/rewards"]
            elif damage == "kind":
                del file["ratdatas"]
                file["ratdatas"] = np.zeros(3)
            elif "reward" in damage:
                file["#refs#/1/rewards"][0, 5] = np.nan if damage == "no reward" else 0.04
            else:
                file["#refs#/1/p_congruent"][...] = 0.8
    with pytest.raises(UserError, match=r"bad\.mat") as error:
        formats.read_rats(path)
    assert "\n" not in str(error.value)


def read_rats(source, columns=None, recoding=None):
    return sheet.read(source, columns, recoding, form=rats.TWO_STEP.form)


def test_transition_and_second_state_imply_each_other(tmp_path):
    trials = simulated(sessions=2)
    trials.loc[5, ["choice", "transition", "outcome_state"]] = [-1, "none", "none"]
    for name in ("transition", "outcome_state"):
        trials[["subject", "episode", "choice", "reward", name]].to_csv(
            tmp_path / "t.csv", index=False
        )
        table = read_rats(tmp_path / "t.csv", {"session": "episode"})
        columns = ["transition", "outcome_state"]
        assert (table[columns] == trials[columns]).all(axis=None)
    trials[["choice", "reward"]].to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match="transition=<column>"):
        read_rats(tmp_path / "t.csv")
    trials.assign(transition="rare").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match=r"'transition', row 1 .*'rare'"):
        read_rats(tmp_path / "t.csv")


def table(sessions=1, **columns):
    trials = simulated(sessions, subjects=1)[
        ["subject", "choice", "reward", "transition", "outcome_state"]
    ]
    return trials.assign(**columns)


def test_contradictory_choice_transition_and_state_raise():
    trials = table()
    assert len(read_rats(trials)) == 100
    trials.loc[6, "outcome_state"] = {"S1": "S2", "S2": "S1"}[trials.loc[6, "outcome_state"]]
    with pytest.raises(UserError, match="'transition', row 7"):
        read_rats(trials)
    trials.loc[3, "outcome_state"] = "none"
    with pytest.raises(UserError, match="'transition', row 4"):
        read_rats(trials)


def test_second_stage_choices_raise_and_are_not_collapsed():
    second = np.random.default_rng(0).integers(2, size=100) + 1
    state = (table()["outcome_state"] == "S2").to_numpy()
    columns = {"level1_choice": table()["choice"] + 1, "level2_choice": second + 2 * state}
    four = pd.DataFrame(columns | {"reward": table()["reward"]})
    columns, recoding = {"choice": "level1_choice"}, {"choice": {"1": 0, "2": 1}}
    with pytest.raises(UserError, match="'level2_choice' is a choice between two options"):
        read_rats(four, columns, recoding)
    collapsed = recoding | {"outcome_state": {"1": "S1", "2": "S1", "3": "S2", "4": "S2"}}
    with pytest.raises(UserError, match="gives two values the same state"):
        read_rats(four, columns | {"outcome_state": "level2_choice"}, collapsed)
    with pytest.raises(UserError, match="'choice2' is a choice between two options"):
        read_rats(table(choice2=second))
    consistent = table(side2=np.where(state, "r", "l"), choice2=state)
    assert len(read_rats(consistent)) == 100
