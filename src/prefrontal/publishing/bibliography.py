"""References of the suite and the works it builds on, from CITATION.cff, as pybtex entries."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pybtex.database import BibliographyData, Entry, Person

from prefrontal import files
from prefrontal.errors import UserError, check

CITATION = files.PACKAGE_FOLDER / "CITATION.cff"
SUITE, PAPER = "prefrontal", "wang2018"
"""Keys of the entries cited with every figure."""

FIELDS = {"issue": "number"} | {
    name: name for name in ("journal", "volume", "year", "version", "doi", "url")
}
"""Field of CITATION.cff -> of BibTeX."""


@functools.cache
def references(path: Path = CITATION) -> dict[str, Entry]:
    """Read all works by key: first author and year, such as daw2011.

    Raises
    ------
    UserError
        The file is not readable, or an entry is incomplete.
    """
    try:
        suite = yaml.safe_load(path.read_text(encoding="utf-8"))
        works = {SUITE: _entry(suite | {"year": suite["date-released"].year})}
        for work in suite["references"]:
            entry = _entry(work)
            works[re.sub(r"\W", "", _families(entry)[0]).lower() + entry.fields["year"]] = entry
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path}: not in the Citation File Format ({why})") from error
    return works


def _entry(work: dict[str, Any]) -> Entry:
    authors = [
        Person(first=author.get("given-names", ""), last=author["family-names"])
        if "family-names" in author
        else Person(f"{{{author['name']}}}")
        for author in work["authors"]
    ]
    fields = {"title": f"{{{work['title']}}}"}
    fields |= {name: str(work[field]) for field, name in FIELDS.items() if field in work}
    if "start" in work:
        fields["pages"] = "--".join(str(work[end]) for end in ("start", "end") if end in work)
    kind = "software" if work["type"] == "software" else "article" if "journal" in work else "misc"
    return Entry(kind, fields=fields, persons={"author": authors})


def _families(entry: Entry) -> list[str]:
    return [" ".join(person.last_names).strip("{}") for person in entry.persons["author"]]


def short(keys: Iterable[str]) -> str:
    """Cite works as in running text: (Lau & Glimcher 2005; Daw et al. 2011)."""

    def one(key: str) -> str:
        works = references()
        check(key in works, "reference", key, f"one of {', '.join(works)}")
        family = _families(works[key])
        who = f"{family[0]} et al." if len(family) > 2 else " & ".join(family)
        return f"{who} {works[key].fields['year']}"

    return f"({'; '.join(map(one, keys))})"


def bibtex(keys: Iterable[str]) -> str:
    """Write works as BibTeX."""
    return BibliographyData({key: references()[key] for key in keys}).to_string("bibtex")
