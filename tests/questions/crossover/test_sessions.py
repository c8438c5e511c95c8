"""Crossovers of several runs: judged together, size by size, by the same judge."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.questions.answering import answer_run
from perceptron.questions.crossover.judge import Crossover, crossovers, ratio_near
from perceptron.questions.crossover.sweep import sweeps
from perceptron.questions.crossover.verdict import verdict
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from tests.made import BENCH, keep, measured

A, B = "numpy", "torch-cpu"
SIZES = (16, 64, 256, 1024, 4096, 16_384)
SPREAD = (-1.0, 0.6, -0.2, 1.0, -0.6, 0.2, -0.8, 0.8)
Line = Callable[[float], float]
MORNING, NOON, NIGHT = (f"2026-11-27T{hour}:00:00Z" for hour in ("08", "12", "20"))


def session(
    started: str, ratio: Line, sizes: tuple[int, ...] = SIZES, noise: float = 0.02
) -> list[Measurement]:
    """Rows of one run, whose log-ratio at each size is this."""
    return [
        measured(
            family="mlp-width",
            axes=("width",),
            problem=f"mlp-width:{size}",
            backend=name,
            size=size,
            repeat=repeat,
            seconds=1e-3 * (1 if name == A else 2.718281828 ** (ratio(size) + noise * spread)),
            session=started,
            when=started,
            waited=0.0,
        )
        for size in sizes
        for repeat, spread in enumerate(SPREAD)
        for name in (A, B)
    ]


def crossing_at(turn: float) -> Line:
    return lambda size: log(turn / size) / 2


def only(rows: list[Measurement]) -> Crossover:
    (crossover,) = crossovers(rows)
    return crossover


def test_session_alone_does_not_change_crossover() -> None:
    marked = session(MORNING, crossing_at(500))
    assert only(marked) == only([replace(row, session=None) for row in marked])


def test_sessions_that_agree_hold_what_each_holds() -> None:
    each = [session(when, crossing_at(turn)) for when, turn in ((MORNING, 500), (NIGHT, 520))]
    crossover = only([*each[0], *each[1]])
    assert (crossover.status, crossover.decided) == ("crosses", "yes")
    for rows in each:
        alone = only(rows)
        assert (crossover.low or 0) <= (alone.low or 0) < (alone.high or 0) <= (crossover.high or 0)


def test_sessions_that_put_it_elsewhere_leave_it_open() -> None:
    """Each decides, and the other one excludes it: which of both holds tomorrow is not known."""
    each = [session(when, crossing_at(turn)) for when, turn in ((MORNING, 500), (NIGHT, 2000))]
    assert [only(rows).decided for rows in each] == ["yes", "yes"]
    crossover = only([*each[0], *each[1]])
    assert (crossover.decided, crossover.disagreed_ranges) == ("partly", [(256, 4096)])
    assert crossover.decided_ranges == [(16, 64), (16_384, 16_384)]
    judgement = verdict(crossover)
    assert judgement.sentence.endswith("runs disagree")
    assert "500 (27 Nov 08:00)" in judgement.notes[0]
    assert "2,000 (27 Nov 20:00)" in judgement.notes[0]


def test_three_that_differ_in_degree_decide() -> None:
    """They differ by more than each says: the interval is wider than each one's, and has 1 not."""
    lines = {MORNING: 0.9, NOON: 1.0, NIGHT: 1.1}
    each = [session(when, lambda _, lead=lead: lead) for when, lead in lines.items()]  # type: ignore[misc]
    crossover = only([row for rows in each for row in rows])
    assert (crossover.status, crossover.decided, crossover.disagreed_ranges) == ("never", "yes", [])
    (narrow, *_), (wide, *_) = only(each[1]).ratio_at, crossover.ratio_at
    assert (wide.low or 9) < (narrow.low or 0) < (narrow.high or 9) < (wide.high or 0)


def test_session_missing_size_is_interpolated() -> None:
    line = crossing_at(500)
    crossover = only([*session(MORNING, line), *session(NIGHT, line, (16, 256, 512, 16_384))])
    assert crossover.sizes_measured == [16, 64, 256, 512, 1024, 4096, 16_384]
    assert (crossover.status, crossover.disagreed_ranges) == ("crosses", [])
    assert 450 < (crossover.low or 0) < 500 < (crossover.high or 0) < 550


def test_another_environment_answers_alone() -> None:
    newest = session(NIGHT, crossing_at(500))
    other = [replace(row, environment="x") for row in session(MORNING, crossing_at(4000))]
    assert only([*other, *newest]) == only(newest)


def test_session_ratio_between_sizes_pools_all_sessions() -> None:
    rows = [*session(MORNING, crossing_at(500)), *session(NIGHT, crossing_at(2000))]
    crossover = only(rows)
    near = ratio_near(crossover, rows, 100, 0.95)
    assert near is not None
    assert near.estimate == pytest.approx((1000 / 100) ** 0.5, rel=0.05)
    (sweep,) = sweeps(rows)
    assert sweep.crossovers == [crossover]
    assert {row.session for row in sweep.rows} == {NIGHT}
    assert len(sweep.curves[0].spots) == len(SIZES)
    assert sweeps(session(NIGHT, crossing_at(2000)), others=rows[: len(rows) // 2])[
        0
    ].crossovers == [crossover]


def test_session_runs_of_record_agree_or_stay_open(results_of_record: Path) -> None:
    """Of one machine, commit and environment, ten minutes apart: one decides what the other not."""
    folder = results_of_record / "runs" / "epyc-2core"
    runs = [read_run(folder / name) for name in ("2026-11-27T024138Z", "2026-11-27T025126Z")]
    rows = [
        replace(row, session=loaded.run.started)
        for loaded in runs
        for row in loaded.times
        if row.family == "mlp-width"
    ]
    (crossover,) = crossovers(rows, [(A, B)])
    assert crossover.decided == "partly"
    assert verdict(crossover).heading.endswith("of one session")
    assert 2048 in {size for low, high in crossover.disagreed_ranges or () for size in (low, high)}
    assert (
        verdict(crossover)
        .notes[0]
        .startswith("runs disagree: undecided (27 Nov 02:41), 1,730 (27 Nov 02:51); next: ")
    )


@pytest.mark.parametrize("turns", [(500, 510, 520), (500, 2000, 8000)], ids=["alike", "apart"])
def test_crossover_bench_and_pages_say_the_same_of_three_sessions(
    turns: tuple[float, ...], tmp_path: Path
) -> None:
    plans: dict[str, dict[str, object]] = {
        "crossover": {"pairs": [[A, B]], "iterations": 10_000, "threads": [2]},
        "bench": BENCH,
    }
    each = [
        session(when, crossing_at(turn))
        for when, turn in zip((MORNING, NOON, NIGHT), turns, strict=True)
    ]
    judged = []
    for study, plan in plans.items():
        about = {"study": study, "families": ["mlp-width"], "backends": [A, B]}
        loaded = [
            read_run(keep(tmp_path / study, plan | about, rows, started=rows[0].when))
            for rows in each
        ]
        *others, own = [
            [replace(row, session=loaded_run.run.started) for row in loaded_run.times]
            for loaded_run in loaded
        ]
        beside = [row for rows in others for row in rows]
        answer = answer_run(replace(loaded[-1], rows=list(own), others=beside)).answer
        (verdict_said,) = (verdict for verdict in answer.verdicts if verdict.subject == "mlp-width")
        assert "of 3 sessions" in verdict_said.heading
        judged += answer.data["crossovers"]
        (sweep,) = sweeps([*beside, *own], [(A, B)])
        judged += sweep.crossovers
    assert {crossover.decided == "yes" for crossover in judged} == {turns[-1] < 600}
    assert judged == judged[:1] * 4
