"""Traces of both arms as one profile: nothing that was counted is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.gate.reasons import traces
from perceptron.gate.reasons.growth import Cost, FunctionId
from perceptron.gate.reasons.traces import Trace, profile, table

NAMES = "abcdef"


@st.composite
def traced(draw: st.DrawFn) -> Trace:
    """A tree of stacks, each after the one that it stands on."""
    frames = draw(st.permutations(NAMES))
    stacks: list[tuple[int, int, float, float]] = []
    seen: set[tuple[int, int]] = set()
    for number in range(draw(st.integers(1, 25))):
        above = draw(st.integers(-1, number - 1)) if stacks else -1
        frame = draw(st.integers(0, len(frames) - 1))
        if (above, frame) not in seen and above < len(stacks):
            seen.add((above, frame))
            stacks.append((above, frame, float(draw(st.integers(0, 10**6))), 1.0))
    lines = draw(st.integers(1, 9))
    described: list[tuple[str, str | None, int | None]] = [
        (name, f"{name}.py", lines) for name in frames
    ]
    return Trace(unit="bytecodes", repeats=True, frames=described, stacks=stacks)


@given(traced(), traced())
def test_totals_and_functions_stay_true(base: Trace, head: Trace) -> None:
    found = profile("suite.time_one", base, head)
    total = sum(own for trace in (base, head) for _, _, own, _ in trace.stacks)
    kept = sum(found.base) + sum(found.head)
    assert kept + found.left_out * total == pytest.approx(total)
    assert len({tuple(stack) for stack in found.stacks}) == len(found.stacks)
    assert len(found.base) == len(found.head) == len(found.stacks)
    used = {index for stack in found.stacks for index in stack}
    assert used == set(range(len(found.frames)))
    assert {frame.line for frame in found.frames if frame.function in NAMES} <= {
        base.frames[0][2],
        head.frames[0][2],
    }
    assert sum(cost.own for cost in table(head).values()) == sum(own[2] for own in head.stacks)


SMALL = Trace(
    unit="bytecodes",
    repeats=True,
    frames=[("outer", "toy.py", 1), ("inner", "toy.py", 5), ("tiny", "toy.py", 9)],
    stacks=[(-1, 0, 100.0, 1.0), (0, 1, 9900.0, 10.0), (1, 2, 3.0, 1.0)],
)


def test_what_is_too_small_is_added_to_what_it_stands_on() -> None:
    found = profile("suite.time_one", SMALL, SMALL)
    assert [frame.function for frame in found.frames] == ["outer", "inner"]
    assert found.stacks == [[0], [0, 1]]
    assert found.base == found.head == [100.0, 9903.0]
    assert found.left_out == 0


def test_one_function_on_several_stacks_is_one_row() -> None:
    twice = Trace(
        unit="bytecodes",
        repeats=True,
        frames=[*SMALL.frames, ("inner", "toy.py", 5)],
        stacks=[*SMALL.stacks, (-1, 3, 100.0, 2.0)],
    )
    assert table(twice)[FunctionId("inner", "toy.py")] == Cost(10_000.0, 12.0, 5)


def test_a_wide_tree_is_cut_to_what_a_page_can_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_STACKS", 3)
    wide = Trace(
        unit="calls",
        repeats=True,
        frames=[("root", None, None), *((f"leaf{number}", None, None) for number in range(9))],
        stacks=[(-1, 0, 500.0, 1.0), *((0, 1 + number, 10.0 + number, 1.0) for number in range(9))],
    )
    found = profile("suite.time_one", wide, wide)
    assert 1 <= len(found.stacks) <= 3
    assert sum(found.head) == 500 + sum(10 + number for number in range(9))
