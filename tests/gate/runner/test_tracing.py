"""What one call of Python's code does: the same digits each time, wherever it stands."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perceptron.gate.runner import timing, tracing
from perceptron.gate.runner.tracing import Traced
from tests.gate import old_pythons

HERE = str(Path(__file__).parent)


def trace(call: Callable[[], object], **options: Any) -> dict[str, Any]:
    batches = timing.Batches(call, lambda: time.perf_counter, **{"reset": None, **options})
    fields: dict[str, Any] = Traced([HERE], lambda: None, ValueError)(batches, 0.0, {})
    return fields


def stacks(fields: dict[str, Any]) -> dict[tuple[str, ...], tuple[float, float]]:
    """Return what each stack of names counts itself, and its calls."""
    paths: list[tuple[str, ...]] = []
    for above, frame, _, _ in fields["stacks"]:
        before = () if above < 0 else paths[above]
        paths.append((*before, fields["frames"][frame][0].rpartition(".")[2]))
    return {
        path: (own, calls) for path, (_, _, own, calls) in zip(paths, fields["stacks"], strict=True)
    }


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


def test_stacks_hold_through_generators_and_exceptions_and_fold_recursion() -> None:
    found = trace(everything)
    assert found["repeats"]
    assert found["unit"] == "bytecodes"
    by_stack = stacks(found)
    calls = {path: calls for path, (_, calls) in by_stack.items()}
    assert calls[("everything",)] == 1
    assert calls[("everything", "loop")] == 2
    assert calls[("everything", "turned", "loop")] == 4
    assert calls[("everything", "fails")] == 1
    assert calls[("everything", "even")] == 11
    assert calls[("everything", "even", "odd")] == 10
    assert len(by_stack) == 7
    assert {(file, type(line)) for _, file, line in found["frames"]} == {("test_tracing.py", int)}
    assert stacks(trace(everything)) == by_stack


def test_what_differs_from_call_to_call_says_so() -> None:
    turns = iter(range(1000))
    assert not trace(lambda: loop(next(turns)))["repeats"]


OLD = """
import sys
sys.path.insert(0, {folder!r})
import time, timing, tracing

class Thing:
    def loop(self):
        for _ in range(50):
            pass

found = tracing.Traced([{root!r}], lambda: None, ValueError)(
    timing.Batches(Thing().loop, lambda: time.perf_counter, None), 0.0, {{}}
)
print(found["repeats"], found["frames"], len(found["stacks"]), found["stacks"][0][2] > 100)
"""


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_other_pythons_count_too(tmp_path: Path, version: str) -> None:
    """Also those whose code does not know its qualified name."""
    interpreter = old_pythons.python(version)
    script = tmp_path / "script.py"
    folder = str(Path(tracing.__file__).parent)
    script.write_text(OLD.format(folder=folder, root=str(tmp_path)))
    answer = subprocess.run([interpreter, script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True [['Thing.loop', 'script.py', 7]] 1 True"
