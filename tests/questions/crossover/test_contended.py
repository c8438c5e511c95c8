from __future__ import annotations

import re
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.crossover.judge import crossovers
from perceptron.questions.crossover.points import points
from perceptron.questions.crossover.verdict import verdict
from perceptron.records.measurement import Measurement
from perceptron.records.row import without_samples
from perceptron.statistics.contention import (
    LARGEST_CONTENDED_SHARE,
    contention,
    contention_warnings,
    is_contended,
)
from tests.made import measured
from tests.questions.crossover.conftest import A, B

RATIOS = {4: 4.0, 16: 2.2, 32: 1.7, 64: 1.3, 256: 0.6, 512: 0.45, 1024: 0.3}


def rows_of(
    size: int, ratio: float, waits: list[tuple[float | None, float | None]]
) -> list[Measurement]:
    """A row of each backend and process; waiting makes its time longer by as much."""
    noise = np.random.default_rng(size).normal(0, 0.01, (len(waits), 2))
    return [
        measured(
            backend=backend,
            size=size,
            problem=f"line:{size}",
            repeat=process,
            seconds=(
                seconds := 1e-3 * true * exp(noise[process, side]) / (1 - (waited[side] or 0.0))
            ),
            samples=[seconds] * 5,
            waited=waited[side],
            contended=None if waited[side] is None else 0,
        )
        for process, waited in enumerate(waits)
        for side, (backend, true) in enumerate([(A, 1.0), (B, ratio)])
    ]


def test_uncontended_processes_count_where_there_are_enough() -> None:
    """Three of them say more than eight that waited."""
    waits = [(0.5, 0.0), (0.0, 0.0), (0.0, 0.6), (0.01, 0.0), (0.4, 0.4), (0.0, 0.02)]
    (point,) = points(rows_of(4, 1.5, [*waits]), A, B)
    assert point.processes == (1, 3, 5)
    assert (point.count, point.taken, point.hidden) == (3, 6, (0.0, 0.0))
    assert point.mean == pytest.approx(log(1.5), abs=0.03)


def test_contended_interval_covers_time_hidden_by_waiting() -> None:
    """A challenger that loses a fifth of its time looks slower: it may be as fast."""
    (point,) = points(rows_of(4, 1.0, [(0.15, 0.2)] * 8), A, B)
    assert point.mean == pytest.approx(log(0.85 / 0.8), abs=0.02)
    assert point.hidden == pytest.approx((-log(0.8), -log(0.8)))
    low, high = point.interval()
    assert low <= 0 <= high
    assert point.sign == 0


@pytest.mark.parametrize("waited", [(0.3, 0.3), (0.0, 0.2), (0.0, 0.9)])
def test_losers_that_waited_long_or_more_than_the_winner_say_nothing(
    waited: tuple[float, float],
) -> None:
    """Whatever their ratio is, and however many processes agree on it."""
    (point,) = points(rows_of(4, 4780.0, [waited] * 8), A, B)
    assert point.uninformative
    assert point.sign == 0


def test_contended_size_does_not_move_crossover() -> None:
    """Its times may be hundreds of times off: the change is where the others put it."""
    calm = [(0.0, 0.0)] * 8
    rows = [row for size, ratio in RATIOS.items() for row in rows_of(size, ratio, calm)]
    (before,) = crossovers(rows)
    (after,) = crossovers([*rows, *rows_of(128, 900.0, [(0.0, 0.9)] * 8)])
    assert (after.status, after.size, after.bracket) == (before.status, before.size, (64, 256))
    assert after.undecided_ranges == [(128, 256)]
    assert after.decided_ranges == [(4, 64), (256, 1024)]


@pytest.mark.parametrize(("ratio", "waited"), [(4.0, (0.6, 0.0)), (0.25, (0.0, 0.6))])
def test_contended_winner_still_wins(ratio: float, waited: tuple[float, float]) -> None:
    """Waiting only ever adds: without it the winner would lead by more, however much it waited."""
    (point,) = points(rows_of(4, ratio, [waited] * 6), A, B)
    assert point.sign == (1 if ratio > 1 else -1)
    low, high = point.interval()
    assert low <= log(ratio) <= high


waits_and_spins = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.2, 0.6, 0.9]),
        st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.2, 0.6, 0.9]),
        st.sampled_from([1.0, 3.0, 3000.0]),
        st.sampled_from([1.0, 3.0, 3000.0]),
    ),
    min_size=2,
    max_size=8,
)


@given(waits_and_spins, st.floats(0.3, 3.0))
def test_contention_never_makes_a_sure_winner(
    contended: list[tuple[float, float, float, float]], ratio: float
) -> None:
    """Whatever each waited, and spun beyond that where it waited much: the side that is sure to win
    is the one that wins uncontended.
    """
    rows = rows_of(4, ratio, [(first, second) for first, second, _, _ in contended])
    spun = [
        replace(row, seconds=(row.seconds or 0.0) * contended[row.repeat][2 + (row.backend == B)])
        if (row.waited or 0.0) > 0.25
        else row
        for row in rows
    ]
    (point,) = points(spun, A, B)
    if point.sign:
        assert point.sign == (1 if ratio > 1 else -1) or abs(log(ratio)) < 0.04
    low, high = point.interval(0.9999)
    assert low - 0.04 <= log(ratio) <= high + 0.04


@pytest.mark.parametrize(
    ("repeats", "waited", "why"),
    [
        (1, 0.5, "too busy to compare"),
        (8, 0.5, "too busy to compare"),
        (8, 1.6, "threads waited for each other, times may be many times too long"),
    ],
)
def test_contended_sweep_gives_rough_answer_only(repeats: int, waited: float, why: str) -> None:
    """By the smallest samples of its processes, dropped ones included, and it decides nothing."""

    def spun(row: Measurement) -> Measurement:
        # Each sample waited for something else; one of all of them for hardly anything.
        own = (row.seconds or 0.0) * 0.5
        dropped = [own * 1.01] if row.repeat == 0 else [own * 5]
        return replace(row, samples=[own * 40, own * 3000, own * 7], dropped=dropped, waited=waited)

    waits: list[tuple[float | None, float | None]] = [(0.5, 0.5)] * repeats
    rows = [spun(row) for size, ratio in RATIOS.items() for row in rows_of(size, ratio, waits)]
    (crossover,) = crossovers(rows)
    assert (crossover.status, crossover.decided, crossover.size) == ("undecided", "no", None)
    assert crossover.decided_ranges == []
    judgement = verdict(crossover)
    assert judgement.decided == "no"
    rough = re.fullmatch(
        rf"{B} leads from about size (\d+), not decided: every sample was contended",
        judgement.sentence,
    )
    assert rough is not None, judgement.sentence
    assert float(rough[1]) == pytest.approx(102, rel=0.05)
    assert judgement.notes == (f"why: {why}; next: --wait or --threads 1",)


def test_beside_a_busy_process_the_end_is_decided_at_which_the_winner_waited() -> None:
    """The winner of small sizes waits for its core, what loses there had none to wait for; at large
    ones both wait for more than can be bounded: about where it changes is said, by the smallest.
    """
    small, large = [(0.6, 0.0)] * 8, [(0.7, 0.7)] * 8
    ratios = {4: 13.0, 16: 7.0, 64: 4.0, 256: 1.8, 1024: 0.7}
    rows = [
        row
        for size, ratio in ratios.items()
        for row in rows_of(size, ratio, [*(small if size < 100 else large)])
    ]
    (crossover,) = crossovers(rows)
    assert crossover.decided_ranges == [(4, 64)]
    judgement = verdict(crossover)
    assert judgement.decided == "partly"
    assert f"{A} is faster up to size 64; undecided above" in judgement.sentence
    (rough,) = (note for note in judgement.notes if note.startswith("rough: "))
    assert rough.startswith(f"rough: {B} leads from about size 610, not decided: every sample was")


def test_contended_rough_answer_of_processes_is_stated_once() -> None:
    """Not by their name, and not again below."""
    names = {A: "torch-ddp", B: "torch-ddp@2"}
    waits: list[tuple[float | None, float | None]] = [(0.5, 0.5)] * 8
    rows = [row for size, ratio in RATIOS.items() for row in rows_of(size, ratio, waits)]
    judgement = verdict(*crossovers([replace(row, backend=names[row.backend]) for row in rows]))
    assert judgement.sentence.startswith("torch-ddp: 2 processes lead from about size 1")
    assert judgement.notes == ("why: too busy to compare; next: --wait or --threads 1",)


@pytest.mark.parametrize(
    ("ratios", "answer"),
    [(RATIOS, f"{B} leads from about size 102"), ({4: 0.98, 16: 1.02}, f"{A} and {B} are about")],
)
def test_smallest_samples_are_compared_with_smallest_ones(
    ratios: dict[int, float], answer: str
) -> None:
    """Though one never waited, whose typical time is five times as long; within 5% neither leads.

    Rows that are read without samples tell the same.
    """
    rows = [
        replace(row, samples=[smallest * 9, smallest], seconds=smallest * typical)
        for size, ratio in ratios.items()
        for row in rows_of(size, 1.0, [(0.0, 0.6)] * 3)
        for smallest, typical in [(1e-3 * ratio, 50) if row.backend == B else (1e-3, 5)]
    ]
    for read in (rows, [without_samples(replace(row)) for row in rows]):
        judgement = verdict(*crossovers(read))
        assert judgement.sentence.startswith(answer)
        assert judgement.sentence.endswith(", not decided: 50% of samples were contended")


def test_many_threads_together_may_wait_for_more() -> None:
    """What the system does for itself it does on every core."""
    assert is_contended(measured(waited=0.1, threads=2))
    assert not is_contended(measured(waited=0.1, threads=64))
    assert is_contended(measured(waited=0.5, threads=64))


TEN = [1e-3] * 10


def test_few_contended_samples_that_were_taken_again_are_no_news() -> None:
    """They cost a little time, and the times stand."""
    quiet = [measured(samples=TEN, waited=0.0, contended=0)] * 9
    few = [*quiet, measured(samples=TEN, waited=0.0, contended=11)]
    assert contention(few).share < LARGEST_CONTENDED_SHARE
    assert contention_warnings(few) == []
    (warning,) = contention_warnings([*few, measured(samples=TEN, waited=0.0, contended=11)])
    assert warning.code == "contended"
    assert warning.message.startswith("17% of the samples were contended")
    assert "rest on" not in warning.message


def test_times_that_waited_all_the_same_are_counted() -> None:
    """One of twenty is outvoted by the processes beside it; more are not."""
    rows = [measured(samples=TEN, waited=0.0, contended=0)] * 19 + [
        measured(samples=TEN, waited=0.3, contended=0)
    ]
    assert contention_warnings(rows) == []
    (warning,) = contention_warnings(rows[1:])
    assert "other programs slowed 1 of 19 results" in warning.message
    assert "--wait" in warning.advice
