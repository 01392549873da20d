"""Record the trained networks, weights frozen, on two-armed bandits (Wang et al. 2018, Fig. 1c-f: 300 test episodes).

python -m replications.bandit.record --help
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from prefrontal import recording, training
from prefrontal.errors import run
from prefrontal.paths import DATA
from replications.bandit.task import BanditTask
from replications.bandit.train import VARIANTS, Config

TEST_PROBLEMS = ((0.25, 0.75), (0.6, 0.4))
"""(p_left, p_right) of the problems in Fig. 1c; the first is that of Fig. 1d. Each is also played with the sides swapped, so that
a network's fixed preference for its first pull cancels: the regret of the first trial must be half the difference."""

EXAMPLE_PROBLEMS = (0.99, 0.46, 0.33, 0.01)
"""p_left of the correlated problems in Fig. 1e."""


@dataclass(frozen=True)
class Options:
    """What to record."""

    data: Path = DATA
    """Data folder."""
    seeds: int = 8
    """Networks per training distribution, seeded 0, 1, ... (paper: 8)."""
    episodes: int = 300
    """Test episodes per network, problem and order of sides (Wang et al. 2018, Fig. 1d: 300)."""


def record_condition(options: Options, condition: str) -> tuple[recording.Tables, list[Config]]:
    """Record networks of one training distribution on the fixed problems and on problems drawn as in training."""
    folder, seeds = options.data / "bandit" / "networks", list(range(options.seeds))
    agent, configs = training.load_agent(folder, Config, condition, seeds)
    training_task = configs[0].task()
    recordings = []
    for left, right in (order for problem in TEST_PROBLEMS for order in (problem, problem[::-1])):
        task = BanditTask("fixed", training_task.trials, left, right)
        name = f"{condition} {left:g}/{right:g}"
        recordings.append(recording.record(agent, task, seeds, name, options.episodes, steps=False))
    keep = ("choice",) if condition == "correlated" else ()
    name = f"{condition} drawn"
    drawn = recording.record(agent, training_task, seeds, name, options.episodes, steps=False, activity_periods=keep)
    recordings.append(drawn)
    if condition == "correlated":
        for left in EXAMPLE_PROBLEMS:
            task = BanditTask("fixed", training_task.trials, left, 1 - left)
            name = f"{condition} example {left:g}"
            recordings.append(recording.record(agent, task, seeds, name, 1, steps=False, activity_periods=keep))
    return recording.join(recordings), configs


def main(options: Options) -> None:
    """Write trials of all networks and activity of those trained on correlated arms."""
    parts = [record_condition(options, Config(**variant).condition) for variant in VARIANTS]
    configs = [config for _, used in parts for config in used]
    recording.write(recording.join([part for part, _ in parts]), options.data / "bandit", training.provenance(configs))


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
