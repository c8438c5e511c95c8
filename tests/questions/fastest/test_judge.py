from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.questions.fastest.judge import (
    NOT_KNOWN,
    Advice,
    Candidate,
    Trainings,
    candidate,
    choose,
    is_enough,
    ranked,
    ranking_of,
    row_of,
)
from perceptron.questions.fastest.measured_shape import GIVEN_UP, NO_START, UNASKED, MeasuredShape
from perceptron.statistics.ranking import Ranking
from tests.made_shapes import measured, shape

NUMPY = Candidate(backend="numpy", device="cpu", reason=NOT_KNOWN)
TORCH = Candidate(backend="torch-cpu", device="cpu", reason=NOT_KNOWN)
JAX = Candidate(backend="jax-cpu", device="cpu", reason=NOT_KNOWN)
ABSENT = Candidate(backend="torch-cuda", device="cuda", reason="no CUDA device found")


def test_candidate_total_is_iterations_plus_one_setup() -> None:
    row = measured(shape(), seconds=1e-3, factors=(0.9, 1.0, 1.1), setup_seconds=0.5)
    one = candidate(row, 1000)
    assert (one.seconds, one.source) == (pytest.approx(1.5), "measured")
    assert (one.setup_seconds, one.seconds_per_iteration) == (0.5, 1e-3)
    assert one.low is not None
    assert one.high is not None
    assert one.low < 1.4 < 1.6 < one.high


@pytest.mark.parametrize(
    ("waited", "factors", "low"),
    [(0.9, (1.0, 1.0), 0.0), (0.2, (1.0, 1.0), 0.8), (0.0, (1.0,), None)],
)
def test_candidate_interval_covers_waiting_and_needs_repeats(
    waited: float, factors: Sequence[float], low: float | None
) -> None:
    one = candidate(measured(shape(), factors=factors, waited=waited), 1)
    assert (one.low is None) == (low is None)
    assert (one.low or 0.0) <= (low or 0.0)


def test_candidate_row_is_newest_uncontended() -> None:
    old = measured(shape(), seconds=9.0, when="2020-01-01")
    rows = [measured(shape(), seconds=seconds) for seconds in (1.0, 2.0)]
    assert row_of("numpy", [old, *rows]) is rows[1], "the last of equal ones"
    busy = measured(shape(), seconds=9.0, waited=0.9, when="2026-02-02")
    assert row_of("numpy", [busy, old]) is old
    assert row_of("torch-cpu", rows) is None


# --- the answer ----------------------------------------------------------------------------------


def advice_on(
    rows: Sequence[MeasuredShape],
    others: Sequence[Candidate] = (),
    able: Sequence[str] | None = None,
    **fields: Any,
) -> tuple[Advice, Ranking]:
    """The answer about one iteration, where these rows are all that is known."""
    trainings = Trainings(rows, 1)
    candidates = [*(candidate(row, 1) for row in trainings.newest.values()), *others]
    ranking = ranking_of(candidates, trainings, able)
    return choose(candidates, ranking, able=able, **fields), ranking


def answer(rows: Sequence[MeasuredShape], *others: Candidate, **fields: Any) -> Advice:
    return advice_on(rows, others, **fields)[0]


def test_ranking_lists_all_candidates_by_time() -> None:
    rows = [
        measured(shape(), name, seconds)
        for name, seconds in (("torch-cpu", 3.0), ("numpy", 1.0), ("numba", 2.0))
    ]
    advice = answer(rows, measured="2026-01-01")
    assert (advice.backend, advice.seconds, advice.decided) == ("numpy", pytest.approx(1.0), True)
    assert [candidate.backend for candidate in advice.candidates] == ["numpy", "numba", "torch-cpu"]
    assert (advice.source, advice.open) == ("measured", ())
    assert advice.sentence == (
        "numpy is fastest; numba takes 2.00× as long; torch-cpu takes 3.00× as long"
    )
    assert advice.why.startswith(f"{advice.sentence}; numpy takes 1.00 [0.")
    assert advice.why.endswith("s, measured on 2026-01-01")
    assert answer(rows, new=("numpy",)).why.endswith("measured now")


def test_ranking_reason_skips_backends_that_cannot_apply() -> None:
    late = replace(TORCH, reason=NO_START)
    advice = answer([measured(shape())], late, able=["torch-cpu"])
    assert advice.sentence == f"not measured: torch-cpu: {NO_START}"


def apart(second: float, factors: Sequence[float] = (1.0, 1.0, 1.0)) -> list[MeasuredShape]:
    """Two that were measured in different minutes."""
    return [
        measured(shape(), "numpy", together="one", factors=factors),
        measured(shape(), "torch-cpu", second, factors=[1.0] * len(factors), together="another"),
    ]


def run(start: str, second: float, **fields: Any) -> list[MeasuredShape]:
    """Rows of two backends side by side; the second takes this many times as long."""
    usual = {"together": start, "session": start, "when": start, "code": "code"} | fields
    return [measured(shape(), "numpy", **usual), measured(shape(), "torch-cpu", second, **usual)]


def test_earlier_run_joins_if_code_and_libraries_are_equal() -> None:
    """Runs of one session that exclude each other leave it open; other code is another training."""
    morning, noon = "2026-01-01T08:00:00Z", "2026-01-01T08:10:00Z"
    disagree = answer([*run(morning, 0.5), *run(noon, 2.0)])
    assert (disagree.how_decided, disagree.candidates[1].doubt) == ("no", "runs disagree")
    unlike: list[dict[str, Any]] = [
        {"code": "other"},
        {"code": None},
        {"environment": "other"},
        {"libraries": {"numpy": "1.0"}},
    ]
    for other in unlike:
        newest = answer([*run(morning, 0.5, **other), *run(noon, 2.0)])
        assert (newest.backend, newest.decided) == ("numpy", True)
    unknown = answer([*run(morning, 0.5, code=None), *run(noon, 2.0, code=None)])
    assert (unknown.backend, unknown.decided) == ("numpy", True)


def test_only_repeats_of_one_problem_are_side_by_side() -> None:
    """Of two problems of this shape in a run, the one with more backends decides."""
    start = "2026-01-01T08:00:00Z"
    rows = [
        *run(start, 1.02, together="run: a"),
        measured(shape(), "numpy", 9.0, together="run: b", session=start, code="code"),
    ]
    for in_any_order in (rows, rows[::-1]):
        advice = answer(in_any_order)
        assert (advice.backend, advice.decided, advice.ties) == ("numpy", True, ("torch-cpu",))


def test_earlier_side_by_side_times_decide_before_newer_ones_of_other_minutes() -> None:
    """A machine that is slower today does not turn the ratio round."""
    rows = run("2026-01-01T08:00:00Z", 1.5)
    slow = "2026-01-02T08:00:00Z"
    today = measured(shape(), "numpy", 9.0, together=slow, session=slow, when=slow, code="code")
    advice = answer([*rows, today])
    assert (advice.backend, advice.decided) == ("numpy", True)
    assert advice.candidates[0].seconds == pytest.approx(9.0)


def test_backend_measured_again_alone_leaves_vague_run() -> None:
    """Else it would stay open for ever: of a contended run, and of one with a single repeat."""
    morning, noon, evening = (f"2026-01-01T{hour}:00:00Z" for hour in ("08", "12", "18"))
    numpy, _ = run(morning, 3.0)
    _, busy = run(morning, 3.0, waited=0.9)
    assert answer([numpy, busy]).open == ("torch-cpu",)
    _, idle = run(noon, 3.0)
    single = run(morning, 3.0, factors=(1.0,))
    assert answer(single).open == ("torch-cpu",)
    for rows in ([numpy, busy, idle], [*single, run(noon, 3.0)[0], run(evening, 3.0)[1]]):
        advice = answer(rows)
        assert (advice.backend, advice.decided) == ("numpy", True)


@pytest.mark.parametrize(
    ("second", "factors", "decided"),
    [
        (1.0, (1.0,) * 3, False),
        (1.0999, (1.0,) * 50, False),
        (1.2, (1.0,) * 3, True),
        (1.2, (0.7, 1.0, 1.4), False),
        (9.0, (1.0,), False),
    ],
)
def test_times_of_other_minutes_are_not_told_apart_below_a_tenth(
    second: float, factors: Sequence[float], decided: bool
) -> None:
    """Nor where chance explains the difference, and never do they tie."""
    advice = answer(apart(second, factors))
    assert (advice.decided, advice.ties) == (decided, ())
    assert advice.open == (() if decided else ("torch-cpu",))
    assert advice.sentence.startswith("undecided between numpy and torch-cpu") is not decided
    if not decided:
        doubt = "one repeat" if len(factors) == 1 else "not side by side"
        assert advice.candidates[1].doubt == doubt


def test_ranking_contended_candidate_is_open_at_any_ratio() -> None:
    """So what seems far slower may be as fast, and a measurement on an idle machine would tell."""
    busy = measured(shape(), "torch-cpu", 2240.0, waited=0.9, together="another")
    advice, ranking = advice_on([measured(shape()), busy])
    assert (advice.backend, advice.how_decided, advice.open) == ("numpy", "no", ("torch-cpu",))
    assert ranking.doubts == {"torch-cpu": "contended"}
    assert not is_enough(advice.candidates)
    idle = answer([measured(shape()), measured(shape(), "torch-cpu", 2240.0, together="another")])
    assert is_enough(idle.candidates)


def test_ranking_partly_decided_pick_has_a_use() -> None:
    """Decided in part: by ratios, and where one that can run has no time."""
    rows = [measured(shape()), measured(shape(), "numba", 9.0)]
    noisy = measured(shape(), "torch-cpu", 1.05, factors=(0.8, 1.0, 1.4))
    for advice in (answer(rows, JAX), answer([*rows, noisy])):
        assert (advice.backend, advice.use, advice.decided) == ("numpy", "numpy", False)
        assert advice.how_decided == "partly"
    assert answer(rows[:1], JAX).use is None
    assert answer([rows[0], noisy]).use is None


def test_ranking_without_times_falls_back_to_numpy() -> None:
    advice = answer([], ABSENT, TORCH, NUMPY, measured="2026-01-01", stale="changed")
    assert (advice.backend, advice.source, advice.decided) == ("numpy", "unknown", False)
    assert (advice.seconds, advice.measured, advice.stale) == (None, None, None)
    assert "nothing is known" in advice.why
    assert answer([], ABSENT, TORCH).backend == "torch-cpu"
    only = answer([], ABSENT)
    assert only.backend == ""
    assert "no CUDA device found" in only.why
    with pytest.raises(ValueError, match="no candidates"):
        answer([])


@pytest.mark.parametrize("reason", [NOT_KNOWN, *GIVEN_UP, *UNASKED])
def test_ranking_unknown_candidate_leaves_pick_open(reason: str) -> None:
    advice = answer([measured(shape())], replace(TORCH, reason=reason))
    assert (advice.backend, advice.decided, advice.open) == ("numpy", False, ("torch-cpu",))
    assert advice.why.endswith("why: torch-cpu was not measured")
    assert is_enough(advice.candidates) is (reason != NOT_KNOWN)


@pytest.mark.parametrize(
    ("second", "waited", "enough"),
    [(1.0, 0.1, True), (1.0, 0.9, False), (3.0, 0.1, True)],
)
def test_ranking_is_not_enough_if_contention_may_hide_winner(
    second: float, waited: float, enough: bool
) -> None:
    """That is what a new time would tell."""
    rows = [measured(shape()), measured(shape(), "torch-cpu", second, waited=waited)]
    advice, ranking = advice_on(rows)
    assert is_enough(ranked(advice.candidates, ranking)) is enough
