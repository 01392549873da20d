"""Helpers shared by several test files."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from prefrontal import experiments, files
from prefrontal.pipeline.train import replicate
from prefrontal.publishing import claims
from prefrontal.tables import storage
from prefrontal.training import checkpoints, loop
from prefrontal.training.batch import NetworkBatch, batches

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}


def start(
    *arguments: str, root: Path = files.ROOT, folder: Path | None = None, **environment: str
) -> subprocess.Popen[str]:
    """Start the command with the code of a checkout."""
    paths = os.pathsep.join([str(root / "src"), str(root)])
    variables = os.environ | ENVIRONMENT | {"PYTHONPATH": paths} | environment
    command = [sys.executable, "-m", "prefrontal", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder or root, env=variables, stdout=pipe, stderr=pipe, text=True
    )


def prefrontal(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command, with the options of ``start``, and return what it printed."""
    with start(*arguments, **options) as process:
        printed = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, *printed)


def copy_repository(target: Path, data: Path | None = None, *names: str) -> Path:
    """Copy code and texts, and from a data folder some experiments, as a checkout of its own."""
    ignored = shutil.ignore_patterns("__pycache__", "*.parquet", "checkpoints")
    for part in ("src", "replications"):
        shutil.copytree(files.ROOT / part, target / part, ignore=ignored)
    for name in names:
        shutil.copytree(data / name, target / "data" / name, ignore=ignored)
    for part in ("pyproject.toml", "CITATION.cff", "README.md", "Makefile"):
        shutil.copy(files.ROOT / part, target)
    return target


def write_networks(name: str, data: Path) -> None:
    """Write two networks of each variant, with the settings of the suite's, after an update."""
    experiment, training = experiments.get(name), experiments.module(name, "train").TRAINING
    checkpoint = data / name / "checkpoints" / "tiny.safetensors"
    for variant in experiment.variants:
        networks = replicate(experiment.variant(variant), 2)
        seeds = [each.seed for each in networks]
        for part in batches(networks):
            tiny = [each.vary({"training.episodes": 1}) for each in part]
            batch = NetworkBatch(tiny, compiled=False)
            curves = loop.train(batch, name, checkpoint, points=200, measure=training.curve_columns)
            checkpoint.unlink()
            batch.settings = part
            checkpoints.save(batch, name, variant, curves, data / name / "networks", seeds)


def write_results(name: str, data: Path, value: float = 1.0) -> None:
    """Write measures and claims of an experiment with values of about this size."""
    experiment = experiments.get(name)
    others = [reward for reward in experiment.rpe_variants if reward != experiment.main]
    rows = [
        (claim.measured or claim.claim, claim.measure, variant, seed)
        for claim in experiment.claims
        for variant in ([claim.variant] if claim.variant else [experiment.main, *others])
        for seed in range(2)
    ]
    measures = pd.DataFrame(rows, columns=["claim", "measure", "variant", "subject"])
    rpe = [
        measures[measures["variant"] == reward].assign(variant=variant)
        for reward, variant in experiment.rpe_variants.items()
    ]
    measures = pd.concat([measures, *rpe]).drop_duplicates(ignore_index=True)
    measures["value"] = value + 0.1 * measures["subject"]
    criteria = [claim.criterion for claim in experiment.claims if claim.criterion]
    bounds = {bound for each in criteria for bound in (each.low, each.high)}
    named = {bound: 0.0 for bound in bounds if isinstance(bound, str)}
    judged = claims.evaluate_claims(experiment.claims, measures, experiment.main, named)
    for table, frame in (("measures", measures), ("claims", judged)):
        storage.write(frame, data / name / "results" / f"{table}.csv", table)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server(folder: Path, handler: type[_Quiet] = _Quiet) -> Iterator[str]:
    """Serve a folder on this machine; gives the address."""
    running = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()


class Interrupted(_Quiet):
    """Announces a whole file, and sends half of it."""

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        content = source.read()
        outputfile.write(content[: len(content) // 2])
        self.close_connection = True
