"""The ``prefrontal`` command."""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

COMMANDS = {
    "Reproduce": {
        "run": "train if needed, record, analyse and draw",
        "train": "train networks",
        "record": "run the trained networks with frozen weights",
        "analyse": "analyse a recording and evaluate the claims",
        "draw": "draw the figures from results",
        "reproduce": "rebuild everything from weights and compare",
        "claims": "print the table of claims",
    },
    "Change": {
        "compare": "show a run's measures next to the suite's",
        "sweep": "train every combination of some settings",
        "new": "create the folder of a new experiment",
    },
    "Compare with animals": {
        "animals": "analyse animals' choices and compare them with the networks",
        "data": "list and fetch published data sets",
        "trials": "convert a data file to a trials table",
    },
    "Publish": {
        "cite": "print a figure's caption, provenance and references",
        "texts": "fill in the numbers and tables of READMEs and captions",
        "fetch": "download trained networks",
    },
}
"""Group -> command, a function of ``prefrontal.pipeline.commands`` -> one line of help."""


def overview() -> str:
    """Help of the command itself."""
    lines = ["usage: prefrontal COMMAND [...]        prefrontal COMMAND --help explains each", ""]
    for group, commands in COMMANDS.items():
        lines += [group, *(f"  {name:<12}{text}" for name, text in commands.items()), ""]
    return "\n".join([*lines, "Examples", *(f"  {example}" for example in EXAMPLES)])


EXAMPLES = (
    "prefrontal run two_step --task.reversal 0.1 --out runs/r1",
    "prefrontal animals two_step rats.csv --columns choice=resp reward=rew",
    "prefrontal new my_task",
)


ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
"""For the processes that the command starts: one thread each, since networks are small; freed
memory is kept (glibc), since returning it took up to half of a recording's time."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command."""
    from prefrontal.errors import UserError, run

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # without UTF-8, ? replaces other characters
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(overview())
        return
    if given[0] == "--version":
        from prefrontal import __version__

        print(__version__)
        return
    name, rest = given[0], given[1:]
    known = [command for commands in COMMANDS.values() for command in commands]

    def command() -> None:
        from prefrontal.files import check_checkout

        check_checkout(Path.cwd())
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise UserError(f"no command {name!r}; {hint}")
        from prefrontal.pipeline import commands

        getattr(commands, name)(rest)

    run(command)


if __name__ == "__main__":
    main()
