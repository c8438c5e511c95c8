"""Programs of base and head that import a suite once and fork for each benchmark.

What they are asked for depends on no clock, so both sides run at the same time, each on a core of
its own.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil

from perceptron.gate.sampling.processes import START_SECONDS, Instrument, Seeds
from perceptron.gate.sampling.sampler import Content, Sampler
from perceptron.gate.sampling.schedule import CALIBRATING, Calibration
from perceptron.records.block import PAIR, Benchmark, Side

Pair = dict[Side, Content]
# What one benchmark may take. Its program ends it then: one that does not, a little later, hangs.
_LIMIT_SECONDS = 60.0
_PATIENCE_SECONDS = _LIMIT_SECONDS + 15.0
# While programs are ended: one may just be starting.
_SECONDS_TO_END = 0.1
_NO_TIME = {"status": "untried", "reason": "there was no time for it: raise --budget"}


def ask_both(
    sampler: Sampler,
    benchmarks: Sequence[Benchmark],
    seeds: Seeds,
    instrument: Callable[[Side], Instrument],
    seconds_left: Callable[[], float],
    effort: Calibration = CALIBRATING,
) -> Iterator[tuple[str, Pair]]:
    """Yield the key of each benchmark and its answers as soon as both sides have it.

    The trees must be arranged. No benchmark is begun when no ``seconds_left``: then its status is
    ``untried``. Raises `UserError` as the sides do.
    """
    failed: dict[str, Content] = {}
    for side in PAIR:
        # Beforehand: what makes a cache ends what runs beside it.
        unready = sampler.make_caches(side, benchmarks, seeds)
        failed |= {
            key: {"status": own.status, "reason": own.reason} for key, own in unready.items()
        }
    yield from ((key, dict.fromkeys(PAIR, content)) for key, content in failed.items())
    todo = [benchmark for benchmark in benchmarks if benchmark.key not in failed]
    answers: queue.Queue[tuple[Side, str, Content] | BaseException | None] = queue.Queue()
    over = threading.Event()

    def left() -> float:
        return 0.0 if over.is_set() else seconds_left()

    def work(side: Side) -> None:
        try:
            under = instrument(side)
            for key, content in _ask_side(sampler, side, todo, seeds, under, left, effort):
                answers.put((side, key, content))
            answers.put(None)
        except BaseException as error:  # noqa: BLE001 raised again where it is waited for
            answers.put(error)

    threads = [threading.Thread(target=work, args=(side,), daemon=True) for side in PAIR]
    for thread in threads:
        thread.start()
    try:
        yield from _paired(answers)
    finally:  # also where the comparison is interrupted
        over.set()
        for thread in threads:
            while thread.is_alive():
                sampler.sides.end_running()
                thread.join(_SECONDS_TO_END)


def _ask_side(
    sampler: Sampler,
    side: Side,
    benchmarks: Sequence[Benchmark],
    seeds: Seeds,
    instrument: Instrument,
    seconds_left: Callable[[], float],
    effort: Calibration,
) -> Iterator[tuple[str, Content]]:
    """Yield an answer for each benchmark."""

    def limited() -> Instrument | None:
        seconds = seconds_left()
        if seconds <= 0:
            return None
        # Whole ones: a job that is longer by a digit lays memory out otherwise.
        limits = {"seconds": ceil(seconds), "limit_seconds": _LIMIT_SECONDS}
        return replace(
            instrument,
            job={**instrument.job, **limits},
            start_seconds=min(2 * START_SECONDS, max(1.0, seconds)),
        )

    left = {own.key for own in benchmarks}
    for key, content in sampler.ask(
        side, benchmarks, seeds, limited, lambda _: _PATIENCE_SECONDS, effort
    ):
        left.remove(key)
        yield key, content
        if seconds_left() <= 0:
            break
    yield from ((own.key, _NO_TIME) for own in benchmarks if own.key in left)


def _paired(
    answers: queue.Queue[tuple[Side, str, Content] | BaseException | None],
) -> Iterator[tuple[str, Pair]]:
    """Yield what both sides have answered, until each of them has ended."""
    halves: dict[str, Pair] = {}
    running = len(PAIR)
    while running:
        answer = answers.get()
        if answer is None:
            running -= 1
        elif isinstance(answer, BaseException):
            raise answer
        else:
            side, key, content = answer
            pair = halves.setdefault(key, {})
            pair[side] = content
            if len(pair) == len(PAIR):
                yield key, pair
