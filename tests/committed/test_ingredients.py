"""Settings of the ingredients are those that the committed sweeps chose."""

from __future__ import annotations

import pandas as pd
import pytest

from prefrontal import files
from prefrontal.tables import storage
from replications.ingredients.settings import CHOSEN, CORES, GRID


def test_settings_chosen_are_the_best_of_the_sweeps():
    folder = files.DATA / "ingredients" / "sweeps"
    searched = [name.partition(".")[2] for name in GRID]
    memory_of = {core: memory for memory, core in CORES.items()}
    for game, chosen in CHOSEN.items():
        sweeps = [storage.read(folder / f"{game}.csv")]
        single = [p for p in folder.glob(f"{game}_*.csv") if not p.stem.endswith("curves")]
        sweeps += [storage.read(p).assign(core=p.stem.removeprefix(f"{game}_")) for p in single]
        sweep = pd.concat(sweeps).replace({"core": memory_of})
        means = sweep.groupby(["core", *searched])["share_validation"].mean()
        assert set(chosen) == set(means.index.unique("core"))
        for memory, settings in chosen.items():
            assert settings == pytest.approx(means[memory].idxmax()), (game, memory)
