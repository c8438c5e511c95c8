"""Programs of base and head that import a suite once and fork for each benchmark.

Their answers depend on no clock, so both sides run at the same time, each on its own core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import ceil

from perceptron.gate.sampling.processes import START_SECONDS, Instrument, Seeds
from perceptron.gate.sampling.sampler import Content, Sampler
from perceptron.gate.sampling.schedule import CALIBRATING, Calibration
from perceptron.records.block import PAIR, Benchmark, Side

Pair = dict[Side, Content]
# Seconds of a benchmark. Its program then ends it; one that does not end soon after hangs.
_LIMIT_SECONDS = 60.0
_PATIENCE_SECONDS = _LIMIT_SECONDS + 15.0
_OVER: tuple[str, Content] = ("", {})
_NO_TIME = {"status": "untried", "reason": "there was no time for it: raise --budget"}


def ask_both(
    sampler: Sampler,
    benchmarks: Sequence[Benchmark],
    seeds: Seeds,
    instrument: Callable[[Side], Instrument],
    seconds_left: Callable[[], float],
    effort: Calibration = CALIBRATING,
    import_share: float = 1.0,
) -> Iterator[tuple[str, Pair]]:
    """Yield the key of each benchmark and its pair of answers as soon as both sides have it.

    The trees must be arranged. No benchmark begins after the ``seconds_left``: its status is then
    ``untried``. Imports may take the ``import_share`` of them; once an import took longer, none
    starts with less time. Raises `UserError` as the sides do.
    """
    failed: dict[str, Content] = {}
    for side in PAIR:
        # Before the first question: making a cache ends the running programs.
        unready = sampler.make_caches(side, benchmarks, seeds, seconds_left)
        failed |= {
            key: {"status": measurement.status, "reason": measurement.reason}
            for key, measurement in unready.items()
        }
    yield from ((key, dict.fromkeys(PAIR, content)) for key, content in failed.items())
    todo = [benchmark for benchmark in benchmarks if benchmark.key not in failed]
    pairs: dict[str, Pair] = {benchmark.key: {} for benchmark in todo}
    late: dict[Side, Content] = {}
    is_useful = True
    running = {
        side: sampler.ask(
            side,
            todo,
            seeds,
            partial(_limited, instrument(side), seconds_left, import_share, late, side),
            lambda _: _PATIENCE_SECONDS,
            effort,
        )
        for side in PAIR
    }
    try:
        # In turn: one side's program works while the other's answer is awaited.
        while running and is_useful and seconds_left() > 0:
            for side in list(running):
                answer = next(running[side], _OVER)
                if answer == _OVER:
                    del running[side]
                    # Otherwise the other side has no counterpart.
                    is_useful = all(side in pair for pair in pairs.values())
                elif answer is not None:
                    key, content = answer
                    if content["status"] == "slow" and content.get("loaded") is False:
                        late[side] = content
                    pairs[key][side] = content
                    if len(pairs[key]) == len(PAIR):
                        yield key, pairs.pop(key)
    finally:  # also where the comparison is interrupted
        for answers in running.values():
            answers.close()
    untried = _NO_TIME
    for content in late.values():
        untried = {"status": "untried", "reason": f"{content['reason']}: raise --budget"}
    for key, pair in pairs.items():
        yield key, {side: pair.get(side, untried) for side in PAIR}


def _limited(
    instrument: Instrument,
    seconds_left: Callable[[], float],
    import_share: float,
    late: Mapping[Side, Content],
    side: Side,
) -> Instrument | None:
    """Return the instrument for the time that is left; None where there is none.

    None also where the side's last import was too ``late``, and this one would end sooner.
    """
    seconds = seconds_left()
    importing = min(2 * START_SECONDS, max(1, ceil(import_share * seconds)))
    if seconds <= 0 or (side in late and importing < late[side]["wall_seconds"]):
        return None
    # Whole seconds: one more digit in the job would change the memory layout.
    limits = {"seconds": ceil(seconds), "limit_seconds": _LIMIT_SECONDS}
    return replace(instrument, job={**instrument.job, **limits}, start_seconds=importing)
