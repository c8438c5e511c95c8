"""Which changed files a call runs functions of, and when that cannot be told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from perceptron.gate.runner.reach import Reached, below
from perceptron.gate.runner.timing import Batches, RawBatches

CORE = """
class Base: pass
EVERY = [number for number in range(3)]
def work(): return [1 for _ in range(3)]
"""
EAGER = "import core\ncore.work()\ndef late(): pass\n"
TASK = {"key": "b"}


@pytest.fixture
def listening() -> Iterator[None]:
    """Give the hooks back that coverage or a debugger may have set."""
    before = sys.getprofile()
    yield
    sys.setprofile(before)
    threading.setprofile(before)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "core.py").write_text(CORE)
    (tmp_path / "src" / "eager.py").write_text(EAGER)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    for name in ("core", "eager"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def reached(tree: Path, send: Callable[..., object] = print, seconds: float = 60.0) -> Reached:
    job = {
        "tree": str(tree),
        "roots": [str(tree / "src"), str(tree)],
        "changed": ["core.py"],
        "look_seconds": seconds,
    }
    return Reached(job, send)


def batches(call: Callable[[], object]) -> Batches:
    return Batches(call, lambda: time.perf_counter, None)


def load(name: str) -> ModuleType:
    sys.modules.pop(name, None)
    return __import__(name)


@pytest.mark.usefixtures("listening")
def test_a_call_of_a_function_shows_in_this_thread_and_in_others(tree: Path) -> None:
    look = reached(tree)
    core = load("core")
    look.begin()
    assert look(batches(core.work), 0.0, TASK) == {"reached": ["core.py"], "reason": None}

    def in_thread() -> None:
        thread = threading.Thread(target=core.work)
        thread.start()
        thread.join()

    look.begin()
    assert look(batches(in_thread), 0.0, TASK)["reached"] == ["core.py"]


@pytest.mark.usefixtures("listening")
def test_to_import_a_module_is_no_call_and_each_benchmark_begins_anew(tree: Path) -> None:
    """Bodies of modules and classes run whenever anything imports them."""
    look = reached(tree)
    core = load("core")
    core.work()  # another benchmark's
    look.begin()
    assert look(batches(lambda: None), 0.0, TASK) == {"reached": [], "reason": None}


@pytest.mark.usefixtures("listening")
def test_what_a_setup_or_an_import_runs_may_change_what_is_measured(tree: Path) -> None:
    look = reached(tree)
    core = load("core")
    look.begin()
    core.work()
    assert look(batches(lambda: None), 0.0, TASK) == {
        "reached": [],
        "reason": "its setup runs code of core.py",
    }
    look.begin()
    eager = load("eager")
    assert look(batches(eager.late), 0.0, TASK) == {
        "reached": [],
        "reason": "importing runs code of core.py",
    }


@pytest.mark.usefixtures("listening")
def test_other_processes_and_other_profilers_see_to_it_that_nobody_can_tell(tree: Path) -> None:
    look = reached(tree)
    look.begin()

    def child() -> None:
        subprocess.run([sys.executable, "-c", ""], check=True)

    assert look(batches(child), 0.0, TASK)["reason"] == "it starts other processes"
    look.begin()
    assert look(RawBatches(lambda _: 1.0, 1), 0.0, TASK)["reason"] == (
        "it runs in a process of its own"
    )
    look.begin()
    profiled = look(batches(lambda: sys.setprofile(None)), 0.0, TASK)
    assert profiled["reason"] == "it listens to calls itself"


@pytest.mark.usefixtures("listening")
def test_a_call_that_goes_on_is_answered_for_and_ended(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    sent: list[dict[str, Any]] = []

    monkeypatch.setattr(os, "_exit", lambda _: ended.set())
    monkeypatch.setattr(time, "sleep", lambda _: None)
    look = reached(tree, lambda **answer: sent.append(answer), seconds=0.01)
    look.begin()
    look(batches(lambda: ended.wait(20.0)), 0.0, TASK)
    assert [(answer["key"], answer["reason"]) for answer in sent] == [
        ("b", "only 0.01 s of its call were looked at")
    ]


def test_a_file_is_named_from_the_folder_that_it_was_imported_from(tmp_path: Path) -> None:
    roots = [str(tmp_path / "src"), str(tmp_path)]
    assert below(str(tmp_path / "src/toy/a.py"), roots) == "toy/a.py"
    assert below(str(tmp_path / "toy/a.py"), roots) == "toy/a.py"
    assert below("/env/lib/python3.12/site-packages/toy/a.py", roots) == "toy/a.py"
    assert below("/usr/lib/python3.12/json/decoder.py", roots) is None
