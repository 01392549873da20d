"""Files of animals' trials as Excel, R and experimental software write them, and their pitfalls."""

import gzip
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from prefrontal import animals, files
from prefrontal.animals import families, panels, pipeline, sheet
from prefrontal.animals.columns import Format
from prefrontal.errors import UserError
from prefrontal.publishing import plotting
from replications.two_step import animals as rats
from replications.volatile_bandit.animals import VOLATILITY
from tests.unit.test_animals import read_rats, simulated

HEADER = "subject,session,choice,reward\n"
ROWS = "a,1,0,1\na,1,1,0\nb,1,1,1\n"


def text(tmp_path, content, name="rats.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def raises(*parts):
    """Expect a one-line error with these parts, in any order."""
    pattern = "".join(f"(?=.*{part})" for part in parts)
    return pytest.raises(UserError, match=rf"^{pattern}[^\n]*$")


SAME_TABLE = {
    "excel_separator": ("sep=;\n" + (HEADER + ROWS).replace(",", ";"), "semicolons"),
    "excel_empty_rows": (HEADER + ROWS + ",,,\n,,,\n", "2 empty or comment rows left out"),
    "excel_empty_columns": (HEADER.replace("\n", ",,\n") + ROWS.replace("\n", ",,\n"), "commas"),
    "comments": ("# made by hand\n\n" + HEADER + "# a, comment\n" + ROWS, "commas"),
    "decimal_commas": (
        "subject;session;choice;reward\na;1;0;1,0\na;1;1;0,0\nb;1;1;1,0\n",
        "decimal commas in reward",
    ),
    "r_tabs": (
        '"subject"\t"session"\t"choice"\t"reward"\n'
        '"1"\t"a"\t1\t0\t1\n"2"\t"a"\t1\t1\t0\n"3"\t"b"\t1\t1\t1\n',
        "row names left out",
    ),
    "r_spaces": (
        '"subject" "session" "choice" "reward"\n"1" "a" 1 0 1\n"2" "a" 1 1 0\n"3" "b" 1 1 1\n',
        "separated by spaces; row names left out",
    ),
    "r_csv": (
        '"","subject","session","choice","reward"\n"1","a",1,0,1\n"2","a",1,1,0\n"3","b",1,1,1\n',
        "row names left out",
    ),
    "booleans": (HEADER + "a,1,0,TRUE\na,1,1,FALSE\nb,1,1,true\n", "commas"),
    "old_mac": ((HEADER + ROWS).replace("\n", "\r"), "commas"),
    "utf16": ((HEADER + ROWS).replace(",", "\t").encode("utf-16"), "tabs"),
    "gzip": (gzip.compress((HEADER + ROWS).encode()), "commas"),
}


@pytest.mark.parametrize("name", SAME_TABLE)
def test_files_of_excel_and_r_give_one_table(tmp_path, capsys, name):
    content, note = SAME_TABLE[name]
    trials = sheet.read(text(tmp_path, content))
    assert note in capsys.readouterr().out
    columns = ["subject", "session", "trial", "choice", "reward"]
    assert trials[columns].to_numpy().tolist() == [
        ["a", "1", 0, 0, 1],
        ["a", "1", 1, 1, 0],
        ["b", "1", 0, 1, 1],
    ]


def test_separator_in_quoted_names(tmp_path):
    path = text(tmp_path, '"name; first; last","choice, side",reward\n"a; b",0,1\n"a; b",1,0\n')
    trials = sheet.read(path, {"subject": "name; first; last", "choice": "choice, side"})
    assert trials["subject"].tolist() == ["a; b"] * 2 and trials["choice"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("m1,1,1,1,1\nm1,1,2,1,0\n", ["no header", "'1'", "subject,choice,reward"]),
        (b"PK\x03\x04rest", ["workbook", "CSV UTF-8"]),
        ("sep=|\nchoice|reward\n0|1\n", ["'|'".replace("|", r"\|"), "semicolons"]),
        (b"\x1f\x8bbroken", ["not a readable text file"]),
    ],
)
def test_files_that_are_no_table_raise(tmp_path, content, parts):
    with raises(r"rats\.csv", *parts):
        sheet.read(text(tmp_path, content))


def test_rows_keep_their_numbers_in_messages(tmp_path):
    path = text(tmp_path, "screen,choice,reward\nfix,NA,NA\nbandit,0,1\n,,\nbandit,1,x\n")
    with raises("row 4", "'x'"):
        sheet.read(path, rows=("screen == bandit",))


def test_parquet_with_a_kept_index_and_subjects_in_the_index(tmp_path):
    frame = pd.DataFrame(
        {
            "subject": list("aabb"),
            "choice": [0, 1, 0, 1],
            "reward": [1, 0, 1, 0],
            "ok": [1, 0, 1, 1],
        }
    )
    frame[frame["ok"] == 1].to_parquet(tmp_path / "kept.parquet")
    trials = sheet.read(tmp_path / "kept.parquet")
    assert trials[["subject", "choice"]].to_numpy().tolist() == [["a", 0], ["b", 0], ["b", 1]]
    for source in (frame.set_index("subject"), frame.set_index(["subject", "ok"])):
        assert sheet.read(source)["subject"].tolist() == list("aabb")
        source.to_parquet(tmp_path / "named.parquet")
        assert sheet.read(tmp_path / "named.parquet")["subject"].tolist() == list("aabb")
    with raises("'subject', row 2", "a name"):
        sheet.read(frame.assign(subject=["a", None, "b", "b"]))


@pytest.mark.parametrize(
    ("codes", "meanings"),
    [
        ([1, 2, 1, 2], {1: 0, 2: 1}),
        ([1.0, 2.0, 1.0, 2.0], {1: 0, 2: 1}),
        ([False, True, False, True], {False: 0, True: 1}),
        (["False", "True"] * 2, {False: 0, True: 1}),
        (np.array([3, 4, 3, 4], dtype="int8"), {np.int64(3): np.int64(0), 4.0: 1.0}),
        (["l", "r", "l", "r"], {"l": False, "r": True}),
    ],
)
def test_codes_of_python_are_numbers_and_booleans(codes, meanings):
    frame = pd.DataFrame({"choice": codes, "reward": [1, 0, 1, 0]})
    assert sheet.read(frame, {}, {"choice": meanings})["choice"].tolist() == [0, 1, 0, 1]
    with raises("row 3", "one of"):
        sheet.read(frame.assign(choice=[*codes[:2], 9, 9]), {}, {"choice": meanings})


def test_missing_choices_are_missed_trials(tmp_path):
    path = text(tmp_path, "subject,choice,reward\nm,2,1\nm,NA,NA\nm,1,0\nm,,0\n")
    for recoding in ({"1": 0, "2": 1, "NA": -1}, {"1": 0, "2": 1}):
        trials = sheet.read(path, {}, {"choice": recoding})
        assert trials["choice"].tolist() == [1, -1, 0, -1]
        assert trials["reward"].tolist() == [1, 0, 0, 0]
        assert "(2 without a valid choice)" in sheet.describe(trials)
    path = text(tmp_path, "subject,choice,reward\nm,0,1\nm,NA,1\n")
    with raises("row 2", "rewarded"):
        sheet.read(path)


def test_sides_of_minus_and_plus_one_are_not_guessed():
    frame = pd.DataFrame({"choice": [-1, 1, 0, -1, 1], "reward": [0, 1, 0, 1, 0]})
    with raises("row 4", "rewarded", "<left>:0,<right>:1,<missed>:-1"):
        sheet.read(frame)
    trials = sheet.read(frame, {}, {"choice": {"-1": 0, "1": 1, "0": -1}})
    assert trials["choice"].tolist() == [0, 1, -1, 0, 1]
    assert trials["reward"].tolist() == [0, 1, 0, 1, 0]
    with raises("row 1", "say which"):
        sheet.read(frame.assign(choice=[-1, 1, 1, -1, 1], reward=[0, 1, 0, 0, 0]))
    assert sheet.read(frame.assign(reward=[0, 1, 0, 0, 0]))["choice"].tolist() == [-1, 1, 0, -1, 1]


def test_a_session_that_comes_back_raises():
    marks = pd.DataFrame({"choice": 0, "reward": 1, "new": [1, 0, 0, 1, 0, 0]})
    with raises("'new', row 4", "session '1'", "running sum"):
        sheet.read(marks, {"session": "new"})
    assert sheet.read(marks.assign(new=marks["new"].cumsum()), {"session": "new"})[
        "trial"
    ].tolist() == [0, 1, 2, 0, 1, 2]
    mixed = marks.assign(subject=list("ababab"), new=[1, 1, 1, 1, 2, 2])
    assert sheet.read(mixed, {"session": "new"})["episode"].tolist() == [0, 0, 1, 0, 0, 1]


def test_trial_columns_that_do_not_count_give_the_order(capsys):
    choices, rows = [0, 1, 1, 0, 1, 0], np.array([3, 1, 5, 0, 4, 2])
    frame = pd.DataFrame({"subject": "a", "choice": choices, "reward": [1, 0, 1, 0, 1, 1]})
    for number in (np.arange(2, 14, 2), [0.5, 3.1, 3.7, 9.25, 11, 30], np.arange(6) + 7):
        trials = sheet.read(frame.assign(trial=number).iloc[rows])
        assert trials["choice"].tolist() == choices
        assert trials["trial"].tolist() == list(range(6)) and set(trials["episode"]) == {0}
    assert capsys.readouterr().out.count("does not increase by one per trial") == 2
    onset = np.tile(np.linspace(0, 55, 12), 2)
    with raises("row 13", "session=<column>"):
        sheet.read(
            pd.DataFrame({"choice": 0, "reward": 1, "trial": onset + np.repeat([0, 0.1], 12)})
        )


def test_counting_by_two_gives_the_same_trials():
    frame = simulated(1, 1)[["trial", "choice", "reward"]].assign(subject="a")
    both = sheet.read(frame), sheet.read(frame.assign(trial=2 * frame["trial"] + 2))
    pd.testing.assert_frame_equal(*both)


def test_people_who_are_not_named_raise():
    frame = pd.DataFrame({"subjID": ["m1"] * 4 + ["m2"] * 4, "choice": 0, "reward": 1})
    with raises("'subjID'", "--columns subject=subjID"):
        sheet.read(frame)
    with raises("'subjID'"):
        sheet.read(frame.assign(subjID=["m1", "m2"] * 4))
    assert sheet.read(frame, {"subject": "subjID"})["subject"].nunique() == 2
    with raises("'subjects'", "choice, reward, subject, session, trial"):
        sheet.read(frame, {"subjects": "subjID"})


def test_rows_of_other_screens_are_left_out(tmp_path):
    path = text(
        tmp_path,
        "subject,screen,choice,reward\nm,fixation,NA,NA\nm,bandit,1,1\nm,feedback,NA,NA\n"
        "m,bandit,0,0\nn,bandit,1,0\n",
    )
    for rows in (("screen == bandit",), ("screen!='fixation'", "screen != feedback")):
        assert sheet.read(path, rows=rows)["choice"].tolist() == [1, 0, 1]
    for rows, part in (
        (("screen = bandit",), "<column> == <value>"),
        (("page == bandit",), "'page'"),
        (("screen == bandits",), "'fixation', 'bandit', 'feedback'"),
    ):
        with raises(part):
            sheet.read(path, rows=rows)


FOUR = Format(arms=4)


def test_sessions_may_be_those_of_another_group(tmp_path):
    rows = "mice,a,,0,1\nmice,a,,1,0\nmonkeys,b,1,1,1\n"
    path = text(tmp_path, "variant,subject,session,choice,reward\n" + rows)
    assert sheet.read(path, rows=("variant == mice",))["choice"].tolist() == [0, 1]
    with raises("session", "row 1"):
        sheet.read(path)


def test_rewards_from_gains_losses_and_points(tmp_path):
    path = text(
        tmp_path,
        "subjID\tgain\tloss\tchoice\n11\t0\t0\t3\n11\t1\t-1\t4\n11\t0\t-1\t2\n11\t1\t0\t1\n",
    )
    arms = {"choice": {str(arm + 1): arm for arm in range(4)}}
    columns = {"subject": "subjID", "reward": "gain+loss"}
    assert sheet.read(path, columns, arms | {"reward": "sign"}, form=FOUR)["reward"].tolist() == [
        0,
        0,
        0,
        1,
    ]
    amounts = sheet.read(path, columns, arms, form=FOUR)["reward"]
    assert amounts.tolist() == [0, 0, -1, 1]
    with raises("row 3", "'-1'", "reward=sign"):
        sheet.read(path, columns, arms, form=Format(arms=4, binary=True))
    with raises("'gains.loss'", "gain, loss"):
        sheet.read(path, columns | {"reward": "gains+loss"}, arms, form=FOUR)
    paid = pd.DataFrame(
        {"choice": [0, 1, 0], "won": [3, 0, 96], "lost": [1, 2, 0], "loss": [1, 2, 0]}
    )
    with raises("'loss', row 1", "reward=...-loss"):
        sheet.read(paid, {"reward": "won+loss"})
    assert sheet.read(paid, {"reward": "won-lost"}, {"reward": "sign"})["reward"].tolist() == [
        1,
        0,
        1,
    ]
    above = sheet.parse_recoding(("reward=>50",))
    assert sheet.read(paid, {"reward": "won"}, above)["reward"].tolist() == [0, 0, 1]
    with raises("row 3", "'96'", "0 or 1"):
        sheet.read(paid.assign(won=[1, 0, 96]), {"reward": "won"}, form=Format(binary=True))
    with raises("only reward"):
        sheet.read(paid, {"reward": "won"}, {"choice": "sign"})


def test_an_episode_column_of_the_file_breaks_nothing(capsys):
    frame = pd.DataFrame({"subject": "a", "episode": [4, 9, 2, 7], "choice": [0, 1, 1, 0]})
    trials = sheet.read(frame.assign(reward=1))
    assert trials["trial"].tolist() == [0, 1, 2, 3] and set(trials["subject"]) == {"a"}
    assert trials["episode_in_file"].tolist() == [4, 9, 2, 7]
    assert "'episode' is kept" in capsys.readouterr().out


def test_magnitudes_must_be_finite():
    frame = pd.DataFrame({"choice": [0, 1], "reward": 1, "magnitude_0": 2.0})
    for odd in (np.nan, np.inf, "many"):
        with raises("'magnitude_1', row 2", "a finite number"):
            sheet.read(frame.assign(magnitude_1=[1.0, odd]))
    stake = sheet.read(frame.assign(m=[1, 2]), {"magnitude_1": "m"})["magnitude_1"]
    assert stake.tolist() == [1, 2]


def test_arms_lags_and_runs_are_bounded(tmp_path):
    path = text(tmp_path, HEADER + ROWS)
    values = {"arms": 59, "lags": 10**8, "restarts": 10**18, "simulations": 10**9}
    for name, value in values.items():
        with raises(name, "at most"):
            pipeline.Options(path, **{name: value})
    with raises("number of arms", "at most 16"):
        frame = pd.DataFrame({"choice": range(59), "reward": 1})
        sheet.read(frame, form=Format(arms=None))
    with raises("lags", "longest session, 2"):
        pipeline.main(["bandit", str(path)])
    with raises("common", "between 0 and 1"):
        pipeline.Options(path, common=1.2)
    with raises("task", "two_step", "daw"):
        pipeline.main(["two_steps", str(path)])


def test_results_of_the_project_are_not_overwritten(tmp_path):
    path = text(tmp_path, HEADER + ROWS)
    for out in (files.DATA / "bandit" / "results", files.DATA, files.DATA / "two_step"):
        with raises("out", "project's results"):
            pipeline.Options(path, out=out).folder("bandit")
    with raises("out", "project's results"):
        sheet.main(sheet.Options(path, out=files.DATA / "bandit" / "trials.parquet"))
    with raises("a folder other than the file's"):
        pipeline.Options(path, out=tmp_path).folder("bandit")
    with raises("elsewhere", "an existing folder"):
        pipeline.Options(path, data=tmp_path / "elsewhere")
    inside = files.DATA / "two_step" / "animals"
    assert pipeline.Options(path, out=inside).folder("two_step") == inside
    names = [f"rats.{end}" for end in ("csv", "txt")]
    folders = {pipeline.Options(tmp_path / name).folder("bandit") for name in names}
    assert len(folders) == 2


def second_choices(name, **columns):
    """Trials of subjects who also choose between two options in each second-stage state."""
    trials, rng = simulated(sessions=3, subjects=2), np.random.default_rng(0)
    last, choices = {"S1": 1, "S2": 1}, []
    for state, reward in zip(trials["outcome_state"], trials["reward"], strict=True):
        last[state] = last[state] if rng.random() < 0.8 else 3 - last[state]
        choices.append(last[state])
        last[state] = last[state] if reward else 3 - last[state]
    kept = trials[["subject", "episode", "choice", "reward", "transition"]]
    return kept.assign(**{name: choices}, **columns)


@pytest.mark.parametrize("name", ["choice2", "key2", "stim2", "second_key", "stage_II", "B"])
def test_second_choices_are_recognised_under_any_name(name):
    trials = second_choices(name)
    with raises(f"'{name}'", "two options", "prefrontal animals daw"):
        read_rats(trials, {"session": "episode"})
    state = simulated(sessions=3, subjects=2)["outcome_state"]
    four = trials.assign(**{name: trials[name] + 2 * (state == "S2")}, outcome_state=state)
    with raises(f"'{name}'", "two options", "prefrontal animals daw"):
        read_rats(four, {"session": "episode"})


def test_other_columns_are_no_second_choices():
    trials = simulated(sessions=30, subjects=2)
    rng, row = np.random.default_rng(0), trials.groupby(["subject", "episode"])
    right = (trials["choice"] == 0) == (trials["rich_state"] == "S1")
    others = {
        "key_resp_2.rt": rng.random(len(trials)),
        "key_resp_2.keys": "space",
        "light": rng.integers(2, size=len(trials)),
        "correct": right.astype(int),
        "stayed": trials["choice"] == row["choice"].shift(),
        "last": row["choice"].shift(),
        "paid_before": row["reward"].shift(),
        "port": trials["outcome_state"].map({"S1": "l", "S2": "r"}),
        "rich_side": trials["rich_state"].map({"S1": "l", "S2": "r"}),
    }
    columns = ["subject", "episode", "choice", "reward", "transition"]
    table = trials[columns].assign(**others)
    assert len(read_rats(table, {"session": "episode"})) == len(trials)


def test_common_transitions_are_estimated_and_printed(capsys):
    kinds = ["common"] * 71 + ["uncommon"] * 29
    frame = pd.DataFrame({"choice": [0, 1] * 50, "reward": [1, 0, 0, 1] * 25, "transition": kinds})
    trials = read_rats(frame)
    assert rats.common_share(trials) == pytest.approx(0.71)
    assert "71.0 % of 100 transitions are common; planners use this" in capsys.readouterr().out
    assert rats.common_share(trials, 0.8) == 0.8
    assert "planners use 0.8 (--common)" in capsys.readouterr().out
    swapped = trials["transition"].map({"common": "uncommon", "uncommon": "common"})
    with raises("29.0 % of 100", "--recode transition"):
        read_rats(frame.assign(transition=swapped))


def daw(**columns):
    trials = simulated(1, 1)[["choice", "reward", "outcome_state"]]
    second = np.random.default_rng(0).integers(2, size=len(trials))
    return trials.assign(choice2=second, **columns)


def read_daw(frame, recoding=None):
    return sheet.read(frame, None, recoding, form=rats.DAW_TWO_STEP.form)


def test_two_choices_are_read_in_every_coding():
    frame = daw()
    trials = read_daw(frame)
    assert (trials["choice2"] == frame["choice2"]).all()
    coded = frame["choice2"] + 2 * (frame["outcome_state"] == "S2")
    by_option = read_daw(frame.drop(columns="outcome_state").assign(choice2=coded))
    columns = ["choice", "choice2", "outcome_state", "transition", "reward"]
    pd.testing.assert_frame_equal(by_option[columns], trials[columns])
    letters = frame.assign(choice2=frame["choice2"].map({0: "a", 1: "b"}))
    named = read_daw(letters, {"choice2": {"a": 0, "b": 1}})
    pd.testing.assert_frame_equal(named[columns], trials[columns])
    frame.loc[3, ["choice2", "reward"]] = [-1, 0]
    assert len(rats.completed(read_daw(frame))) == len(frame) - 1
    with raises("'choice2', row 5", "0 to 3"):
        read_daw(daw().assign(choice2=np.where(np.arange(100) == 4, 7, 0)))
    with raises("no column 'choice2'", "two_step"):
        read_daw(frame.drop(columns="choice2"))


def test_volatility_needs_magnitudes_and_reads_points():
    frame = pd.DataFrame({"choice": [0, 1, 0], "reward": [0.0, 30, 0], "magnitude_0": 20.0})
    with raises("no column 'magnitude_1'", "reversal"):
        sheet.read(frame, form=VOLATILITY.form)
    trials = sheet.read(frame.assign(magnitude_1=30.0), form=VOLATILITY.form)
    assert trials["reward"].tolist() == [0, 1, 0]
    assert families.won(trials).tolist() == [False, True, False]
    losses = trials.assign(magnitude_0=-20.0, magnitude_1=-30.0)
    assert families.won(losses).tolist() == [True, False, True]


def test_amounts_are_good_above_zero_or_the_mean():
    frame = pd.DataFrame({"variant": "a", "subject": 0, "choice": 0, "reward": [10.0, 90, 50, 20]})
    assert families.won(frame).tolist() == [False, True, True, False]
    assert families.won(frame.assign(reward=[-1, 1, 0, 2])).tolist() == [False, True, False, True]
    assert families.won(frame.assign(reward=[0, 3, 0, 1])).tolist() == [False, True, False, True]


def test_codes_of_a_script_are_read_by_the_package():
    frame = pd.DataFrame({"choice": [1, 2, 1, 2], "reward": [1, 0, 1, 0]})
    assert animals.read(frame, {}, {"choice": {1: 0, 2: 1}})["choice"].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("names", [["1", "2"], [f"block {k}" for k in range(40)], ["$a", "b$ c"]])
def test_labels_of_blocks_do_not_overlap(names):
    drawn = plotting.new_figure(60, 50)
    ax = drawn.add_subplot()
    panels.label_places(ax, names)
    drawn.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(a.x1 <= b.x0 + 1 for a, b in pairwise(boxes))


@pytest.mark.slow
def test_a_locale_without_utf8_reads_what_it_wrote(tmp_path):
    path = text(tmp_path, HEADER + ROWS.replace("a,", "Zoë,"), "names.csv")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    for source, out in (("names.csv", "once.csv"), ("once.csv", "twice.csv")):
        command = [sys.executable, "-m", "prefrontal", "trials", source, "--out", out]
        options = {"cwd": tmp_path, "env": os.environ | plain, "capture_output": True}
        done = subprocess.run(command, check=False, **options)
        assert done.returncode == 0, done.stderr
    assert path.read_text(encoding="utf-8").count("Zoë") == 2
    assert (tmp_path / "twice.csv").read_text(encoding="utf-8").count("Zoë") == 2
    for name in ("cite", "fig5"), ("animals", "two_step", "names.csv", "--species", "Mäuse"):
        command = [sys.executable, "-m", "prefrontal", *name]
        done = subprocess.run(command, check=False, **options)
        assert b"Traceback" not in done.stderr
