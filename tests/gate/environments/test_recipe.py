"""What asv.conf.json says of environments is read as asv reads it, or refused in one line."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.gate.environments.recipe import Recipe, read
from tests.gate.conftest import interpreter

THIS_PYTHON = "{}.{}".format(*sys.version_info)


def recipe(folder: Path, **entries: Any) -> Recipe:
    file = folder / "asv.conf.json"
    file.write_text(json.dumps({"project": "toy", "repo": ".", **entries}))
    return read(file, "asv.conf.json")


@pytest.mark.parametrize(
    ("matrix", "required"),
    [
        ({}, ()),
        ({"numpy": ["1.26", "2.0"], "six": []}, ("numpy==1.26", "six")),
        ({"req": {"numpy": "1.26.*", "pip+six": [""]}}, ("numpy==1.26.*", "six")),
        ({"req": {"numpy": [">=1.26"], "dask[array]": [""]}}, ("numpy>=1.26", "dask[array]")),
        ({"req": {"numpy": [None, "2.0"], "six": None}}, ()),
        ({"req": {"pip+git+https://example.org/six": [""]}}, ("git+https://example.org/six",)),
    ],
)
def test_recipe_requires_first_combination_of_matrix(
    tmp_path: Path, matrix: dict[str, Any], required: tuple[str, ...]
) -> None:
    assert recipe(tmp_path, matrix=matrix).requirements == required


def test_variables_for_builds_are_those_of_benchmarks_too(tmp_path: Path) -> None:
    matrix = {"env": {"CC": ["gcc", "clang"]}, "env_nobuild": {"THREADS": ["1"]}}
    made = recipe(tmp_path, matrix=matrix)
    assert made.build_variables == {"CC": "gcc"}
    assert made.variables == {"CC": "gcc", "THREADS": "1"}
    assert made.others == 1


def test_this_python_serves_where_the_file_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the project; else the first that is found on PATH."""
    other = str(tmp_path / "python3.0")
    monkeypatch.setattr(shutil, "which", lambda name: other if name == "python3.0" else None)
    assert recipe(tmp_path).python == sys.executable
    assert recipe(tmp_path, pythons=["3.0", THIS_PYTHON]).python == sys.executable
    assert recipe(tmp_path, pythons=["2.9", "3.0"]).python == other
    made = read(
        tmp_path / "asv.conf.json", "asv.conf.json", interpreter(tmp_path / "own", "", "2.9.1")
    )
    assert (made.python, made.name) == (str(tmp_path / "own"), "virtualenv-py2.9")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"environment_type": "existing"}, "environment of type 'existing': set environment_type"),
        ({"pythons": ["same"]}, "environment of type 'existing': set environment_type"),
        ({"environment_type": "conda"}, "environment of type 'conda': set environment_type"),
        ({"pythons": ["2.9"]}, rf"none of its pythons \(2.9\) .* or add {THIS_PYTHON}"),
        ({"matrix": {"-r x": [""]}}, "matrix: '-r x' is no requirement"),
        ({"matrix": {"req": {"numpy": ["1 2"]}}}, "matrix: 'numpy==1 2' is no requirement"),
        ({"matrix": {"env": {"A=": ["1"]}}}, "are no variables of a process"),
        ({"matrix": {"env": {"A": ["\0"]}}}, "are no variables of a process"),
        ({"build_command": [1]}, r"Expected `str`, got `int` - at `\$.build_command"),
        ({"exclude": [{"numpy": "1"}], "matrix": {"numpy": ["1", "2"]}}, "exclude is not read"),
    ],
)
def test_recipe_refuses_unsupported_entries_naming_file(
    tmp_path: Path, entries: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=rf"^asv.conf.json: .*{message}"):
        recipe(tmp_path, **entries)
