"""Record trained networks, weights frozen, on held-out images (Wang et al. 2018, simulation 5).

All networks were tested at the end of their training (data/harlow/networks/*_test.csv). Those whose
weights are kept repeat these tests here: data/harlow/results/repeated_tests.csv.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from PIL import Image, ImageDraw

from prefrontal import files
from prefrontal.networks.load import Networks
from prefrontal.networks.play import play
from prefrontal.networks.record import Trained
from prefrontal.tables import storage
from prefrontal.tables.recording import Recording
from prefrontal.tables.schema import SUBJECT
from prefrontal.task import RandomStreams, State
from replications.harlow.analysis import REPEATED_TESTS
from replications.harlow.settings import MAIN, TESTS, Harlow
from replications.harlow.task import CHOICE, ECCENTRICITY, FIXATION, LEFT, HarlowTask
from replications.harlow.train import play_tests

FILM_FRAMES = 150


def picture(view: torch.Tensor, scale: int = 3) -> Image.Image:
    """Turn a view (column, row, colour), uint8, into an enlarged picture."""
    whole = Image.fromarray(view.transpose(0, 1).numpy())
    size = (scale * whole.width, scale * whole.height)
    return whole.resize(size, Image.Resampling.NEAREST)


def show_views(task: HarlowTask, folder: Path) -> None:
    """Write three views of a held-out problem: fixation, choice, turned to one side (Fig. 6a)."""
    noise = RandomStreams([0], "example views").uniform(1, task.reset_noise)
    state, _ = task.reset(noise)
    views = {
        "fixation": (FIXATION, 0.0),
        "choice": (CHOICE, 0.0),
        "turned": (CHOICE, 2 * ECCENTRICITY),
    }
    for name, (period, heading) in views.items():
        state["period"][:], state["heading"][:] = period, heading
        with files.atomic(folder / f"view_{name}.png") as path:
            picture(task.render(state)[0, 0]).save(path, "PNG")


def show_film(trained: Trained, task: HarlowTask, screen: HarlowTask, folder: Path) -> None:
    """Write one episode of the first network as a film, each view with the outcome. The network
    plays ``task``; ``screen`` is the same task in full resolution, for display.
    """
    frames: list[Image.Image] = []
    outcome = ""

    def show(state: State) -> None:
        frame = picture(screen.render(state)[0, 0])
        waiting = task.periods[state["period"][0, 0]] == "interval"
        trial = int(state["trial"][0, 0]) + (not waiting)
        text = f"trial {trial}  {outcome if waiting else ''}"
        ImageDraw.Draw(frame).text((8, 1), text, fill="white", font_size=18)
        frames.append(frame)

    for step in play(trained.agent, task, RandomStreams(trained.seeds, "film"), 1):
        show(step.state)
        after = {name: entry[0, 0] for name, entry in step.after.items()}
        if after["trial"] > step.state["trial"][0, 0]:
            correct = bool(after["choice"] == after["rewarded_side"])
            side = "left" if after["choice"] == LEFT else "right"
            outcome = f"{side}: reward {'+1' if correct else '-1'}"
        if after["done"] or len(frames) == FILM_FRAMES:
            for _ in range(5):
                show(step.after)
            break
    still = [frame.quantize(64, dither=Image.Dither.NONE) for frame in frames]
    options = {"save_all": True, "append_images": still[1:], "duration": 160, "loop": 0}
    with files.atomic(folder / "film.gif") as path:
        still[0].save(path, "GIF", **options)


def record(networks: Networks, episodes: int) -> Iterator[Recording[Harlow]]:
    """Record networks and their units, repeat their tests, and write example views and a film."""
    screen, results = Harlow().build("held out"), networks.data / "harlow" / "results"
    show_views(screen, results)
    tests = []
    for variant in networks.variants:
        trained = networks(variant)
        settings: Harlow = trained.settings.task
        task = TESTS["held out"].task(settings)
        if variant == MAIN:
            show_film(trained, task, screen, results)
        repeated = play_tests(trained.agent, settings, trained.seeds)
        for seed, tested in zip(trained.seeds, repeated, strict=True):
            tests.append(tested.assign(variant=variant, subject=seed))
        periods = ("fixation", "choice")
        yield trained.record(episodes, task, activity_periods=periods, steps=False)
    frame = storage.leading(pd.concat(tests, ignore_index=True), *SUBJECT, "test")
    storage.write(frame, results / f"{REPEATED_TESTS}.csv", about=networks.provenance())
