"""The stages that ask whether a GPU's backends are right: their tests, and their contract."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.records.backend import CheckResult
from perceptron.studies.gpu_day.stage import (
    DATA_PARALLEL,
    ONE_BY_ONE,
    Command,
    Day,
    LeftOut,
    perceptron,
)

CHECKOUT = Path(__file__).parents[3]
"""Where the package lies, and its tests unless it was installed."""

_OF_ONE = ("or-gate", "mlp-width:64")
# With hidden layers the mistakes of the contract take most of a minute for a backend whose steps
# vmap follows; and partners start PyTorch once more for each process. That what is timed agrees is
# seen before, as everywhere.
_OF_MANY = ("many-or-gates:4",)
_OF_PARTNERS = ("or-gate",)


def tests(day: Day, _seconds: float) -> Sequence[Command]:
    """Run them on every GPU backend; a warning of another version of a library is no failure."""
    day.challenger  # noqa: B018 raises where there is none
    folder = CHECKOUT / "tests" / "backends"
    if not folder.is_dir():
        raise LeftOut(f"{folder}: no tests here: run from a checkout")
    words = ("-m", "gpu", "-v", "-p", "no:cacheprovider", "-W", "default", "-o", "filterwarnings=")
    # Compiling each problem of the contract takes longer than all else; `check` does it for two.
    chosen = ("-k", "not float64 and not (promise and (compiled or jax))")
    # First the published training on each backend: there may be no time for more. A rehearsal of
    # all tests would take minutes.
    files = [folder / "test_golden.py", *([] if day.rehearse else [folder])]
    arguments = ("-m", "pytest", *words, *chosen, *map(str, files))
    return (Command(arguments, document=False, complaint=_failed_tests),)


def _failed_tests(answer: bytes) -> str | None:
    """Return pytest's last line where tests failed, as in ``2 failed, 9 passed in 3.1s``."""
    lines = answer.decode(errors="replace").split("\n")
    summary = next((line.strip("= ") for line in reversed(lines) if line.strip()), "")
    return summary if re.search(r"\b\d+ (failed|errors?)\b", summary) else None


def check(day: Day, _seconds: float) -> Sequence[Command]:
    """Check each backend that trains one model in one process."""
    day.challenger  # noqa: B018 raises where there is none
    # One model after the other is, of one model, the backend itself.
    elsewhere = (ONE_BY_ONE, DATA_PARALLEL)
    names = [name for name in day.gpu_backends if name not in elsewhere]
    return _checks(day, names, _OF_ONE)


def check_many(day: Day, _seconds: float) -> Sequence[Command]:
    """Check each backend that trains several models at once, and one model after the other."""
    return _checks(day, (*day.at_once, *day.one_by_one), _OF_MANY)


def check_data_parallel(day: Day, _seconds: float) -> Sequence[Command]:
    """Check training over one process, and over two where there is a GPU for each."""
    return _checks(day, day.data_parallel, _OF_PARTNERS)


def _checks(day: Day, names: Iterable[str], problems: Sequence[str]) -> list[Command]:
    """Check each in a process of its own: an error on a device spoils what follows there."""
    chosen = problems[:1] if day.rehearse else problems
    words = tuple(word for problem in chosen for word in ("--problem", problem))
    # 1 also where a backend trains none of these problems.
    return [
        perceptron(
            *("check", name, *words, "--json"),
            good=(0, 1),
            complaint=broken_promises,
            about=name,
        )
        for name in names
    ]


class _Checked(Struct):
    backends: dict[str, list[CheckResult]]


def broken_promises(answer: bytes) -> str | None:
    """Return the first promise that `perceptron check --json` found broken, for each backend."""
    try:
        checked = msgspec.json.decode(answer, type=_Checked).backends
    except msgspec.DecodeError as error:
        return f"`perceptron check` did not answer: {error}"
    broken = [
        next((f"{name}: {one.name}: {one.broken[0]}" for one in promises if one.broken), None)
        for name, promises in checked.items()
    ]
    return "; ".join(filter(None, broken)) or None
