"""What an option is called where a question was asked: on the command line, or in Python.

Studies, judges and stores say which option helps, and know nothing of who asked. Whoever asks in
Python says so once, around all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from perceptron.numbers import digits

_in_python = ContextVar("_in_python", default=False)
# Arguments that are not called as the option is.
_ARGUMENTS = {"budget": "seconds", "pair": "pairs"}


@contextmanager
def in_python() -> Iterator[None]:
    """Have options called as arguments of Python are, in all that is said inside."""
    token = _in_python.set(True)
    try:
        yield
    finally:
        _in_python.reset(token)


def option(name: str, value: object = "") -> str:
    """Return an option as it is given: ``--threads 2``, or ``threads=2``."""
    if _in_python.get():
        argument = _ARGUMENTS.get(name, name).replace("-", "_")
        return argument if value == "" else f"{argument}={value}"
    return f"--{name} {value}".rstrip()


def budget_option(seconds: float) -> str:
    """Return the option that allows so much time: ``--budget 3``, or ``seconds=180``."""
    minutes = digits(seconds / 60, 2)
    return option("budget", f"{seconds:.3g}" if _in_python.get() else minutes)


def more_time() -> str:
    """Return what to give where the time was too short, whatever it was."""
    return "more seconds" if _in_python.get() else f"a larger {option('budget')}"


def wait() -> str:
    """Return what helps where others use the cores; Python has no argument for it."""
    return "idle cores" if _in_python.get() else option("wait")


def again_when_idle() -> str:
    """Return the advice to measure when nobody else uses the cores."""
    with_wait = f"with {option('wait')} to wait for idle cores"
    return f"run again {'when the cores are idle' if _in_python.get() else with_wait}"
