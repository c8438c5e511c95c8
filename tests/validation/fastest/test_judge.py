from __future__ import annotations

from typing import Any

import pytest

from benchmarks.validation.fastest.judge import always, judge, times_of
from benchmarks.validation.fastest.record import NEVER, NOW, Pick, Times
from benchmarks.validation.fastest.shapes import Training
from perceptron.problems import shape
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.task import problem_fields
from tests.made import measured

TRAINING = Training("mlp:100x4x8", 1000)


def row(backend: str, process: int, seconds: float | None, **fields: Any) -> Measurement:
    described = problem_fields(shape.find(TRAINING.reference))
    return measured(**described, backend=backend, process=process, seconds=seconds, **fields)


def times(reference: str, **seconds: float) -> Times:
    ordered = dict(sorted(seconds.items(), key=lambda item: item[1]))
    return Times(reference=reference, epochs=1, operations=100, seconds=ordered)


def pick(reference: str, backend: str, sure: bool = True, seconds: float | None = None) -> Pick:
    return Pick(
        reference=reference,
        epochs=1,
        backend=backend,
        sure=sure,
        seconds=seconds,
        source="estimated",
    )


def test_a_training_takes_preparing_and_its_iterations_in_the_median_process() -> None:
    rows = [
        row("numpy", process, seconds, prepare_seconds=0.5)
        for process, seconds in enumerate((1e-3, 9e-3, 2e-3))
    ]
    rows += [row("numba", 0, 1e-4, prepare_seconds=3.0)]
    rows += [row("jax-cpu", 0, None, status="skipped", reason="no")]
    rows += [row("torch-cpu", 0, 1e-9), row("numpy", 3, 1e-9, phase="forward")]
    found = times_of(TRAINING, rows, ["numpy", "numba", "jax-cpu"])
    assert found.seconds == {"numpy": pytest.approx(2.5), "numba": pytest.approx(3.1)}
    assert found.best == "numpy"
    assert found.lead == pytest.approx(3.1 / 2.5)
    assert found.reasons == {"jax-cpu": "no"}


def test_a_backend_that_failed_in_a_process_has_no_time() -> None:
    rows = [row("numpy", 0, 1e-3), row("numba", 0, 1e-4)]
    rows += [row("numba", 1, None, status="failed", reason="it crashed")]
    assert list(times_of(TRAINING, rows, ["numpy", "numba"]).seconds) == ["numpy"]


def test_regret_is_what_the_pick_takes_over_what_the_best_takes() -> None:
    known = [times(f"{index}", a=1.0, b=float(index)) for index in range(2, 22)]
    picks = [pick(own.reference, "a") for own in known[:-1]] + [pick("21", "b")]
    quality = judge(NEVER, known, picks)
    assert (quality.answers, quality.label) == ("never", 'measure="never"')
    assert (quality.right.hits, quality.right.trials) == (19, 20)
    assert (quality.median, quality.high, quality.worst) == (1.0, 1.0, 21.0)
    assert quality.worst_of == "21"
    assert quality.picks[-1].regret == 21.0
    twice = judge(NEVER, known, [*picks[:-2], pick("20", "b"), pick("21", "b")])
    assert (twice.high, twice.worst) == (20.0, 21.0)


def test_close_ones_are_to_be_called_unsure_and_sure_ones_to_be_right() -> None:
    """Up to 10 %: a sure pick of the second is no mistake there, but its being sure is told."""
    known = [times("close", a=1.0, b=1.09), times("near", a=1.0, b=1.08), times("far", a=1, b=2)]
    quality = judge(NOW, known, [pick("close", "b"), pick("near", "a", False), pick("far", "b")])
    assert quality.unsure_if_close is not None
    assert quality.wrong_if_sure is not None
    assert (quality.unsure_if_close.hits, quality.unsure_if_close.trials) == (1, 2)
    assert (quality.wrong_if_sure.hits, quality.wrong_if_sure.trials) == (1, 2)


def test_a_pick_that_cannot_train_it_is_wrong_and_has_no_regret() -> None:
    quality = judge(NEVER, [times("one", a=1.0, b=2.0)], [pick("one", "c")])
    assert quality.untrainable == 1
    assert quality.right.hits == 0
    assert quality.wrong_if_sure is not None
    assert quality.wrong_if_sure.hits == 1
    assert quality.median is quality.worst is None


def test_answers_about_what_has_no_times_are_left_out() -> None:
    assert judge(NOW, [times("one", a=1.0, b=2.0)], [pick("two", "a")]).right.trials == 0


def test_of_some_backends_the_best_is_among_them() -> None:
    some = times("one", a=1.0, b=2.0, c=3.0).of(["b", "c"])
    assert (some.best, some.regret("c"), some.regret("a")) == ("b", 1.5, None)


def test_a_time_that_was_said_is_held_against_the_real_one() -> None:
    quality = judge(NOW, [times("one", a=1.0, b=2.0)], [pick("one", "b", seconds=3.0)])
    assert quality.picks[0].off == pytest.approx(0.5)


def test_always_one_backend_is_judged_the_same_way() -> None:
    known = [times("one", a=1.0, b=2.0), times("two", b=1.0, a=4.0), times("three", b=1.0, c=2.0)]
    quality = always("a", known)
    assert quality.answers == "always a"
    assert (quality.right.hits, quality.untrainable, quality.worst) == (1, 1, 4.0)
    assert quality.wrong_if_sure is None
