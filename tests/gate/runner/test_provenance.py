"""What a process imports is its tree's, and it can tell when it is not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from perceptron.gate.runner.provenance import TreeFirst, check_origin


def module(name: str, file: Path) -> ModuleType:
    made = ModuleType(name)
    made.__file__ = str(file)
    return made


def test_folders_and_what_belongs_to_the_interpreter_hide_nothing(tmp_path: Path) -> None:
    """A folder called like an installed package, a file called like a standard module."""
    (tmp_path / "numpy").mkdir()
    for name in ("numpy/notes.txt", "statistics.py"):
        (tmp_path / name).touch()
    finder = TreeFirst(str(tmp_path), [str(tmp_path)])
    assert finder.find_spec("numpy") is None
    assert finder.find_spec("statistics") is None
    assert finder.find_spec("inner", ["/somewhere"]) is None


def test_provenance_module_of_another_tree_is_foreign(tmp_path: Path) -> None:
    """Of the checkout too, but not what is installed in an environment that lies in it."""
    others = [str(tmp_path / "a"), str(tmp_path / "checkout")]
    mine = str(tmp_path / "b")
    toy = module("toy", tmp_path / "checkout" / "toy.py")
    numpy = module("numpy", tmp_path / "checkout/.venv/lib/python3/site-packages/numpy.py")
    similar = module("similar", tmp_path / "a-longer-name" / "similar.py")
    suite = module("suite", tmp_path / "b" / "benchmarks" / "suite.py")
    modules = [toy, numpy, similar, suite, sys]
    own, foreign = check_origin(mine, others, mine + "/benchmarks", modules)
    assert not own, "benchmarks are no code of the tree"
    assert foreign == [f"toy from {tmp_path}/checkout/toy.py"]


def test_provenance_installed_copy_of_project_is_foreign(tmp_path: Path) -> None:
    """Its package lies deeper in the tree than imports look: both sides would run the copy."""
    benchmarks = str(tmp_path / "b" / "benchmarks")
    helper = module("helpers", tmp_path / "b" / "helpers.py")
    copy = module("Toy", tmp_path / "python3" / "site-packages" / "Toy" / "__init__.py")
    for name, foreign in (("toy", [f"Toy from {copy.__file__}"]), ("", []), ("other", [])):
        assert check_origin(str(tmp_path / "b"), [], benchmarks, [helper, copy], name) == (
            True,
            foreign,
        )
