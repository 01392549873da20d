"""Record trained networks, weights frozen, on held-out images (Wang et al. 2018, simulation 5).

All networks were tested at the end of their training (data/harlow/networks/*_test.csv). Those whose weights are kept play the
same tests again here: data/harlow/results/played.csv.

python -m replications.harlow.record --help
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from PIL import Image, ImageDraw

from prefrontal import files
from prefrontal.networks import load
from prefrontal.networks.load import Networks
from prefrontal.networks.play import play
from prefrontal.networks.record import Trained
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.task import RandomStreams, State
from replications.harlow.task import CHOICE, ECCENTRICITY, FIXATION, LEFT, HarlowTask
from replications.harlow.train import Config, final
from replications.harlow.variants import MAIN, PLAYED, TESTS

FILM_FRAMES = 150


def picture(view: torch.Tensor, scale: int = 3) -> Image.Image:
    """Show a view (column, row, colour), uint8, enlarged."""
    whole = Image.fromarray(view.transpose(0, 1).numpy())
    return whole.resize((scale * whole.width, scale * whole.height), Image.Resampling.NEAREST)


def show_views(task: HarlowTask, folder: Path) -> None:
    """Write three views of a held-out problem: fixation, choice, and turned to one side (Fig. 6a)."""
    state, _ = task.reset(RandomStreams([0], "example views").uniform(1, task.reset_noise))
    for name, period, heading in (("fixation", FIXATION, 0.0), ("choice", CHOICE, 0.0), ("turned", CHOICE, 2 * ECCENTRICITY)):
        state["period"][:], state["heading"][:] = period, heading
        with files.atomic(folder / f"view_{name}.png") as path:
            picture(task.render(state)[0, 0]).save(path, "PNG")


def show_film(trained: Trained, task: HarlowTask, screen: HarlowTask, folder: Path) -> None:
    """Write one episode of the first network as a film, each view with what came of it.

    ``task`` is what the network sees, ``screen`` the same task in pixels, for us to see.
    """
    frames: list[Image.Image] = []
    word = ""

    def show(state: State) -> None:
        frame = picture(screen.render(state)[0, 0])
        waiting = task.periods[state["period"][0, 0]] == "interval"
        text = f"trial {int(state['trial'][0, 0]) + (not waiting)}  {word if waiting else ''}"
        ImageDraw.Draw(frame).text((8, 1), text, fill="white", font_size=18)
        frames.append(frame)

    for step in play(trained.agent, task, RandomStreams(trained.seeds, "film"), 1):
        show(step.state)
        after = {name: entry[0, 0] for name, entry in step.after.items()}
        if after["trial"] > step.state["trial"][0, 0]:
            right = bool(after["choice"] == after["rewarded_side"])
            word = f"{'left' if after['choice'] == LEFT else 'right'}: reward {'+1' if right else '-1'}"
        if after["done"] or len(frames) == FILM_FRAMES:
            for _ in range(5):
                show(step.after)
            break
    still = [frame.quantize(64, dither=Image.Dither.NONE) for frame in frames]
    with files.atomic(folder / "film.gif") as path:
        still[0].save(path, "GIF", save_all=True, append_images=still[1:], duration=160, loop=0)


def record(networks: Networks, episodes: int) -> Iterator[Recording]:
    """Record the networks whose weights are kept, with their units, and test them; show example views and a film."""
    screen, results = Config().task("held out"), networks.data / networks.name / "results"
    show_views(screen, results)
    played = []
    for variant in networks.variants:
        trained = networks(variant)
        config: Any = trained.config
        task = config.seen(**TESTS["held out"])
        if variant == MAIN:
            show_film(trained, task, screen, results)
        tests = zip(trained.configs, final(trained), strict=True)
        played += [own.assign(variant=variant, seed=each.seed) for each, own in tests]
        yield trained.record(episodes, task, activity_periods=("fixation", "choice"), steps=False)
    frame = storage.leading(pd.concat(played, ignore_index=True), "variant", "seed", "test")
    storage.write(frame, results / PLAYED, about=networks.provenance())


if __name__ == "__main__":
    load.main(__file__)
