"""Rounds of counting: base and head at once, and again what leaves a doubt.

Counts do not depend on the clock, so both arms may run at the same time, each on a core of its own.
All rounds are of the same minutes on the same machine: counts of two machines are not comparable.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence

from perceptron.gate.counting.valgrind import LONGEST_SECONDS, Valgrind
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import Instrument, Seeds
from perceptron.gate.sampling.sampler import CALIBRATING, Sampler
from perceptron.records.block import Arm, Benchmark, Reading

# If so many benchmarks in a row end their process, no other will do better.
_FAILURES_IN_A_ROW = 4
# What takes so many times as long as was foreseen hangs.
_PATIENCE = 2.0
# Small objects that lay memory out otherwise in the second round.
_PADDING = 997

_PAIR: tuple[Arm, ...] = ("base", "head")
Pair = dict[Arm, Reading]


class Rounds:
    """Counts benchmarks on both arms; what there was no time for is ``untried``."""

    def __init__(self, arms: Arms, valgrind: Valgrind) -> None:
        self._arms = arms
        self._valgrind = valgrind
        self._padding = 0
        self._samplers = {arm: Sampler(arms, instrument=self._instrument) for arm in _PAIR}

    def count(
        self,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        has_time: Callable[[], bool],
        padded: bool = False,
    ) -> Iterator[tuple[str, Pair]]:
        """Yield the key and the readings of each benchmark as soon as both arms have it.

        The trees must be arranged. ``has_time`` is asked before each benchmark; ``padded`` lays
        memory out otherwise. Raises `UserError` as the arms do.
        """
        self._padding = _PADDING if padded else 0
        answers: queue.Queue[tuple[Arm, str, Reading] | BaseException | None] = queue.Queue()

        def work(arms: Sequence[Arm]) -> None:
            try:
                for arm in arms:
                    for key, reading in self._counted(arm, benchmarks, seeds, has_time):
                        answers.put((arm, key, reading))
                answers.put(None)
            except BaseException as error:  # noqa: BLE001 raised again where it is waited for
                answers.put(error)

        groups: list[Sequence[Arm]] = [_PAIR] if len(_cores()) < 2 else [["base"], ["head"]]
        threads = [threading.Thread(target=work, args=(arms,), daemon=True) for arms in groups]
        for thread in threads:
            thread.start()
        halves: dict[str, Pair] = {}
        running = len(threads)
        while running:
            answer = answers.get()
            if answer is None:
                running -= 1
            elif isinstance(answer, BaseException):
                raise answer
            else:
                arm, key, reading = answer
                pair = halves.setdefault(key, {})
                pair[arm] = reading
                if len(pair) == len(_PAIR):
                    yield key, pair

    def _counted(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        has_time: Callable[[], bool],
    ) -> Iterator[tuple[str, Reading]]:
        """Yield a reading of each benchmark, whatever becomes of it."""
        left = {benchmark.key: benchmark for benchmark in benchmarks}
        failures, reason = 0, "there was no time to count it: raise --budget"

        if has_time():
            for key, reading in self._samplers[arm].sample(
                arm, benchmarks, CALIBRATING, seeds, lambda _: _PATIENCE * LONGEST_SECONDS
            ):
                del left[key]
                yield key, reading
                failures = failures + 1 if _ended_its_process(reading) else 0
                if failures >= _FAILURES_IN_A_ROW:
                    reason = reading.reason or ""
                    break
                if not has_time():
                    break
        for key in left:
            yield key, Reading(status="untried", reason=reason)

    def _instrument(self, arm: Arm) -> Instrument:
        cores = _cores()
        core = cores[_PAIR.index(arm) % len(cores)] if cores else None
        return self._valgrind.instrument(self._arms.work_folder(arm), core, self._padding)


def _ended_its_process(reading: Reading) -> bool:
    """Return whether it gave no answer: what answers has taken some time."""
    return reading.status == "slow" or (reading.status == "failed" and not reading.wall_seconds)


def _cores() -> list[int]:
    """Return the cores that this process may use; none where nobody knows."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
