"""Programs of base and head that import a suite once and fork for each benchmark.

What they are asked for depends on no clock, so both sides may run at the same time, each on a core
of its own.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

from perceptron.gate.sampling.processes import (
    START_SECONDS,
    Answer,
    CannotStart,
    Instrument,
    Seeds,
)
from perceptron.gate.sampling.sampler import Caches
from perceptron.gate.sampling.sides import Sides
from perceptron.machine import usable_cores
from perceptron.records.block import Benchmark, Side

Content = Mapping[str, Any]
"""What is answered for a benchmark: ``status``, ``reason``, and more by the kind of the program."""
Pair = dict[Side, Content]

PAIR: tuple[Side, ...] = ("base", "head")
# What one benchmark may take. Its program ends it then: one that does not, a little later, hangs.
_LIMIT_SECONDS = 60.0
_PATIENCE_SECONDS = _LIMIT_SECONDS + 15.0
# To start, and to import: at most, and if there is hardly any time.
_MOST_SECONDS, _LEAST_SECONDS = 2 * START_SECONDS, 1.0
# An import that takes less is not worth telling.
_SECONDS_TO_NAME = 1.0
# Of all that was spent, from which on it was imports that left no time.
_MOST = 0.5
_SECONDS_TO_TELL = 5.0
# While programs are ended: one may just be starting.
_SECONDS_TO_END = 0.1
_NO_TIME = "there was no time for it: raise --budget"


class Asking:
    """Asks one program of each side about all benchmarks; another one where an import ends it."""

    def __init__(
        self, sides: Sides, caches: Caches, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sides = sides
        self._caches = caches
        self._clock = clock
        self._importing: dict[Side, tuple[str, float]] = {}
        self._start_seconds: dict[Side, float] = {}

    @property
    def importing(self) -> str | None:
        """What is being imported now, for a while."""
        since = self._clock() - _SECONDS_TO_NAME
        begun = list(self._importing.values())
        return next((module for module, begin in begun if begin <= since), None)

    def both(
        self,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        instrument: Callable[[Side], Instrument],
        seconds_left: Callable[[], float],
        tell: Callable[[], object] = lambda: None,
    ) -> Iterator[tuple[str, Pair]]:
        """Yield the key of each benchmark and its answers as soon as both sides have it.

        The trees must be arranged. No benchmark is begun when no ``seconds_left``: then its status
        is ``untried``. ``tell`` is called every few seconds meanwhile. Raises `UserError` as the
        sides do.
        """
        failed: dict[str, Content] = {}
        for side in PAIR:
            # Beforehand: what makes a cache ends what runs beside it.
            unready = self._caches.make(side, benchmarks, seeds, lambda: seconds_left() / 2)
            for key, own in unready.items():
                failed[key] = {"status": own.status, "reason": own.reason}
        yield from ((key, dict.fromkeys(PAIR, content)) for key, content in failed.items())
        todo = [benchmark for benchmark in benchmarks if benchmark.key not in failed]
        answers: queue.Queue[tuple[Side, str, Content] | BaseException | None] = queue.Queue()
        over = threading.Event()

        def left() -> float:
            return 0.0 if over.is_set() else seconds_left()

        def work(sides: Sequence[Side]) -> None:
            try:
                for side in sides:
                    for key, content in self._one_side(side, todo, seeds, instrument(side), left):
                        answers.put((side, key, content))
                answers.put(None)
            except BaseException as error:  # noqa: BLE001 raised again where it is waited for
                answers.put(error)

        groups: list[Sequence[Side]] = [PAIR] if usable_cores() < 2 else [["base"], ["head"]]
        threads = [threading.Thread(target=work, args=(sides,), daemon=True) for sides in groups]
        for thread in threads:
            thread.start()
        try:
            yield from _paired(answers, len(threads), tell)
        finally:  # also where the comparison is interrupted
            over.set()
            for thread in threads:
                while thread.is_alive():
                    self._sides.end_running()
                    thread.join(_SECONDS_TO_END)

    def _one_side(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        instrument: Instrument,
        seconds_left: Callable[[], float],
    ) -> Iterator[tuple[str, Content]]:
        """Yield an answer for each benchmark, whatever becomes of the programs."""
        begin, imports = self._clock(), dict[str, float]()
        left = {own.key: own for own in benchmarks}
        gone = None
        try:
            while left and (seconds := seconds_left()) > self._start_seconds.get(side, 0.0):
                # Whole ones: a job that is longer by a digit lays memory out otherwise.
                limits = {"seconds": ceil(seconds), "limit_seconds": _LIMIT_SECONDS}
                limited = replace(
                    instrument,
                    job={**instrument.job, **limits},
                    start_seconds=min(_MOST_SECONDS, max(_LEAST_SECONDS, seconds)),
                )
                for answer in self._one_program(side, left, seeds, limited, imports):
                    yield answer
                    if seconds_left() <= 0:
                        break
        except CannotStart as error:
            gone = str(error)
        finally:
            self._importing.pop(side, None)
        reason = gone or _why_no_time(imports, self._clock() - begin)
        yield from ((key, {"status": "untried", "reason": reason}) for key in left)

    def _one_program(
        self,
        side: Side,
        left: dict[str, Benchmark],
        seeds: Seeds,
        instrument: Instrument,
        imports: dict[str, float],
    ) -> Iterator[tuple[str, Content]]:
        """Yield what one program answers, on at least one benchmark that is ``left``.

        Add what ``imports`` take.
        """
        tasks = [self._caches.task(side, own) for own in left.values()]
        current, last = None, Answer(kind="end")
        began = self._clock()
        for last in self._sides.run(
            side, instrument.kind, seeds, tasks, lambda _: _PATIENCE_SECONDS, instrument=instrument
        ):
            if last.kind in {"start", "loaded"} and side in self._importing:
                module, begin = self._importing.pop(side)
                imports[module] = max(self._clock() - begin, imports.get(module, 0.0))
                self._start_seconds.setdefault(side, self._clock() - began)
            if last.kind == "start" and last.key in left:
                current = left[last.key]
                self._importing[side] = self._sides.module(current), self._clock()
            elif last.kind == "measurement" and left.pop(last.key, None) is not None:
                yield last.key, last.content
        status, reason = "failed", last.reason or "it gave no answer"
        hurried = instrument.start_seconds < _MOST_SECONDS
        if last.kind == "silent" and hurried and side in self._importing:
            module, begin = self._importing.pop(side)
            imports[module] = self._clock() - begin
            self._start_seconds[side] = self._clock() - began
            return  # there was no time for it, which says nothing of it
        if last.kind == "silent":
            status, reason = "slow", f"it takes more than {last.seconds:.0f} s"
        if side in self._importing:
            module, _ = self._importing.pop(side)
            reason = f"importing {module}: {reason}"
            blamed = [own for own in left.values() if self._sides.module(own) == module]
        else:  # a program that has not begun will not do so another time
            blamed = [own for own in left.values() if current is None or own is current]
        for own in blamed:
            del left[own.key]
            yield own.key, {"status": status, "reason": reason}


def _why_no_time(imports: Mapping[str, float], spent: float) -> str:
    """Return why benchmarks are left when so many seconds are over."""
    if not imports or sum(imports.values()) <= _MOST * spent:
        return _NO_TIME
    module = max(imports, key=imports.__getitem__)
    return f"importing {module} takes {imports[module]:.0f} s under valgrind: raise --budget"


def _paired(
    answers: queue.Queue[tuple[Side, str, Content] | BaseException | None],
    threads: int,
    tell: Callable[[], object],
) -> Iterator[tuple[str, Pair]]:
    """Yield what both sides have answered, until each of the threads has ended."""
    halves: dict[str, Pair] = {}
    while threads:
        try:
            answer = answers.get(timeout=_SECONDS_TO_TELL)
        except queue.Empty:
            tell()
            continue
        if answer is None:
            threads -= 1
        elif isinstance(answer, BaseException):
            raise answer
        else:
            side, key, content = answer
            pair = halves.setdefault(key, {})
            pair[side] = content
            if len(pair) == len(PAIR):
                yield key, pair
