"""What one call of Python's code does: the same digits each time, wherever it stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perceptron.gate.runner import timing, tracing
from perceptron.gate.runner.session import Refused
from perceptron.gate.runner.tracing import trace_calls

HERE = str(Path(__file__).parent)


def trace(call: Callable[[], object], **options: Any) -> dict[str, Any]:
    batches = timing.Batches(call, lambda: time.perf_counter, **{"reset": None, **options})
    return trace_calls(batches, [HERE], lambda: None)


def loop(turns: int) -> float:
    total = 0.0
    for number in range(turns):
        total += number
    return total


def turned(count: int) -> Iterator[int]:
    for number in range(count):
        loop(2)
        yield number


def even(number: int) -> bool:
    return number == 0 or odd(number - 1)


def odd(number: int) -> bool:
    return number != 0 and even(number - 1)


def fails() -> None:
    raise KeyError


def everything() -> None:
    loop(100)
    generator = turned(5)
    next(generator)
    generator.close()
    for _ in turned(3):
        pass
    try:
        fails()
    except KeyError:
        loop(1)
    even(20)


def test_tracing_counts_repeat_across_generators_and_recursion() -> None:
    traced = trace(everything)
    assert traced["repeats"]
    assert {(file, type(line)) for _, file, line, *_ in traced["functions"]} == {
        ("test_tracing.py", int)
    }
    calls = {name: calls for name, *_, calls in traced["functions"]}
    assert calls == {"everything": 1, "loop": 6, "turned": 6, "fails": 1, "even": 11, "odd": 10}
    assert trace(everything) == traced


def test_tracing_refuses_too_long_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "MOST_BYTECODES", 100_000)
    with pytest.raises(Refused, match="too long to be traced"):
        trace(lambda: loop(100_000))


def test_tracing_detects_unrepeatable_call() -> None:
    turns = iter(range(1000))
    assert not trace(lambda: loop(next(turns)))["repeats"]
