"""The search finds the step with which work changed, in few counts, or says why it cannot."""

from __future__ import annotations

from math import ceil, log

from hypothesis import given
from hypothesis import strategies as st

from perceptron.gate.reasons.search import Hunt, next_steps


def search(works: list[list[float | None]]) -> tuple[list[Hunt], int]:
    """Search with what each benchmark executes at BASE and at every step; return the counts too."""
    last = len(works[0]) - 1
    hunts = [Hunt(own[0] or 0.0, own[-1] or 0.0, last) for own in works]
    probes = 0
    while (pair := next_steps(hunts)) is not None:
        probes += 1
        assert probes <= last * len(works), "each tells something new"
        for hunt, own in zip(hunts, works, strict=True):
            for step in pair:
                hunt.record(step, own[step])
    return hunts, probes


@given(st.integers(1, 200), st.data())
def test_each_benchmark_has_its_own_step_and_it_takes_a_logarithm(
    last: int, data: st.DataObject
) -> None:
    steps = data.draw(st.lists(st.integers(1, last), min_size=1, max_size=3))
    works: list[list[float | None]] = [
        [100.0 if number < step else 110.0 for number in range(last + 1)] for step in steps
    ]
    hunts, probes = search(works)
    assert [hunt.found for hunt in hunts] == steps
    assert not any(hunt.partly for hunt in hunts)
    assert probes <= len(steps) * (ceil(log(last, 3)) + 1)


@given(st.integers(2, 60), st.data())
def test_steps_that_do_not_run_are_passed_over(last: int, data: st.DataObject) -> None:
    """The step is found, unless those just before it do not run."""
    step = data.draw(st.integers(1, last))
    broken = data.draw(st.sets(st.integers(1, last - 1)))
    work: list[float | None] = [
        None if number in broken else 100.0 if number < step else 90.0 for number in range(last + 1)
    ]
    [hunt], _ = search([work])
    runs = [number for number in range(last + 1) if number not in broken]
    old = max(number for number in runs if number < step)
    new = min(number for number in runs if number >= step)
    assert hunt.bounds == (old, new)
    assert hunt.found == (new if new == old + 1 else None)


def test_one_commit_needs_no_count() -> None:
    [hunt], probes = search([[100.0, 110.0]])
    assert (hunt.found, probes) == (1, 0)


def test_up_and_down_and_up_again_is_nobodys() -> None:
    [hunt], _ = search([[100.0, 100.0, 110.0, 110.0, 100.0, 100.0, 110.0]])
    assert hunt.irregular
    assert hunt.found is None
    assert hunt.candidates == []


def test_two_commits_that_share_a_change_are_noted() -> None:
    [hunt], _ = search([[100.0, 100.0, 106.0, 106.0, 106.0, 110.0, 110.0]])
    assert hunt.partly
    assert hunt.found == 2


def test_beyond_both_is_noted_too() -> None:
    [hunt], _ = search([[100.0, 100.0, 130.0, 110.0]])
    assert (hunt.partly, hunt.found) == (True, 2)
