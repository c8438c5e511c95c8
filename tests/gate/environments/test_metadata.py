"""A project that is not installed has the metadata that its files say."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest

from perceptron.gate.environments.metadata import Project, read, write


def test_metadata_of_pyproject_is_visible_as_if_installed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "my-toy.lib"\nversion = "1.2+local"\nrequires-python = ">=3.9"\n'
        'dependencies = ["numpy>=1"]\n'
        '[project.scripts]\ntoy = "toy.cli:main"\n'
        '[project.entry-points."toy.plugins"]\none = "toy.one"\n'
    )
    assert write(read(tmp_path), tmp_path / "metadata")
    (distribution,) = distributions(path=[str(tmp_path / "metadata")])
    assert (distribution.metadata["Name"], distribution.version) == ("my-toy.lib", "1.2+local")
    assert distribution.metadata["Requires-Python"] == ">=3.9"
    assert distribution.requires == ["numpy>=1"]
    points = {(point.group, point.name, point.value) for point in distribution.entry_points}
    assert points == {("console_scripts", "toy", "toy.cli:main"), ("toy.plugins", "one", "toy.one")}


@pytest.mark.parametrize(
    "text", ["no TOML", "project = 3\n", '[project]\nname = "toy"\ndependencies = "numpy"\n']
)
def test_metadata_of_invalid_project_is_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert read(tmp_path) == Project()


def test_setup_cfg_serves_where_pyproject_names_no_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.black]\nline-length = 100\n")
    for version, known in (("1.5", "1.5"), ("attr: toy.version", None)):
        (tmp_path / "setup.cfg").write_text(f"[metadata]\nname = toy\nversion = {version}\n")
        assert read(tmp_path) == Project(name="toy", version=known)


def test_metadata_name_stays_in_its_folder(tmp_path: Path) -> None:
    assert not write(Project(name="../toy", version="1"), tmp_path / "metadata")
    assert not write(Project(name="toy", version="1/../../x"), tmp_path / "metadata")
    assert list(tmp_path.iterdir()) == []
