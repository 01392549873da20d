"""The commands of ``prefrontal``; each receives the arguments after its name."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from prefrontal import experiments, files
from prefrontal.errors import UserError, check
from prefrontal.experiments import Experiment
from prefrontal.pipeline.options import parse
from prefrontal.place import Place
from prefrontal.settings import Settings

GROUPS: dict[str, Callable[[bool], bool]] = {
    "paper": lambda from_paper: from_paper,
    "extensions": lambda from_paper: not from_paper,
    "all": lambda from_paper: True,
}
"""Names of groups of experiments."""

WITH_RESULTS = "that of a run with results (prefrontal run EXPERIMENT --out FOLDER)"


def names_of(given: Sequence[str], module: str = "figure") -> tuple[list[str], list[str]]:
    """Split a command's arguments into experiments (or groups of them) and options."""
    count = next((k for k, word in enumerate(given) if word.startswith("-")), len(given))
    known = experiments.names(module)
    chosen: list[str] = []
    for word in given[:count]:
        check(
            word in (*GROUPS, *known), "experiment", word, f"one of {', '.join((*known, *GROUPS))}"
        )
        if word in GROUPS:
            chosen += [name for name in known if GROUPS[word](bool(experiments.study(name).figure))]
        else:
            chosen.append(word)
    return list(dict.fromkeys(chosen)), list(given[count:])


def one_name(
    given: Sequence[str], command: str, module: str = "train", groups: Collection[str] = ()
) -> tuple[str, list[str]]:
    """Take the experiment from a command's first argument; the rest are options."""
    known = experiments.names(module)
    if not given or given[0].startswith("-"):
        several = f", or a group: {', '.join(groups)}" if groups else ""
        listed = f"{', '.join(known)}{several}"
        usage = f"usage: prefrontal {command} EXPERIMENT [OPTIONS]"
        if given and given[0] in ("-h", "--help"):
            indented = textwrap.fill(listed, 96, initial_indent="  ", subsequent_indent="  ")
            print(f"{usage}\n\nEXPERIMENT is one of\n{indented}\n")
            print(f"prefrontal {command} EXPERIMENT --help lists the options.")
            raise SystemExit(0)
        raise UserError(f"{usage}; EXPERIMENT is one of {listed}")
    check(given[0] in known, "experiment", given[0], f"one of {', '.join(known)}")
    return given[0], list(given[1:])


def chosen_variants(
    experiment: Experiment[Any],
    variants: Sequence[str],
    options: type[Any],
    command: str,
    rest: Sequence[str],
) -> dict[str, Settings[Any]]:
    """Settings of variants, each with the changes made on the command line."""
    for name in variants:
        known = (*experiment.variants, *experiment.further_variants)
        check(name in known, "variant", name, f"one of {', '.join(known)}")
    return {name: parse(options, experiment.variant(name), command, rest)[1] for name in variants}


def helps(experiment: Experiment[Any]) -> dict[str, str]:
    """Help texts of options whose values depend on the experiment."""
    known = ", ".join((*experiment.variants, *experiment.further_variants))
    return {
        "variants": f"Variants to train, among {known}; run always includes the main one.",
        "networks": f"Networks per variant, with successive seeds; by default "
        f"{experiment.networks}.",
        "test_episodes": f"Test episodes per network; by default {experiment.test_episodes}.",
    }


def run(given: Sequence[str]) -> None:
    """``prefrontal run``: do what is missing or out of date, and draw."""
    from prefrontal.pipeline.run import RunOptions, run_experiment, run_suite

    names, rest = names_of(given)
    command = f"prefrontal run {' '.join(names)}"
    if not names:
        one_name(given, "run", "figure", GROUPS)
    if len(names) > 1 or names[0] not in experiments.names("train"):
        made = run_suite(
            names, tyro.cli(Place, args=rest, prog=command, description=run_suite.__doc__)
        )
    else:
        experiment = experiments.get(names[0])
        options, settings = parse(
            RunOptions, experiment.variant(), command, rest, helps(experiment)
        )
        variants = [
            experiment.main,
            *(name for name in options.variants if name != experiment.main),
        ]
        chosen = chosen_variants(experiment, variants, RunOptions, command, rest)
        made = run_experiment(
            experiment, chosen, options, bool(settings.differences(experiment.variant()))
        )
    for path in made:
        print(path)


def train(given: Sequence[str]) -> None:
    """``prefrontal train``: train networks."""
    from prefrontal.pipeline.sample import train_fresh
    from prefrontal.pipeline.train import TrainingOptions, train_variants

    @dataclass(frozen=True, kw_only=True)
    class Options(TrainingOptions, Place):
        """Train networks of an experiment."""

        variants: tuple[str, ...] = ()
        """Variants to train; by default the main one."""
        all: bool = False
        """Train every variant."""
        fresh: bool = False
        """Train a larger sample of networks, of which only the measures are kept."""

    if given and given[0] in experiments.names("run"):  # trains networks of other experiments
        experiments.module(given[0], "run").main(given[1:])
        return
    names, rest = names_of(given, "train")
    if not names:
        one_name(given, "train", groups=GROUPS)
    for name in names:
        experiment, command = experiments.get(name), f"prefrontal train {name}"
        options, settings = parse(Options, experiment.variant(), command, rest, helps(experiment))
        check(
            not (options.all and options.variants),
            "variants",
            options.variants,
            "left out with --all",
        )
        changed = ", ".join(settings.differences(experiment.variant()))
        if options.fresh:
            check(
                not changed,
                "fresh",
                True,
                f"left out if settings differ from the suite's ({changed})",
            )
            print(train_fresh(experiment, options.variants, options, options.data.resolve()))
            continue
        alone = options.out is not None or options.overwrite or not changed
        check(
            alone,
            "out",
            None,
            f"a folder, since settings differ from those of the suite's networks ({changed})",
        )
        listed = list(options.variants) or [experiment.main]
        variants = list(experiment.variants) if options.all else listed
        chosen = chosen_variants(experiment, variants, Options, command, rest)
        train_variants(experiment, chosen, options, options.data)


@dataclass(frozen=True, kw_only=True)
class StepOptions(Place):
    """Location of networks and results."""

    test_episodes: int | None = None
    """Test episodes per network; by default those of the experiment."""


def _step(given: Sequence[str], name: str, module: str) -> tuple[str, StepOptions]:
    experiment, rest = one_name(given, name, module)
    return experiment, tyro.cli(StepOptions, args=rest, prog=f"prefrontal {name} {experiment}")


def record(given: Sequence[str]) -> None:
    """``prefrontal record``: run the trained networks."""
    from prefrontal.pipeline import steps

    if given and given[0] in experiments.names("replay"):  # of trials of animals
        experiments.module(given[0], "replay").main(given[1:])
        return
    name, options = _step(given, "record", "record")
    steps.record(name, options.data, options.test_episodes)


def analyse(given: Sequence[str]) -> None:
    """``prefrontal analyse``: analyse a recording."""
    from prefrontal.pipeline import steps

    name, options = _step(given, "analyse", "analysis")
    steps.analyse(name, options.data, options.test_episodes)


def draw(given: Sequence[str]) -> None:
    """``prefrontal draw``: draw figures from results."""
    from prefrontal.pipeline import steps

    name, options = _step(given, "draw", "figure")
    for path in steps.draw(name, options.data, options.figures):
        print(path)


def reproduce(given: Sequence[str]) -> None:
    """``prefrontal reproduce``: rebuild from weights, and compare."""
    from prefrontal.pipeline.reproduce import Options, reproduce

    names, rest = names_of(given)
    reproduce(
        names or names_of(["all"])[0], tyro.cli(Options, args=rest, prog="prefrontal reproduce")
    )


def sweep(given: Sequence[str]) -> None:
    """``prefrontal sweep``: train every combination of some settings."""
    from prefrontal.training import sweep as sweeps

    name, rest = one_name(given, "sweep")
    experiment, command = experiments.get(name), f"prefrontal sweep {name}"
    options, _ = parse(sweeps.Options, experiment.variant(), command, rest, sweeps.HELPS)
    taken = {*experiment.variants, *experiment.further_variants}
    check(options.name not in taken, "name", options.name, "different from every variant's")
    default = dataclasses.replace(experiment.variant(options.variant), seed=sweeps.FIRST_SEED)
    frame = sweeps.sweep(name, parse(sweeps.Options, default, command, rest)[1], options)
    means = sweeps.means(frame, options.vary, default)
    if len(means):
        print(means.to_string(float_format="%.3f"))
    diverged = sweeps.diverged(frame)
    if diverged:
        print(diverged)


def claims(given: Sequence[str]) -> None:
    """``prefrontal claims``: print the table of claims."""
    from prefrontal.publishing import claims as table

    @dataclass(frozen=True, kw_only=True)
    class Options(Place):
        """Print the verdict on every claim, with the row that decides it."""

        every_row: bool = False
        """Print every row of every claim."""

    options = tyro.cli(Options, args=given, prog="prefrontal claims")
    has_results = options.out is None or any(options.data.glob("*/results/claims.csv"))
    check(has_results, "out", str(options.out), WITH_RESULTS)
    frame = table.collect(options.data)
    print(table.as_text(frame if options.every_row else table.deciding_rows(frame)))
    print("\n" + table.score(frame).replace("; ", "\n"))


def compare(given: Sequence[str]) -> None:
    """``prefrontal compare``: print a run's measures next to those of the suite."""
    from prefrontal.publishing import claims as table

    @dataclass(frozen=True)
    class Options:
        """Show the measures of a run next to those of the suite, and the settings that differ."""

        folder: tyro.conf.Positional[Path]
        """Folder of the run, such as runs/r1."""

    folder = tyro.cli(Options, args=list(given), prog="prefrontal compare").folder
    names = [path.parent.parent.name for path in sorted(folder.glob("data/*/results/claims.csv"))]
    check(bool(names), "folder", str(folder), WITH_RESULTS)
    for name in names:
        changes = _changes(name, folder / "data").items()
        changed = ", ".join(f"{setting} {suite} -> {here}" for setting, (here, suite) in changes)
        here, suite = (table.collect(data, name) for data in (folder / "data", files.DATA))
        print(f"{name}: {changed or 'same settings'}\n{table.compare(here, suite)}\n")


def _changes(name: str, data: Path) -> Mapping[str, tuple[Any, Any]]:
    """Settings in which the main networks of a run differ from those of the suite."""
    from prefrontal.publishing.results import Results

    experiment = experiments.get(name)
    here = Results(name, data).settings
    return (
        here[experiment.main].differences(experiment.variant()) if experiment.main in here else {}
    )


def new(given: Sequence[str]) -> None:
    """``prefrontal new``: create the folder of a new experiment."""
    from prefrontal.pipeline.new import Options, main

    main(tyro.cli(Options, args=given, prog="prefrontal new"))


def animals(given: Sequence[str]) -> None:
    """``prefrontal animals``: analyse choices of animals."""
    from prefrontal.animals.pipeline import main

    main(given)


def data(given: Sequence[str]) -> None:
    """``prefrontal data``: list and fetch published data sets."""
    from prefrontal.animals.datasets import main

    main(given)


def trials(given: Sequence[str]) -> None:
    """``prefrontal trials``: write the trials table of a data file."""
    from prefrontal.animals.sheet import Options, main

    main(tyro.cli(Options, args=given, prog="prefrontal trials"))


def cite(given: Sequence[str]) -> None:
    """``prefrontal cite``: print a figure's caption, provenance and references."""
    from prefrontal.publishing.cite import Options, main

    main(tyro.cli(Options, args=given, prog="prefrontal cite"))


def texts(given: Sequence[str]) -> None:
    """``prefrontal texts``: write READMEs' numbers and tables, and captions, from results."""
    from prefrontal.publishing.readmes import Options, main

    main(tyro.cli(Options, args=given, prog="prefrontal texts"))


def fetch(given: Sequence[str]) -> None:
    """``prefrontal fetch``: download trained networks."""
    from prefrontal.networks.fetch import fetch

    name, rest = one_name(given, "fetch")
    print(fetch(name, tyro.cli(Place, args=rest, prog=f"prefrontal fetch {name}").data))
