"""Functions of the user's own, compared by `perceptron crossover --functions FILE`."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from math import exp, inf, log
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.measure.functions import PICKLED, Described
from perceptron.measure.job import Call
from perceptron.numbers import count, rough_percent
from perceptron.problems import catalogue
from perceptron.processes import fresh_python
from perceptron.processes.supervision import ChildProcess, describe_exit
from perceptron.questions.crossover.locator import (
    Search,
    coarse_sizes,
    next_measurements,
    repeats,
    wanted_by,
)
from perceptron.questions.crossover.points import between_call_sites
from perceptron.questions.shared.missing import LASTING, sample_seconds
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.select import has_time, median_seconds

# Of a search: a size whose call would take longer is not tried. A few repeats of it would take the
# time in which a crossover at smaller sizes is found.
_LONGEST_SECONDS = 0.5
# Times are predicted up to this many times the largest size measured.
_FORETOLD = 16.0
_STEEPEST = 3.0
# Less than this between two ways to write a call is not told.
_NOTICEABLE = 0.005
# Repeats at the sizes of a list.
_REPEATS = 8
_SECONDS_TO_DESCRIBE = 120
# Reasons of a size from which on larger ones are of no use.
_TOO_LARGE = re.compile(
    "did not end|out of memory|OutOfMemory|allocate memory|RESOURCE_EXHAUSTED|ended by SIGKILL"
)


class Called(Described, frozen=True, kw_only=True):
    """What is compared; of its file a digest, for functions that were edited are others."""

    family: str
    digest: str

    @property
    def grid(self) -> tuple[int, ...]:
        """The sizes to begin with, ascending."""
        sizes = self.sizes[0]
        return sizes if self.is_list else tuple(coarse_sizes(Search(sizes[0], sizes[-1])))


def called(
    file: str, family: str | None = None, axes: int = 1, seconds: float = _SECONDS_TO_DESCRIBE
) -> Called:
    """Describe the functions in a file; raises `UserError` that says what is wrong with them.

    They must have ``axes`` sizes. A process of its own loads it: what a file does and imports is no
    part of this one. A program that pickled its functions names their ``family``; else that is the
    file's name.
    """
    of = f"--functions {file}: " if family is None else ""
    path = Path(file)
    if not path.is_file() or (family is None and path.suffix != ".py"):
        raise UserError(f"{of}there is no such file of Python")
    name = path.stem if family is None else family
    if catalogue.is_taken(name) or ":" in name or not name.strip():
        raise UserError(f"{of}{name!r} cannot be its name, or is a problem of ours: rename it")
    command = fresh_python.command("perceptron.measure.functions", file, str(axes))
    # What a file starts ends with it, and cannot keep anybody waiting.
    own_group = hasattr(os, "killpg")  # not on Windows
    process = ChildProcess(command, os.environ, own_group)
    try:
        process.close_input()
        line = process.read_line(min(seconds, _SECONDS_TO_DESCRIBE))
        if line is None:
            reason = process.last_message() or describe_exit(process.wait())
            raise UserError(f"{of}{reason[:500]}")
    except TimeoutError:
        raise UserError(f"{of}loading the functions did not end in time") from None
    finally:
        process.end()
    known = msgspec.json.decode(line, type=dict)
    if "error" in known:
        raise UserError(of + known["error"])
    digests = msgspec.json.encode([digest(name) for name in (file, *known["files"])])
    found = {"family": name, "digest": hashlib.sha256(digests).hexdigest()[:12]}
    return msgspec.convert(known | found, Called)


def is_file(reference: str) -> bool:
    """Return whether a reference is a file of functions."""
    return reference.endswith((".py", PICKLED))


def digest(file: str) -> str:
    """Return 12 hexadecimal digits of what a file holds; raises `UserError` if it is gone."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


def next_calls(
    file: str,
    functions: Called,
    pairs: Sequence[tuple[str, str]],
    threads: int,
    rows: Sequence[Measurement],
    quick: bool,
) -> list[Call]:
    """Return a job for each function, size and repeat that some pair needs and that has no row."""
    wanted = wanted_by(pairs, lambda pair: _requests(functions, pair, rows, quick))
    along: dict[tuple[str, tuple[int, ...]], int] = {
        (name, (size,)): processes for (name, size), processes in wanted.items()
    }
    return missing_calls(file, functions, along, threads, rows, quick)


def missing_calls(
    file: str,
    functions: Called,
    wanted: Mapping[tuple[str, tuple[int, ...]], int],
    threads: int,
    rows: Sequence[Measurement],
    quick: bool,
) -> list[Call]:
    """Return a job for each repeat of a function with data of a size, or of two, without a row."""
    done = {(row.backend, row.sizes or (row.size,), row.repeat) for row in rows}
    failed = {(row.backend, row.sizes or (row.size,)) for row in rows if row.status != "ok"}
    return [
        Call(
            problem=f"{functions.family}:{'x'.join(map(str, sizes))}",
            axes=functions.axes,
            backend=name,
            dtype=None,
            threads=threads,
            repeat=repeat,
            minimum_seconds=sample_seconds(quick),
            lasts=repeat < LASTING,
            functions=file,
            digest=functions.digest,
            reference=functions.names[0] if functions.is_checked else None,
        )
        for (name, sizes), processes in wanted.items()
        for repeat in range(processes)
        if (name, sizes, repeat) not in done and (name, sizes) not in failed
    ]


def _requests(
    functions: Called, pair: tuple[str, str], rows: Sequence[Measurement], quick: bool
) -> dict[int, int]:
    """Return sizes at which to call a pair, and in how many repeats."""
    if functions.is_list:
        return dict.fromkeys(functions.grid, _REPEATS)
    sizes = reached(functions, pair, rows)
    called = {(row.backend, row.size) for row in rows}
    new = [size for size in sizes if not all((name, size) in called for name in pair)]
    if new:  # once each, as it shows how far the search can go
        return dict.fromkeys(new, 1)
    search = Search(sizes[0], sizes[-1], sizes[1:-1], inf, *repeats(quick))
    return next_measurements(rows, *pair, search)


def reached(
    functions: Called, names: Sequence[str], rows: Sequence[Measurement]
) -> tuple[int, ...]:
    """Return the sizes to begin with, up to the first at which a call may take too long."""
    first, *others = functions.grid
    sizes = [first]
    for size in others:
        if any(_foretold(rows, name, size) > _LONGEST_SECONDS for name in names):
            break
        sizes.append(size)
    return tuple(sizes) if len(sizes) > 1 else functions.grid[:2]


def notes_of_any(functions: Called) -> list[str]:
    """Say what holds for every answer: what was not checked, and whether data differ."""
    found = []
    if not functions.is_checked:
        found.append("not checked: whether the functions return the same (equal=None)")
    if functions.is_random:
        found.append("setup returns other data at each call: functions may get different data")
    return found


def notes(
    functions: Called, pairs: Sequence[tuple[str, str]], rows: Sequence[Measurement]
) -> list[str]:
    """Say what holds for the answer of a search, and which sizes were left out."""
    found = notes_of_any(functions)
    moved = max((_between_call_sites(rows, pair) for pair in pairs), default=0.0)
    if moved > _NOTICEABLE:
        found.append(
            f"calls below 2 µs: f(a, b) and f(*data) differ by up to {rough_percent(moved)}, "
            "which every interval contains"
        )
    for pair in pairs:
        sizes = reached(functions, pair, rows)
        left = [size for size in functions.grid if size > sizes[-1]]
        if functions.is_list or not left:
            continue
        whys = [f"{name} {why}" for name in pair if (why := _why_not(rows, name, left[0]))]
        if whys:
            where = f"{pair[0]}, {pair[1]}: sizes from {count(left[0])} up were left out"
            found.append(f"{where}: {', '.join(whys)}")
    return found


def _between_call_sites(rows: Sequence[Measurement], pair: tuple[str, str]) -> float:
    """Return how far a ratio moves at most if the calls of the two are written otherwise."""
    timed = [row for row in rows if has_time(row)]
    both = [
        grouped((row for row in timed if row.backend == name), lambda row: row.size)
        for name in pair
    ]
    common = both[0].keys() & both[1].keys()
    return max((between_call_sites(*(one[size] for one in both)) for size in common), default=0.0)


def _why_not(rows: Sequence[Measurement], name: str, size: int) -> str | None:
    """Return why a function is not called with this size; None where time alone was short."""
    large = _too_large(rows, name, size)
    if large is not None:
        return f"fails at {count(int(large.size))}"
    is_slow = _LONGEST_SECONDS < _foretold(rows, name, size) < inf
    return f"would take over {_LONGEST_SECONDS} s a call" if is_slow else None


def _too_large(rows: Sequence[Measurement], name: str, size: int) -> Measurement | None:
    """Return a row of a smaller size that was too large already, if there is one."""
    own = (row for row in rows if row.backend == name and row.size < size)
    return next((row for row in own if _TOO_LARGE.search(row.reason or "")), None)


def _foretold(rows: Sequence[Measurement], name: str, size: int) -> float:
    """Return the seconds that a call may take, by the two sizes below; inf far beyond them."""
    if _too_large(rows, name, size) is not None:
        return inf
    own = [row for row in rows if row.backend == name]
    seconds = median_seconds(own)
    if not seconds:
        return 0.0 if own else inf
    last = max(seconds)
    if size <= last:
        return 0.0
    if size > _FORETOLD * last:
        return inf
    # Two sizes close to each other, as bisection measures, tell little about the steepness.
    below = max((at for at in seconds if at <= last / 2), default=None)
    steepness = _STEEPEST
    if below is not None:
        steepness = log(seconds[last] / seconds[below]) / log(last / below)
    return seconds[last] * exp(log(size / last) * min(_STEEPEST, max(0.0, steepness)))
