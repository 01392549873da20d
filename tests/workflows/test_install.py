"""Story 5: the package installs without the repository."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from prefrontal import files
from prefrontal.networks import fetch
from tests.helpers import ENVIRONMENT, copy_repository, server, write_networks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment that holds the wheel, and takes only other packages from this one."""
    folder = tmp_path_factory.mktemp("installed")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
    ]
    source = copy_repository(folder / "source")
    write_networks("weather", folder / "data")
    checksum = fetch.pack("weather", folder / "data", folder / "served" / "networks-weather.zip")
    release = {"address": "", "archives": {"weather": checksum}}
    (source / "src/prefrontal/networks/release.json").write_text(json.dumps(release))
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    shutil.rmtree(source)
    venv.create(folder / "env", with_pip=False)
    packages = next((folder / "env" / "lib").glob("python*/site-packages"))
    (wheel,) = folder.glob("*.whl")
    shutil.unpack_archive(wheel, packages, "zip")
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder


@pytest.fixture(scope="module")
def outside(installed, tmp_path_factory):
    """Runs Python outside the repository, where networks can be downloaded."""
    served, home = installed / "served", tmp_path_factory.mktemp("home")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with server(served) as address:
        environment = (
            inherited
            | ENVIRONMENT
            | {"HOME": str(home), "XDG_CACHE_HOME": str(home), fetch.ADDRESS: address}
        )

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            python = str(installed / "env" / "bin" / "python")
            return subprocess.run(
                [python, *words], cwd=home, env=environment, capture_output=True, text=True
            )

        yield run


def python(outside, code):
    done = outside("-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_package_is_not_that_of_the_repository(outside):
    where = python(
        outside,
        "import prefrontal, replications; print(prefrontal.__file__, replications.__file__)",
    )
    assert str(files.ROOT) not in where and where.count("site-packages") == 2


def test_tasks_are_gymnasium_environments(outside):
    make = "env = gymnasium.make('prefrontal/two_step-v0')"
    code = f"import gymnasium, prefrontal; {make}; print(env.reset(seed=0)[0].shape)"
    assert python(outside, code).strip() == "(4,)"


def test_networks_arrive_and_play(outside):
    trials = "prefrontal.load('weather').record(2).trials"
    code = f"import prefrontal; print(len({trials}.groupby('subject')))"
    assert python(outside, code).strip() == "2"


def test_smoke_test_runs_to_the_figure(outside):
    done = outside("-m", "prefrontal", "run", "two_step", "--smoke-test")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]).suffix == ".png"


def test_console_script_is_declared(installed):
    (entries,) = (installed / "env").rglob("prefrontal-*.dist-info/entry_points.txt")
    assert "prefrontal = prefrontal.cli:main" in entries.read_text()
