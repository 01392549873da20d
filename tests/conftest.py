"""What tests of several files share."""

import functools
from collections.abc import Iterator

import pytest
from matplotlib.figure import Figure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Executing a notebook is slow."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def coarse() -> Iterator[None]:
    """Draw figures with a fifth of their pixels along each side, where nothing is asked of a
    pixel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", functools.partialmethod(Figure.savefig, dpi=60))
        yield
