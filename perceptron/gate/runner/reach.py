"""Which of some files a benchmark runs functions of. Part of the program: standard library only.

Every function of these files notes that it is entered, by a call that is put at its beginning when
its module is loaded; all other code runs at its own speed. What runs while modules are imported is
kept apart, and so is what a setup runs: both may change what is measured without being in it.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

Job = dict[str, Any]
_FOREVER = 1e6
_INSTALLED = ("site-packages", "dist-packages")
_ENTERED = "__perceptron_entered__"
# Entered where a process is started: nobody sees what it runs.
_ELSEWHERE = ""
_STARTS = frozenset(
    {
        "subprocess.Popen",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.exec",
        "os.system",
        "os.startfile",
        "_winapi.CreateProcess",
    }
)


class Reached:
    """Tells which of the files in ``job["changed"]`` one call of a benchmark runs functions of.

    It sees what is imported from its creation on, by whatever finds it. After
    ``job["look_seconds"]`` of a call it answers by ``send`` what it knows, and ends the process.
    """

    any_type = True
    """Whether benchmarks that are no times are looked at too."""

    def __init__(self, job: Job, send: Callable[..., object]) -> None:
        self._roots = [*job["roots"], job["tree"]]
        self._changed = frozenset(job["changed"])
        self._file_names = {os.path.basename(path) for path in self._changed}
        self._seconds = job["look_seconds"]
        self._send = send
        self._watched: set[str] = set()
        self._importing: list[str] = []  # by any thread; appending to it needs no lock
        self._entered: set[str] = set()
        self._imported: set[str] = set()
        self._called = self._imported  # until the first benchmark begins
        setattr(builtins, _ENTERED, self._entered.add)
        self._see_imports()
        self._see_processes()

    def begin(self) -> None:
        """Forget what was called before this benchmark's setup."""
        self._settle()
        self._called = set()

    def __call__(self, batches: Any, warm_up: float, task: Job) -> Job:
        """Return the fields of a reading: ``reached``, and the ``reason`` why it may be more."""
        del warm_up
        if batches.elsewhere:
            return {"reached": [], "reason": "it runs in a process of its own"}
        batches.refresh()
        self._settle()
        prepared, self._called = self._called, set()
        answering = threading.Lock()

        def give_up() -> None:
            if answering.acquire(blocking=False):
                seen = f"only {self._seconds:g} s of its call were looked at"
                fields = self._fields(prepared, seen)
                self._send(kind="reading", key=task["key"], status="ok", **fields)
                os._exit(0)

        watchdog = threading.Timer(self._seconds, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            batches.call()
        finally:
            if not answering.acquire(blocking=False):
                time.sleep(_FOREVER)  # the answer is on its way, and then the end
            watchdog.cancel()
        return self._fields(prepared, self._unseen())

    def _fields(self, prepared: set[str], lost: str | None) -> Job:
        self._settle()
        called, imported = set(self._called), self._imported - {_ELSEWHERE}
        reached = sorted(called - {_ELSEWHERE})
        reason = lost
        if reached:
            reason = None
        elif _ELSEWHERE in called | prepared:
            reason = "it starts other processes"
        elif prepared:
            reason = f"its setup runs code of {min(prepared)}"
        elif imported:
            reason = f"importing runs code of {min(imported)}"
        return {"reached": reached, "reason": reason}

    def _unseen(self) -> str | None:
        """Return why it may have run what does not show."""
        processes = sys.modules.get("multiprocessing.process")
        if processes is not None and processes.active_children():
            return "other processes are there, which it may use"
        for name, module in list(sys.modules.items()):
            path = None if name == "__main__" else self._named(_file(module))
            if path is not None and path not in self._watched:
                return f"{path} was loaded in a way that does not show what it runs"
        return None

    def _settle(self) -> None:
        """Move what was entered to where it belongs at this time."""
        belongs = self._imported if self._importing else self._called
        try:
            while True:  # not by copying: another thread may add to it meanwhile
                belongs.add(self._entered.pop())
        except KeyError:
            pass

    def _see_imports(self) -> None:
        """Watch the loader itself: pytest and others put their finders before any other."""
        get_code, exec_module = SourceFileLoader.get_code, SourceFileLoader.exec_module

        def watched_code(loader: SourceFileLoader, fullname: str) -> CodeType | None:
            file = loader.get_filename(fullname)
            path = self._named(file)
            if path is None:
                return get_code(loader, fullname)
            try:
                code = noting(loader, file, path)
            except Exception:  # noqa: BLE001 its loader knows what to make of it, or says what is wrong
                return get_code(loader, fullname)
            self._watched.add(path)
            return code

        def watched_import(loader: SourceFileLoader, module: ModuleType) -> None:
            self._settle()
            self._importing.append("")
            try:
                exec_module(loader, module)
            finally:
                self._settle()
                self._importing.pop()

        for function in (("get_code", watched_code), ("exec_module", watched_import)):
            setattr(SourceFileLoader, *function)

    def _see_processes(self) -> None:
        def heard(event: str, _arguments: object) -> None:
            if event in _STARTS:
                self._entered.add(_ELSEWHERE)

        sys.addaudithook(heard)
        # What multiprocessing spawns is no event.
        try:
            posix: Any = importlib.import_module("_posixsubprocess")
        except ImportError:
            return
        fork_exec = posix.fork_exec

        def seen(*arguments: Any) -> Any:
            self._entered.add(_ELSEWHERE)
            return fork_exec(*arguments)

        posix.fork_exec = seen

    def _named(self, file: str | None) -> str | None:
        """Return the changed file that this is; None for any other."""
        if file is None or os.path.basename(file) not in self._file_names:
            return None
        folder, name = os.path.split(file)
        path = below(os.path.join(os.path.realpath(folder), name), self._roots)
        return path if path in self._changed else None


def noting(loader: SourceFileLoader, file: str, path: str) -> CodeType:
    """Return a module's code whose functions note ``path`` as entered; lines stay where they are.

    No compiled file is read or written. Raises whatever reading, parsing and compiling raise.
    """
    import ast  # every process of an arm loads this module, and few of them look

    tree = ast.parse(loader.get_data(file), file)
    for node in ast.walk(tree):
        name = ast.Name(id=_ENTERED, ctx=ast.Load())
        call = ast.Call(func=name, args=[ast.Constant(value=path)], keywords=[])
        if isinstance(node, ast.Lambda):  # to note returns None
            both = ast.BoolOp(op=ast.Or(), values=[call, node.body])
            node.body = ast.fix_missing_locations(ast.copy_location(both, node.body))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documented = ast.get_docstring(node, clean=False) is not None
            note = ast.copy_location(ast.Expr(value=call), node.body[0])
            node.body.insert(int(documented), ast.fix_missing_locations(note))
    return loader.source_to_code(tree, file)


def below(file: str, roots: Sequence[str]) -> str | None:
    """Return the path of a file below the folder that it was imported from; None elsewhere."""
    for root in roots:
        start = os.path.realpath(root) + os.sep
        if file.startswith(start):
            return file[len(start) :].replace(os.sep, "/")
    parts = file.split(os.sep)
    for installed in _INSTALLED:
        if installed in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(installed) :])
    return None


def _file(module: object) -> str | None:
    """Return where a module comes from; None where it does not tell or has not run yet."""
    if type(module).__name__ == "_LazyModule":  # any look at it would import it
        return None
    file = getattr(module, "__dict__", {}).get("__file__")
    return file if isinstance(file, str) else None
