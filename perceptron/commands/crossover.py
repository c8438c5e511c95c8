"""`perceptron.crossover`: find in Python the sizes from which one of your functions is faster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from math import inf
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import cloudpickle
import numpy as np

from perceptron import optional
from perceptron.errors import UserError, in_one_line
from perceptron.figure import LineFigure
from perceptron.machine import require_threads, usable_cores
from perceptron.measure.functions import PICKLED, Functions, arguments_of
from perceptron.measure.pickled import to_send
from perceptron.options import in_python

# Arguments are checked before the imports of studies, which take a second.
if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from perceptron.answer import Answered, Decided
    from perceptron.questions.crossover.judge import Crossover
    from perceptron.records.warning import MeasurementWarning

Pair = tuple[str, str]


class AtSize(NamedTuple):
    """The fastest candidate at one size, with the times of all."""

    fastest: str
    """The candidate with the shortest time."""
    decided: Decided
    """``yes`` if every other candidate is known to be slower or to tie, ``partly`` if some are, and
    ``no`` otherwise."""
    ties: tuple[str, ...]
    """Candidates that take as long, within 5%."""
    seconds: dict[str, float]
    """Seconds of a call of each candidate: medians over repeats, interpolated between sizes."""


class FunctionCrossover:
    """The crossovers of functions; printing it shows the answer, a notebook also the figure."""

    def __init__(self, answered: Answered) -> None:
        from perceptron.records.row import times

        self._answered = answered
        self._rows = times(answered.run.rows)

    @property
    def crossovers(self) -> list[Crossover]:
        """The crossover of each pair of candidates."""
        crossovers: list[Crossover] = self._answered.answer.data["crossovers"]
        return crossovers

    def pair(self, incumbent: str, challenger: str) -> Crossover:
        """Return the crossover of two candidates; raises `UserError` if they were not compared."""
        for crossover in self.crossovers:
            if {crossover.incumbent, crossover.challenger} == {incumbent, challenger}:
                return crossover
        compared = ", ".join(f"{pair.incumbent} and {pair.challenger}" for pair in self.crossovers)
        raise UserError(f"{incumbent} and {challenger} were not compared; compared: {compared}")

    @property
    def _only(self) -> Crossover:
        if len(self.crossovers) != 1:
            raise UserError(
                f"there are {len(self.crossovers)} pairs: ask for one with pair(A, B), or for all "
                "with crossovers"
            )
        return self.crossovers[0]

    @property
    def status(self) -> str:
        """The status of the only pair, as with ``--json``: ``crosses``, ``undecided`` …"""
        return self._only.status

    @property
    def decided(self) -> Decided:
        """Whether its winner is known at every size (``yes``), at some (``partly``) or at none."""
        return self._only.decided

    @property
    def size(self) -> float | None:
        """The size from which another candidate is faster; None unless there is exactly one."""
        return self._only.size

    @property
    def low(self) -> float | None:
        """The lower end of the 95% interval of `size`; None if open."""
        return self._only.low

    @property
    def high(self) -> float | None:
        """The upper end of the 95% interval of `size`; None if open."""
        return self._only.high

    @property
    def warnings(self) -> tuple[MeasurementWarning, ...]:
        """Reasons to doubt the numbers, such as contention, with advice."""
        return self._answered.warnings

    @property
    def folder(self) -> Path:
        """The folder of the measurements."""
        return self._answered.results

    def at(self, size: float) -> AtSize:
        """Return the fastest candidate at a size in the measured range.

        The intervals hold for all sizes and candidates together. Raises `UserError` for a size
        outside the range.
        """
        from perceptron.questions.crossover.judge import ratio_near
        from perceptron.statistics.interval import Interval, inverse
        from perceptron.statistics.ranking import rank
        from perceptron.statistics.select import median_seconds
        from perceptron.statistics.sizes import number

        seconds = {}
        for name in dict.fromkeys(row.backend for row in self._rows):
            medians = median_seconds(row for row in self._rows if row.backend == name)
            sizes = sorted(medians)
            if not sizes or not sizes[0] <= size <= sizes[-1]:
                continue
            logs = np.log([medians[at] for at in sizes])
            seconds[name] = float(np.exp(np.interp(np.log(size), np.log(sizes), logs)))
        if not seconds:
            measured = sorted(row.size for row in self._rows if row.seconds is not None)
            span = f", {number(measured[0])} to {number(measured[-1])}" if measured else ""
            raise UserError(f"at({number(size)}): outside of the sizes that were measured{span}")
        rows = [*self._rows, *self._answered.run.others]
        compared = {
            (crossover.challenger, crossover.incumbent): crossover for crossover in self.crossovers
        }

        def ratio(first: str, second: str, confidence: float) -> Interval | None:
            if (crossover := compared.get((first, second))) is not None:
                return ratio_near(crossover, rows, size, confidence)
            if (crossover := compared.get((second, first))) is not None:
                interval = ratio_near(crossover, rows, size, confidence)
                return interval and inverse(interval)
            return None

        ranking = rank(seconds, ratio)
        return AtSize(ranking.order[0], ranking.decided, ranking.ties, seconds)

    def rule(self, *results: str | Path) -> str:
        """Return a line of Python for each pair that chooses a candidate by size.

        The line has the whole number from which the other candidate is chosen, a comment with the
        range of numbers that cost 5% at most, and the machine and day of the measurement. With
        ``results``, folders of the same functions on other machines, it is the number whose worst
        case is smallest.

        Raises `UserError` if no pair is decided, or if a folder has no crossover of the pair.
        """
        from perceptron.questions.crossover.judge import crossovers
        from perceptron.questions.crossover.rule import Rule, rules
        from perceptron.records.readers.reading import ReadRequest
        from perceptron.records.readers.sources import load_sources

        compared, rows = self.crossovers, self._rows
        libraries = self._answered.run.facts.environment.libraries
        for folder in results:
            (source,) = load_sources([str(folder)], ReadRequest(samples="number"))
            other_rows = [row for row in source.rows if row.family == rows[0].family]
            judged = crossovers(
                other_rows, [(item.incumbent, item.challenger) for item in compared]
            )
            if not judged:
                raise UserError(f"{folder}: no crossover of {rows[0].family}: measure it there")
            compared, rows, libraries = [*compared, *judged], [*rows, *other_rows], {}
        every = rules(compared, rows, libraries)
        if not any(isinstance(item, Rule) for item in every):
            raise UserError("\n".join(str(item).removeprefix("# ") for item in every))
        return "\n".join(map(str, every))

    def to_frame(self) -> pandas.DataFrame:
        """Return the measurements as a table: a row for each candidate, size and repeat."""
        from perceptron.records.readers.sources import load_results

        return load_results(self.folder)

    def plot(self) -> Figure:
        """Plot the seconds of a call over the size, a line for each candidate, with matplotlib.

        Raises `UserError` if nothing was measured or matplotlib is not installed.
        """
        optional.require("pages", "matplotlib")
        from perceptron.report.charts.style import drawing
        from perceptron.untrusted_text import shortened

        described = self._drawing
        if described is None:
            raise UserError("nothing was measured: there is nothing to plot")
        with drawing(7.2, 4.2) as (figure, axes):
            for line in described.lines:
                # matplotlib omits labels that begin with an underscore from the legend.
                axes.loglog(line.x, line.y, marker="o", label=f"\u2009{shortened(line.label)}")
                axes.fill_between(line.x, *line.band, alpha=0.18)
            axes.set(xlabel=described.x.title, ylabel=described.y.title)
            axes.legend(frameon=False)
            return figure

    @property
    def _drawing(self) -> LineFigure | None:
        every = (figure.drawing for figure in self._answered.answer.figures)
        return next((drawing for drawing in every if isinstance(drawing, LineFigure)), None)

    def __repr__(self) -> str:
        from perceptron.report.tables.answer import as_text

        return as_text(self._answered.answer).rstrip()

    def _repr_html_(self) -> str:
        from html import escape

        from perceptron.report.charts.svg import draw

        return f"<pre>{escape(repr(self))}</pre>{draw(self._drawing)}"


@in_python()
def crossover(
    candidates: Mapping[str, Callable[..., object]],
    setup: Callable[[int], object],
    sizes: Sequence[int],
    *,
    equal: Callable[[Any, Any], object] | None = np.allclose,
    fresh: bool | None = None,
    seconds: float = 60.0,
    pairs: Sequence[Pair] = (),
    threads: int | None = None,
    name: str = "functions",
    results: str | Path = "results",
) -> FunctionCrossover:
    """Find the sizes at which another of your functions becomes the fastest, on this machine.

    Worker processes call the candidates in turns, at sizes chosen by earlier results. Functions
    are sent by cloudpickle: lambdas, closures and functions of a notebook work.

    Parameters
    ----------
    candidates
        Functions by name, two at least.
    setup
        Returns the data of a size: the arguments as a tuple, or the single argument. It is not
        timed. Random numbers of ``random``, ``numpy.random`` and a ``Generator`` that it uses are
        the same for all candidates.
    sizes
        A tuple ``(low, high)`` is a range to search; of a list every size is measured.
    equal
        Compares the results of two candidates, with arrays of devices copied to NumPy. A candidate
        that disagrees with the first is not timed. None checks nothing.
    fresh
        True calls ``setup`` before every call, for functions that change their data. By default
        such functions are refused; False lets them get changed data.
    seconds
        Seconds that the search may take, with the start of processes.
    pairs
        Pairs of names to compare; by default every two.
    threads
        Threads of OpenMP, BLAS and the like in each worker; None for all cores.
    name
        The name of these functions in the answer; equal names share a page.
    results
        The folder of the measurements. An interrupted call continues where it ended if it is
        repeated in the same Python process.

    Returns
    -------
    FunctionCrossover
        Printing it shows the answer: ``B overtakes A at size …``, with the 95% interval.

    Raises
    ------
    UserError
        For a wrong argument, a function that cannot be pickled, and too little time to measure.
    """
    began = monotonic()
    if not isinstance(sizes, tuple) and isinstance(sizes, Iterable):
        sizes = list(sizes)
    _check_candidates(candidates)
    arguments_of(Functions(candidates, setup, equal, fresh, sizes))
    if not (isinstance(seconds, (int, float)) and 0 < seconds < inf):
        raise UserError(f"seconds must be a number above 0, got {seconds!r}")
    if threads is not None and not (isinstance(threads, int) and threads >= 1):
        raise UserError(f"threads must be a whole number from 1, or None; got {threads!r}")
    require_threads(threads or 1)
    compared = _checked_pairs(pairs, candidates)
    if not isinstance(name, str):
        raise UserError(f"name must be a text, got {name!r}")
    if not isinstance(results, str | PathLike) or not str(results).strip():
        raise UserError(f"results must be the path of a folder, got {results!r}")
    file = _write_functions(candidates, setup, equal, fresh, sizes)

    from perceptron.questions.crossover.functions import called
    from perceptron.questions.crossover.study import CrossoverPlan, CrossoverStudy
    from perceptron.questions.run_study import run_study
    from perceptron.report.tables import terminal

    plan = CrossoverPlan.of_functions(
        file,
        called(file, name, seconds=seconds),
        compared,
        threads or usable_cores(),
    )
    with terminal.progress_bar("searching", seconds) as bar:
        seconds_left = max(1.0, seconds - (monotonic() - began))
        answered = run_study(CrossoverStudy(), plan, None, Path(results), bar, seconds_left)
    terminal.show_warnings(answered.warnings)
    return FunctionCrossover(answered)


def _check_candidates(candidates: object) -> None:
    if isinstance(candidates, Mapping):
        for key, function in candidates.items():
            if isinstance(function, bytes):  # would be taken for a pickled function
                raise UserError(f"candidates: {key} is no function")


def _checked_pairs(pairs: object, candidates: Collection[str]) -> tuple[Pair, ...]:
    """Return the pairs to compare; raises `UserError` unless each has two of the candidates."""
    listed: list[Any] = list(pairs) if isinstance(pairs, Iterable) else [pairs]
    if not all(map(_is_pair, listed)):
        raise UserError(f"pairs must be pairs of two names, such as [('a', 'b')]; got {pairs!r}")
    for member in (member for pair in listed for member in pair):
        if member not in candidates:
            raise UserError(f"pairs: {member!r} is none of the candidates")
    return tuple((first, second) for first, second in listed)


def _is_pair(pair: object) -> bool:
    if not isinstance(pair, tuple | list) or not all(isinstance(member, str) for member in pair):
        return False
    return len(pair) == 2 and pair[0] != pair[1]


def _write_functions(
    candidates: Mapping[str, Callable[..., object]],
    setup: Any,
    equal: Any,
    fresh: Any,
    sizes: object,
) -> str:
    """Write the functions to a file for the workers and return its path.

    Each candidate is pickled separately, so that a worker loads only its candidate's libraries.
    Raises `UserError` naming a part that cannot be pickled.
    """
    pickled = {
        name: _pickled(f"candidates: {name}", function) for name, function in candidates.items()
    }
    for name, part in (("setup", setup), ("equal", equal)):
        _pickled(name, part)
    functions = _pickled("sizes", Functions(pickled, setup, equal, fresh, sizes))
    file = Path(_folder().name) / f"{hashlib.sha256(functions).hexdigest()[:12]}{PICKLED}"
    file.write_bytes(to_send(functions))
    return str(file)


def _pickled(name: str, part: object) -> bytes:
    try:
        pickled: bytes = cloudpickle.dumps(part)
    except Exception as error:  # noqa: BLE001 a user's type may raise anything
        reason = f"{name} cannot be pickled for worker processes: {in_one_line(error)}"
        raise UserError(reason) from None
    return pickled


@cache
def _folder() -> TemporaryDirectory[str]:
    """Return a temporary folder of this process that no other user may write to."""
    return TemporaryDirectory(prefix="perceptron-functions-")
