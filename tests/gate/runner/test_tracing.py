"""What one call of Python's code does: the same digits each time, wherever it stands."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perceptron.gate.runner import timing, tracing
from perceptron.gate.runner.tracing import trace_calls
from tests.gate import old_pythons

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


def test_what_each_function_does_repeats_through_generators_exceptions_and_recursion() -> None:
    found = trace(everything)
    assert found["repeats"]
    assert found["unit"] == "bytecodes"
    assert {(file, type(line)) for _, file, line, *_ in found["functions"]} == {
        ("test_tracing.py", int)
    }
    calls = {name: calls for name, *_, calls in found["functions"]}
    assert calls == {"everything": 1, "loop": 6, "turned": 6, "fails": 1, "even": 11, "odd": 10}
    assert trace(everything) == found


def test_what_differs_from_call_to_call_says_so() -> None:
    turns = iter(range(1000))
    assert not trace(lambda: loop(next(turns)))["repeats"]


OLD = """
import sys
sys.path.insert(0, {folder!r})
import time
from runner import timing, tracing

class Thing:
    def loop(self):
        for _ in range(50):
            pass

batches = timing.Batches(Thing().loop, lambda: time.perf_counter, None)
found = tracing.trace_calls(batches, [{root!r}], lambda: None)
(*named, own, calls), = found["functions"]
print(found["repeats"], named, own > 100, calls)
"""


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_other_pythons_count_too(tmp_path: Path, version: str) -> None:
    """Also those whose code does not know its qualified name."""
    interpreter = old_pythons.python(version)
    script = tmp_path / "script.py"
    folder = str(Path(tracing.__file__).parents[1])
    script.write_text(OLD.format(folder=folder, root=str(tmp_path)))
    answer = subprocess.run([interpreter, script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True ['Thing.loop', 'script.py', 8] True 1.0"
