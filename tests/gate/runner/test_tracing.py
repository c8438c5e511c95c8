"""What one call of Python's code does: the same digits each time, wherever it stands."""

from __future__ import annotations

import subprocess
import sys
import time
import types
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


def test_an_inlined_loop_counts_by_its_turns() -> None:
    """Although nothing is called more often."""

    def counted(turns: int) -> tuple[float, float]:
        return stacks(trace(lambda: loop(turns)))[("<lambda>", "loop")]

    (none, _), (some, calls), (twice, _) = (counted(turns) for turns in (0, 100, 200))
    assert calls == 1
    assert twice - some == some - none > 100


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


def test_who_traced_before_traces_again() -> None:
    def before(*_: object) -> None: ...

    kept = sys.gettrace()
    sys.settrace(before)
    try:
        with pytest.raises(ZeroDivisionError):
            trace(lambda: 1 / 0)
        trace(lambda: loop(3))
        after = sys.gettrace()
    finally:
        sys.settrace(kept)
    assert after is before


def test_what_is_too_long_counts_calls_and_compiled_ones_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "MOST_BYTECODES", 100_000)
    found = trace(lambda: [loop(30_000), sorted([2, 1]), loop(30_000)])
    assert (found["unit"], found["repeats"]) == ("calls", True)
    assert stacks(found) == {
        ("<lambda>",): (1, 1),
        ("<lambda>", "loop"): (2, 2),
        ("<lambda>", "sorted"): (1, 1),
    }
    assert ["sorted", "builtins", None] in found["frames"]
    monkeypatch.setattr(tracing, "MOST_CALLS", 2)
    with pytest.raises(ValueError, match="too long"):
        trace(lambda: [loop(3) for _ in range(9)])


def test_a_mean_of_calls_where_asv_makes_several_between_two_setups() -> None:
    setups: list[int] = []
    found = stacks(trace(lambda: loop(10), reset=lambda: setups.append(1), number=4))
    assert found[("<lambda>", "loop")][1] == 1
    assert setups, "its setup runs before what is counted"


def test_what_differs_from_call_to_call_says_so() -> None:
    turns = iter(range(1000))
    assert not trace(lambda: loop(next(turns)))["repeats"]


def test_what_runs_elsewhere_is_refused() -> None:
    batches = timing.RawBatches(lambda calls: 1.0 * calls, 1)
    with pytest.raises(ValueError, match="a process of its own"):
        Traced([], lambda: None, ValueError)(batches, 0.0, {})


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


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_other_pythons_count_too(tmp_path: Path, version: str) -> None:
    """Also those whose code does not know its qualified name."""
    interpreter = old_pythons.python(version)
    script = tmp_path / "script.py"
    folder = str(Path(tracing.__file__).parent)
    script.write_text(OLD.format(folder=folder, root=str(tmp_path)))
    answer = subprocess.run([interpreter, script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True [['Thing.loop', 'script.py', 7]] 1 True"


def test_files_are_named_as_both_arms_have_them(tmp_path: Path) -> None:
    shown = tracing._shown
    roots = [str(tmp_path) + "/"]
    assert shown(str(tmp_path / "toy" / "core.py"), roots) == "toy/core.py"
    assert shown("/x/lib/site-packages/numpy/core.py", roots) == "numpy/core.py"
    assert shown("<string>", roots) == "<string>"
    assert shown(subprocess.__file__, roots) == "subprocess.py"
    assert shown("/elsewhere/else.py", roots) == "else.py"


def test_a_name_that_is_no_text_can_be_sent() -> None:
    code = compile("def odd(): pass", "\udcff.py", "exec")
    function = types.FunctionType(code.co_consts[0], {})
    assert trace(function)["frames"] == [["odd", "?.py", 1]]


def test_functions_of_this_program_are_on_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """They only call the benchmark; whatever is counted stands on nothing of ours."""
    code = compile("def ours(call):\n call()\n", tracing._HERE + "__init__.py", "exec")
    ours = types.FunctionType(code.co_consts[0], {})
    assert set(stacks(trace(lambda: ours(lambda: loop(3))))) == {
        ("<lambda>",),
        ("<lambda>", "<lambda>"),
        ("<lambda>", "<lambda>", "loop"),
    }
    monkeypatch.setattr(tracing, "MOST_BYTECODES", -1)
    many = stacks(trace(lambda: ours(lambda: loop(200_000))))
    assert set(many) == {("<lambda>",), ("<lambda>", "<lambda>"), ("<lambda>", "<lambda>", "loop")}
