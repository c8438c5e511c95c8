"""Each arm's project has the metadata that its own build would give it, where that can be made."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import read_suite
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.environments.metadata import Metadata
from perceptron.records.block import Arm
from tests.gate.conftest import Repository

PYTHONS: dict[Arm, str] = dict.fromkeys(("base", "head", "control"), sys.executable)
BACKEND = '[build-system]\nbuild-backend = "maker"\nbackend-path = ["."]\n'
HOOK = "def prepare_metadata_for_build_wheel(folder, settings=None):\n    "


def made(toy: Repository) -> tuple[Metadata, dict[Arm, str]]:
    """Make it for all arms; return the version of each that has one."""
    toy.commit("second")
    second = resolve(toy.folder, "second", Path("results"))
    suite = read_suite(Path("asv.conf.json"), toy.folder)
    versions: dict[Arm, str] = {}
    with working_folder(toy.folder) as home:
        trees = Worktrees(toy.folder, home, second, second, suite)
        own = Metadata(trees, suite, PYTHONS)
        arms: tuple[Arm, ...] = ("base", "head", "control")
        for arm in arms:
            if arm == "control":
                trees.arrange({"base": "b", "head": "c", "control": "a"})
            folder = own.folder(arm)
            if folder is not None:
                (distribution,) = distributions(path=[str(folder)])
                versions[arm] = distribution.version
                assert len(str(folder)) == len(str(home / "metadata" / "b"))
    return own, versions


def all_arms(version: str) -> dict[Arm, str]:
    return {"base": version, "head": version, "control": version}


@pytest.mark.usefixtures("traced")
def test_setup_py_is_asked_by_setuptools(toy: Repository) -> None:
    """As an installer would without a pyproject.toml."""
    pytest.importorskip("setuptools")
    toy.write("setup.py", "import setuptools\nsetuptools.setup(name='toy', version=f'1.{2 + 3}')\n")
    own, versions = made(toy)
    assert versions == all_arms("1.5"), own.failure("base")


FAILING = {
    "is not there": ("import nowhere\n", "No module named 'nowhere'"),
    "fails": (HOOK + "raise ValueError('not today')\n", "ValueError: not today"),
    "makes up a name": (
        HOOK + "import os\n    os.mkdir(folder + '/UNKNOWN-0.0.0.dist-info')\n"
        "    return 'UNKNOWN-0.0.0.dist-info'\n",
        "did not say what the project is",
    ),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_backend_that_fails_is_an_answer_and_no_error(toy: Repository, how: str) -> None:
    """What setup.cfg says serves instead, if it says enough."""
    source, reason = FAILING[how]
    toy.write("pyproject.toml", BACKEND)
    toy.write("maker.py", source)
    own, versions = made(toy)
    assert versions == {}
    assert reason in (own.failure("head") or "")
    toy.git("tag", "--delete", "second")
    toy.write("setup.cfg", "[metadata]\nname = toy\nversion = 1.5\n")
    assert made(toy)[1] == all_arms("1.5")
