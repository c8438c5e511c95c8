from __future__ import annotations

from collections.abc import Mapping
from math import exp
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec.structs import replace

from perceptron.answer import Answer
from perceptron.questions.answering import answer_run
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.fastest.advice import (
    AdviceAxis,
    Change,
    ProblemAdvice,
    advise,
    rows_on,
    whole_trainings,
)
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from perceptron.statistics.select import NOT_REACHED
from perceptron.statistics.throughput import TrainingLength
from tests.made import ABSENT, ADVICE, ALONG_BATCH, BACKENDS, SHAPE, advice_rows, keep, measured

NAME = "mlp:8x2"
THREE = (0.99, 1.0, 1.01)
LONG = TrainingLength(iterations=10_000)


def measurement(backend: str, process: int, seconds: float, **fields: object) -> Measurement:
    """A row of a process of a backend on the problem."""
    own = {"problem": NAME, "family": NAME, "size": 8, "prepare_seconds": 1e-3} | fields
    return measured(backend=backend, repeat=process, seconds=seconds, **own)


def three(seconds: Mapping[str, float]) -> list[Measurement]:
    """Three processes of each backend, 1 % apart; the GPU is not there."""
    absent = {"problem": NAME, "family": NAME, "size": 8, "status": "skipped", "reason": ABSENT}
    return [
        *(
            measurement(name, k, value * off)
            for name, value in seconds.items()
            for k, off in enumerate(THREE)
        ),
        measured(backend="torch-cuda", **absent),
    ]


def advised(
    rows: list[Measurement], length: TrainingLength = LONG, *, count: int = 3
) -> ProblemAdvice:
    return advise(rows, BACKENDS[:count], NAME, length, [])


def test_advice_without_measurement_gives_reasons() -> None:
    advice = advise(three({}), ("torch-cuda", "numpy"), NAME, LONG, [])
    assert (advice.use, advice.seconds) == (None, None)
    assert advice.sentence == f"not measured: torch-cuda: {ABSENT}; numpy: {NOT_REACHED}"
    assert [option.reason for option in advice.candidates] == [ABSENT, NOT_REACHED]


@pytest.mark.parametrize(
    ("smallest", "says"),
    [
        ((0.9, 0.95), "numpy leads, torch-cpu takes about 1.06× as long"),
        ((0.9, 0.9), "numpy and torch-cpu are about equal"),
        ((0.9, 0.5), "numpy leads by typical times, torch-cpu by smallest samples"),
    ],
)
def test_advice_rough_answer_is_about_pair_in_doubt(
    smallest: tuple[float, float], says: str
) -> None:
    """Smallest samples of both are compared, though one never waited; the fastest by typical times
    stays that.
    """
    rows = [
        measurement(
            backend,
            process,
            typical,
            samples=[typical, typical, least],
            waited=waited,
            contended=0,
            prepare_seconds=0.0,
        )
        for backend, typical, least, waited in (
            ("numpy", 1.0, smallest[0], 0.0),
            ("torch-cpu", 1.6, smallest[1], 0.6),
        )
        for process in range(3)
    ]
    advice = advised(rows, count=2)
    assert advice.sentence == f"{says}, not decided: 50% of samples were contended"
    assert (advice.backend, advice.open) == ("numpy", ("torch-cpu",))
    assert advice.why.startswith(f"{advice.sentence}; numpy takes ")


@pytest.mark.parametrize(("spread", "tie"), [(1.001, True), (1.5, False)])
def test_advice_survives_contended_repeat_beside_idle_ones(spread: float, tie: bool) -> None:
    """Neither where both are alike, nor where chance explains the difference."""
    rows = [
        measurement(
            backend,
            process,
            1e-5 * spread ** ((process + place) % 2),
            samples=[1e-5] * 5,
            waited=0.05 if (backend, process) == ("numpy", 3) else 0.0,
        )
        for place, backend in enumerate(BACKENDS[:2])
        for process in range(8)
    ]
    advice = advised(rows, count=2)
    assert {candidate.doubt for candidate in advice.candidates} == (
        {None} if tie else {None, "too noisy"}
    )
    assert len(advice.open) == (not tie)
    assert bool(advice.ties) is bool(advice.use) is tie


# --- trainings on batches, whose number of iterations follows from the batch ----------------------

BATCH = AdviceAxis(axis="batch", here=64, family=ALONG_BATCH)
FIVE = TrainingLength(epochs=5)


def change_along_batch(rows: list[Measurement], length: TrainingLength = FIVE) -> Change:
    axes = [(BATCH, rows_on(BATCH, rows, SHAPE))]
    (change,) = advise(rows, BACKENDS, SHAPE, length, axes).changes
    return change


def test_several_models_have_the_time_of_one_and_the_rows_of_all() -> None:
    one = advise(advice_rows(), BACKENDS, SHAPE, FIVE, [])
    rows = [replace(row, models=400) for row in advice_rows()]
    advised = advise(rows, BACKENDS, SHAPE, FIVE, [])
    assert (one.models, advised.models) == (1, 400)
    best, single = advised.candidates[0], one.candidates[0]
    assert single.per_model is None
    assert best.per_model.estimate == best.per_iteration.estimate / 400
    assert best.rows_per_second.estimate == pytest.approx(400 * single.rows_per_second.estimate)


@pytest.mark.parametrize(
    ("models", "batch", "columns"),
    [
        (1, None, {"per model": False, "per epoch": False, "throughput>": False}),
        (1, 64, {"per model": False, "per epoch": True, "throughput>": True}),
        (400, 64, {"per model": True, "per epoch": True, "throughput>": True}),
    ],
)
def test_models_and_epochs_have_columns_where_there_are_several(
    models: int, batch: int | None, columns: dict[str, bool], tmp_path: Path
) -> None:
    """Where every iteration takes all rows, it is an epoch."""
    rows = [replace(row, models=models, batch=batch) for row in advice_rows()]
    answer = answer_run(read_run(keep(tmp_path, ADVICE, rows))).answer
    table = answer.tables[0]
    assert {name: name in table.columns for name in columns} == columns
    assert {len(cells) for cells in table.rows} == {len(table.columns)}


def noisy(factors: Mapping[str, tuple[float, ...]], *, here: bool) -> Answer:
    """Advice where some backends' repeats vary, at the problem's own size or at the others."""
    rows = [
        replace(row, seconds=row.seconds * factors[row.backend][row.repeat])
        if row.backend in factors and row.seconds and (row.problem == SHAPE) == here
        else row
        for row in rows_of_three()
    ]
    with TemporaryDirectory() as folder:
        return answer_run(read_run(keep(Path(folder), ADVICE, rows))).answer


def rows_of_three() -> list[Measurement]:
    """The rows, where the GPU is there and takes four times as long as numpy."""
    rows = [row for row in advice_rows() if row.backend != "torch-cuda"]
    gpu = [
        replace(row, backend="torch-cuda", seconds=4 * (row.seconds or 0.0))
        for row in rows
        if row.backend == "numpy"
    ]
    return [*rows, *gpu]


SURE, WIDE = (1.0, 1.0, 1.0), (0.4, 0.6, 0.8)


@pytest.mark.parametrize(
    ("factors", "decided"),
    [
        ({"torch-cpu": SURE}, "yes"),
        ({"torch-cpu": WIDE}, "partly"),
        ({"torch-cpu": WIDE, "torch-cuda": (0.1, 0.3, 0.4)}, "no"),
    ],
)
def test_advice_lead_within_chance_names_no_winner(
    factors: Mapping[str, tuple[float, ...]], decided: str
) -> None:
    """With what would tell; it is decided in part where another is known to take longer.

    An axis along which the winner is known does not make up for it.
    """
    answer = noisy(factors, here=True)
    verdict = answer.verdicts[0]
    assert answer.is_decided == (decided != "no")
    assert verdict.decided == answer.data["decided"] == decided
    is_open = decided != "yes"
    assert verdict.sentence.startswith("undecided between") == is_open
    assert any("next: " in note for note in verdict.notes) == is_open


@pytest.mark.parametrize("spread", [(0.0, 0.0, 0.0), (-0.2, 0.0, 0.2), (-0.6, 0.0, 0.6)])
@pytest.mark.parametrize("ratio", [1.02, 1.5])
def test_advice_axes_agree_with_verdict_at_problem_size(
    ratio: float, spread: tuple[float, ...]
) -> None:
    """The same rows and the same ratio, though beside exact sizes they look more certain."""
    rows = [
        replace(row, seconds=1.28e-4 * ratio * exp(spread[row.repeat]), prepare_seconds=0.0)
        if (row.problem, row.backend) == (SHAPE, "torch-cpu")
        else row
        for row in advice_rows()
    ]
    advice = advise(rows, BACKENDS[:2], SHAPE, FIVE, [(BATCH, rows_on(BATCH, rows, SHAPE))])
    other = advice.candidates[1]
    (pair,) = advice.changes[0].crossovers
    (at,) = (point for point in pair.ratio_at if point.size == BATCH.here)
    own = other.ratio_to_fastest
    assert own is not None
    assert (at.ratio, at.low, at.high) == (own.estimate, own.low, own.high)
    if other.doubt:
        assert not any(low <= BATCH.here <= high for low, high in pair.decided_ranges)
    else:
        assert not is_undecided_at(BATCH.here, pair)


def is_undecided_at(size: float, pair: Crossover) -> bool:
    """Whether it is in an undecided stretch; one may begin or end at a size that is decided."""
    return any(low < size < high or low == size == high for low, high in pair.undecided_ranges)


def test_advice_stays_decided_beside_noisy_size() -> None:
    """Sizes share what they know of the variance: by the axis alone both would be undecided."""
    rows = [
        replace(row, seconds=row.seconds * exp((-0.3, 0.0, 0.3)[row.repeat]))
        if row.size == 256 and row.backend == "torch-cpu" and row.seconds
        else row
        for row in advice_rows()
        if row.problem == SHAPE or row.size == 256
    ]
    advice = advise(rows, BACKENDS[:2], SHAPE, FIVE, [(BATCH, rows_on(BATCH, rows, SHAPE))])
    (pair,) = advice.changes[0].crossovers
    assert advice.decided
    assert pair.sizes_measured == [64, 256]
    assert not is_undecided_at(BATCH.here, pair)


def test_advice_larger_batch_leaves_fewer_iterations_to_amortise() -> None:
    """torch-cpu is faster per iteration from 125 up, and never for the whole of these epochs.

    It prepares for 4 s more. What it saves grows with the batch, for a number of iterations that
    is fixed; of a number of epochs it is at most 2 µs for each of 30,000 rows.
    """
    rows = [
        replace(row, prepare_seconds=4.0) if row.backend == "torch-cpu" else row
        for row in advice_rows()
    ]
    assert change_along_batch(rows).crossovers[0].status == "never"
    fixed = change_along_batch(rows, TrainingLength(iterations=10_000)).crossovers[0]
    assert fixed.status == "crosses"


def test_sizes_on_fewer_rows_count_as_trainings_on_all_rows() -> None:
    """They were measured on 1,024 rows, which take less time to prepare and shorter epochs."""
    few = [
        row if row.problem == SHAPE else replace(row, rows=1024, prepare_seconds=1e-6)
        for row in advice_rows()
    ]

    def seconds(axis: AdviceAxis, rows: list[Measurement]) -> list[float | None]:
        return [row.seconds for row in whole_trainings(rows_on(axis, rows, SHAPE), FIVE)]

    expected = seconds(BATCH, advice_rows())
    assert seconds(replace(BATCH, fewer_rows=True), few) == pytest.approx(expected)
    assert seconds(BATCH, few) != pytest.approx(expected)
