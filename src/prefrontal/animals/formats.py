"""Readers of published files: from each laboratory's format to a trials table.

Tables have the columns of ``prefrontal.tables.schema``; subjects have their published names.
Missed choices are -1; trials that a file leaves out, such as broken fixations, are missing.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from scipy.io import loadmat

from prefrontal.errors import UserError, check
from prefrontal.tables import storage
from prefrontal.tables.schema import EPISODE

RAT_FIELDS = (
    "ratname",
    "p_congruent",
    "sides1",
    "sides2",
    "trans_common",
    "rewards",
    "viols",
    "new_sess",
    "leftprobs",
)
"""Required fields of a rat in the MATLAB file; ``better_choices`` is optional."""

EVENTS = {
    "fixation": 22,
    "choice1_on": 23,
    "choice1_made": 24,
    "transition": 25,
    "choice2_on": 33,
    "choice2_made": 34,
    "reinforcer": 37,
}
"""Epochs of a trial of the monkeys' two-step task, and the event codes at which they begin."""

WINDOWS = np.array([0, 500, 1000])
"""Limits of the counting windows, in ms after the event."""

MISSING = 255
"""Spike count if the event did not happen."""

TURN = re.compile(
    r"options (\w+) and (\w+)\. You choose <<(\w+)>>\. This leads to state (\w+)\. "
    r"In state \w+, you choose <<(\w+)>>\. You receive (a|no) reward"
)
"""Transcript of one trial."""

SECOND_STAGE = re.compile(r"another choice between two options: (\w+) and (\w+)\.")

PERSON = re.compile(r"behavioral_[a-z_]+?_(?:(gain|loss)_)?([a-z]+\d+)(?:_(rew|pain))?_modelready")
"""Name of a file of one person on one task."""

GROUPS = {
    "rew": "lab, reward",
    "pain": "lab, shock",
    "gain": "online, gain",
    "loss": "online, loss",
}
"""Task in a file's name -> variant."""


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn a library's error, of whatever class, into one line that names the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable {what} ({reason})") from error


def numbered(trials: pd.DataFrame) -> pd.DataFrame:
    """Number trials within their session, from 0."""
    trials = trials.assign(trial=trials.groupby(EPISODE).cumcount())
    return storage.leading(trials, *EPISODE, "trial")


def read_rat(rat: h5py.Group, number: int, where: str) -> pd.DataFrame:
    """Trials of one rat in the MATLAB file.

    The ports are named by sides, l and r; for some rats a choice commonly leads to the port on the
    other side. A violation (``viols``, or v as second side) has no valid choice here.
    ``better_choices`` is NaN where the choice was instructed: one first-stage port was offered.
    """
    missing = [name for name in RAT_FIELDS if name not in rat]
    if missing:
        raise UserError(f"{where}: rat {number} has no field {missing[0]!r}")
    fields = {
        name: np.asarray(rat[name]).ravel()
        for name in (*RAT_FIELDS, "better_choices")
        if name in rat
    }
    single = ("ratname", "p_congruent")
    lengths = {len(array) for name, array in fields.items() if name not in single}
    counted = f"{where}: number of trials of rat {number}"
    check(len(lengths) == 1, counted, sorted(lengths), "the same in all fields")
    name, congruent = "".join(map(chr, fields["ratname"])), fields["p_congruent"][0] > 0.5
    choice, port = (fields[stage] == ord("r") for stage in ("sides1", "sides2"))
    sides = [ord("l"), ord("r")]
    valid = (fields["viols"] == 0) & np.isin(fields["sides1"], sides)
    valid &= np.isin(fields["sides2"], sides)
    second = port == congruent  # S2: the state that right commonly leads to
    common = choice == second
    checks = {
        "rewards is neither 0 nor 1": valid & ~np.isin(fields["rewards"], [0, 1]),
        "leftprobs is missing": valid & ~np.isfinite(fields["leftprobs"]),
        "trans_common contradicts sides and p_congruent": valid
        & (fields["trans_common"] != common),
    }
    for problem, wrong in checks.items():
        if wrong.any():
            trial = np.flatnonzero(wrong)[0] + 1
            raise UserError(f"{where}: rat {name}, trial {trial}: {problem}")
    frame = pd.DataFrame(
        {
            "variant": "rats",
            "subject": name,
            "episode": np.maximum(np.cumsum(fields["new_sess"] == 1) - 1, 0),
            "choice": np.where(valid, choice, -1),
            "reward": np.where(valid, fields["rewards"], 0.0),
            "transition": np.select([~valid, common], ["none", "common"], "uncommon"),
            "outcome_state": np.select([~valid, second], ["none", "S2"], "S1"),
            "rich_state": np.where((fields["leftprobs"] > 0.5) == congruent, "S1", "S2"),
        }
    )
    instructed = np.isnan(fields["better_choices"]) if "better_choices" in fields else False
    return frame.assign(forced=instructed)


def read_rats(path: Path) -> pd.DataFrame:
    """Read a MATLAB 7.3 file with a single variable, a list of rats, such as ofc_physdata.mat."""
    with reading(path, "MATLAB 7.3 file of rats"), h5py.File(path) as file:
        variables = [name for name in file if not name.startswith("#")]
        check(variables == ["ratdatas"], f"{path}: variables", variables, "['ratdatas']")
        rats = [file[reference] for reference in np.asarray(file["ratdatas"]).ravel()]
        parts = [read_rat(rat, number, str(path)) for number, rat in enumerate(rats, 1)]
        return numbered(pd.concat(parts, ignore_index=True))


def read_monkeys(path: Path) -> pd.DataFrame:
    """Read PreparedData.mat of Miranda et al.: two monkeys on Daw's two-step task.

    Reward is 1, 0.5 or 0 by the level of the outcome, ``pay`` its amount. S1 is the state to which
    picture 1 commonly leads. ``forced`` and ``forced2``: one picture was offered at that stage.
    """
    parts = []
    with reading(path, "MATLAB file of the monkeys' choices"):
        file = loadmat(path, squeeze_me=True, struct_as_record=False)
        for name, sessions in zip(file["subject_for_analysis"], file["PreparedData"], strict=True):
            for episode, session in enumerate(np.atleast_1d(sessions)):
                picture = session.PicChosen2.astype(int) - 3
                columns = {
                    "choice": session.PicChosen1.astype(int) - 1,
                    "choice2": picture % 2,
                    "reward": (3 - session.LevelRew2.astype(float)) / 2,
                    "transition": np.where(session.Transition == 1, "common", "uncommon"),
                    "outcome_state": np.where(picture < 2, "S1", "S2"),
                    "forced": session.TrialType == 2,
                    "forced2": session.TrialType == 3,
                    "pay": session.PayRew2.astype(int),
                    "reaction_time": session.RT1.astype(int),
                }
                parts.append(pd.DataFrame(columns).assign(subject=str(name), episode=episode))
    trials = numbered(pd.concat(parts, ignore_index=True).assign(variant="monkeys"))
    common = (trials["choice"] == 1) == (trials["outcome_state"] == "S2")
    wrong = common != (trials["transition"] == "common")
    if wrong.any() or not trials["choice"].isin([0, 1]).all():
        raise UserError(f"{path}: row {int(wrong.argmax())}: choice, transition and state disagree")
    return trials


def epoch_times(path: Path, events: dict[str, int] = EVENTS) -> pd.DataFrame:
    """Times of the epochs in ms, one row per trial; NaN if an event did not happen."""
    with reading(path, "table of event times"):
        table = pd.read_parquet(path)
        table = table[table["codes"].isin(events.values())]
        table = table.drop_duplicates(["trial_number", "codes"])
        times = table.pivot(index="trial_number", columns="codes", values="times")
        return times.reindex(columns=list(events.values())).set_axis(list(events), axis=1)


def spike_counts(spikes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Spikes of a neuron in two windows of 500 ms after each event.

    Parameters
    ----------
    spikes : array (spikes,)
        Spike times in ms, in order.
    times : array (trials, events)
        Event times in ms, NaN where one did not happen.

    Returns
    -------
    array (trials, events, 2) of uint8
        ``MISSING`` where the event did not happen.
    """
    before = np.searchsorted(spikes, np.nan_to_num(times)[..., None] + WINDOWS)
    counts = np.diff(before, axis=-1)
    if counts.max(initial=0) >= MISSING:
        raise UserError(f"spikes: {counts.max()} in 500 ms; at most {MISSING - 1} can be counted")
    return np.where(np.isnan(times)[..., None], MISSING, counts).astype(np.uint8)


def session_of(times: pd.DataFrame, sessions: dict[Any, np.ndarray], where: Path) -> Any:
    """Find the session of a neuron by its reaction times, which no other session shares.

    Reaction times of events and behaviour differ by at most 1 ms.
    """
    reaction = (times["choice1_made"] - times["choice1_on"]).to_numpy()
    for key, known in sessions.items():
        if len(known) == len(reaction) and not (np.abs(known - reaction) > 1).any():
            return key
    raise UserError(f"{where}: its reaction times are those of no session in PreparedData.mat")


def read_units(folder: Path, trials: pd.DataFrame) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Read the neurons of Miranda et al., and count their spikes.

    Returns
    -------
    units : DataFrame
        area, unit, and variant, subject, episode of the session, one row per neuron.
    counts : list of array (trials, epochs, 2)
        Spikes of each neuron; see ``spike_counts``.
    """
    groups = trials.groupby(EPISODE)["reaction_time"]
    sessions = {key: times.to_numpy() for key, times in groups}
    rows, counts = [], []
    for path in sorted(folder.glob("*/spikes/cell_*.npy"), key=_area_and_number):
        area, unit = _area_and_number(path)
        events = path.parents[1] / "trial_timings" / f"{path.stem}.parquet"
        times = epoch_times(events)
        session = session_of(times, sessions, events)
        with reading(path, "list of spike times"):
            spikes = np.load(path, allow_pickle=False)
        rows.append((area, unit, *session))
        counts.append(spike_counts(spikes, times.to_numpy(float)))
    return pd.DataFrame(rows, columns=["area", "unit", *EPISODE]), counts


def _area_and_number(path: Path) -> tuple[str, int]:
    return path.parents[1].name, int(path.stem.removeprefix("cell_"))


def read_people_in_words(path: Path) -> pd.DataFrame:
    """Read transcripts of Daw's two-step task, one person per line (Psych-201).

    Choices are 0 for the option that the instructions name first. S1 is the state to which option
    0 led most often. Trials without a choice are not in the transcripts.
    """
    parts = []
    with reading(path, "archive of transcripts"), zipfile.ZipFile(path) as archive:
        lines = archive.read("prompts.jsonl").decode("utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            person = json.loads(line)
            turns, second = TURN.findall(person["text"]), SECOND_STAGE.search(person["text"])
            told = person["text"].count("This leads to state")
            whole = bool(second) and len(turns) == told > 0
            check(whole, f"{path}: line {number}", f"{len(turns)} of {told} trials", "in full")
            assert second is not None
            parts.append(_person(np.array(turns), second[1], str(person["participant"])))
    return numbered(pd.concat(parts, ignore_index=True))


def _person(turns: np.ndarray, first_of_second: str, name: str) -> pd.DataFrame:
    """Trials of one person; ``turns`` has the six words of each trial."""
    first, _, chosen, state, chosen2, paid = turns.T
    choice = (chosen != first[0]).astype(int)
    other = state != state[0]
    crossed = np.mean(other == (choice == 1)) < 0.5  # state[0] is where option 1 commonly leads
    outcome = other != crossed
    return pd.DataFrame(
        {
            "variant": "people",
            "subject": name,
            "episode": 0,
            "choice": choice,
            "choice2": (chosen2 != first_of_second).astype(int),
            "reward": (paid == "a").astype(float),
            "transition": np.where((choice == 1) == outcome, "common", "uncommon"),
            "outcome_state": np.where(outcome, "S2", "S1"),
        }
    )


def read_mice(path: Path) -> pd.DataFrame:
    """Read all_stats_cohen.mat: mice on a baited bandit, whose rewards wait until collected.

    ``p_<arm>`` is the probability that a reward is placed, ``baited_<arm>`` that one is waiting.
    Missed trials are not in the file.
    """
    sessions = _blocks(path)
    parts = []
    with reading(path, "MATLAB file of sessions"):
        counted: dict[str, int] = {}
        for session in sessions:
            name = str(session.animal_ids)
            counted[name] = counted.get(name, -1) + 1
            baited = {"baited_0": session.bait_l, "baited_1": session.bait_r}
            parts.append(_arms(session, **baited, subject=name, episode=counted[name]))
        trials = _joined(parts)
    return numbered(trials.assign(variant="mice"))


def read_monkeys_reversal(path: Path) -> pd.DataFrame:
    """Read all_stats_costa.mat: monkeys on reversal learning, 80 trials with each pair of pictures.

    The names of the two monkeys cannot be read outside MATLAB, so they form one subject here;
    ``session`` increases whenever the number of the pair starts again.
    """
    sessions = _blocks(path)
    with reading(path, "MATLAB file of blocks"):
        index = np.array([session.abs_superblock_idx for session in sessions])
        day = np.cumsum(np.diff(index, prepend=index[0]) < 0)
        trials = _joined(
            [
                _arms(session, episode=episode, session=day[episode])
                for episode, session in enumerate(sessions)
            ]
        )
    return numbered(trials.assign(variant="monkeys", subject="monkeys"))


def _blocks(path: Path) -> np.ndarray:
    """Structures of the variable ``all_stats``."""
    with reading(path, "MATLAB file with all_stats"):
        file = loadmat(path, squeeze_me=True, struct_as_record=False)
        return np.atleast_1d(file["all_stats"])


def _arms(trials: Any, /, **more: Any) -> dict[str, np.ndarray]:
    """Choice, reward, block, probabilities and ``more``, (trial,) each; the file's r is the reward,
    c the side (-1, 1)."""
    choice = np.asarray(trials.c).astype(int)
    check(bool(np.isin(choice, [-1, 1]).all()), "c", sorted(set(choice)), "-1 or 1")
    block = np.zeros(len(choice), np.int64)
    for number, rows in enumerate(np.atleast_1d(trials.block_indices)):
        block[np.asarray(rows, int) - 1] = number
    left, right = np.asarray(trials.rewardprob, float).T
    columns = {"choice": (choice + 1) // 2, "reward": np.asarray(trials.r, float)}
    columns |= {"block": block, "p_0": left, "p_1": right, **more}
    return {name: np.broadcast_to(column, choice.shape) for name, column in columns.items()}


def _joined(parts: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """Sessions below one another."""
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def read_volatility(folder: Path) -> pd.DataFrame:
    """Read Gagne et al.'s tables, one file per person and task, in all folders of ``folder``.

    Option 1 is green. In every trial one of the two options has an outcome: reward is 1 if it was
    the chosen one. In the shock and loss tasks that outcome is the shock or the loss, and
    magnitudes are negative.
    """
    parts = []
    for path in sorted(folder.rglob("behavioral_*.csv")):
        name = PERSON.match(path.name)
        check(bool(name), "file", str(path), "named after a task and a person")
        assert name is not None
        with reading(path, "table of trials"):
            table = pd.read_csv(path)
            choice = table["choice"].fillna(-1).astype(int)
            hit = (choice == table["green_outcome"]) & (choice >= 0)
            columns = {
                "choice": choice,
                "reward": hit.astype(float),
                "magnitude_0": table["blue_mag"],
                "magnitude_1": table["green_mag"],
                "block": table["block"].astype(str),
                "run": table["run"].astype(int),
                "outcome": table["green_outcome"].astype(int),
            }
        group = GROUPS[name[1] or name[3]]
        parts.append(pd.DataFrame(columns).assign(variant=group, subject=name[2], episode=0))
    check(bool(parts), "folder", str(folder), "one with behavioral_*_modelready.csv files")
    return numbered(pd.concat(parts, ignore_index=True))
