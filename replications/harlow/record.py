"""Record trained networks, weights frozen, on held-out images (Wang et al. 2018, simulation 5).

Only networks whose weights are kept are recorded, with their units. All networks were tested at the end of their training:
data/harlow/networks/*_test.csv.

python -m replications.harlow.record --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image, ImageDraw

from prefrontal import paths, recording, training
from prefrontal.errors import UserError, run
from prefrontal.paths import DATA
from prefrontal.recording import play
from prefrontal.task import NoiseStream, State
from replications.harlow.network import HarlowAgent
from replications.harlow.task import CHOICE, ECCENTRICITY, FIXATION, LEFT, HarlowTask
from replications.harlow.train import Config, load

CONDITIONS = ("pixels", "symbols")
"""What is recorded, if there are such networks; the first network of the first plays the film."""

FILM_FRAMES = 150


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 3
    """Networks per condition, the first whose weights are kept (paper: 50, of which 14 reached ceiling)."""
    episodes: int = 200
    """Test episodes per network."""


def kept(folder: Path, condition: str) -> list[int]:
    """Seeds of the networks whose weights are there."""
    return sorted(int(path.stem.rpartition("_")[2]) for path in folder.glob(f"{condition}_[0-9]*.safetensors"))


@torch.no_grad()
def record_condition(options: Options, condition: str) -> tuple[recording.Tables, list[Config]]:
    """Record networks that see pixels, or symbols, on held-out images."""
    folder = options.data / "harlow" / "networks"
    seeds = kept(folder, condition)[: options.seeds]
    loaded = [load(folder, condition, seed) for seed in seeds]
    config = loaded[0][1]
    task = config.task("held out", pixels=config.precision)
    tables = recording.record(
        HarlowAgent([network for network, _ in loaded]),
        task,
        seeds,
        condition,
        options.episodes,
        discount=[own.discount for _, own in loaded],
        activity_periods=("fixation", "choice"),
        steps=False,
    )
    # What a network can know of the rewarded image before the images come: how it differs from the other.
    bank = task.images if task.images is not None else task.codes[:, :1]
    size = bank.float().flatten(1).mean(1).numpy()
    trials = tables.trials
    larger = size[trials["rewarded_image"]] > size[trials["wrong_image"]]
    trials["rewarded_is_brighter"] = np.asarray(larger)
    return tables, [own for _, own in loaded]


def picture(view: torch.Tensor, scale: int = 3) -> Image.Image:
    """Show a view (column, row, colour), uint8, enlarged."""
    whole = Image.fromarray(view.transpose(0, 1).numpy())
    return whole.resize((scale * whole.width, scale * whole.height), Image.Resampling.NEAREST)


def show_views(task: HarlowTask, folder: Path) -> None:
    """Write three views of a held-out problem: fixation, choice, and turned to one side (Fig. 6a)."""
    state, _ = task.begin(NoiseStream([0], "example views").uniform(1, task.begin_noise))
    for name, period, heading in (("fixation", FIXATION, 0.0), ("choice", CHOICE, 0.0), ("turned", CHOICE, 2 * ECCENTRICITY)):
        state["period"][:], state["heading"][:] = period, heading
        with paths.atomic(folder / f"view_{name}.png") as path:
            picture(task.render(state)[0, 0]).save(path)


@torch.no_grad()
def show_film(agent: HarlowAgent, task: HarlowTask, screen: HarlowTask, folder: Path) -> None:
    """Write one episode on held-out images as a film, each view with what came of it.

    ``task`` is what the network sees, ``screen`` the same task in pixels, for us to see.
    """
    frames: list[Image.Image] = []
    word = ""

    def show(state: State) -> None:
        frame = picture(screen.render(state)[0, 0])
        waiting = task.periods[int(state["period"])] == "interval"
        text = f"trial {int(state['trial']) + (not waiting)}  {word if waiting else ''}"
        ImageDraw.Draw(frame).text((8, 1), text, fill="white", font_size=18)
        frames.append(frame)

    for step in play(agent, task, NoiseStream([0], "film"), 1):
        show(step.state)
        if step.after["trial"] > step.state["trial"]:
            right = bool(step.after["choice"] == step.after["rewarded_side"])
            word = f"{'left' if int(step.after['choice']) == LEFT else 'right'}: reward {'+1' if right else '-1'}"
        if step.after["over"].all() or len(frames) == FILM_FRAMES:
            for _ in range(5):
                show(step.after)
            break
    still = [frame.quantize(64, dither=Image.Dither.NONE) for frame in frames]
    with paths.atomic(folder / "film.gif") as path:
        still[0].save(path, "GIF", save_all=True, append_images=still[1:], duration=160, loop=0)


def main(options: Options) -> None:
    """Write trials and activity of the kept networks, example views and a film."""
    networks, results = options.data / "harlow" / "networks", options.data / "harlow" / "results"
    conditions = [name for name in CONDITIONS if kept(networks, name)]
    if not conditions:
        raise UserError(f"{networks}: no trained networks; train them first")
    parts = [record_condition(options, condition) for condition in conditions]
    screen = Config().task("held out")
    show_views(screen, results)
    star, config = load(networks, conditions[0], kept(networks, conditions[0])[0])
    show_film(HarlowAgent([star]), config.task("held out", pixels=config.precision), screen, results)
    configs = [config for _, used in parts for config in used]
    recording.write(recording.join([tables for tables, _ in parts]), options.data / "harlow", training.provenance(configs))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
