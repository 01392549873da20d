"""Hashes of code follow imports, and nothing but statements."""

import sys

import pytest

from prefrontal import experiments, sources


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose module ``one`` imports ``two``, and ``two`` inside a function ``three``."""
    folder = tmp_path / "replications" / "example"
    folder.mkdir(parents=True)
    (tmp_path / "replications" / "__init__.py").touch()
    texts = {
        "__init__": "",
        "one": "from replications.example.two import x\n",
        "two": "x = 1\ndef f():\n    from replications.example import three\n    return three\n",
        "three": "y = 2\n",
        "other": "z = 3\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(
        sys, "meta_path", [f for f in sys.meta_path if "editable" not in repr(f).lower()]
    )
    monkeypatch.delitem(sys.modules, "replications", raising=False)
    yield folder


def hashed(ignore=()):
    for function in (sources._file, sources._imports, sources.statements):
        function.cache_clear()
    return sources.code_hash(["replications.example.one"], ignore)


def test_imports_are_followed_also_inside_functions(package):
    names = {name.rpartition(".")[2] for name in sources.imported(["replications.example.one"])}
    assert names >= {"one", "two", "three"} and "other" not in names


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_an_edited_statement_changes_the_hash(package, name):
    before = hashed()
    path = package / f"{name}.py"
    path.write_text(path.read_text() + "w = 4\n")
    assert hashed() != before


def test_texts_layout_and_other_modules_do_not(package):
    before = hashed()
    (package / "other.py").write_text("z = 4\n")
    (package / "two.py").write_text(
        '"""A docstring."""\n\nx = 1  # a comment\n\n\ndef f():\n    """Return three."""\n'
        "    from replications.example import three\n\n    return three\n"
    )
    assert hashed() == before


def test_ignored_modules_do_not_count(package):
    before = hashed(["replications.example.three"])
    (package / "three.py").write_text("y = 5\n")
    assert hashed(["replications.example.three"]) == before
    for function in (sources._file, sources._imports, sources.statements):
        function.cache_clear()


def test_analyses_do_not_depend_on_the_reader_of_files():
    for name in experiments.names("analysis"):
        found = sources.imported([f"replications.{name}.analysis"])
        assert not {"prefrontal.animals.sheet", "prefrontal.animals.pipeline"} & {*found}, name
