"""What is read off a project's files, and what an interpreter then finds as installed."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from perceptron.gate.environments.metadata import Project, read, write


def found(folder: Path) -> Distribution:
    (distribution,) = distributions(path=[str(folder)])
    return distribution


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
    target = tmp_path / "metadata"
    assert write(project, target)
    distribution = found(target)
    assert (distribution.metadata["Name"], distribution.version) == ("my-toy.lib", "1.2+local")
    assert distribution.requires == ["numpy>=1"]
    points = {(point.group, point.name, point.value) for point in distribution.entry_points}
    assert points == {("console_scripts", "toy", "toy.cli:main"), ("toy.plugins", "one", "toy.one")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.black]\nline-length = 100\n"),
        ("pyproject.toml", "no TOML"),
        ("pyproject.toml", "deep = " + "[" * 9_999),
        ("pyproject.toml", "project = 3\n"),
        pytest.param("pyproject.toml", "[project]\nname = 'toy'\n" + "#" * 2**20, id="too large"),
        ("setup.cfg", "[flake8]\nmax-line-length = 100\n"),
        ("README.md", "# toy\n"),
    ],
)
def test_other_files_make_no_project(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
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
def test_a_project_with_fields_that_make_no_sense_is_none(tmp_path: Path, text: str) -> None:
    """Whatever builds it says so; the gate goes on without its metadata."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert read(tmp_path) is None


@pytest.mark.parametrize("field", ["version", "entry-points"])
def test_what_is_dynamic_is_to_be_asked_for(tmp_path: Path, field: str) -> None:
    version = "" if field == "version" else 'version = "1"\n'
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "toy"\n{version}dynamic = ["{field}"]\n'
        '[build-system]\nbuild-backend = "maker.build"\nbackend-path = ["tools"]\n'
    )
    project = read(tmp_path)
    assert project is not None
    assert not project.is_static
    assert (project.backend, list(project.backend_path)) == ("maker.build", ["tools"])


def test_older_files_are_the_builders_to_read(tmp_path: Path) -> None:
    """setup.cfg serves where nothing can be asked, and fills in what pyproject.toml leaves open."""
    (tmp_path / "setup.py").touch()
    assert read(tmp_path) == Project()
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = toy\nversion = 1.5\n")
    assert read(tmp_path) == Project(name="toy", version="1.5")
    (tmp_path / "pyproject.toml").write_text('[build-system]\nbuild-backend = "maker"\n')
    assert read(tmp_path) == Project(name="toy", version="1.5", backend="maker")
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = toy\nversion = attr: toy.version\n")
    assert read(tmp_path) == Project(name="toy", backend="maker")
