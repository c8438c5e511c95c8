"""A second look at benchmarks on both arms: traced, and profiled under valgrind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

import msgspec

from perceptron.gate.counting.rounds import cores
from perceptron.gate.counting.valgrind import LONGEST_SECONDS, Valgrind
from perceptron.gate.reasons.dumps import NoDump, read
from perceptron.gate.reasons.growth import Table, Trace
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import START_SECONDS, Answer, Instrument, Seeds
from perceptron.gate.sampling.sampler import CALIBRATING, Caches, Sampler, ended_early
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
_LEAST_SECONDS = 1.0
_SILENT = "it gave no answer"
# While programs are ended: one may just be starting.
_POLL_SECONDS = 0.1


class CannotLook(Exception):
    """One benchmark cannot be looked into; the message says why, in one line."""


NOT_ANSWERED = CannotLook(NO_TIME)
Content = Mapping[str, Any]


class Looking:
    """Looks as long as there are seconds ``left``."""

    def __init__(
        self,
        arms: Arms,
        caches: Caches,
        seeds: Seeds,
        left: Callable[[], float],
        valgrind: Valgrind | None,
    ) -> None:
        self._arms = arms
        self._caches = caches
        self._sampler = Sampler(arms, caches)
        self._seeds = seeds
        self._seconds_left = left
        self._valgrind = valgrind
        self._over = threading.Event()

    def trace(self, benchmark: Benchmark) -> tuple[Trace, Trace]:
        """Return what the benchmark does on BASE and on HEAD.

        Raises `CannotLook`, `msgspec.ValidationError` for what is no trace, and as the arms do.
        """
        traces = []
        for arm in _PAIR:
            answers: dict[str, Content | CannotLook] = {**self._broken(arm, [benchmark])}
            answers = answers or dict(self._ask(arm, "trace", [benchmark], _plain))
            content = answers.get(benchmark.key, NOT_ANSWERED)
            if isinstance(content, CannotLook):
                raise CannotLook(f"{arm.upper()}: {content}" if answers else str(content))
            traces.append(msgspec.convert(content, type=Trace))
        base, head = traces
        return base, head

    def profile(self, benchmarks: Sequence[Benchmark]) -> dict[str, Tables | CannotLook]:
        """Return the functions that each executes on both arms, or why nobody knows them.

        What there is no time for is not there. Both arms look at once, as counts do not depend on
        any clock. Raises as the arms do.
        """
        # Beforehand, as what makes a cache ends what runs beside it.
        found: dict[str, Tables | CannotLook] = {}
        for arm in _PAIR:
            found.update(self._broken(arm, benchmarks))
        todo = [own for own in benchmarks if own.key not in found]
        with ThreadPoolExecutor(min(len(_PAIR), usable_cores())) as pool:
            working = [pool.submit(self._profiles, arm, todo) for arm in _PAIR]
            try:
                for ended in wait(working, return_when=FIRST_EXCEPTION).done:
                    ended.result()  # the other one may take long
                base, head = (worker.result() for worker in working)
            except BaseException:  # ctrl-C too: no other program is to be started
                self._over.set()
                while wait(working, _POLL_SECONDS).not_done:
                    self._arms.end_running()
                raise
        for key in base.keys() & head.keys():
            found[key] = _both(base[key], head[key])
        return found

    def _profiles(self, arm: Arm, benchmarks: Sequence[Benchmark]) -> dict[str, Table | CannotLook]:
        assert self._valgrind is not None, "somebody has counted"
        valgrind, folder, usable = self._valgrind, self._arms.work_folder(arm), cores()
        core = usable[_PAIR.index(arm) % len(usable)] if usable else None

        def instrument(seconds: float) -> Instrument:
            return valgrind.instrument(folder, core, 0, seconds)

        found: dict[str, Table | CannotLook] = {}
        for key, content in self._ask(arm, "profile", benchmarks, instrument):
            if isinstance(content, CannotLook):
                found[key] = content
                continue
            try:
                found[key] = read(folder, content)
            except NoDump as error:
                found[key] = CannotLook(str(error))
        return found

    def _broken(self, arm: Arm, benchmarks: Sequence[Benchmark]) -> dict[str, CannotLook]:
        """Make what `setup_cache` returns, and say of whom that fails."""
        failed = self._caches.make(arm, benchmarks, self._seeds, self._left)
        return {key: CannotLook(reading.reason) for key, reading in failed.items()}

    def _ask(
        self,
        arm: Arm,
        kind: str,
        benchmarks: Sequence[Benchmark],
        instrument: Callable[[float], Instrument],
    ) -> Iterator[tuple[str, Content | CannotLook]]:
        """Yield what a program of the arm answers on each, as far as there is time.

        ``instrument`` is told how many seconds it may take to start.
        """
        left = {own.key: own for own in benchmarks}
        while left and self._left() > 0:
            tasks = [self._sampler.task(arm, own, CALIBRATING) for own in left.values()]
            current = first = next(iter(left))  # blamed if the process ends early
            asked = len(left)
            under = instrument(min(START_SECONDS, max(_LEAST_SECONDS, self._left())))
            for answer in self._arms.run(
                arm, kind, self._seeds, tasks, self._limit, instrument=under
            ):
                if answer.kind == "start":
                    current = answer.key
                elif answer.kind == "reading" and left.pop(answer.key, None) is not None:
                    current = ""
                    yield answer.key, _content(answer)
                elif answer.kind in {"silent", "died", "failed"} and current in left:
                    del left[current]
                    yield current, CannotLook(ended_early(answer).reason)
                if answer.kind == "reading" and self._left() <= 0:
                    return
            if len(left) == asked and self._left() > 0:  # nor would another process
                del left[first]
                yield first, CannotLook(_SILENT)

    def _left(self) -> float:
        return 0.0 if self._over.is_set() else self._seconds_left()

    def _limit(self, _key: str) -> float:
        return min(_PATIENCE * LONGEST_SECONDS, max(_LEAST_SECONDS, self._left() + _GRACE_SECONDS))


def _plain(seconds: float) -> Instrument:
    return Instrument(start_seconds=seconds)


def _content(answer: Answer) -> Content | CannotLook:
    if answer.content.get("status") == "ok":
        return answer.content
    return CannotLook(answer.reason or _SILENT)


def _both(base: Table | CannotLook, head: Table | CannotLook) -> Tables | CannotLook:
    """Return both tables, or the first reason why there are none."""
    if isinstance(base, CannotLook):
        return CannotLook(f"BASE: {base}")
    if isinstance(head, CannotLook):
        return CannotLook(f"HEAD: {head}")
    return base, head
