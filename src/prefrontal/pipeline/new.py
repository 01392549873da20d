"""Write the folder of a new experiment that runs, from the template in this folder."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Annotated

import tyro

from prefrontal import files
from prefrontal.cli import COMMANDS
from prefrontal.errors import UserError, check
from prefrontal.pipeline.commands import GROUPS

TEMPLATE = Path(__file__).with_name("template")

TARGETS = ("bench", "clean", "data", "figures", "help", "lint", "notebooks", "test")
"""Targets of the Makefile that are neither commands nor groups, and a folder; they cannot be names
of experiments either."""


@dataclass(frozen=True)
class Options:
    """Write replications/NAME, a small experiment that runs in a minute, as a starting point."""

    name: Annotated[str, tyro.conf.Positional] = ""
    """Name of the experiment and of its folder, such as my_task."""
    root: Path = files.ROOT
    """Folder of replications/."""


def main(options: Options) -> None:
    """Write replications/<name>, its test included."""
    name, folder = options.name, options.root / "replications" / options.name
    expected = "lower-case letters, digits and underscores, a letter first, such as my_task"
    check(re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None, "NAME", name, expected)
    check(not keyword.iskeyword(name), "NAME", name, "a name that is not a Python keyword")
    modules = {*sys.stdlib_module_names, *packages_distributions()}
    check(name not in modules, "NAME", name, "a name that no installed Python module has")
    taken = {*TARGETS, *GROUPS, *(word for group in COMMANDS.values() for word in group)}
    check(name not in taken, "NAME", name, f"different from {', '.join(sorted(taken))}")
    check(
        (options.root / "replications").is_dir(),
        "root",
        str(options.root),
        "a checkout of this repository",
    )
    if folder.exists():
        raise UserError(f"{folder} exists; choose another name")
    for path in sorted(TEMPLATE.iterdir()):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("NAME", name)
            target = f"test_{name}.py" if path.name == "test.py" else path.name
            files.write_text(folder / target, text)
    (folder / "__init__.py").touch()
    print(f"{folder}: written. Next: prefrontal run {name} (trains, records, analyses, draws);")
    print("then adapt it, following the checklist in CONTRIBUTING.md")
