"""How often a benchmark is called while it is counted: enough, and not for ever."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.gate.counting.effort import plan
from perceptron.records.block import Benchmark, Block, Reading

SECONDS = st.floats(1e-8, 100.0)


def calibrated(call: float, setup: float = 0.0, head: float | None = None) -> list[Block]:
    def reading(seconds: float) -> Reading:
        return Reading(status="ok", call_seconds=seconds, setup_seconds=setup)

    return [
        Block(
            stage="calibration",
            number=0,
            benchmark="time_it",
            order=["base", "head"],
            sides={},
            base=reading(call),
            head=reading(call if head is None else head),
        )
    ]


ONE = [Benchmark(name="time_it")]


@given(call=SECONDS, setup=SECONDS, head=SECONDS)
@settings(deadline=None)
def test_a_benchmark_is_counted_or_says_why_not(call: float, setup: float, head: float) -> None:
    effort = plan(ONE, calibrated(call, setup, head))
    assert ("time_it" in effort.seconds) != ("time_it" in effort.reasons)
    slower = max(call, head)
    calls, counts, warm_up = (
        effort.sampling.calls["time_it"],
        effort.sampling.batches["time_it"],
        effort.sampling.warm_up["time_it"],
    )
    assert calls == 1 or calls * slower < 0.01
    assert counts in {1, 3, 5}
    assert 1 <= warm_up <= 20
    if effort.seconds:
        assert calls * counts * slower < effort.seconds["time_it"] < effort.limit("time_it")


def test_what_takes_too_long_under_valgrind_says_how_long() -> None:
    assert plan(ONE, calibrated(10.0)).reasons == {
        "time_it": "it would take about 310 s under valgrind"
    }


def test_what_is_no_time_is_not_counted_and_nobody_is_told() -> None:
    effort = plan([Benchmark(name="time_it", type="track")], calibrated(0.1))
    assert not effort.seconds
    assert not effort.reasons
