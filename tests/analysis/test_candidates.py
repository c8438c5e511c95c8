from __future__ import annotations

import pytest

from perceptron.analysis.candidates import NOT_KNOWN, BackendHere, candidates, row_of
from perceptron.analysis.measured_shape import CONTENDED, NO_START
from tests.made_shapes import measured, shape

NUMPY = BackendHere(name="numpy", device="cpu")
TORCH = BackendHere(name="torch-cpu", device="cpu")


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
