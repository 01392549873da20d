"""Command lines that take an experiment's settings, by dotted names such as ``--task.reversal``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import tyro

from prefrontal.settings import GROUPS, Settings, TaskSettings

HELP_ALL = "--help-all"
FURTHER = f"Settings of network and training: {HELP_ALL}."
FROZEN: Any = {"frozen": True, "kw_only": True}
OptionsT = TypeVar("OptionsT")
T = TypeVar("T", bound=TaskSettings)


def parse(
    options: type[OptionsT],
    settings: Settings[T],
    command: str,
    arguments: Sequence[str],
    helps: Mapping[str, str] | None = None,
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
    helps : mapping, optional
        Option -> its help, in place of the docstring.
    """
    seed = Annotated[int, tyro.conf.arg(help="Seed of the first network.")]
    fields: list[Any] = [("seed", seed, dataclasses.field(default=settings.seed))]
    types = get_type_hints(options)
    for each in dataclasses.fields(options):  # type: ignore[arg-type]
        if helps and each.name in helps:
            kind: Any = Annotated[types[each.name], tyro.conf.arg(help=helps[each.name])]
            fields.append((each.name, kind, dataclasses.field(default=each.default)))
    seeded = dataclasses.make_dataclass("Options", fields, bases=(options,), **FROZEN)
    given = ["--help" if word == HELP_ALL else word for word in arguments]
    brief = "--help" in arguments or "-h" in arguments

    hide: Any = tyro.conf.Suppress

    def further(kind: type[Any]) -> Any:
        return hide[kind] if brief else kind

    groups_of_options: list[Any] = [
        ("task", type(settings.task), dataclasses.field(default=settings.task)),
        ("run", Annotated[seeded, tyro.conf.OmitArgPrefixes]),
        ("network", further(type(settings.network)), dataclasses.field(default=settings.network)),
        (
            "training",
            further(type(settings.training)),
            dataclasses.field(default=settings.training),
        ),
    ]
    parsed: Any = tyro.cli(
        dataclasses.make_dataclass("Command", groups_of_options, kw_only=True),
        args=given,
        prog=command,
        description=f"{options.__doc__} {FURTHER}",
    )
    groups = {group: getattr(parsed, group) for group in GROUPS}
    return parsed.run, dataclasses.replace(settings, seed=parsed.run.seed, **groups)
