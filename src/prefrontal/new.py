"""Write the folder of a new experiment that runs, from the small template beside this file.

python -m prefrontal.new my_task
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from prefrontal import paths
from prefrontal.errors import UserError, require, run

TEMPLATE = Path(__file__).with_name("template")


@dataclass(frozen=True)
class Options:
    """What to write."""

    name: Annotated[str, tyro.conf.Positional] = ""
    """Name of the experiment and of its folder, such as my_task."""
    root: Path = paths.ROOT
    """Folder of replications/ and tests/."""


def main(options: Options) -> None:
    """Write replications/<name>, and tests/test_<name>.py beside the other tests."""
    name, folder = options.name, options.root / "replications" / options.name
    legal = re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None and not keyword.iskeyword(name)
    require(legal, "NAME", name, "lower-case letters, digits and underscores, a letter first, such as my_task")
    makefile = options.root / "Makefile"
    taken = re.findall(r"^([a-z]+):", makefile.read_text(), re.MULTILINE) if makefile.exists() else []
    require(name not in taken, "NAME", name, f"none of make's commands, {', '.join(taken)}")
    files = {path: folder / path.name for path in sorted(TEMPLATE.iterdir()) if path.is_file()}
    files[TEMPLATE / "test.py"] = options.root / "tests" / f"test_{name}.py"
    for target in (folder, files[TEMPLATE / "test.py"]):
        if target.exists():
            raise UserError(f"{target} exists; choose another name")
    for path, target in files.items():
        paths.write_text(target, path.read_text().replace("NAME", name))
    (folder / "__init__.py").touch()
    print(f"{folder}: written. Next: make {name} (trains, records, analyses, draws); then make it yours, with CONTRIBUTING.md")


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
