"""A second look at benchmarks on both arms: traced, and profiled under valgrind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from perceptron.gate.counting.rounds import cores
from perceptron.gate.counting.valgrind import LONGEST_SECONDS, Valgrind
from perceptron.gate.reasons import callgrind
from perceptron.gate.reasons.growth import Table
from perceptron.gate.reasons.traces import Trace
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches, ended_early
from perceptron.gate.sampling.processes import PLAIN, START_SECONDS, Answer, Instrument, Seeds
from perceptron.gate.sampling.sampler import CALIBRATING, Sampler
from perceptron.machine import usable_cores
from perceptron.records.block import Arm, Benchmark

NO_TIME = "there was no time to look: raise --budget"
Tables = tuple[Table, Table]
"""Of BASE and of HEAD."""

_PAIR: tuple[Arm, ...] = ("base", "head")
# What takes so many times as long as was foreseen hangs.
_PATIENCE = 2.0
# What was begun in time may end a little later.
_GRACE_SECONDS = 10.0


class CannotLook(Exception):
    """One benchmark cannot be looked into; the message says why, in one line."""


NOT_ANSWERED = CannotLook(NO_TIME)


class Looking:
    """Looks as long as there are seconds ``left``."""

    def __init__(
        self, arms: Arms, seeds: Seeds, left: Callable[[], float], valgrind: Valgrind | None
    ) -> None:
        self._arms = arms
        self._caches = Caches(arms)
        self._sampler = Sampler(arms, self._caches)
        self._seeds = seeds
        self._left = left
        self._valgrind = valgrind

    def trace(self, benchmark: Benchmark) -> tuple[Trace, Trace]:
        """Return what the benchmark does on BASE and on HEAD. Raises `CannotLook`."""
        traces = []
        for arm in _PAIR:
            answers = dict(self._ask(arm, "trace", [benchmark], PLAIN))
            content = answers.get(benchmark.key, NOT_ANSWERED)
            if isinstance(content, CannotLook):
                raise CannotLook(f"{arm.upper()}: {content}" if answers else str(content))
            traces.append(msgspec.convert(content, type=Trace))
        base, head = traces
        return base, head

    def profile(self, benchmarks: Sequence[Benchmark]) -> dict[str, Tables]:
        """Return the functions that each executes on both arms; not of what there is no time for.

        Both arms look at once, as counts do not depend on any clock.
        """
        for arm in _PAIR:  # beforehand, as what makes a cache ends what runs beside it
            self._caches.make(arm, benchmarks, self._seeds)
        with ThreadPoolExecutor(min(len(_PAIR), usable_cores())) as pool:
            try:
                working = [pool.submit(self._profiles, arm, benchmarks) for arm in _PAIR]
                base, head = (worker.result() for worker in working)
            except BaseException:
                self._arms.end_running()
                raise
        both = base.keys() & head.keys()
        return {own.key: (base[own.key], head[own.key]) for own in benchmarks if own.key in both}

    def _profiles(self, arm: Arm, benchmarks: Sequence[Benchmark]) -> dict[str, Table]:
        assert self._valgrind is not None, "somebody has counted"
        folder, usable = self._arms.work_folder(arm), cores()
        core = usable[_PAIR.index(arm) % len(usable)] if usable else None
        start = min(START_SECONDS, max(1.0, self._left()))
        instrument = self._valgrind.instrument(folder, core, 0, start)
        tables: dict[str, Table] = {}
        for key, content in self._ask(arm, "profile", benchmarks, instrument):
            if not isinstance(content, CannotLook):
                with (folder / content["dump"]).open(encoding="utf-8", errors="replace") as dump:
                    tables[key] = callgrind.parse(dump, content["calls"])
        return tables

    def _ask(
        self, arm: Arm, kind: str, benchmarks: Sequence[Benchmark], instrument: Instrument
    ) -> Iterator[tuple[str, dict[str, Any] | CannotLook]]:
        """Yield what a program of the arm answers on each, as far as there is time."""
        broken = self._caches.make(arm, benchmarks, self._seeds) if instrument is PLAIN else {}
        yield from ((key, CannotLook(reading.reason)) for key, reading in broken.items())
        left = [own for own in benchmarks if own.key not in broken]
        while left and self._left() > 0:
            tasks = [self._sampler.task(arm, own, CALIBRATING) for own in left]
            current = left[0].key  # blamed if the process ends early
            for answer in self._arms.run(
                arm, kind, self._seeds, tasks, self._limit, instrument=instrument
            ):
                if answer.kind == "start":
                    current = answer.key
                elif answer.kind == "reading":
                    current = ""
                    left = [own for own in left if own.key != answer.key]
                    yield answer.key, _content(answer)
                elif answer.kind in {"silent", "died", "failed"} and current:
                    left = [own for own in left if own.key != current]
                    yield current, CannotLook(ended_early(answer).reason)
                if answer.kind == "reading" and self._left() <= 0:
                    return

    def _limit(self, _key: str) -> float:
        return min(_PATIENCE * LONGEST_SECONDS, max(1.0, self._left() + _GRACE_SECONDS))


def _content(answer: Answer) -> dict[str, Any] | CannotLook:
    if answer.content.get("status") == "ok":
        return answer.content
    return CannotLook(answer.reason)
