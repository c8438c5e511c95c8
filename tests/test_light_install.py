"""The package as a user gets it: built, checked, and installed without any extra.

Somebody who wants the gate for a suite of their own installs neither torch nor what draws pages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from filelock import FileLock

from perceptron import optional
from tests.conftest import ROOT
from tests.test_workflows import RELEASE, script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("build") is None or find_spec("twine") is None,
        reason="build and twine are not installed: run `make install`",
    ),
]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist of the working tree, and the wheel that is built from nothing but it."""
    folder = shared(tmp_path_factory) / "dist"
    with once(folder) as is_new:
        if is_new:
            command = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def light(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it depends on."""
    folder = shared(tmp_path_factory) / "light"
    with once(folder) as is_new:
        if is_new:
            shutil.copy(distributions[1], folder)
            released("install", folder)
    return folder / "empty" / "bin" / "python"


def released(name: str, folder: Path) -> None:
    """Run a step of the release workflow, as a shell would."""
    tools = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", script(RELEASE, name)],
        cwd=folder,
        env=_environment() | tools,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def shared(factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of the tests, the same for all of its processes."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def once(folder: Path) -> Iterator[bool]:
    """Whether to fill the folder: one process does, the others wait for it."""
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        folder.mkdir(exist_ok=True)
        yield not done.exists()
        done.touch()


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def run(
    python: Path, folder: Path, *arguments: str, name: str = "perceptron"
) -> subprocess.CompletedProcess[str]:
    """Run the command that pip has put beside the interpreter."""
    return subprocess.run(
        [python.with_name(name), *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_distributions_pass_twine_check(distributions: tuple[Path, Path]) -> None:
    """PyPI would take them, and show README."""
    command = [sys.executable, "-m", "twine", "check", "--strict", *distributions]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sdist_holds_package_without_measurements(distributions: tuple[Path, Path]) -> None:
    """What a build needs and what says what it is; the wheel above was built from it."""
    with tarfile.open(distributions[0]) as archive:
        names = {Path(name).relative_to(Path(name).parts[0]) for name in archive.getnames()}
    files = {str(name) for name in names}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= files
    assert "perceptron/report/dashboard/templates/base.html.j2" in files
    tops = {name.parts[0] for name in names} - {"PKG-INFO", ".gitignore"}
    assert tops == {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "perceptron", "docs"}
    assert {name.parts[1] for name in names if name.parts[0] == "docs"} == {"schemas"}


def test_wheel_is_small_with_schemas_and_type_marker(
    distributions: tuple[Path, Path],
) -> None:
    wheel = distributions[1]
    files = set(ZipFile(wheel).namelist())
    schemas = {f"perceptron/schemas/{file.name}" for file in (ROOT / "docs" / "schemas").iterdir()}
    assert schemas
    assert {*schemas, "perceptron/py.typed"} <= files
    assert wheel.stat().st_size <= 2**20


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="old wheels are for old Pythons")
def test_install_works_with_oldest_dependencies(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    """Every lower bound of the core is a version that is installed and works."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = [need.replace(">=", "==") for need in project["dependencies"]]
    assert all("==" in need for need in oldest)
    venv.create(tmp_path / "oldest", symlinks=True)
    python = tmp_path / "oldest" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    subprocess.run([*pip, distributions[1], *oldest], check=True, env=_environment())
    shown = run(python, tmp_path, "backends", "--json")
    assert shown.returncode == 0, shown.stderr
    quick = ("--backends", "numpy", "--families", "none", "--threads", "1")
    done = run(python, tmp_path, "bench", "--quick", *quick, "--budget", "10", "--json")
    assert done.returncode in (0, 3), done.stderr  # NumPy alone may decide nothing
    assert json.loads(done.stdout)["finding"][0]["seconds"] > 0


def test_install_brings_no_extra(light: Path) -> None:
    """Nor does anything that the core depends on bring one."""
    modules = sorted({module for extra in optional.EXTRAS.values() for module in extra})
    code = "import sys\nfrom importlib.util import find_spec\n"
    code += "print(*(name for name in sys.argv[1:] if find_spec(name)))"
    done = subprocess.run(
        [light, "-I", "-c", code, *modules], capture_output=True, text=True, check=True
    )
    assert {"torch", "matplotlib", "pandas", "asv", "jinja2"} <= set(modules)
    assert done.stdout.split() == []


def test_install_alone_runs_gate(light: Path) -> None:
    """What waits three times as long is a regression."""
    folder = light.parents[2]
    released("compare", folder)
    document = json.loads((folder / "made" / "compare.json").read_bytes())
    assert document["verdict"] == "regression"
    assert [row["benchmark"] for row in document["rows"]] == ["suite.time_waiting"]


def test_doctor_answers(light: Path, tmp_path: Path) -> None:
    """0 for a quiet machine, 1 where it warns. Also by the name that the distribution has."""
    done = run(light, tmp_path, "doctor", "--json", name="perceptron-bench")
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(done.stdout)
    assert bool(document["warnings"]) == (done.returncode == 1)
    assert document["environment"]["libraries"]["numpy"]


def test_backends_names_the_command_that_brings_each(light: Path, tmp_path: Path) -> None:
    done = run(light, tmp_path, "backends", "--json")
    assert done.returncode == 0, done.stderr
    reasons = {row["name"]: row["reason"] for row in json.loads(done.stdout)["backends"]}
    assert reasons["numpy"] is None
    bring = "not installed: pip install"
    assert reasons["torch-cpu"] == f'torch is {bring} "perceptron-bench[torch]"'
    assert reasons["numba"] == f'numba is {bring} "perceptron-bench[numba]"'
    assert reasons["jax-cpu"] == f'jax and jaxlib are {bring} "perceptron-bench[jax]"'


def test_bench_answers_without_a_page(light: Path, tmp_path: Path) -> None:
    """What is missing costs a page and a row, not the answer."""
    options = ("--backends", "numpy", "torch-cpu", "--families", "none", "--json")
    options += ("--threads", "1", "--budget", "10")
    done = run(light, tmp_path, "bench", "--quick", *options)
    assert done.returncode in (0, 3), done.stderr  # NumPy alone may decide nothing
    printed = " ".join(done.stderr.split())
    assert printed.startswith(
        "no page will be written: asv, jinja2, matplotlib and pandas are not "
        'installed: pip install "perceptron-bench[pages]"'
    )
    document = json.loads(done.stdout)
    assert document["dashboard"] is None
    finding = {row["backend"]: row for row in document["finding"]}
    assert finding["numpy"]["seconds"] > 0
    assert finding["torch-cpu"]["seconds"] is None
    assert "pip install" in finding["torch-cpu"]["reason"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("dashboard",),
            "asv, jinja2, matplotlib and pandas are not installed: "
            'pip install "perceptron-bench[pages]"',
        ),
        (
            ("walkthrough", "--save", "figures"),
            'matplotlib is not installed: pip install "perceptron-bench[pages]"',
        ),
        (
            ("check", "torch-cpu"),
            'torch-cpu: torch is not installed: pip install "perceptron-bench[torch]"',
        ),
        (
            ("overhead", "--problem", "breast-cancer"),
            "problem 'breast-cancer': scikit-learn is not installed: "
            'pip install "perceptron-bench[sklearn]"',
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_install_missing_feature_is_one_line(
    light: Path, tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    done = run(light, tmp_path, *arguments)
    assert done.returncode == 2
    assert (done.stdout, done.stderr) == ("", f"error: {line}\n")
    assert list(tmp_path.iterdir()) == []
