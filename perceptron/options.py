"""Options: how a field or an argument is typed on the command line, and its name in messages.

Messages of studies, judges and stores name the option that helps. Within `in_python` they name the
argument of the Python function instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated

from perceptron.errors import UserError
from perceptron.numbers import digits

# Panels of a command's help, in their order.
MODEL, _OPTIONS, OUTPUT, CLUSTER = "Model and training", "Options", "Output", "Cluster"
FROM_FILES = "Results of other tools, with --from"
PANELS = (MODEL, _OPTIONS, FROM_FILES, OUTPUT, CLUSTER)


@dataclass(frozen=True)
class Option:
    """How a plan's field, or an argument of a command, is typed: its annotation.

    Read by `commands.shared.parameters`.
    """

    help: str
    names: tuple[str, ...] = ()
    """``--backends``, ``--backend``: help shows the first; by default the field's own."""
    metavar: str | None = None
    as_text: bool = False
    """Read a whole number from 1 from text, as options that also take several do elsewhere."""
    each_once: bool = True
    """Whether equal numbers of several count once."""
    is_list: bool = True
    """Whether a comma separates values; it may be part of a file's name."""
    may_be_empty: bool = False
    """Whether the empty text is a value, as for no pages."""
    low: float | None = None
    high: float | None = None
    """Ends of the range of a number."""
    alone: str | None = None
    """The number that the option means when typed without one."""
    panel: str = _OPTIONS


class Argument(Option):
    """An `Option` whose value is identified by its position, not by a name."""


DTYPE = Option("Compute in float32 or float64. Default: float32.", metavar="NAME")
Backends = Annotated[
    tuple[str, ...],
    Option("Choose backends; see `perceptron backends`.", ("--backends", "--backend"), "NAME …"),
]
_THREADS = "Use N threads for every backend. Default: all cores."
Threads = Annotated[int | None, Option(_THREADS, metavar="N[,N…]", as_text=True)]
SeveralThreads = Annotated[tuple[int, ...], Option(_THREADS, metavar="N[,N…]")]
Over = Annotated[
    tuple[int, ...],
    Option(
        "Train over N processes (torch-ddp). Default: 1.",
        ("--processes",),
        "N[,N…]",
    ),
]

Json = Annotated[bool, Option("Print one JSON document.", panel=OUTPUT)]
JSON_WITHOUT_PAGES = Option("Print one JSON document; write pages only with --html.", panel=OUTPUT)
Verbose = Annotated[bool, Option("Print every table, note and warning of the page.", panel=OUTPUT)]
# `study_command` adds the plan's default.
BUDGET = Option("Stop after MINUTES in all.", metavar="MINUTES")
Budget = Annotated[float | None, BUDGET]
Fresh = Annotated[bool, Option("Measure another run; resume no interrupted one.")]
Machine = Annotated[
    str | None,
    Option("Name the machine of the results. Default: host name.", metavar="NAME", panel=OUTPUT),
]
# A build or an update ends within ten minutes.
Wait = Annotated[
    float | None,
    Option(
        "Wait for idle cores, at most 10 minutes or as given.",
        metavar="[MINUTES]",
        low=0,
        alone="10",
    ),
]
Results = Annotated[Path, Option("Keep measurements in DIR.", metavar="DIR", panel=OUTPUT)]
Html = Annotated[
    str | None,
    Option(
        "Write the dashboard into DIR, '' for none. Default: html.",
        metavar="DIR",
        may_be_empty=True,
        panel=OUTPUT,
    ),
]

_in_python = ContextVar("_in_python", default=False)
# Arguments whose names differ from the option's.
_ARGUMENTS = {"budget": "seconds", "pair": "pairs"}


@contextmanager
def in_python() -> Iterator[None]:
    """Name options as arguments of Python in all messages of the block."""
    token = _in_python.set(True)
    try:
        yield
    finally:
        _in_python.reset(token)


def option(name: str, value: object = "") -> str:
    """Return an option as the user types it: ``--threads 2``, or ``threads=2``."""
    if _in_python.get():
        argument = _ARGUMENTS.get(name, name).replace("-", "_")
        return argument if value == "" else f"{argument}={value}"
    return f"--{name} {value}".rstrip()


def budget_option(seconds: float) -> str:
    """Return the option that allows ``seconds``: ``--budget 3``, or ``seconds=180``."""
    minutes = digits(seconds / 60, 2)
    return option("budget", f"{seconds:.3g}" if _in_python.get() else minutes)


def more_time() -> str:
    """Return the remedy for too little time: ``a larger --budget``, or ``more seconds``."""
    return "more seconds" if _in_python.get() else f"a larger {option('budget')}"


def wait() -> str:
    """Return the remedy for contended cores; Python has no argument for it."""
    return "idle cores" if _in_python.get() else option("wait")


def again_when_idle() -> str:
    """Return the advice to run again on idle cores."""
    with_wait = f"with {option('wait')} to wait for idle cores"
    return f"run again {'when the cores are idle' if _in_python.get() else with_wait}"


# --- what a typed value must be, here and in scripts beside the package ---------------------------


def seconds_of(option: str, value: float | None) -> float | None:
    """Return the seconds of minutes that were typed; raise `UserError` unless above 0."""
    if value is None:
        return None
    seconds = 60 * value
    if not 0 < seconds < inf:
        raise UserError(f"{option} takes minutes, above 0, such as 2 or 0.5; got {value:g}")
    return seconds


def folder_name(option: str, value: str | None) -> str | None:
    """Return a name for a folder; raise `UserError` for one that could lead elsewhere."""
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise UserError(f"{option} takes letters, digits and . _ - (64 at most), got {value!r}")
    return value
