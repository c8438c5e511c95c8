"""The user's functions, compared by `perceptron crossover --functions FILE`."""

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

# A search skips sizes whose call would take longer: a few repeats of it would take the time in
# which a crossover at smaller sizes is found.
_LONGEST_SECONDS = 0.5
# Times are predicted up to this many times the largest size measured.
_FORETOLD = 16.0
_STEEPEST = 3.0
# A smaller difference between two ways to write a call is not reported.
_NOTICEABLE = 0.005
# Repeats at the sizes of a list.
_REPEATS = 8
_SECONDS_TO_DESCRIBE = 120
# Failures after which larger sizes are not tried.
_TOO_LARGE = re.compile(
    "did not end|out of memory|OutOfMemory|allocate memory|RESOURCE_EXHAUSTED|ended by SIGKILL"
)


class Called(Described, frozen=True, kw_only=True):
    """The functions to compare, with a digest of their file: edited functions are new ones."""

    family: str
    digest: str

    @property
    def grid(self) -> tuple[int, ...]:
        """The first sizes to measure, ascending."""
        sizes = self.sizes[0]
        return sizes if self.is_list else tuple(coarse_sizes(Search(sizes[0], sizes[-1])))


def called(
    file: str, family: str | None = None, axes: int = 1, seconds: float = _SECONDS_TO_DESCRIBE
) -> Called:
    """Load the functions of a file in a separate process, and return their description.

    Raises `UserError` if the file is unusable or its functions do not have ``axes`` sizes. A
    program that pickled its functions names their ``family``; the default is the file's name.
    """
    prefix = f"--functions {file}: " if family is None else ""
    path = Path(file)
    if not path.is_file() or (family is None and path.suffix != ".py"):
        raise UserError(f"{prefix}there is no such file of Python")
    name = path.stem if family is None else family
    if catalogue.is_taken(name) or ":" in name or not name.strip():
        raise UserError(f"{prefix}{name!r} cannot be its name, or is a built-in problem: rename it")
    command = fresh_python.command("perceptron.measure.functions", file, str(axes))
    # Processes that the file starts are ended with it.
    own_group = hasattr(os, "killpg")  # not on Windows
    process = ChildProcess(command, os.environ, own_group)
    try:
        process.close_input()
        line = process.read_line(min(seconds, _SECONDS_TO_DESCRIBE))
        if line is None:
            reason = process.last_message() or describe_exit(process.wait())
            raise UserError(f"{prefix}{reason[:500]}")
    except TimeoutError:
        raise UserError(f"{prefix}loading the functions did not end in time") from None
    finally:
        process.end()
    described = msgspec.json.decode(line, type=dict)
    if "error" in described:
        raise UserError(prefix + described["error"])
    digests = msgspec.json.encode([digest(name) for name in (file, *described["files"])])
    identity = {"family": name, "digest": hashlib.sha256(digests).hexdigest()[:12]}
    return msgspec.convert(described | identity, Called)


def is_file(reference: str) -> bool:
    """Return whether a reference is a file of functions."""
    return reference.endswith((".py", PICKLED))


def digest(file: str) -> str:
    """Return 12 hexadecimal digits of a hash of a file; raise `UserError` if it is unreadable."""
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
    """Return a job for each function, size and repeat that a pair needs and that has no row."""
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
    """Return a job for each repeat without a row.

    ``wanted`` is the number of repeats by function and sizes, of one axis or two.
    """
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
    """Return the number of repeats by size at which to call a pair."""
    if functions.is_list:
        return dict.fromkeys(functions.grid, _REPEATS)
    sizes = reached(functions, pair, rows)
    called = {(row.backend, row.size) for row in rows}
    new = [size for size in sizes if not all((name, size) in called for name in pair)]
    if new:  # one repeat each shows how far the search can go
        return dict.fromkeys(new, 1)
    search = Search(sizes[0], sizes[-1], sizes[1:-1], inf, *repeats(quick))
    return next_measurements(rows, *pair, search)


def reached(
    functions: Called, names: Sequence[str], rows: Sequence[Measurement]
) -> tuple[int, ...]:
    """Return the first sizes to measure, at least two, before the first that may take too long."""
    first, *others = functions.grid
    sizes = [first]
    for size in others:
        if any(_expected_seconds(rows, name, size) > _LONGEST_SECONDS for name in names):
            break
        sizes.append(size)
    return tuple(sizes) if len(sizes) > 1 else functions.grid[:2]


def notes_of_any(functions: Called) -> list[str]:
    """Return notes on unchecked results and random data, which hold for every answer."""
    lines = []
    if not functions.is_checked:
        lines.append("not checked: whether the functions return the same (equal=None)")
    if functions.is_random:
        lines.append("setup returns other data at each call: functions may get different data")
    return lines


def notes(
    functions: Called, pairs: Sequence[tuple[str, str]], rows: Sequence[Measurement]
) -> list[str]:
    """Return the notes on a search: also how calls were written, and which sizes were left out."""
    lines = notes_of_any(functions)
    moved = max((_between_call_sites(rows, pair) for pair in pairs), default=0.0)
    if moved > _NOTICEABLE:
        lines.append(
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
            subject = f"{pair[0]}, {pair[1]}: sizes from {count(left[0])} up were left out"
            lines.append(f"{subject}: {', '.join(whys)}")
    return lines


def _between_call_sites(rows: Sequence[Measurement], pair: tuple[str, str]) -> float:
    """Return how far the log-ratio moves at most if the calls are written as ``f(*data)``."""
    timed = [row for row in rows if has_time(row)]
    both = [
        grouped((row for row in timed if row.backend == name), lambda row: row.size)
        for name in pair
    ]
    common = both[0].keys() & both[1].keys()
    return max(
        (between_call_sites(*(rows_by_size[size] for rows_by_size in both)) for size in common),
        default=0.0,
    )


def _why_not(rows: Sequence[Measurement], name: str, size: int) -> str | None:
    """Return why a function is not called at this size; None if only the budget was too short."""
    large = _too_large(rows, name, size)
    if large is not None:
        return f"fails at {count(int(large.size))}"
    is_slow = _LONGEST_SECONDS < _expected_seconds(rows, name, size) < inf
    return f"would take over {_LONGEST_SECONDS} s a call" if is_slow else None


def _too_large(rows: Sequence[Measurement], name: str, size: int) -> Measurement | None:
    """Return the row of a smaller size that already failed for its size, or None."""
    smaller = (row for row in rows if row.backend == name and row.size < size)
    return next((row for row in smaller if _TOO_LARGE.search(row.reason or "")), None)


def _expected_seconds(rows: Sequence[Measurement], name: str, size: int) -> float:
    """Predict the seconds of a call from smaller sizes; inf if none is near or one failed."""
    if _too_large(rows, name, size) is not None:
        return inf
    of_function = [row for row in rows if row.backend == name]
    seconds = median_seconds(of_function)
    if not seconds:
        return 0.0 if of_function else inf
    last = max(seconds)
    if size <= last:
        return 0.0
    if size > _FORETOLD * last:
        return inf
    # Two sizes close to each other, as in a bisection, give no reliable slope.
    below = max((at for at in seconds if at <= last / 2), default=None)
    steepness = _STEEPEST
    if below is not None:
        steepness = log(seconds[last] / seconds[below]) / log(last / below)
    return seconds[last] * exp(log(size / last) * min(_STEEPEST, max(0.0, steepness)))
