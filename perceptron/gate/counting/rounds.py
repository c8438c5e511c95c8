"""Rounds of counting: base and head at once, and again what leaves a doubt.

Counts do not depend on the clock, so both arms may run at the same time, each on a core of its own.
All rounds are of the same minutes on the same machine: counts of two machines are not comparable.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from perceptron.gate.counting.valgrind import LONGEST_SECONDS, Valgrind
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import START_SECONDS, CannotStart, Instrument, Seeds
from perceptron.gate.sampling.sampler import CALIBRATING, Caches, Sampler
from perceptron.machine import usable_cores
from perceptron.records.block import Arm, Benchmark, Reading

# If the first so many benchmarks end their process, no other will do better.
_ENDED_IN_A_ROW = 4
# For threads to notice that they are not wanted any more.
_SECONDS_TO_END = 10.0
# What takes so many times as long as was foreseen hangs.
_PATIENCE = 2.0
# One benchmark may take so many equal shares of the time that is left for all, and at least so many
# seconds: or a slow one at the head of a long suite would take what hundreds need.
_SHARES, _LEAST_SECONDS = 8.0, 10.0
# Small objects that lay memory out otherwise in the second round.
_PADDING = 997

_PAIR: tuple[Arm, ...] = ("base", "head")
Pair = dict[Arm, Reading]


class Rounds:
    """Counts benchmarks on both arms; what there was no time for is ``untried``."""

    def __init__(self, arms: Arms, caches: Caches, valgrind: Valgrind) -> None:
        self._arms = arms
        self._caches = caches
        self._valgrind = valgrind
        self._padding = 0
        self._start_seconds = START_SECONDS
        self._samplers = {arm: Sampler(arms, caches, instrument=self._instrument) for arm in _PAIR}

    def count(
        self,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        seconds_left: Callable[[], float],
        padded: bool = False,
    ) -> Iterator[tuple[str, Pair]]:
        """Yield the key and the readings of each benchmark as soon as both arms have it.

        The trees must be arranged. No benchmark is begun when no ``seconds_left``; ``padded`` lays
        memory out otherwise. Raises `UserError` as the arms do.
        """
        self._padding = _PADDING if padded else 0
        self._start_seconds = min(START_SECONDS, max(1.0, seconds_left()))
        # Beforehand: what makes a cache is not counted, so nothing may run beside it.
        broken = {
            arm: self._caches.make(arm, benchmarks, seeds, lambda: seconds_left() / 2)
            for arm in _PAIR
        }
        failed = {key: reading for arm in _PAIR for key, reading in broken[arm].items()}
        yield from ((key, dict.fromkeys(_PAIR, reading)) for key, reading in failed.items())
        todo = [benchmark for benchmark in benchmarks if benchmark.key not in failed]
        answers: queue.Queue[tuple[Arm, str, Reading] | BaseException | None] = queue.Queue()
        over = threading.Event()

        def left() -> float:
            return 0.0 if over.is_set() else seconds_left()

        def work(arms: Sequence[Arm]) -> None:
            try:
                for arm in arms:
                    for key, reading in self._counted(arm, todo, seeds, left):
                        answers.put((arm, key, reading))
                answers.put(None)
            except BaseException as error:  # noqa: BLE001 raised again where it is waited for
                answers.put(error)

        groups: list[Sequence[Arm]] = [_PAIR] if usable_cores() < 2 else [["base"], ["head"]]
        threads = [threading.Thread(target=work, args=(arms,), daemon=True) for arms in groups]
        for thread in threads:
            thread.start()
        try:
            yield from _paired(answers, len(threads))
        finally:  # also where the comparison is interrupted
            over.set()
            if any(thread.is_alive() for thread in threads):
                self._arms.end_running()
            for thread in threads:
                thread.join(_SECONDS_TO_END)

    def _counted(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        seconds_left: Callable[[], float],
    ) -> Iterator[tuple[str, Reading]]:
        """Yield a reading of each benchmark, whatever becomes of it."""
        left = {benchmark.key: benchmark for benchmark in benchmarks}
        ended, counted, reason = 0, False, "there was no time to count it: raise --budget"

        def limit(_: Benchmark) -> float:
            share = _SHARES * seconds_left() / max(1, len(left))
            return min(_PATIENCE * LONGEST_SECONDS, max(_LEAST_SECONDS, share))

        given_up = False
        try:
            while left and not given_up and seconds_left() > 0:
                for key, reading in self._samplers[arm].sample(
                    arm, list(left.values()), CALIBRATING, seeds, limit
                ):
                    benchmark = left.pop(key)
                    yield key, reading
                    counted = counted or reading.status == "ok"
                    ended = ended + 1 if _ended_its_process(reading) else 0
                    if ended >= _ENDED_IN_A_ROW and not counted:
                        given_up, reason = True, f"counting was given up: {reading.reason}"
                    # No other process would load its module sooner.
                    unloaded = [] if reading.loaded else _of_file(benchmark.file, left)
                    yield from ((other, reading) for other in unloaded)
                    for other in unloaded:
                        del left[other]
                    if given_up or unloaded or seconds_left() <= 0:
                        break
        except CannotStart as error:
            reason = str(error)
        for key in left:
            yield key, Reading(status="untried", reason=reason)

    def _instrument(self, arm: Arm) -> Instrument:
        usable = cores()
        core = usable[_PAIR.index(arm) % len(usable)] if usable else None
        return self._valgrind.instrument(
            self._arms.work_folder(arm), core, self._padding, self._start_seconds
        )


def _paired(
    answers: queue.Queue[tuple[Arm, str, Reading] | BaseException | None], threads: int
) -> Iterator[tuple[str, Pair]]:
    """Yield what both arms have answered, until each of the threads has ended."""
    halves: dict[str, Pair] = {}
    while threads:
        answer = answers.get()
        if answer is None:
            threads -= 1
        elif isinstance(answer, BaseException):
            raise answer
        else:
            arm, key, reading = answer
            pair = halves.setdefault(key, {})
            pair[arm] = reading
            if len(pair) == len(_PAIR):
                yield key, pair


def _of_file(file: str | None, benchmarks: Mapping[str, Benchmark]) -> list[str]:
    """Return the keys of those that are defined in this file; none where it is not known."""
    return [key for key, own in benchmarks.items() if file is not None and own.file == file]


def _ended_its_process(reading: Reading) -> bool:
    """Return whether it gave no answer: what answers has taken some time."""
    return reading.status == "slow" or (reading.status == "failed" and not reading.wall_seconds)


def cores() -> list[int]:
    """Return the cores that this process may use; none where nobody knows."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
