from __future__ import annotations

import pytest

from perceptron.analysis.cost_curve import fit
from perceptron.analysis.fastest import (
    NOT_KNOWN,
    BackendHere,
    Candidate,
    candidates,
    choose,
    contenders,
    is_enough,
)
from perceptron.analysis.work import NO_TIME
from tests.made_work import drawn, measured, rows_of_two, work

NUMPY = BackendHere(name="numpy", device="cpu")
TORCH = BackendHere(name="torch-cpu", device="cpu")
ABSENT = BackendHere(name="torch-cuda", device="cuda", unavailable="no CUDA device found")


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
    assert (advice.backend, advice.seconds, advice.sure) == ("numpy", 1.0, True)
    assert [one.backend for one in advice.candidates] == ["numpy", "numba", "torch-cpu"]
    assert advice.source == "measured"
    assert "not sure" not in advice.why
    assert "estimated" not in advice.why
    assert "numba 2 times as long" in advice.why


@pytest.mark.parametrize(
    ("second", "off", "sure"), [(1.05, 1.001, False), (1.2, 1.001, True), (1.2, 1.5, False)]
)
def test_two_within_a_tenth_or_within_chance_are_not_sure(
    second: float, off: float, sure: bool
) -> None:
    advice = choose([timed("numpy", 1.0, off), timed("torch-cpu", second, off)])
    assert advice.sure is sure
    assert ("not sure: torch-cpu may be as fast" in advice.why) is not sure


def test_an_estimate_is_called_one() -> None:
    found = [timed("numpy", 1.0, source="estimated"), timed("torch-cpu", 9.0)]
    advice = choose(found)
    assert advice.source == "estimated"
    assert "estimated" in advice.why
    # One that is out of the question changes nothing.
    advice = choose([timed("numpy", 1.0), timed("torch-cpu", 9.0, source="estimated")])
    assert advice.source == "measured"


def test_what_is_not_known_makes_the_pick_unsure() -> None:
    for reason in (NOT_KNOWN, NO_TIME):
        other = Candidate(backend="torch-cpu", device="cpu", reason=reason)
        advice = choose([timed("numpy", 1.0), other])
        assert not advice.sure
        assert "not sure: nothing is known of torch-cpu" in advice.why
    absent = Candidate(backend="torch-cuda", device="cuda", reason="no CUDA device found")
    assert choose([timed("numpy", 1.0), absent]).sure


def test_without_a_time_it_is_numpy_or_the_first_that_can_run() -> None:
    found = candidates(work(), 10, [ABSENT, TORCH, NUMPY], [], {})
    advice = choose(found, measured="2026-01-01", stale="changed")
    assert (advice.backend, advice.source, advice.sure) == ("numpy", "unknown", False)
    assert (advice.seconds, advice.measured, advice.stale) == (None, None, None)
    assert "nothing is known" in advice.why
    assert choose(candidates(work(), 10, [ABSENT, TORCH], [], {})).backend == "torch-cpu"
    only = choose(candidates(work(), 10, [ABSENT], [], {}))
    assert only.backend == "torch-cuda"
    assert "no CUDA device found" in only.why
    with pytest.raises(ValueError, match="no candidates"):
        choose([])


def test_a_training_is_its_iterations_and_preparing_once() -> None:
    row = measured(work(), seconds=1e-3, low=0.9e-3, high=1.1e-3, prepare_seconds=0.5)
    (one,) = candidates(work(), 1000, [NUMPY], [row], {})
    assert one.seconds == pytest.approx(1.5)
    assert one.low is not None
    assert one.high is not None
    assert one.low < 1.4
    assert one.high > 1.6
    assert one.source == "measured"


def test_the_newest_row_of_the_shape_answers_and_else_the_curve() -> None:
    rows = rows_of_two(40)
    curves = fit(rows)
    here = rows[0].work
    old = measured(here, seconds=9.0, when="2020-01-01")
    found = candidates(here, 1, [NUMPY, TORCH], [old, *rows], curves)
    assert [one.source for one in found] == ["measured", "measured"]
    assert found[0].seconds == pytest.approx((rows[0].seconds or 0) + 1e-3)
    found = candidates(drawn(1234), 1, [NUMPY, TORCH], rows, curves)
    assert [one.source for one in found] == ["estimated", "estimated"]


def test_a_kind_that_a_backend_refuses_is_refused_at_every_size() -> None:
    reason = "trains by sgd only, not by adam"
    rows = [measured(work(optimizer="adam"), "numba", reason=reason, refused=True)]
    numba = BackendHere(name="numba", device="cpu")
    larger = work(rows=5000, optimizer="adam")
    assert candidates(larger, 1, [numba], rows, {})[0].reason == reason
    assert candidates(work(), 1, [numba], rows, {})[0].reason == NOT_KNOWN


def test_no_curve_speaks_of_a_kind_that_was_not_measured() -> None:
    """A backend may refuse it, which no estimate would say."""
    rows = [row for row in rows_of_two(60) if row.work.shape.optimizer == "sgd"]
    found = candidates(work(optimizer="adam"), 1, [NUMPY], rows, fit(rows))
    assert found[0].reason == NOT_KNOWN


def test_it_is_enough_when_all_that_may_be_fastest_are_near() -> None:
    rows = rows_of_two(60)
    curves = fit(rows)
    near = candidates(drawn(7), 100, [NUMPY, TORCH, ABSENT], rows, curves)
    assert is_enough(near)
    assert not is_enough(candidates(drawn(7), 100, [NUMPY, ABSENT], [], {}))
    far = candidates(work(rows=10**8, features=5000), 1, [NUMPY, TORCH], rows, curves)
    assert not is_enough(far)
    assert "away" in (contenders(far)[0].reason or "")
