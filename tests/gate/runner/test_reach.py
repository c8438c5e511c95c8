"""Which changed files a call runs functions of, and when that cannot be told."""

from __future__ import annotations

import _posixsubprocess
import builtins
import importlib.util
import inspect
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
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


@pytest.fixture(autouse=True)
def undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back what a look changes for the rest of its process."""
    monkeypatch.setattr(builtins, "__perceptron_entered__", None, raising=False)
    monkeypatch.setattr(_posixsubprocess, "fork_exec", _posixsubprocess.fork_exec)
    for name in ("get_code", "exec_module"):
        monkeypatch.setattr(SourceFileLoader, name, getattr(SourceFileLoader, name))
    yield
    for name in ("core", "eager"):
        sys.modules.pop(name, None)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "core.py").write_text(CORE)
    (tmp_path / "src" / "eager.py").write_text(EAGER)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
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


def test_to_import_a_module_is_no_call_and_each_benchmark_begins_anew(tree: Path) -> None:
    """Bodies of modules and classes run whenever anything imports them."""
    look = reached(tree)
    core = load("core")
    look.begin()
    core.work()  # another benchmark's
    look.begin()
    assert look(batches(lambda: None), 0.0, TASK) == {"reached": [], "reason": None}


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


def test_what_runs_before_any_benchmark_begins_is_no_setup(tree: Path) -> None:
    """A module of tests is loaded by pytest itself."""
    look = reached(tree)
    load("core").work()
    for _ in range(2):
        look.begin()
        assert look(batches(int), 0.0, TASK)["reason"] == "importing runs code of core.py"


def test_what_other_processes_run_nobody_can_tell(tree: Path) -> None:
    look = reached(tree)

    def child() -> None:
        subprocess.run([sys.executable, "-c", ""], check=True)

    def spawned() -> None:
        process = multiprocessing.get_context("spawn").Process(target=int)
        process.start()
        process.join()

    for call in (child, spawned, lambda: os.system("")):  # noqa: S605
        look.begin()
        assert look(batches(call), 0.0, TASK)["reason"] == "it starts other processes"
    look.begin()
    assert look(batches(int), 0.0, TASK)["reason"] is None
    look.begin()
    assert look(RawBatches(lambda _: 1.0, 1), 0.0, TASK)["reason"] == (
        "it runs in a process of its own"
    )


def test_a_pool_that_is_there_already_may_run_anything(tree: Path) -> None:
    look = reached(tree)
    go_on = multiprocessing.get_context("fork").Event()
    process = multiprocessing.get_context("fork").Process(target=go_on.wait)
    process.start()
    look.begin()
    answer = look(batches(int), 0.0, TASK)
    go_on.set()
    process.join()
    assert answer["reason"] == "other processes are there, which it may use"


@pytest.mark.parametrize(
    ("source", "use"),
    [
        ("f = lambda: None", "core.f()"),
        ("def f():\n    'd'", "core.f()"),
        ("def f():\n    yield 1", "list(core.f())"),
        ("async def f(): pass", "next(core.f().__await__(), None)"),
        ("class C:\n    @property\n    def f(self): return 1", "core.C().f"),
        ("def outer():\n    def f(): pass\n    return f\nf = outer()", "core.f()"),
        ("from __future__ import annotations\ndef f(x: unknown = 1): pass", "core.f()"),
        ("# coding: latin-1\ndef f(): return '\xe9'", "core.f()"),
    ],
)
def test_each_kind_of_function_is_seen(tree: Path, source: str, use: str) -> None:
    (tree / "src" / "core.py").write_text(source, encoding="latin-1")
    (tree / "src" / "eager.py").write_text(f"import core\ndef call(): {use}")
    look = reached(tree)
    eager = load("eager")
    look.begin()
    assert look(batches(eager.call), 0.0, TASK)["reached"] == ["core.py"]


def test_a_function_stays_what_it_was(tree: Path) -> None:
    """Its documentation, its source, what it returns, and the line where it fails."""
    source = 'def f(x):\n    """Do."""\n    return 1 / x\n\ng = lambda x: x or 5\n'
    (tree / "src" / "core.py").write_text(source)
    reached(tree)
    core = load("core")
    assert (core.f.__doc__, core.f(2), core.g(0), core.g(3)) == ("Do.", 0.5, 5, 3)
    assert inspect.getsource(core.f) == source.split("\n\n")[0] + "\n"
    with pytest.raises(ZeroDivisionError) as raised:
        core.f(0)
    assert raised.traceback[-1].lineno == 2
    assert not list((tree / "src").rglob("*.pyc"))


class Rewriting(SourceFileLoader):
    """A loader that makes the code in its own way."""

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.get_filename(fullname))
        return compile(source.replace(b"3", b"4"), str(self.path), "exec")


def loaded_by(loader: SourceFileLoader) -> ModuleType:
    spec = importlib.util.spec_from_loader("core", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["core"] = module
    loader.exec_module(module)
    return module


def test_who_finds_a_module_makes_no_difference(tree: Path) -> None:
    look = reached(tree)
    core = loaded_by(SourceFileLoader("core", str(tree / "src" / "core.py")))
    look.begin()
    assert look(batches(core.work), 0.0, TASK)["reached"] == ["core.py"]


def test_a_module_that_cannot_be_watched_may_run_in_any_call(tree: Path) -> None:
    look = reached(tree)
    core = loaded_by(Rewriting("core", str(tree / "src" / "core.py")))
    assert len(core.work()) == 4
    look.begin()
    assert look(batches(int), 0.0, TASK) == {
        "reached": [],
        "reason": "core.py was loaded in a way that does not show what it runs",
    }


def test_what_does_not_parse_fails_as_it_does_without_a_look(tree: Path) -> None:
    (tree / "src" / "core.py").write_text("def f(:\n")
    reached(tree)
    with pytest.raises(SyntaxError, match=r"core\.py, line 1"):
        load("core")


def test_what_a_teardown_runs_belongs_to_no_other_benchmark(tree: Path) -> None:
    look = reached(tree)
    core = load("core")
    look.begin()
    look(batches(int), 0.0, TASK)
    core.work()
    look.begin()
    assert look(batches(int), 0.0, TASK) == {"reached": [], "reason": None}


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


def test_a_call_that_fails_is_not_answered_for_again(tree: Path) -> None:
    look = reached(tree, seconds=1e6)
    look.begin()
    with pytest.raises(ValueError, match="invalid literal"):
        look(batches(lambda: int("x")), 0.0, TASK)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(20.0)
            assert not thread.is_alive()


def test_a_file_is_named_from_the_folder_that_it_was_imported_from(tmp_path: Path) -> None:
    roots = [str(tmp_path / "src"), str(tmp_path)]
    assert below(str(tmp_path / "src/toy/a.py"), roots) == "toy/a.py"
    assert below(str(tmp_path / "toy/a.py"), roots) == "toy/a.py"
    assert below("/env/lib/python3.12/site-packages/toy/a.py", roots) == "toy/a.py"
    assert below("/usr/lib/python3.12/json/decoder.py", roots) is None
