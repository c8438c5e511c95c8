from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.questions.bench.finding import finding, finding_verdict
from perceptron.questions.shared.published import published_iteration_seconds
from tests.made import measured


def test_each_ratio_is_over_its_own_backend_round_by_round() -> None:
    """Drift that all backends of a round share does not widen it; other lengths are left out."""
    costs = {"numpy-published": 9e-6, "numpy": 7e-6, "torch-cpu": 63e-6}
    rounds = ((1.0, 10_000), (1.5, 10_000), (0.7, 10_000), (2.0, 10_000), (9.0, 5))
    rows = [
        measured(
            family="or-gate", backend=name, repeat=process, seconds=cost * drift, iterations=length
        )
        for process, (drift, length) in enumerate(rounds)
        for name, cost in costs.items()
    ]
    published, numpy, torch = finding(rows, costs)
    assert torch.repeats == 4
    assert (torch.ratio_to_numpy, torch.ratio_low) == pytest.approx((9, 9))
    assert torch.ratio_to_published == pytest.approx(7)
    assert numpy.ratio_to_numpy == published.ratio_to_published == 1


def test_a_ratio_of_one_repeat_is_told_as_the_estimate_that_it_is() -> None:
    costs = {"numpy": 7e-6, "torch-cpu": 63e-6}
    rows = [
        measured(family="or-gate", backend=name, seconds=cost, iterations=10_000)
        for name, cost in costs.items()
    ]
    verdict = finding_verdict(finding(rows, costs))
    assert (verdict.decided, verdict.sentence[:9]) == ("no", "undecided")
    assert verdict.notes
    tie = [
        replace(row, ratio_low=0.9, ratio_high=1.1) if row.backend == "torch-cpu" else row
        for row in finding(rows, costs)
    ]
    undecided = finding_verdict(tie)
    assert (undecided.decided, undecided.notes) == ("no", ())


@pytest.mark.parametrize("repeats", [1, 4])
def test_a_backend_alone_decides_nothing(repeats: int) -> None:
    """However often it was timed: nothing says which is the fastest."""
    rows = [
        measured(family="or-gate", backend="numpy", repeat=each, seconds=2e-5, iterations=10_000)
        for each in range(repeats)
    ]
    verdict = finding_verdict(finding(rows, ["numpy-published", "numpy", "torch-cpu"]))
    assert (verdict.decided, verdict.sentence[:9]) == ("no", "undecided")
    assert "torch-cpu" in verdict.notes[0]


def test_contended_times_leave_it_open() -> None:
    costs = {"numpy": 7e-6, "torch-cpu": 63e-6}
    rows = [
        measured(
            family="or-gate", backend=name, repeat=each, seconds=cost, iterations=10_000, waited=0.0
        )
        for each in range(3)
        for name, cost in costs.items()
    ]
    assert finding_verdict(finding(rows, costs)).decided == "yes"
    contended = [replace(row, waited=0.9) for row in rows]
    assert finding_verdict(finding(contended, costs)).decided == "no"


def test_without_numpy_the_published_arithmetic_is_what_others_are_compared_with() -> None:
    """Also ``numpy``, where nothing else can run here."""
    costs = {"numpy-published": 8e-6, "numpy": 6e-6, "torch-ddp": 400e-6}
    rows = [
        measured(family="or-gate", backend=name, repeat=each, seconds=cost, iterations=10_000)
        for each in range(3)
        for name, cost in costs.items()
    ]
    for backend, ratio in (("torch-ddp", "50.0×"), ("numpy", "0.75×")):
        own = [row for row in rows if row.backend in ("numpy-published", backend)]
        verdict = finding_verdict(finding(own, ["numpy-published", backend]))
        assert verdict.decided == "yes"
        assert f"{backend} takes {ratio} as long as numpy-published" in verdict.sentence


def test_a_training_that_was_not_timed_whole_is_not_told_as_one() -> None:
    """It has the seconds of an iteration and their ratio, and says on how many they rest."""
    costs = {"numpy-published": (8e-6, 10_000), "torch-ddp": (4e-3, 800)}
    rows = [
        measured(family="or-gate", backend=name, repeat=each, seconds=cost, iterations=iterations)
        for each in range(3)
        for name, (cost, iterations) in costs.items()
    ]
    published, slow = found = finding(rows, costs)
    assert published.seconds == pytest.approx(0.08)
    assert (slow.seconds, slow.iterations, slow.repeats) == (None, 800, 3)
    assert slow.ratio_to_published == pytest.approx(500)
    assert slow.reason is not None
    assert "800 of 10,000 iterations" in slow.reason
    assert "4.00 [4.00, 4.00] ms each" in slow.reason
    verdict = finding_verdict(found)
    assert verdict.decided == "yes"
    assert verdict.sentence.endswith("over 800 iterations")


def test_a_backend_whose_turn_did_not_come_has_its_row_and_the_reason() -> None:
    (absent,) = finding([], ["torch-cuda"])
    assert (absent.seconds, absent.published_seconds) == (None, 23.1)
    assert absent.reason == "the run ended before its turn"


def test_the_published_times_belong_to_their_problem() -> None:
    """23.1 s for 10,000 iterations on the OR gate; nothing was published for another."""
    assert published_iteration_seconds("or-gate")["torch-cuda"] == pytest.approx(2.31e-3)
    assert published_iteration_seconds("xor") == {}
