"""What counting said is told of what could be counted, by kind and by benchmark."""

from __future__ import annotations

import pytest

from benchmarks.validation.gate.judging.counted import counted_benchmarks, counted_kinds
from tests.validation.gate.conftest import MakeRun

ROSE = {0: [1e6, 1.02e6], 1: [1e6, 1.0201e6]}
SAME = {0: [1e6, 1.0002e6]}


def test_a_kind_tells_what_was_counted_seen_and_called_slower(run: MakeRun) -> None:
    """Of the benchmarks that the head changes only."""
    red = {"row_verdict": "regression"}
    (told,) = counted_kinds(
        [
            run("slower-2", 0, counts=ROSE, stands_on="work", **red),
            run("slower-2", 1, counts=ROSE),
            run("slower-2", 2, counts=ROSE, **red),
            run("slower-2", 3, not_counted="it crashed", **red),
            run("slower-2", 4, benchmark="bodies.time_gather", counts=SAME),
        ]
    )
    assert (told.name, told.rows) == ("102 units for 100", 4)
    assert (told.counted.hits, told.counted.trials) == (3, 4)
    assert (told.seen.hits, told.called_slower.hits, told.on_work.hits) == (3, 2, 1)
    assert told.seen.trials == 3
    assert told.change == pytest.approx(0.02, abs=1e-3)
    assert told.noise == pytest.approx(0.0001, rel=0.1)


def test_where_nothing_changes_every_benchmark_counts(run: MakeRun) -> None:
    (told,) = counted_kinds([run("same", 0, counts=SAME)])
    assert (told.rows, told.seen.hits, told.called_slower.hits) == (1, 0, 0)


def test_runs_without_a_counter_tell_nothing(run: MakeRun) -> None:
    """As all were, before there was one."""
    assert counted_kinds([run("same", 0), run("slower-2", 0)]) == []
    assert counted_benchmarks([run("same", 0)]) == []


def test_a_benchmark_tells_how_far_counts_are_apart_where_nothing_changed(run: MakeRun) -> None:
    quiet, spinning = counted_benchmarks(
        [
            run("same", 0, counts=SAME),
            run("neighbour", 0, counts={0: [1e6, 0.9996e6]}),
            run("slower-2", 0, counts=ROSE),
            run("same", 1, benchmark="bodies.time_product", not_counted="it spins"),
        ]
    )
    assert (quiet.benchmark, quiet.counted.hits, quiet.counted.trials) == ("training", 2, 2)
    assert quiet.median == pytest.approx(0.0003)
    assert quiet.largest == pytest.approx(0.0004)
    assert (spinning.median, spinning.largest, spinning.why_not) == (None, None, "it spins")
