"""Whether a process touches files that differ between the trees, as far as Python reports.

Audit hooks cannot be removed, and each event is reported before it happens. Children have no such
hook, so starting one is reported too. Compiled code, such as `fopen` in an extension module, raises
no events: the caller checks access times as well.
"""

from __future__ import annotations

import dis
import importlib
import inspect
import json
import os
import pathlib
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from types import CodeType
from typing import Any

from .session import Job

_SURROUNDING = ("os.", "shutil.", "sqlite3.")
_LISTS = frozenset({"os.listdir", "os.scandir"})
_STARTS = re.compile(
    r"os\.(exec|fork|forkpty|posix_spawn|spawn|startfile|system)|subprocess\.Popen|pty\.spawn"
    r"|_winapi\.CreateProcess|cpython\.PyInterpreterState_New"
)
_INSTALLED = ("site-packages", "dist-packages")
# Installed packages whose behaviour depends on docstrings.
_ACTING = re.compile(
    r"click|cyclopts|docopt|docstring_parser|fire|ply|plac|pythran|spark_parser|transonic|typer"
)
# Code that searches for modules, or for metadata of distributions.
_SEARCHERS = frozenset({"_pytest", "importlib_metadata", "pkg_resources"})
_DOC = "__doc__"
_FAILED = 3
# Names through which code reads docstrings and line numbers.
_OF_DOCS = re.compile(r"(.*\.)?(__doc__|co_consts|doctest|pydoc|getdoc|get_docstring)")
_OF_LINES = re.compile(
    r"(.*\.)?(co_(firstlineno|lines|linetable|lnotab|positions)|(f_|tb_)?lineno|getframeinfo"
    r"|extract_(stack|tb))"
)
# In the import system: the function that reads a module, the file, and the purpose.
_IMPORTS: Any = vars(importlib)["_bootstrap_external"]
_READING = _IMPORTS.FileLoader.get_data.__code__
_LOADING = _IMPORTS.SourceLoader.get_code.__code__
_EXECUTING = _IMPORTS._LoaderBasics.exec_module.__code__
_WRITING = _IMPORTS._write_atomic.__code__
# Code that lists a folder to find modules, and metadata of distributions.
_SEARCHING = (
    _IMPORTS.FileFinder._fill_cache.__code__,
    vars(metadata)["FastPath"].children.__code__,
)
# Code that reads lines in order to show them.
_WARNING = "_formatwarnmsg_impl"
_LOOKING = inspect.getframeinfo.__code__
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STANDARD = os.path.dirname(os.path.realpath(os.__file__)) + os.sep


def watch(tree: str, watched: Job, out: int) -> None:
    """Write to ``out`` from now on each sign that the process may depend on what is ``watched``.

    ``watched`` holds paths relative to the tree. ``files`` must not be opened or queried,
    ``folders`` not listed, and ``modules`` read only by importing them; nor may any code read
    docstrings or, if ``lines`` of the modules moved, line numbers.
    """
    watch = _Watch(os.path.realpath(tree), watched)
    busy = threading.local()  # a hook's own actions raise events, too
    frame_of, written, write, leave = sys._getframe, json.dumps, os.write, os._exit

    def tell(reason: str) -> None:
        try:
            write(out, f"{written({'kind': 'seen', 'reason': reason})}\n".encode())
        except BaseException:  # noqa: BLE001 what cannot be told must not happen
            leave(_FAILED)

    def consider(decide: Callable[[Any], str | None]) -> None:
        """Report the reason that ``decide`` gives, if any, to object to the caller's caller."""
        if getattr(busy, "now", False):
            return
        busy.now = True
        try:
            reason = decide(frame_of(2))
        except Exception as error:  # noqa: BLE001 what is not understood is not known
            reason = f"{type(error).__name__}: {error}"
        finally:
            busy.now = False
        if reason is not None:
            tell(reason)

    def hook(event: str, arguments: Any) -> None:
        consider(lambda frame: watch.audited(event, arguments, frame))

    def queried(function: Callable[..., Any]) -> Callable[..., Any]:
        def look(path: Any, *arguments: Any, **options: Any) -> Any:
            consider(lambda frame: watch.queried(path, frame))
            return function(path, *arguments, **options)

        return look

    sys.addaudithook(hook)
    # No hook reports these. pathlib binds them under names of its own.
    before_3_11: Any = getattr(pathlib, "_NormalAccessor", object)
    for name in ("stat", "lstat", "access"):
        function = getattr(os, name)
        stand_in = queried(function)
        for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if function in supported:
                supported.add(stand_in)
        setattr(os, name, stand_in)
        if name in vars(before_3_11):
            setattr(before_3_11, name, staticmethod(stand_in))
    if os.name == "posix":
        import _posixsubprocess as posix

        start = posix.fork_exec

        def fork_exec(*arguments: Any) -> Any:
            """Report the start of a process, as multiprocessing starts it."""
            consider(lambda _: watch.started("fork_exec"))
            return start(*arguments)

        posix.fork_exec = fork_exec


class _Watch:
    """Judges events: each method returns why an event may matter, None if it does not.

    A ``frame`` is that of the code which caused the event.
    """

    def __init__(self, root: str, watched: Job) -> None:
        def places(kind: str) -> frozenset[str]:
            return frozenset(os.path.normpath(os.path.join(root, name)) for name in watched[kind])

        self._root = root
        self._files, self._folders = places("files"), places("folders")
        self._modules = places("modules")
        self._names = {os.path.basename(file) for file in (*self._files, *self._modules)}
        self._moved = bool(watched["lines"])
        self._running = False
        """Whether code of the tree has run."""

    def audited(self, event: str, arguments: Any, frame: Any) -> str | None:
        """Judge an audit event of Python."""
        if event == "open":
            path, mode, _ = arguments
            if mode is None and self._may_be_watched(path):
                return f"{path} is read"
            return self._touched(path, frame)
        if event in _LISTS:
            return self._listed(arguments[0], frame)
        if _STARTS.fullmatch(event):
            return self.started(event)
        if event == "object.__getattr__":
            owner, attribute = arguments
            return self._code_read(owner, attribute, frame)
        if event == "exec":
            return self._executed(arguments[0], frame)
        if event.startswith(_SURROUNDING):
            paths = [
                argument
                for argument in arguments
                if isinstance(argument, (str, bytes, os.PathLike))
            ]
            return next(filter(None, (self._touched(path, frame) for path in paths)), None)
        return None

    def queried(self, path: Any, frame: Any) -> str | None:
        """Judge a query whether a file exists, or how large it is."""
        file = "" if isinstance(path, int) else _place(path)
        if file not in self._files or self._is_of_search(frame):
            return None
        return f"{self._shown(file)} is looked at"

    def started(self, how: str) -> str | None:
        """Judge the start of a process. Before code of the tree runs, only pytest's plug-ins start
        any."""
        return f"a process is started: {how}" if self._running else None

    def _touched(self, path: Any, frame: Any) -> str | None:
        if isinstance(path, int):
            return None  # it was open
        file = _place(path)
        if file in self._files:
            return f"{self._shown(file)} is read"
        if file in self._modules and not (_is_import(frame) or self._is_shown(frame)):
            return f"the source of {self._shown(file)} is read"
        return None

    def _may_be_watched(self, path: Any) -> bool:
        """Return whether a path in an open folder may be watched: os.open does not report which."""
        if isinstance(path, int) or os.path.isabs(path):
            return False
        return os.path.basename(os.fsdecode(path)) in self._names

    def _listed(self, path: Any, frame: Any) -> str | None:
        if isinstance(path, int):
            facts = os.fstat(path)
            there = filter(os.path.isdir, self._folders)
            watched = any(os.path.samestat(facts, os.stat(folder)) for folder in there)
        else:
            watched = _place("." if path is None else path) in self._folders
        return f"{path} is listed" if watched and not self._is_of_search(frame) else None

    def _code_read(self, owner: Any, name: str, frame: Any) -> str | None:
        """Judge access to code, with its docstrings and line numbers, outside of libraries."""
        if not self._modules or name != "__code__" or self._is_library(frame.f_code.co_filename):
            return None
        file = _place_of_code(owner.__code__.co_filename)
        return f"the code of {self._shown(file)} is read" if file in self._modules else None

    def _executed(self, code: Any, frame: Any) -> str | None:
        if not isinstance(code, CodeType):
            return None
        file = code.co_filename
        self._running = self._running or _place_of_code(file).startswith(self._root + os.sep)
        if not self._modules:
            return None
        library = self._library(file) or ""
        if _ACTING.fullmatch(library):
            return f"{library} is imported, which reads docstrings"
        # Code that a library makes, such as a named tuple, belongs to that library; and code of the
        # tree may give any name to the code it makes.
        if self._is_library(frame.f_code.co_filename) and (
            file.startswith("<") or self._is_library(file)
        ):
            return None
        name = next(filter(None, map(self._reads, _nested(code))), None)
        return None if name is None else f"{os.path.basename(file)} names {name}"

    def _reads(self, code: CodeType) -> str | None:
        """Return the name by which the code may read docstrings or lines."""
        for name in _named(code):
            if _OF_DOCS.fullmatch(name) or (self._moved and _OF_LINES.fullmatch(name)):
                return name
        return None

    def _is_shown(self, frame: Any) -> bool:
        """Return whether a module's line is read to be shown with a warning, or by a library that
        looks for its caller, as torch does while it is imported."""
        *standard, asking = self._up_to_asking(frame)
        codes = [caller.f_code for caller in standard]
        looks = any(
            code is _LOOKING or code.co_filename == traceback.__file__ for code in codes
        ) and self._is_library(asking.f_code.co_filename)
        return looks or any(code.co_name == _WARNING for code in codes)

    def _is_of_search(self, frame: Any) -> bool:
        """Return whether the import system, or similar code, searches here."""
        asking = self._up_to_asking(frame)[-1]
        library = self._library(asking.f_code.co_filename)
        return frame.f_code in _SEARCHING or library in _SEARCHERS

    def _up_to_asking(self, frame: Any) -> list[Any]:
        """Return the frames from this up to the first outside of Python's standard library."""
        frames = [frame]
        while frame.f_back is not None and self._is_standard(frame.f_code.co_filename):
            frame = frame.f_back
            frames.append(frame)
        return frames

    def _is_library(self, file: str) -> bool:
        """Return whether the file is of Python, of an installed package or of this program."""
        return file.startswith(_HERE) or self._library(file) is not None or self._is_standard(file)

    def _library(self, file: str) -> str | None:
        """Return the name of the installed package or module that the file belongs to."""
        parts = file.split(os.sep)
        places = [parts.index(installed) for installed in _INSTALLED if installed in parts]
        if not places or _place_of_code(file).startswith(self._root + os.sep):
            return None
        return parts[places[0] + 1].partition(".")[0]

    def _is_standard(self, file: str) -> bool:
        if file.startswith("<frozen "):
            return True
        return self._library(file) is None and _place_of_code(file).startswith(_STANDARD)

    def _shown(self, file: str) -> str:
        return os.path.relpath(file, self._root)


def _place(path: Any) -> str:
    """Return the real path; of bytecode, that of its module."""
    file = os.path.realpath(os.fsdecode(path))
    folder, name = os.path.split(file)
    if os.path.basename(folder) == "__pycache__":
        return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")
    return file


_place_of_code = cache(_place)


def _is_import(frame: Any) -> bool:
    """Return whether the import system reads or writes here, in order to execute a module."""
    if frame.f_code is _WRITING:
        return True
    callers = [frame, frame.f_back, frame.f_back and frame.f_back.f_back]
    return [caller and caller.f_code for caller in callers] == [_READING, _LOADING, _EXECUTING]


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _named(code: CodeType) -> Iterator[str]:
    """Yield the names that a code object uses, and its texts that may be names.

    Storing a docstring, as every class with one does, does not count as reading it.
    """
    loads = _DOC in code.co_names and any(
        instruction.argval == _DOC and not instruction.opname.startswith("STORE_")
        for instruction in dis.get_instructions(code)
    )
    yield from (name for name in code.co_names if name != _DOC or loads)
    for constant in code.co_consts:
        for text in constant if isinstance(constant, (tuple, frozenset)) else (constant,):
            if isinstance(text, str):
                yield text
