"""Which sweeps, pairs and cases have figures where there is no room for all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.result import CrossoverResult, crossover_result
from perceptron.analysis.history.history import CaseHistory, HistoryPoint, Segment
from perceptron.analysis.stored.sweep import Sweep, sweeps
from perceptron.records.measurement import Measurement
from perceptron.report.dashboard.asked import Asked, pair_of
from perceptron.report.dashboard.telling import (
    FIGURES,
    most_telling_histories,
    most_telling_pairs,
    most_telling_sweeps,
)
from tests.made import line, measured

NOBODY = Asked(None)


def rows_of(family: str, ratios: tuple[float, ...], **fields: object) -> list[Measurement]:
    """Two backends whose ratios are these at as many sizes, one value each of another tool."""
    return [
        replace(row, file="values.csv", **({"source": "csv"} | fields))
        for step, ratio in enumerate(ratios)
        for row in (
            measured(family=family, problem=f"{family}:{step}", size=4**step, seconds=1e-4),
            measured(
                family=family,
                problem=f"{family}:{step}",
                size=4**step,
                seconds=1e-4 * ratio,
                backend="torch-cpu",
            ),
        )
    ]


def families(chosen: list[Sweep]) -> list[str]:
    return [sweep.family for sweep in chosen]


def test_a_crossover_tells_more_than_doubt_and_that_more_than_a_lead() -> None:
    """Of leads the narrowest; what has no time comes last."""
    rows = [
        *rows_of("far", (9.0, 9.0, 8.0)),
        *rows_of("several", (3.0, 0.3, 3.0)),
        *rows_of("near", (9.0, 4.0, 1.4)),
        *rows_of("crosses", (9.0, 2.0, 0.3)),
        *[
            replace(row, seconds=None, status="skipped", reason="no device")
            for row in rows_of("absent", (1.0, 1.0))
        ],
    ]
    choice = most_telling_sweeps(sweeps(rows), NOBODY)
    assert families(choice.drawn) == ["crosses", "several", "near", "far", "absent"]
    assert choice.listed == []


def test_no_more_are_drawn_than_there_is_room_for_and_none_is_lost() -> None:
    rows = [row for case in range(FIGURES + 7) for row in rows_of(f"case-{case}", (2.0, 3.0))]
    rows += rows_of("crosses", (2.0, 0.5))
    all_of_them = sweeps(rows)
    choice = most_telling_sweeps(all_of_them, NOBODY)
    assert len(choice.drawn) == FIGURES
    assert choice.drawn[0].family == "crosses"
    assert sorted(families([*choice.drawn, *choice.listed])) == sorted(families(all_of_them))


def test_what_was_asked_for_comes_before_all_others() -> None:
    """In the order of the answer, although another case tells more."""
    own = [*rows_of("b", (9.0, 8.0), commit="x"), *rows_of("a", (9.0, 8.0), commit="x")]
    others = rows_of("crosses", (2.0, 0.5))
    asked = crossover_result(own, None, 1000)
    choice = most_telling_sweeps(sweeps([*others, *own]), Asked(asked))
    assert families(choice.drawn) == ["a", "b", "crosses"]


def test_the_newest_of_every_case_comes_before_older_ones() -> None:
    """Although an older one has a crossover and the newest has none."""
    rows = [
        *rows_of("a", (2.0, 0.5), commit="old", when="2025-01-01"),
        *rows_of("a", (2.0, 3.0), commit="new", when="2026-01-01"),
        *rows_of("b", (2.0, 3.0), commit="old", when="2025-01-01"),
    ]
    drawn = most_telling_sweeps(sweeps(rows), NOBODY).drawn
    assert [(sweep.family, sweep.commit) for sweep in drawn] == [
        ("a", "new"),
        ("b", "old"),
        ("a", "old"),
    ]


@pytest.mark.parametrize(("others", "room"), [(1, 50), (10, 30), (50, 6)])
def test_the_more_sweeps_a_page_has_the_fewer_pairs_of_each_are_drawn(
    others: int, room: int
) -> None:
    """At least those of four backends."""
    (sweep,) = sweeps(line(backends=[f"backend-{k:02d}" for k in range(12)], processes=1))
    assert len(sweep.crossovers) == 66
    assert len(most_telling_pairs(sweep, others)) == room


def test_pairs_that_cross_are_among_those_that_are_drawn() -> None:
    """Although they come last by name."""
    names = [f"backend-{k:02d}" for k in reversed(range(12))]
    (sweep,) = sweeps(line(backends=names))
    crossing = {pair_of(pair) for pair in sweep.crossovers if pair.size is not None}
    assert crossing == {frozenset(names[:2])}
    assert pair_of(sweep.crossovers[-1]) in crossing
    assert crossing < most_telling_pairs(sweep, 50)


def test_a_pair_that_was_asked_for_is_drawn() -> None:
    """However far its backends are apart, and whichever way round it was asked."""
    (sweep,) = sweeps(line(backends=[f"backend-{k:02d}" for k in range(12)], processes=1))
    least = frozenset(("backend-10", "backend-11"))
    assert least not in most_telling_pairs(sweep, 50)
    assert least in most_telling_pairs(sweep, 50, {least})


def test_a_pair_is_turned_with_its_ratios() -> None:
    """Twice turned it is what it was."""
    rows = rows_of("a", (4.0, 0.5))
    (sweep,) = sweeps(rows)
    asked = Asked(crossover_result(rows, [("torch-cpu", "numpy")], 1000))
    turned = asked.turned(sweep)
    assert (turned.crossovers[0].incumbent, turned.crossovers[0].challenger) == (
        "torch-cpu",
        "numpy",
    )
    assert [at.ratio for at in turned.crossovers[0].ratio_at] == pytest.approx([0.25, 2.0])
    unasked: CrossoverResult = crossover_result(rows, [("numpy", "torch-cpu")], 1000)
    assert Asked(unasked).turned(sweep) == sweep


def history(backend: str, *levels: float) -> CaseHistory:
    steps = [
        Segment(first=index, last=index, seconds=level, low=None, high=None)
        for index, level in enumerate(levels)
    ]
    changes = [None, *(after / before - 1 for before, after in pairwise(levels))]
    return CaseHistory(
        machine="box",
        source="asv",
        environment=None,
        dtype=None,
        threads=None,
        family="f",
        size=1,
        backend=backend,
        points=[HistoryPoint(str(k), "2026-01-01", level) for k, level in enumerate(levels)],
        steps=[replace(step, change=change) for step, change in zip(steps, changes, strict=True)],
    )


def test_cases_with_the_largest_steps_are_drawn_in_their_order() -> None:
    """Faster tells as much as slower."""
    calm = [history(f"calm-{index}", 1.0) for index in range(FIGURES)]
    past = [*calm[:20], history("slower", 1.0, 2.0), *calm[20:], history("faster", 2.0, 1.0)]
    drawn, listed = most_telling_histories(past)
    assert len(drawn) == FIGURES
    assert {"slower", "faster"} <= {case.backend for case in drawn}
    assert drawn == [case for case in past if case in drawn]
    assert [*listed] == [case for case in past if case not in drawn]
    assert len(listed) == 2
