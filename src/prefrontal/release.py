"""The suite for archives and registries: codemeta.json, .zenodo.json and ro-crate-metadata.json, all from one source.

python -m prefrontal.release

That source is CITATION.cff (title, authors, date, references) and pyproject.toml (description, dependencies, licences); the
version is that of the package, and is written into CITATION.cff too. Results come from the manifests under data/.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

import prefrontal
from prefrontal import cite, paths, tables
from prefrontal.errors import UserError, run

SPDX = "https://spdx.org/licenses/"

Metadata = dict[str, Any]


def licence_url(name: str) -> str:
    """Address of a licence, by its SPDX identifier."""
    return f"{SPDX}{name}"


def address(work: cite.Entry) -> str:
    """Where a cited work is to be found."""
    return f"https://doi.org/{work['doi']}" if "doi" in work else work["url"]


def article(work: cite.Entry) -> Metadata:
    """Describe a cited work in the words of schema.org."""
    authors = [{"@type": "Person", "familyName": family, "givenName": given} for family, given in cite.names(work)]
    about = {"@type": "ScholarlyArticle", "@id": address(work), "name": work["title"], "author": authors}
    return about | {"datePublished": str(work["year"])}


def authors(suite: cite.Entry) -> list[Metadata]:
    """Describe the suite's authors in the words of schema.org; a group has a family name alone."""
    return [
        {"@type": "Person", "familyName": family, "givenName": given} if given else {"@type": "Organization", "name": family}
        for family, given in cite.names(suite)
    ]


def part(own: dict[str, Any]) -> Metadata:
    """Describe a part of the suite that has terms of its own, in the words of schema.org."""
    licence = {"license": licence_url(own["licence"])} if own["licence"] else {}
    return {"name": own["part"], "description": own["terms"]} | licence


def codemeta(works: dict[str, cite.Entry], project: Metadata, licences: list[Metadata]) -> Metadata:
    """Write codemeta.json (CodeMeta 3.0)."""
    suite = works[cite.SUITE]
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "name": suite["title"],
        "identifier": project["project"]["name"],
        "description": project["project"]["description"],
        "version": suite["version"],
        "datePublished": str(suite["date-released"]),
        "license": licence_url(suite["license"]),
        "hasPart": [{"@type": "CreativeWork"} | part(own) | {"identifier": own["paths"]} for own in licences],
        "author": authors(suite),
        "keywords": suite["keywords"],
        "programmingLanguage": "Python",
        "runtimePlatform": f"Python {project['project']['requires-python']}",
        "softwareRequirements": project["project"]["dependencies"],
        "readme": project["project"]["readme"],
        "releaseNotes": "CHANGELOG.md",
        "referencePublication": article(works[cite.PAPER]),
        "citation": [article(work) for key, work in works.items() if key not in (cite.SUITE, cite.PAPER)],
    }


def zenodo(works: dict[str, cite.Entry], project: Metadata, licences: list[Metadata]) -> Metadata:
    """Write .zenodo.json."""
    suite = works[cite.SUITE]
    notes = [f"{own['part']} ({', '.join(own['paths'])}): {own['licence'] or cite.NONE}; {own['terms']}" for own in licences]
    related = [
        {"identifier": work.get("doi") or work["url"], "relation": "isDerivedFrom" if key == cite.PAPER else "references"}
        for key, work in works.items()
        if key != cite.SUITE
    ]
    return {
        "title": suite["title"],
        "description": f"<p>{project['project']['description']}.</p>",
        "upload_type": "software",
        "version": suite["version"],
        "publication_date": str(suite["date-released"]),
        "access_right": "open",
        "license": suite["license"].lower(),
        "notes": f"<p>Licences of the parts:</p><ul>{''.join(f'<li>{note}</li>' for note in notes)}</ul>",
        "creators": [{"name": f"{family}, {given}" if given else family} for family, given in cite.names(suite)],
        "keywords": suite["keywords"],
        "related_identifiers": related,
    }


def crate(works: dict[str, cite.Entry], project: Metadata, licences: list[Metadata], data: Path) -> Metadata:
    """Write ro-crate-metadata.json: the parts with their licences, and every result with the commit that made it."""
    suite = works[cite.SUITE]
    found = ROCrate()
    found.name, found.description = suite["title"], project["project"]["description"]
    found.datePublished, found.license = str(suite["date-released"]), licence_url(suite["license"])
    found.keywords = ", ".join(suite["keywords"])
    root = found.root_dataset
    root["version"] = suite["version"]
    people = [ContextEntity(found, f"#author-{i}", properties=own) for i, own in enumerate(authors(suite), 1)]
    root["author"] = [found.add(person) for person in people]
    cited = [article(work) | {"author": cite.short(work)} for key, work in works.items() if key != cite.SUITE]
    root["citation"] = [found.add(ContextEntity(found, own.pop("@id"), properties=own)) for own in cited]
    for own in licences:
        for path in sorted(path for pattern in own["paths"] for path in data.parent.glob(pattern)):
            found.add_dataset(dest_path=f"{path.relative_to(data.parent)}/", properties=part(own))
    for manifest in sorted(data.glob("*/*/manifest.json")):
        add_results(found, manifest.parent, data.parent)
    return found.metadata.generate()


def add_results(found: ROCrate, folder: Path, root: Path) -> None:
    """Add a folder's tables, and for each run that made some of them an action that says how."""
    runs: dict[tuple[str, str], list[Any]] = {}
    where = folder.relative_to(root)
    dataset = found.get(f"{where}/") or found.add_dataset(dest_path=f"{where}/")  # a reader's own is under no licence of ours
    for name, about in tables.manifest(folder).items():
        file = found.add_file(dest_path=f"{where}/{name}", properties={"name": name, "encodingFormat": "text/csv"})
        dataset.append_to("hasPart", file)
        runs.setdefault((about["commit"], about["config_sha256"]), []).append(file)
    for (commit, settings), files in runs.items():
        action: Metadata = {"@type": "CreateAction", "name": f"{where}, commit {commit}", "instrument": {"@id": "src/"}}
        words = f"made by the code of commit {commit} from networks whose settings have the SHA-256 {settings}"
        action |= {"description": words, "result": [{"@id": file.id} for file in files]}
        made = found.add(ContextEntity(found, f"#{where}/{commit}/{settings}", properties=action))
        found.root_dataset.append_to("mentions", made)


def files(root: Path, data: Path) -> dict[str, str]:
    """Return what each file is to hold, by name."""
    source = (root / "CITATION.cff").read_text()
    citation, count = re.subn(r"^version: .*$", f"version: {prefrontal.__version__}", source, flags=re.MULTILINE)
    if count != 1:
        raise UserError(f"{root / 'CITATION.cff'}: {count} lines begin with 'version: '; it must be one")
    works, project, licences = cite.references(root), cite.project(root), cite.licences(root)
    works[cite.SUITE] |= {"version": prefrontal.__version__}
    for name in ("license", "keywords"):
        if name not in works[cite.SUITE]:
            raise UserError(f"{root / 'CITATION.cff'}: no {name!r}")
    made = {
        "codemeta.json": codemeta(works, project, licences),
        ".zenodo.json": zenodo(works, project, licences),
        "ro-crate-metadata.json": crate(works, project, licences, data),
    }
    texts = {name: json.dumps(content, indent=1, ensure_ascii=False) + "\n" for name, content in made.items()}
    return {"CITATION.cff": citation} | texts


@dataclass(frozen=True)
class Options:
    """Where everything is."""

    root: Path = paths.ROOT
    """Folder of CITATION.cff and pyproject.toml."""


def main(options: Options) -> None:
    """Write the files."""
    for name, text in files(options.root, options.root / "data").items():
        paths.write_text(options.root / name, text)


if __name__ == "__main__":
    run(lambda: main(tyro.cli(Options)))
