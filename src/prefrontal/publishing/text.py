"""Texts with numbers from results: captions, READMEs and the documentation site, in Jinja.

``replications/<name>/captions.md`` has a section per figure, ``## fig5``, which is a template;
READMEs have templates in comments (``readmes``). They call the methods of ``Functions``, such as

    {{ claim("twostep-lags", "common rewarded") }}
    {{ value("two_step", "lag_weights", "weight", lag=1, signal="reward") }}
    {{ setting("two_step", "task.reversal") }}
    {{ table("two_step", "reward", by=["variant"]) }}
    {{ cite("daw2011", "miller2017") }}

A number is the mean [95 % interval over networks], to three significant digits. One that is missing
is an error that names the file and the line.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from prefrontal import experiments, files
from prefrontal.errors import UserError, check
from prefrontal.publishing import bibliography, claims
from prefrontal.publishing.results import Results
from prefrontal.publishing.summaries import Tables, markdown
from prefrontal.statistics import interval
from prefrontal.tables import storage
from prefrontal.tables.schema import SUBJECT

HEADING = re.compile(r"^## +(\S+) *$", re.MULTILINE)

MARKED = re.compile(r"[\\`*\[\]<>$~|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|(?<=www)\.")
"""Characters with a special meaning in Markdown or HTML."""


def plain(text: str) -> str:
    """Escape Markdown and HTML in a string such as a file name."""
    return MARKED.sub(r"\\\g<0>", " ".join(text.split()))


def number(mean: float, *spread: float) -> str:
    """Write a number, with its interval if there is one, to three significant digits."""
    if not np.isfinite([mean, *spread]).all():
        raise UserError(
            "this number is missing from the results; run the recording and the analysis again"
        )
    texts = [f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}" for x in (mean, *spread)]
    mean_text, *ends = (text.replace("-", "−") for text in texts)
    return f"{mean_text} [{ends[0]}, {ends[1]}]" if ends and ends[0] != ends[1] else mean_text


class Functions(Tables):
    """Functions available in templates."""

    @cached_property
    def _results(self) -> dict[str, Results]:
        """Results of experiments, which read the settings of their networks once."""
        return {}

    def claim(self, claim: str, measure: str = "", variant: str = "") -> str:
        """Our value of a claim's measure, of the main variant unless another is named, in the
        sample whose verdict counts."""
        row = claims.find(claims.counted(self._claims), claim, measure, variant)
        return number(row["reproduced"], row["ci_low"], row["ci_high"])

    def drawn(self, claim: str, measure: str = "", variant: str = "") -> str:
        """The same as ``claim``, but in the networks that figures draw, for their captions."""
        row = claims.find(self._claims, claim, measure, variant)
        return number(row["reproduced"], row["ci_low"], row["ci_high"])

    def published(self, claim: str, measure: str = "") -> str:
        """Published value of a claim's measure."""
        return number(claims.find(self._claims, claim, measure)["published"])

    def networks(self, experiment: str) -> str:
        """Count the networks of the variant that an experiment's first claim is about; all claims
        about it must have the same number."""
        rows = self._claims[self._claims["experiment"] == experiment]
        rows = rows[rows["variant"] == rows["variant"].head(1).squeeze()]
        counts = sorted(rows["n_networks"].unique())
        if len(counts) != 1:
            known = ", ".join(map(str, counts)) or "no"
            raise UserError(f"claims are about {known} networks; write the number by hand")
        return number(*counts)

    def test_episodes(self, experiment: str) -> str:
        """Count the test episodes that each network played."""
        about = storage.manifest(self._data / experiment / "results")
        return number(about.get("claims.csv", {}).get("test_episodes", np.nan))

    def value(self, experiment: str, table: str, column: str, /, **where: Any) -> str:
        """Mean of a column over networks, whose rows are averaged first.

        Parameters
        ----------
        experiment, table, column : str
            The table as in ``table``. In "animals/...", animals without a number are left out;
            without any, "undetermined" is written.
        where
            Values of other columns that select rows.
        """
        rows, animals = self.table(experiment, table), table.startswith("animals/")
        for name in (column, *where):
            if name not in rows:
                raise UserError(f"{table}: no column {name!r}; there are {', '.join(rows.columns)}")
        for name, wanted in where.items():
            known = rows[name].unique()
            rows = rows[rows[name] == wanted]
            if rows.empty:
                listed = ", ".join(map(repr, known.tolist()))
                raise UserError(f"{table}: {name} is never {wanted!r}; there are {listed}")
        if rows[column].isna().any() and not animals:
            raise UserError(
                f"{table}: {column} is missing for some networks; select rows that have it"
            )
        keys = [name for name in SUBJECT if name in rows]
        values = (rows.groupby(keys)[column].mean() if keys else rows[column]).dropna()
        if values.empty:
            return "undetermined"
        return number(values.iloc[0]) if len(values) == 1 else number(*interval(values))

    def setting(self, experiment: str, name: str, variant: str = "") -> Any:
        """Value of a setting by its dotted name, of the main variant unless another is named.

        That of the networks in the data or, if there are none, as declared.
        """
        study = experiments.get(experiment)
        networks = self._results.setdefault(experiment, Results(experiment, self._data))
        settings = networks.settings.get(variant or study.main, study.variant(variant)).flat()
        check(name in settings, "setting", name, f"one of {', '.join(settings)}")
        return settings[name]

    def cite(self, *keys: str) -> str:
        """Cite works of CITATION.cff in brackets."""
        return bibliography.short(keys)


def environment(
    data: Path = files.DATA,
    animals: Path | None = None,
    loader: jinja2.BaseLoader | None = None,
) -> jinja2.Environment:
    """Return the environment in which all texts are rendered; see ``Functions``."""
    bibliography.references()  # fail here rather than later
    functions = Functions(data, animals)
    made = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        finalize=markdown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = [name for name in dir(Functions) if not name.startswith("_")]
    made.globals |= {name: getattr(functions, name) for name in names}
    return made


@dataclass(frozen=True)
class Template:
    """A template, and its position in a file."""

    text: str
    path: Path
    line: int = 1

    def render(self, environment: jinja2.Environment, **variables: Any) -> str:
        """Write the text.

        Raises
        ------
        UserError
            There is an error in the template, or a number is missing; the message names file and
            line.
        """
        padded, name = "\n" * (self.line - 1) + self.text, str(self.path)
        try:
            code = environment.compile(padded, name, name)
            made = jinja2.Template.from_code(environment, code, environment.globals.copy())
            return made.render(variables)[self.line - 1 :]
        except jinja2.TemplateSyntaxError as error:
            raise UserError(f"{self.path}, line {error.lineno}: {error.message}") from error
        except (UserError, jinja2.UndefinedError, TypeError) as error:
            frames = traceback.extract_tb(error.__traceback__)
            line = max((frame.lineno or 0 for frame in frames if frame.filename == name), default=0)
            raise UserError(f"{self.path}, line {line}: {error}") from error


def captions(folder: Path) -> dict[str, Template]:
    """Read the captions of the figures that an experiment draws."""
    path = folder / "captions.md"
    text = path.read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    ends = [*(match.start() for match in headings[1:]), len(text)]
    return {
        match[1]: Template(
            text[match.end() : end].strip(), path, text.count("\n", 0, match.end()) + 2
        )
        for match, end in zip(headings, ends, strict=True)
    }
