"""Command lines that take an experiment's settings, by dotted names such as ``--task.reversal``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import tyro

from prefrontal.settings import Settings, TaskSettings

OptionsT = TypeVar("OptionsT")
T = TypeVar("T", bound=TaskSettings)


def parse(
    options: type[OptionsT], settings: Settings[T], command: str, arguments: Sequence[str]
) -> tuple[OptionsT, Settings[T]]:
    """Read a command's options, and settings whose defaults are those of a variant.

    Parameters
    ----------
    options : type
        Dataclass of the command's own options; its docstring is the description in the help.
    settings : Settings
    command : str
        Such as "prefrontal train two_step".
    arguments : sequence of str
    """
    parts: list[Any] = [
        ("task", type(settings.task), dataclasses.field(default=settings.task)),
        ("run", Annotated[options, tyro.conf.OmitArgPrefixes]),
        ("network", type(settings.network), dataclasses.field(default=settings.network)),
        ("training", type(settings.training), dataclasses.field(default=settings.training)),
        ("seed", int, dataclasses.field(default=settings.seed)),
    ]
    kind = dataclasses.make_dataclass("Command", parts, kw_only=True)
    parsed: Any = tyro.cli(kind, args=list(arguments), prog=command, description=options.__doc__)
    groups = {"task": parsed.task, "network": parsed.network, "training": parsed.training}
    read = dataclasses.replace(settings, **groups, seed=parsed.seed)
    return parsed.run, read
