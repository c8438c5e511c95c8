from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.measure import revision
from perceptron.records.code_digest import sources
from tests.plenty import git

PACKAGE = Path(revision.__file__).parents[1]


def test_revision_is_dirty_by_changes_outside_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run writes under results/; that must not make the code look changed."""
    monkeypatch.setattr(revision, "__file__", str(tmp_path / "perceptron/measure/revision.py"))
    assert revision.revision() is None
    monkeypatch.setenv("PERCEPTRON_COMMIT", "abc1234")
    assert revision.revision() == "abc1234"
    git(tmp_path, "init", "-q")
    assert revision.revision() == "abc1234"  # no commit yet
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    clean = revision.revision()
    assert clean not in (None, "abc1234")  # git knows better
    assert "-dirty" not in str(clean)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "row").write_text("1")
    assert revision.revision() == clean
    (tmp_path / "notes.txt").write_text("1")
    assert revision.revision() == clean  # no code
    (tmp_path / "code.py").write_text("2")
    first = revision.revision()
    assert str(first).startswith(f"{clean}-dirty-")
    (tmp_path / "code.py").write_text("3")
    second = revision.revision()
    assert second not in (clean, first)  # other changes, another state
    (tmp_path / "new.py").write_text("4")
    assert revision.revision() not in (clean, first, second)


def test_files_and_names_need_not_be_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision, "__file__", str(tmp_path / "perceptron/measure/revision.py"))
    git(tmp_path, "init", "-q")
    (tmp_path / "notes.txt").write_bytes(b"k\xe4se")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    (tmp_path / "notes.txt").write_bytes(b"th\xe9")
    new = tmp_path / os.fsdecode(b"n\xe9.py")
    states = []
    for code in (None, "1", "2"):
        if code is not None:
            new.write_text(code)
        states.append(revision.revision())
    assert len(set(states)) == 3


@pytest.mark.parametrize("commit", ["a b", "x" * 65, "<b>", "-n"])
def test_revision_invalid_variable_is_named(monkeypatch: pytest.MonkeyPatch, commit: str) -> None:
    """In a checkout too: the next copy would have no commit."""
    monkeypatch.setenv("PERCEPTRON_COMMIT", commit)
    with pytest.raises(UserError, match="PERCEPTRON_COMMIT: not a commit"):
        revision.revision()


@pytest.fixture
def forgotten() -> Iterator[None]:
    """The digest is made once for each process; here it is made anew."""
    revision.measuring_code.cache_clear()
    yield
    revision.measuring_code.cache_clear()


def test_revision_digest_of_installed_copy_equals_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None
) -> None:
    """What shows results is no part of it; the timed loop is."""
    here = revision.measuring_code()
    copy = tmp_path / "perceptron"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(revision, "__file__", str(copy / "measure" / "revision.py"))

    def with_more(module: str, more: str) -> str | None:
        file = copy / module
        text = file.read_text(encoding="utf-8")
        file.write_text(text + more, encoding="utf-8")
        revision.measuring_code.cache_clear()
        digest = revision.measuring_code()
        file.write_text(text, encoding="utf-8")
        return digest

    assert here == with_more("measure/timing.py", "")
    assert here == with_more("numbers.py", "more = 1\n")
    for module in ("measure/timing.py", "backends/torch_eager.py", "problems/start.py"):
        assert here != with_more(module, "more = 1\n")
    shutil.rmtree(copy / "measure")
    (copy / "machine.py").unlink()
    revision.measuring_code.cache_clear()
    assert revision.measuring_code() is None, "compiled files only"


# What a worker uses that can change no number.
HARMLESS = {
    "errors",
    "optional",
    "options",
    "records",
    "version",
}


def test_whatever_a_worker_imports_counts_or_is_known_to_be_harmless() -> None:
    """A module that is moved or shared is not forgotten."""
    counted = {
        name.removesuffix(".py").replace("/", ".")
        for name, _ in sources(PACKAGE, revision.MEASURING)
    }
    left = [name for name in counted if name.partition(".")[0] in ("backends", "measure")]
    seen: set[str] = set()
    while left:
        name = left.pop()
        file = PACKAGE / (name.replace(".", "/") + ".py")
        if name in seen or name.partition(".")[0] in HARMLESS or not file.exists():
            continue
        seen.add(name)
        assert name in counted, name
        left += imported(file)
    assert {"measure.worker", "problems.problem", "machine", "processes.waiting"} <= seen


def imported(file: Path) -> list[str]:
    """Modules of the package that a module imports, without the package's name."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("perceptron"):
            module = str(node.module).removeprefix("perceptron").lstrip(".")
            names += [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]
    return names
