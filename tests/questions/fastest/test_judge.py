from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.questions.fastest.judge import (
    NOT_KNOWN,
    BackendHere,
    Candidate,
    candidates,
    choose,
    contenders,
    is_enough,
    row_of,
)
from perceptron.questions.fastest.measured_shape import CONTENDED, GIVEN_UP, IN_DOUBT, NO_START
from perceptron.statistics.interval import Interval
from tests.made_shapes import measured, shape

NUMPY = BackendHere(name="numpy", device="cpu")
TORCH = BackendHere(name="torch-cpu", device="cpu")
ABSENT = BackendHere(name="torch-cuda", device="cuda", unavailable="no CUDA device found")


def test_a_training_is_its_iterations_and_preparing_once() -> None:
    row = measured(shape(), seconds=1e-3, low=0.9e-3, high=1.1e-3, prepare_seconds=0.5)
    (one,) = candidates(shape(), 1000, [NUMPY], [row])
    assert one.seconds == pytest.approx(1.5)
    assert one.low is not None
    assert one.low < 1.4
    assert one.high is not None
    assert one.high > 1.6
    assert one.source == "measured"


def test_the_newest_row_of_the_very_shape_and_backend_answers() -> None:
    old = measured(shape(), seconds=9.0, when="2020-01-01")
    rows = [measured(shape(), seconds=seconds) for seconds in (1.0, 2.0)]
    assert row_of(shape(), "numpy", [old, *rows]) is rows[1], "the last of equal ones"
    others = [measured(shape(rows=1001)), measured(shape(), "numba")]
    numpy, torch = candidates(shape(), 1, [NUMPY, TORCH], [*rows, old, *others])
    assert numpy.seconds == pytest.approx(2.0)
    assert (torch.seconds, torch.source, torch.reason) == (None, "unknown", NOT_KNOWN)


def test_why_measuring_was_given_up_is_told_where_there_is_no_time() -> None:
    tried = BackendHere(name="numpy", device="cpu", tried=NO_START)
    (without,) = candidates(shape(), 1, [tried], [])
    assert (without.seconds, without.reason) == (None, NO_START)
    (known,) = candidates(shape(), 1, [tried], [measured(shape())])
    assert (known.source, known.reason) == ("measured", None)


def test_a_contended_row_gives_way_to_an_older_one_that_was_not() -> None:
    idle = measured(shape(), seconds=1.0, when="2026-01-01")
    busy = measured(shape(), seconds=9.0, low=0.0, high=10.0, when="2026-02-02", doubt=CONTENDED)
    assert row_of(shape(), "numpy", [busy, idle]) is idle
    (one,) = candidates(shape(), 10, [NUMPY], [busy])
    assert (one.low, one.doubt) == (0.0, CONTENDED)


def timed(backend: str, seconds: float, off: float = 1.01, **fields: object) -> Candidate:
    """A candidate whose time is known to a factor."""
    return Candidate(
        backend=backend,
        device="cpu",
        seconds=seconds,
        low=seconds / off,
        high=seconds * off,
        **({"source": "measured"} | fields),  # type: ignore[arg-type]
    )


def test_the_fastest_is_chosen_and_all_are_told() -> None:
    found = [timed("torch-cpu", 3.0), timed("numpy", 1.0), timed("numba", 2.0)]
    advice = choose(found, measured="2026-01-01", stale=None)
    assert (advice.backend, advice.seconds, advice.decided) == ("numpy", 1.0, True)
    assert [one.backend for one in advice.candidates] == ["numpy", "numba", "torch-cpu"]
    assert advice.source == "measured"
    assert "undecided" not in advice.why
    assert advice.sentence == "numpy; numba takes 2.00× as long; torch-cpu takes 3.00× as long"
    assert (
        advice.why
        == f"{advice.sentence}; numpy takes 1.00 [0.990, 1.01] s, measured for this shape"
    )
    assert choose(found, new=("numpy",)).why.endswith("measured now")


def test_what_cannot_be_applied_gives_no_reason_for_what_was_not_measured() -> None:
    late = Candidate(backend="torch-cpu", device="cpu", reason=NO_START)
    advice = choose([timed("numpy", 1.0), late], able=["torch-cpu"])
    assert advice.sentence == f"not measured: torch-cpu: {NO_START}"


@pytest.mark.parametrize(
    ("second", "off", "decided"), [(1.05, 1.001, False), (1.2, 1.001, True), (1.2, 1.5, False)]
)
def test_two_within_a_tenth_or_within_chance_are_not_sure(
    second: float, off: float, decided: bool
) -> None:
    advice = choose([timed("numpy", 1.0, off), timed("torch-cpu", second, off)])
    assert advice.decided is decided
    assert advice.why.startswith("undecided between numpy and torch-cpu") is not decided
    assert (advice.use, advice.unsure) == (("numpy", ()) if decided else (None, ("torch-cpu",)))


@pytest.mark.parametrize(
    ("ratio", "tie", "decided"),
    [
        ((1.04, 1.03, 1.049), True, True),
        ((1.5, 0.9, 2.5), False, False),
        ((1.5, None, None), False, False),
    ],
)
def test_repeats_side_by_side_decide_by_their_ratio(
    ratio: tuple[float, float | None, float | None], tie: bool, decided: bool
) -> None:
    """They tell 4% apart, and twice as long in times that vary by themselves tells nothing."""
    found = [timed("numpy", 1.0, 1.001), timed("torch-cpu", ratio[0], 1.001)]
    advice = choose(found, ratios={"torch-cpu": Interval(*ratio)})
    assert (advice.decided, bool(advice.ties), bool(advice.in_doubt)) == (decided, tie, not decided)
    assert advice.sentence.startswith("numpy and torch-cpu tie: within 5%") is tie


def test_a_pick_beside_what_is_far_slower_is_used_though_another_may_be_as_fast() -> None:
    """Decided in part: by intervals, and where one that can run has no time."""
    slow, alike = timed("numba", 9.0), timed("torch-cpu", 1.05)
    unknown = Candidate(backend="jax-cpu", device="cpu", reason=NOT_KNOWN)
    for other in (alike, unknown):
        advice = choose([NUMPY_KNOWN, other, slow])
        assert (advice.backend, advice.use, advice.decided) == ("numpy", "numpy", False)
        assert choose([NUMPY_KNOWN, other]).use is None


def test_a_backend_asked_for_alone_is_compared_with_none() -> None:
    advice = choose([NUMPY_KNOWN])
    assert (advice.backend, advice.use, advice.decided) == ("numpy", None, False)
    assert "no other backend was asked for" in advice.why


def test_without_a_time_it_is_numpy_or_the_first_that_can_run() -> None:
    found = candidates(shape(), 10, [ABSENT, TORCH, NUMPY], [])
    advice = choose(found, measured="2026-01-01", stale="changed")
    assert (advice.backend, advice.source, advice.decided) == ("numpy", "unknown", False)
    assert (advice.seconds, advice.measured, advice.stale) == (None, None, None)
    assert "nothing is known" in advice.why
    assert choose(candidates(shape(), 10, [ABSENT, TORCH], [])).backend == "torch-cpu"
    only = choose(candidates(shape(), 10, [ABSENT], []))
    assert only.backend == ""
    assert "no CUDA device found" in only.why
    with pytest.raises(ValueError, match="no candidates"):
        choose([])


def test_it_is_enough_when_each_that_can_run_has_a_time_of_this_shape() -> None:
    rows = [measured(shape(), "numpy"), measured(shape(), "torch-cpu")]
    assert is_enough(candidates(shape(), 100, [NUMPY, TORCH, ABSENT], rows))
    assert not is_enough(candidates(shape(), 100, [NUMPY, TORCH], rows[:1]))
    assert not is_enough(candidates(shape(rows=1001), 100, [NUMPY, TORCH], rows))


@pytest.mark.parametrize(
    ("second", "off", "enough"),
    [(1.0, 1.2, True), (1.0, 1.6, False), (1.3, 1.6, True), (3.0, 1.6, True)],
)
def test_it_is_not_enough_where_contention_may_hide_that_another_takes_far_less(
    second: float, off: float, enough: bool
) -> None:
    """That is what a new time would tell; of times that were not contended it would not."""
    numpy = timed("numpy", 1.0, off, doubt=CONTENDED)
    torch = timed("torch-cpu", second, off)
    assert is_enough([torch, numpy]) is enough
    assert is_enough([timed("numpy", 1.0, off), torch])


NUMPY_KNOWN = timed("numpy", 1.0)
FAR = timed("torch-cpu", 2240.0)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        *(
            (
                [NUMPY_KNOWN, Candidate(backend="torch-cpu", device="cpu", reason=reason)],
                "torch-cpu was not measured: no comparison",
            )
            for reason in (NOT_KNOWN, *GIVEN_UP)
        ),
        *(([replace(NUMPY_KNOWN, doubt=doubt), FAR], f"numpy: {doubt}") for doubt in IN_DOUBT),
        *(([NUMPY_KNOWN, replace(FAR, doubt=doubt)], f"torch-cpu: {doubt}") for doubt in IN_DOUBT),
    ],
)
def test_what_leaves_a_pick_unsure_is_said(found: list[Candidate], why: str) -> None:
    """What nobody knows, what was given up, and doubt, however far apart two are."""
    advice = choose(found)
    assert (advice.backend, advice.decided) == ("numpy", False)
    assert advice.undecided == why
    assert advice.why.endswith(f"; why: {why}")


def test_what_cannot_run_or_is_far_off_leaves_a_pick_sure() -> None:
    absent = Candidate(backend="torch-cuda", device="cuda", reason="no CUDA device found")
    assert choose([NUMPY_KNOWN, absent]).decided
    assert choose([NUMPY_KNOWN, FAR]).decided


def test_nothing_bounds_what_contention_hides() -> None:
    """So what seems far slower may be as fast, and a measurement on an idle machine would tell."""
    numpy = timed("numpy", 1.0)
    torch = replace(timed("torch-cpu", 2240.0), low=0.0, doubt=CONTENDED)
    assert contenders([torch, numpy]) == [numpy, torch]
    assert not is_enough([torch, numpy])
    assert is_enough([timed("torch-cpu", 2240.0), numpy])
