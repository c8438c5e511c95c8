from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.candidates import NOT_KNOWN, OTHER_KIND, BackendHere, candidates, row_of
from perceptron.analysis.cost_curve import fit
from perceptron.analysis.work import CONTENDED, IN_DOUBT, NO_START, ONE_REPEAT
from tests.made_work import drawn, measured, rows_of_two, slower, work

NUMPY = BackendHere(name="numpy", device="cpu")
TORCH = BackendHere(name="torch-cpu", device="cpu")


def test_a_training_is_its_iterations_and_preparing_once() -> None:
    row = measured(work(), seconds=1e-3, low=0.9e-3, high=1.1e-3, prepare_seconds=0.5)
    (one,) = candidates(work(), 1000, [NUMPY], [row], {})
    assert one.seconds == pytest.approx(1.5)
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
    assert found[0].seconds == pytest.approx(rows[0].seconds + 1e-3)
    found = candidates(drawn(1234), 1, [NUMPY, TORCH], rows, curves)
    assert [one.source for one in found] == ["estimated", "estimated"]


def test_the_newest_of_equal_rows_is_the_last() -> None:
    rows = [measured(work(), seconds=seconds) for seconds in (1.0, 2.0)]
    assert row_of(work(), "numpy", rows) is rows[1]


def test_a_kind_that_was_measured_on_another_backend_alone_is_not_known() -> None:
    """This one may refuse it, which no estimate would say."""
    rows = [
        row
        for row in rows_of_two(60)
        if row.backend == "torch-cpu" or row.work.shape.optimizer == "sgd"
    ]
    found = candidates(work(optimizer="adam"), 1, [NUMPY, TORCH], rows, fit(rows))
    assert found[0].reason == NOT_KNOWN
    assert found[1].source == "estimated"
    assert found[1].reason is None


def test_a_kind_that_nobody_was_measured_on_is_estimated_and_wide() -> None:
    rows = [row for row in rows_of_two(60) if row.work.shape.optimizer == "sgd"]
    asked, sgd = work(rows=2000, optimizer="adam"), work(rows=2000)
    curves = fit(rows)
    found = candidates(asked, 1, [NUMPY, TORCH], rows, curves)
    assert [one.source for one in found] == ["estimated", "estimated"]
    assert [one.reason for one in found] == [OTHER_KIND, OTHER_KIND]
    (known,) = candidates(sgd, 1, [NUMPY], rows, curves)
    assert known.reason is None
    assert found[0].high / found[0].low > 3 * known.high / known.low


def test_why_measuring_was_given_up_is_told_with_and_without_an_estimate() -> None:
    tried = BackendHere(name="numpy", device="cpu", tried=NO_START)
    (without,) = candidates(drawn(7), 1, [tried], [], {})
    assert (without.seconds, without.reason) == (None, NO_START)
    rows = rows_of_two(40)
    (estimated,) = candidates(drawn(1234), 1, [tried], rows, fit(rows))
    assert (estimated.source, estimated.reason) == ("estimated", NO_START)
    (measured_,) = candidates(rows[0].work, 1, [tried], rows, {})
    assert (measured_.source, measured_.reason) == ("measured", None)


def test_a_contended_row_gives_way_to_an_older_one_that_was_not() -> None:
    idle = measured(work(), seconds=1.0, when="2026-01-01")
    busy = measured(work(), seconds=9.0, low=0.0, high=10.0, when="2026-02-02", doubt=CONTENDED)
    assert row_of(work(), "numpy", [busy, idle]) is idle
    (one,) = candidates(work(), 10, [NUMPY], [busy], {})
    assert (one.low, one.doubt) == (0.0, CONTENDED)


@pytest.mark.parametrize("doubt", IN_DOUBT)
def test_estimates_inherit_the_doubt_of_what_they_rest_on(doubt: str) -> None:
    """Unless there is enough without."""
    sound = [row for row in rows_of_two(40) if row.backend == "numpy"]
    doubtful = [replace(row, doubt=doubt) for row in sound]
    (inherited,) = candidates(drawn(1234), 1, [NUMPY], doubtful, fit(doubtful))
    assert (inherited.source, inherited.doubt) == ("estimated", doubt)
    slow = [replace(slower(row, 1e3), doubt=CONTENDED) for row in sound[:20]]
    mixed = [*slow, *doubtful[20:30], *sound[30:]]
    (clean,) = candidates(drawn(1234), 1, [NUMPY], mixed, fit(mixed))
    assert clean.doubt is None
    (same,) = candidates(drawn(1234), 1, [NUMPY], sound[30:], fit(sound[30:]))
    assert clean == same
    few = [*slow, *(replace(row, doubt=ONE_REPEAT) for row in sound[20:])]
    assert fit(few)["numpy"].doubt == ONE_REPEAT
