"""Each side's project has the metadata that its own build would give it, where that can be made."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import read_suite
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.environments.metadata import Metadata, Project, read, write
from perceptron.records.block import Side
from tests.gate.conftest import Repository

ARMS: tuple[Side, ...] = ("base", "head", "control")
BACKEND = '[build-system]\nbuild-backend = "maker"\nbackend-path = ["."]\n'
HOOK = "def prepare_metadata_for_build_wheel(folder, settings=None):\n    "


def made(toy: Repository) -> tuple[Metadata, dict[Side, str]]:
    """Make it for all sides; return the version of each that has one."""
    toy.commit("second")
    second = resolve(toy.folder, "second", Path("results"))
    suite = read_suite(Path("asv.conf.json"), toy.folder)
    versions: dict[Side, str] = {}
    with working_folder(toy.folder) as home:
        trees = Worktrees(toy.folder, home, second, second, suite)
        own = Metadata(trees, suite, dict.fromkeys(ARMS, sys.executable))
        for side in ARMS:
            if side == "control":
                trees.arrange({"base": "b", "head": "c", "control": "a"})
            folder = own.folder(side)
            if folder is not None:
                (distribution,) = distributions(path=[str(folder)])
                versions[side] = distribution.version
                assert len(str(folder)) == len(str(home / "metadata" / "b"))
    return own, versions


@pytest.mark.usefixtures("traced")
def test_setup_py_is_asked_by_setuptools(toy: Repository) -> None:
    """As an installer would without a pyproject.toml."""
    pytest.importorskip("setuptools")
    toy.write("setup.py", "import setuptools\nsetuptools.setup(name='toy', version=f'1.{2 + 3}')\n")
    own, versions = made(toy)
    assert versions == dict.fromkeys(ARMS, "1.5"), own.failure("base")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere\n", "No module named 'nowhere'"),
        (HOOK + "raise ValueError('not today')\n", "ValueError: not today"),
        (
            HOOK + "import os\n    os.mkdir(folder + '/UNKNOWN-0.0.0.dist-info')\n"
            "    return 'UNKNOWN-0.0.0.dist-info'\n",
            "did not say what the project is",
        ),
    ],
    ids=["is not there", "fails", "makes up a name"],
)
def test_a_backend_that_fails_is_an_answer_and_no_error(
    toy: Repository, source: str, reason: str
) -> None:
    """What setup.cfg says serves instead, if it says enough."""
    toy.write("pyproject.toml", BACKEND)
    toy.write("maker.py", source)
    own, versions = made(toy)
    assert versions == {}
    assert reason in (own.failure("head") or "")
    toy.git("tag", "--delete", "second")
    toy.write("setup.cfg", "[metadata]\nname = toy\nversion = 1.5\n")
    assert made(toy)[1] == dict.fromkeys(ARMS, "1.5")


def test_what_pyproject_says_is_found_as_if_it_were_installed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "my-toy.lib"\nversion = "1.2+local"\nrequires-python = ">=3.9"\n'
        'dependencies = ["numpy>=1"]\n'
        '[project.scripts]\ntoy = "toy.cli:main"\n'
        '[project.entry-points."toy.plugins"]\none = "toy.one"\n'
    )
    project = read(tmp_path)
    assert project is not None
    assert project.is_static
    assert write(project, tmp_path / "metadata")
    (distribution,) = distributions(path=[str(tmp_path / "metadata")])
    assert (distribution.metadata["Name"], distribution.version) == ("my-toy.lib", "1.2+local")
    assert distribution.metadata["Requires-Python"] == ">=3.9"
    assert distribution.requires == ["numpy>=1"]
    points = {(point.group, point.name, point.value) for point in distribution.entry_points}
    assert points == {("console_scripts", "toy", "toy.cli:main"), ("toy.plugins", "one", "toy.one")}


@pytest.mark.parametrize(
    "text",
    [
        "[tool.black]\nline-length = 100\n",
        "no TOML",
        "deep = " + "[" * 9_999,
        pytest.param("[project]\nname = 'toy'\n" + "#" * 2**20, id="too large"),
        "project = 3\n",
        "[project]\nversion = 1.0\n",
        "[project]\nrequires-python = 3.9\n",
        "[project]\ndependencies = 5\n",
        '[project]\ndependencies = "numpy"\n',
        '[project]\nname = "toy"\n[project.entry-points]\na = "b"\n',
        '[project]\nname = "toy"\nentry-points = 3\n',
        "[build-system]\nbuild-backend = 5\n",
        "[[project]]\n",
    ],
)
def test_what_makes_no_sense_as_a_project_is_none(tmp_path: Path, text: str) -> None:
    """Whatever builds it says so; the gate goes on without its metadata."""
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "setup.cfg").write_text("[flake8]\nmax-line-length = 100\n")
    assert read(tmp_path) is None


def test_a_table_says_nothing_for_the_other(tmp_path: Path) -> None:
    text = '[project]\nname = "toy"\nrequires = 5\n[build-system]\nrequires = []\nname = "other"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert read(tmp_path) == Project(name="toy", requires=())


def test_what_one_file_leaves_open_another_says_or_the_backend_is_asked(tmp_path: Path) -> None:
    """setup.cfg serves where nothing can be asked, and fills in what pyproject.toml leaves open."""
    (tmp_path / "setup.py").touch()
    unknown = Project(dynamic=("version",))
    assert read(tmp_path) == unknown
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = toy\nversion = 1.5\n")
    known = replace(unknown, name="toy", version="1.5")
    assert read(tmp_path) == known
    (tmp_path / "pyproject.toml").write_text('[build-system]\nbuild-backend = "maker"\n')
    known = replace(known, build_backend="maker")
    assert read(tmp_path) == known
    assert not known.is_static
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = toy\nversion = attr: toy.version\n")
    assert read(tmp_path) == replace(known, version=None)
    named = '[project]\nname = "toy"\n{}\n[build-system]\nbuild-backend = "maker"\n'
    for open_ in ('version = "1"\ndynamic = ["entry-points"]', 'dynamic = ["version"]'):
        (tmp_path / "pyproject.toml").write_text(named.format(open_))
        assert read(tmp_path).is_static is False  # type: ignore[union-attr]
