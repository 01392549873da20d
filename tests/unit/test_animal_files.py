"""Files of animals' trials as Excel, R and experiments' programs write them, and what they hide."""

import gzip
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from prefrontal import files
from prefrontal.animals import bandit, read, report
from prefrontal.errors import UserError
from prefrontal.models import two_step
from replications.bandit import animals as bandits
from replications.two_step import animals as rats
from tests.unit.test_animals import simulated

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
    trials = read.read(text(tmp_path, content))
    assert note in capsys.readouterr().out
    columns = ["subject", "session", "trial", "choice", "reward"]
    assert trials[columns].to_numpy().tolist() == [
        ["a", "1", 0, 0, 1],
        ["a", "1", 1, 1, 0],
        ["b", "1", 0, 1, 1],
    ]


def test_separator_in_quoted_names(tmp_path):
    path = text(tmp_path, '"name; first; last","choice, side",reward\n"a; b",0,1\n"a; b",1,0\n')
    trials = read.read(path, {"subject": "name; first; last", "choice": "choice, side"})
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
        read.read(text(tmp_path, content))


def test_rows_keep_their_numbers_in_messages(tmp_path):
    path = text(tmp_path, "screen,choice,reward\nfix,NA,NA\nbandit,0,1\n,,\nbandit,1,7\n")
    with raises("row 4", "'7'"):
        read.read(path, rows=("screen == bandit",))


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
    trials = read.read(tmp_path / "kept.parquet")
    assert trials[["subject", "choice"]].to_numpy().tolist() == [["a", 0], ["b", 0], ["b", 1]]
    for source in (frame.set_index("subject"), frame.set_index(["subject", "ok"])):
        assert read.read(source)["subject"].tolist() == list("aabb")
        source.to_parquet(tmp_path / "named.parquet")
        assert read.read(tmp_path / "named.parquet")["seed"].tolist() == [0, 0, 1, 1]
    with raises("'subject', row 2", "a name"):
        read.read(frame.assign(subject=["a", None, "b", "b"]))


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
    assert read.read(frame, {}, {"choice": meanings})["choice"].tolist() == [0, 1, 0, 1]
    with raises("row 3", "one of"):
        read.read(frame.assign(choice=[*codes[:2], 9, 9]), {}, {"choice": meanings})


def test_missing_choices_are_missed_trials(tmp_path):
    path = text(tmp_path, "subject,choice,reward\nm,2,1\nm,NA,NA\nm,1,0\nm,,0\n")
    for recoding in ({"1": 0, "2": 1, "NA": -1}, {"1": 0, "2": 1}):
        trials = read.read(path, {}, {"choice": recoding})
        assert trials["choice"].tolist() == [1, -1, 0, -1]
        assert trials["reward"].tolist() == [1, 0, 0, 0]
        assert "(2 without a valid choice)" in read.describe(trials)
    path = text(tmp_path, "subject,choice,reward\nm,0,1\nm,NA,1\n")
    with raises("row 2", "rewarded"):
        read.read(path)


def test_sides_of_minus_and_plus_one_are_not_guessed():
    frame = pd.DataFrame({"choice": [-1, 1, 0, -1, 1], "reward": [0, 1, 0, 1, 0]})
    with raises("row 4", "rewarded", "<left>:0,<right>:1,<missed>:-1"):
        read.read(frame)
    trials = read.read(frame, {}, {"choice": {"-1": 0, "1": 1, "0": -1}})
    assert trials["choice"].tolist() == [0, 1, -1, 0, 1]
    assert trials["reward"].tolist() == [0, 1, 0, 1, 0]
    with raises("row 1", "say which"):
        read.read(frame.assign(choice=[-1, 1, 1, -1, 1], reward=[0, 1, 0, 0, 0]))
    assert read.read(frame.assign(reward=[0, 1, 0, 0, 0]))["choice"].tolist() == [-1, 1, 0, -1, 1]


def test_a_session_that_comes_back_raises():
    marks = pd.DataFrame({"choice": 0, "reward": 1, "new": [1, 0, 0, 1, 0, 0]})
    with raises("'new', row 4", "session '1'", "running sum"):
        read.read(marks, {"session": "new"})
    assert read.read(marks.assign(new=marks["new"].cumsum()), {"session": "new"})[
        "trial"
    ].tolist() == [0, 1, 2, 0, 1, 2]
    mixed = marks.assign(subject=list("ababab"), new=[1, 1, 1, 1, 2, 2])
    assert read.read(mixed, {"session": "new"})["episode"].tolist() == [0, 0, 1, 0, 0, 1]


def test_trial_columns_that_do_not_count_give_the_order(capsys):
    choices, rows = [0, 1, 1, 0, 1, 0], np.array([3, 1, 5, 0, 4, 2])
    frame = pd.DataFrame({"subject": "a", "choice": choices, "reward": [1, 0, 1, 0, 1, 1]})
    for number in (np.arange(2, 14, 2), [0.5, 3.1, 3.7, 9.25, 11, 30], np.arange(6) + 7):
        trials = read.read(frame.assign(trial=number).iloc[rows])
        assert trials["choice"].tolist() == choices
        assert trials["trial"].tolist() == list(range(6)) and set(trials["episode"]) == {0}
    assert capsys.readouterr().out.count("does not count trials one by one") == 2
    onset = np.tile(np.linspace(0, 55, 12), 2)
    with raises("row 13", "session=<column>"):
        read.read(
            pd.DataFrame({"choice": 0, "reward": 1, "trial": onset + np.repeat([0, 0.1], 12)})
        )


def test_counting_by_two_gives_the_same_fits():
    agent = two_step.simulate(
        two_step.ModelFree(0.5),
        4.0,
        1,
        80,
        np.random.default_rng(0),
        common=0.8,
        rich=0.8,
        reversal=0.02,
    )
    frame = agent[["trial", "choice", "reward"]].assign(subject="a")
    fits = [
        bandit.fit_models(trials, 2, np.random.default_rng(0), 1, validate=False)
        for trials in (read.read(frame), read.read(frame.assign(trial=2 * frame["trial"] + 2)))
    ]
    pd.testing.assert_frame_equal(*fits)


def test_people_who_are_not_named_raise():
    frame = pd.DataFrame({"subjID": ["m1"] * 4 + ["m2"] * 4, "choice": 0, "reward": 1})
    with raises("'subjID'", "--columns subject=subjID"):
        read.read(frame)
    with raises("'subjID'"):
        read.read(frame.assign(subjID=["m1", "m2"] * 4))
    assert read.read(frame, {"subject": "subjID"})["seed"].nunique() == 2
    with raises("'subjects'", "choice, reward, subject, session, trial"):
        read.read(frame, {"subjects": "subjID"})


def test_rows_of_other_screens_are_left_out(tmp_path):
    path = text(
        tmp_path,
        "subject,screen,choice,reward\nm,fixation,NA,NA\nm,bandit,1,1\nm,feedback,NA,NA\n"
        "m,bandit,0,0\nn,bandit,1,0\n",
    )
    for rows in (("screen == bandit",), ("screen!='fixation'", "screen != feedback")):
        assert read.read(path, rows=rows)["choice"].tolist() == [1, 0, 1]
    for rows, part in (
        (("screen = bandit",), "<column> == <value>"),
        (("page == bandit",), "'page'"),
        (("screen == bandits",), "fixation, bandit, feedback"),
    ):
        with raises(part):
            read.read(path, rows=rows)


def test_rewards_from_gains_losses_and_points(tmp_path):
    path = text(
        tmp_path,
        "subjID\tgain\tloss\tchoice\n11\t0\t0\t3\n11\t1\t-1\t4\n11\t0\t-1\t2\n11\t1\t0\t1\n",
    )
    arms = {"choice": {str(arm + 1): arm for arm in range(4)}}
    columns = {"subject": "subjID", "reward": "gain+loss"}
    assert read.read(path, columns, arms | {"reward": "sign"}, arms=4)["reward"].tolist() == [
        0,
        0,
        0,
        1,
    ]
    with raises("row 3", "'-1'", "reward=sign"):
        read.read(path, columns, arms, arms=4)
    with raises("'gains.loss'", "gain, loss"):
        read.read(path, columns | {"reward": "gains+loss"}, arms, arms=4)
    paid = pd.DataFrame(
        {"choice": [0, 1, 0], "won": [3, 0, 96], "lost": [1, 2, 0], "loss": [1, 2, 0]}
    )
    with raises("'loss', row 1", "reward=...-loss"):
        read.read(paid, {"reward": "won+loss"})
    assert read.read(paid, {"reward": "won-lost"}, {"reward": "sign"})["reward"].tolist() == [
        1,
        0,
        1,
    ]
    above = read.parse_recoding(("reward=>50",))
    assert read.read(paid, {"reward": "won"}, above)["reward"].tolist() == [0, 0, 1]
    with raises("row 3", "'96'", "0 or 1"):
        read.read(paid.assign(won=[1, 0, 96]), {"reward": "won"})
    with raises("only reward"):
        read.read(paid, {"reward": "won"}, {"choice": "sign"})


def test_an_episode_column_of_the_file_breaks_nothing(capsys):
    frame = pd.DataFrame({"subject": "a", "episode": [4, 9, 2, 7], "choice": [0, 1, 1, 0]})
    trials = read.read(frame.assign(reward=1, seed=[5, 6, 7, 8]))
    assert trials["trial"].tolist() == [0, 1, 2, 3] and set(trials["seed"]) == {0}
    assert trials["episode_in_file"].tolist() == [4, 9, 2, 7]
    assert "'episode' is kept" in capsys.readouterr().out


def test_magnitudes_must_be_finite():
    frame = pd.DataFrame({"choice": [0, 1], "reward": 1, "magnitude_0": 2.0})
    for odd in (np.nan, np.inf, "many"):
        with raises("'magnitude_1', row 2", "a finite number"):
            read.read(frame.assign(magnitude_1=[1.0, odd]))
    stake = read.read(frame.assign(m=[1, 2]), {"magnitude_1": "m"})["magnitude_1"]
    assert stake.tolist() == [1, 2]


def test_arms_lags_and_runs_are_bounded(tmp_path):
    path = text(tmp_path, HEADER + ROWS)
    for name, value in {
        "arms": 59,
        "lags": 10**8,
        "restarts": 10**18,
        "simulations": 10**9,
    }.items():
        with raises(name, "at most"):
            bandit.Options(path, **{name: value})
    with raises("number of arms", "at most 16"):
        read.read(pd.DataFrame({"choice": range(59), "reward": 1}), arms=None)
    with raises("lags", "longest session, 2"):
        bandit.check_lags(read.read(path), 5)


def test_results_of_the_project_are_not_overwritten(tmp_path):
    path = text(tmp_path, HEADER + ROWS)
    for out in (files.DATA / "bandit" / "results", files.DATA, files.DATA / "two_step"):
        with raises("out", "project's results"):
            report.Options(path, out=out).folder("bandit")
    with raises("out", "project's results"):
        read.main(read.Options(path, out=files.DATA / "bandit" / "trials.parquet"))
    animals = files.DATA / "two_step" / "animals"
    assert report.Options(path, out=animals).folder("two_step") == animals
    folders = {report.Options(tmp_path / f"rats.{end}").folder("bandit") for end in ("csv", "txt")}
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
    with raises(f"'{name}'", "two options"):
        rats.read_table(trials, {"session": "episode"}, {})
    state = simulated(sessions=3, subjects=2)["outcome_state"]
    four = trials.assign(**{name: trials[name] + 2 * (state == "S2")}, outcome_state=state)
    with raises(f"'{name}'", "two options"):
        rats.read_table(four, {"session": "episode"}, {})


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
    assert len(rats.read_table(table, {"session": "episode"}, {})) == len(trials)


def test_common_transitions_are_estimated_and_printed(capsys):
    trials = rats.read_table(
        pd.DataFrame(
            {
                "choice": [0, 1] * 50,
                "reward": [1, 0, 0, 1] * 25,
                "transition": ["common"] * 71 + ["uncommon"] * 29,
            }
        ),
        {},
        {},
    )
    assert rats.common_probability(trials) == pytest.approx(0.71)
    assert "71.0 % of 100 transitions are common, which planners" in capsys.readouterr().out
    assert rats.common_probability(trials, 0.8) == 0.8
    assert "planners take 0.8 (--common)" in capsys.readouterr().out
    swapped = trials["transition"].map({"common": "uncommon", "uncommon": "common"})
    with raises("29.0 % of 100", "--recode transition", "--common"):
        rats.common_probability(trials.assign(transition=swapped))


def test_planners_of_other_transitions_are_recovered():
    """Under an assumed probability of .8 the planning weight is underestimated."""
    planner = two_step.LearningPlanner(learning_rate=0.5, common=0.7)
    trials = two_step.simulate(
        planner, 5.0, 12, 150, np.random.default_rng(0), common=0.7, rich=0.8, reversal=0.02
    )
    words = dict.fromkeys(("transition", "outcome_state", "rich_state"), str)
    weights = []
    for common in (None, 0.8):
        tables = rats.analyse(trials.astype(words).assign(subject="a"), common, restarts=1)
        fits = next(frame for name, frame in tables if name == "fits").set_index("model")
        weights.append(fits.loc["mixture", "planning_weight"])
    assert weights[0] == pytest.approx(5.0, abs=0.8) and weights[1] < 0.8 * weights[0]


def test_an_animal_that_stops_responding_is_named():
    usual = simulated(sessions=4, subjects=2)
    silent = usual["subject"] == "R1"
    never = usual.assign(
        **{
            "choice": usual["choice"].mask(silent, -1),
            "transition": usual["transition"].mask(silent, "none"),
            "outcome_state": usual["outcome_state"].mask(silent, "none"),
            "reward": usual["reward"].mask(silent, 0.0),
        }
    )
    found = dict(rats.analyse(never, restarts=1, simulations=1))
    named = found["undetermined"].set_index(["subject", "analysis"])["why"]
    assert named["R1", "fits of models"] == "no completed trial"
    assert set(found["fits"]["seed"]) == {0}
    for stop in (30, 75):  # trials, all in the first session
        late = silent & (usual["episode"] * 100 + usual["trial"] >= stop)
        choice, reward = usual["choice"].mask(late, -1), usual["reward"].mask(late, 0.0)
        trials = usual.assign(choice=choice, reward=reward)
        found = dict(bandit.analyse(trials, bandits.FAMILY, restarts=1, simulations=1))
        assert set(found["fits"]["seed"]) == {0, 1}
        assert np.isfinite(found["fits"]["cross_validated"]).all()


@pytest.mark.parametrize("names", [["1", "2"], [f"block {k}" for k in range(40)], ["$a", "b$ c"]])
def test_labels_of_blocks_do_not_overlap(names):
    figure = bandit.plotting.new_figure(60, 50)
    ax = figure.add_subplot()
    both = pd.DataFrame({"block": names, "learning_rate": 0.5})
    bandit.draw_groups(ax, {"animals": both, "networks": both}, "block", "learning_rate")
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(a.x1 <= b.x0 + 1 for a, b in pairwise(boxes))


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
