"""Where memory is short, a command says so in one line."""

import os
import subprocess
import sys

import pytest

from prefrontal import files
from prefrontal.errors import lacks_memory
from tests.helpers import ENVIRONMENT

ROWS = [
    (100_000, "the memory limit (ulimit -v) is 0.1 GB; commands need at least 0.4, trainings 3"),
    (700_000, "this needs more memory than the process may have (ulimit -v; free -h)"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit of memory")
@pytest.mark.parametrize(("kilobytes", "line"), ROWS)
def test_commands_under_a_memory_limit(kilobytes, line, tmp_path):
    command = f"ulimit -v {kilobytes}; exec {sys.executable} -m prefrontal train two_step --out run"
    paths = os.pathsep.join([str(files.ROOT / "src"), str(files.ROOT)])
    variables = os.environ | ENVIRONMENT | {"PYTHONPATH": paths}
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {line}\n" and not any(tmp_path.rglob("*.json"))


def test_lack_of_memory_is_recognised_behind_other_errors():
    library = ImportError("libtorch_cpu.so: failed to map segment from shared object")
    later = AttributeError("module has no attribute")
    later.__context__ = library
    assert lacks_memory(MemoryError()) and lacks_memory(library) and lacks_memory(later)
    assert lacks_memory(RuntimeError("std::bad_alloc"))
    assert not lacks_memory(ImportError("no module named rats"))
