"""What is known of the trained networks: a card for every condition, and what all trainings and sweeps took.

Both come from the files that trainings leave; ``python -m prefrontal.readme`` writes them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from prefrontal import claims, paths, tables
from prefrontal.errors import UserError

UNKNOWN = "not recorded"
TRAINED = ("networks", "variations")
"""Folders of an experiment that hold files of networks."""


def network_cost(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Read what one network's training took, its share where several trained as one program, and what it brought."""
    curve = tables.read(path.with_suffix(".csv"), "learning_curve")
    try:
        together = about.get("networks_in_population", 1)
        clock = about.get("training_seconds_population") or about["training_seconds"]
        return {
            "condition": about["condition"],
            "episodes": curve["episode"].max(),
            "hours": clock / together / 3600,
            "core_hours": about.get("processor_seconds", np.nan) / together / 3600,
            "reward": curve["reward"].tail(max(1, len(curve) // 20)).mean(),
            "commit": re.sub(r"^(\w{10})\w+", r"\1", about["provenance"]["commit"]),
        }
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not the settings of a trained network ({type(error).__name__}: {error})") from error


def training_cost(folder: Path) -> pd.DataFrame:
    """Networks of each condition: how many, how long they were trained, what they earn at the end, and the commit.

    Returns
    -------
    DataFrame
        Columns condition, networks, episodes (of each), hours (on the clock, all together), core_hours (all together; NaN unless
        every network's files tell), reward, commits. Empty where there are no networks.
    """

    def total(own: pd.Series) -> float:
        return own.sum(skipna=False)

    rows = [network_cost(path, about) for path, about in tables.networks(folder)]
    if not rows:
        return pd.DataFrame()
    grouped = pd.DataFrame(rows).groupby("condition", sort=False)
    reward = grouped["reward"].agg(lambda own: f"{own.mean():.3g} [{own.min():.3g}, {own.max():.3g}]")
    commits = grouped["commit"].agg(lambda own: ", ".join(own.unique()))
    sums = grouped[["hours", "core_hours"]].agg(total)
    cost = sums.assign(networks=grouped.size(), episodes=grouped["episodes"].mean(), reward=reward, commits=commits)
    return cost.reset_index()


def sweep_cost(folder: Path) -> pd.DataFrame:
    """Networks of each sweep: how many, for how many episodes (their mean), and what the manifest says that they took."""
    manifest = tables.manifest(folder)
    rows = []
    for path in sorted(folder.glob("*.csv")):
        if not path.stem.endswith("_curves"):
            frame, about = tables.read(path), manifest.get(path.name, {})
            episodes = next((frame[name].mean() for name in ("training_episodes", "episodes") if name in frame), np.nan)
            hours, core_hours = (about.get(key, np.nan) / 3600 for key in ("seconds", "processor_seconds"))
            own = {"condition": f"sweep {path.stem}", "networks": len(frame), "episodes": episodes}
            rows.append(own | {"hours": hours, "core_hours": core_hours})
    return pd.DataFrame(rows)


def universes_cost(folder: Path) -> pd.DataFrame:
    """Networks of a multiverse, which leave no files of their own: what results say that each condition's took."""
    path = folder / "results" / "trainings.csv"
    if not path.exists():
        return pd.DataFrame()
    frame = tables.read(path, needs=("experiment", "condition", "networks", "processor_hours"))
    rows = {"condition": frame["experiment"] + ", " + frame["condition"], "networks": frame["networks"], "episodes": np.nan}
    return pd.DataFrame(rows | {"hours": np.nan, "core_hours": frame["processor_hours"]})


def cost(data: Path) -> pd.DataFrame:
    """What every training and sweep took, by experiment and condition."""
    parts = [
        frame.assign(experiment=folder.name)
        for folder in sorted(path for path in data.glob("*") if path.is_dir())
        for frame in (*(training_cost(folder / name) for name in TRAINED), sweep_cost(folder / "sweeps"), universes_cost(folder))
        if len(frame)
    ]
    if not parts:
        raise UserError(f"{data}: no trained networks")
    return pd.concat(parts, ignore_index=True)


def compute(data: Path) -> tuple[str, pd.DataFrame]:
    """What every training and sweep took: totals in words, and a table for people."""
    frame = cost(data)

    def total(column: str) -> str:
        known = frame[frame[column].notna()]
        return f"{known[column].sum():,.1f} ({known['networks'].sum():,} networks)"

    def number(column: str, digits: int) -> pd.Series:
        return frame[column].map(lambda value: UNKNOWN if pd.isna(value) else f"{value:,.{digits}f}")

    words = f"{frame['networks'].sum():,} networks. Core hours, where recorded: {total('core_hours')}; hours on the clock, where "
    shown = {"networks": frame["networks"], "episodes each": number("episodes", 0)}
    shown |= {"hours on the clock": number("hours", 2), "core hours": number("core_hours", 2)}
    return f"{words}recorded: {total('hours')}.", frame[["experiment", "condition"]].assign(**shown)


def describe(condition: str, abouts: list[dict[str, Any]], varied: list[str]) -> dict[str, Any]:
    """Say of a condition's networks what they have in common and what sets them apart."""
    config, about = abouts[0]["config"], abouts[0]["provenance"]
    try:
        return {
            "condition": condition,
            "seeds": ", ".join(str(seed) for seed in sorted(about["config"]["seed"] for about in abouts)),
            "units": config["units"],
            "own": {name: json.dumps(config[name]) for name in varied if name in config},
            "versions": f"Python {about['python']}, PyTorch {about['versions']['torch']}",
        }
    except (KeyError, TypeError) as error:
        raise UserError(f"{condition}: not the settings of a trained network ({type(error).__name__}: {error})") from error


def cards(experiment: str, data: Path, root: Path) -> str:
    """Write a card for each condition of an experiment's networks, as one page."""
    folder = data / experiment / "networks"
    networks = tables.networks(folder)
    by_condition: dict[str, list[dict[str, Any]]] = {}
    for _, about in networks:
        by_condition.setdefault(about["condition"], []).append(about)
    values: dict[str, set[str]] = {}
    for _, about in networks:
        for name, value in about["config"].items():
            values.setdefault(name, set()).add(json.dumps(value))
    varied = [name for name, found in values.items() if len(found) > 1 and name != "seed"]
    taken = training_cost(folder).set_index("condition")
    settled = claims.collect(data, experiment)
    shown = [
        describe(condition, abouts, varied)
        | taken.loc[condition].to_dict()
        | {
            "kept": sum((folder / f"{condition}_{about['config']['seed']}.safetensors").exists() for about in abouts),
            "claims": ", ".join(f"`{name}`" for name in settled.loc[settled["condition"] == condition, "claim"].unique()),
        }
        for condition, abouts in by_condition.items()
    ]
    readme = (root / "replications" / experiment / "README.md").read_text()
    templates = PackageLoader("prefrontal", ".")
    environment = Environment(loader=templates, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("cards.md.jinja").render(
        experiment=experiment,
        title=readme.partition("\n")[0].removeprefix("# "),
        conditions=shown,
        settings={name: min(found) for name, found in values.items() if name not in (*varied, "seed")},
        unknown=UNKNOWN,
    )


def write(experiment: str, data: Path, root: Path) -> None:
    """Write the cards beside an experiment's networks, if it has any."""
    folder = data / experiment / "networks"
    if any(folder.glob("*.json")):
        paths.write_text(folder / "README.md", cards(experiment, data, root))
