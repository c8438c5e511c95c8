"""Advice about trainings on batches, whose number of iterations follows from the batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.advice import AdviceAxis, Change, advise, rows_on, whole_trainings
from perceptron.analysis.throughput import TrainingLength
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies.answering import answer_run
from tests.made import ADVICE, ALONG_BATCH, BACKENDS, SHAPE, advice_rows, keep

BATCH = AdviceAxis(axis="batch", here=64, family=ALONG_BATCH)
FIVE = TrainingLength(epochs=5)


def change_along_batch(rows: list[Measurement], length: TrainingLength = FIVE) -> Change:
    (change,) = advise(rows, BACKENDS, SHAPE, length, [rows_on(BATCH, rows, SHAPE)]).changes
    return change


def test_several_models_have_the_time_of_one_and_the_rows_of_all() -> None:
    one = advise(advice_rows(), BACKENDS, SHAPE, FIVE, [])
    rows = [replace(row, models=400) for row in advice_rows()]
    advised = advise(rows, BACKENDS, SHAPE, FIVE, [])
    assert (one.models, advised.models) == (1, 400)
    best, single = advised.options[0], one.options[0]
    assert single.seconds_per_model is None
    assert best.seconds_per_model.estimate == best.seconds_per_iteration.estimate / 400
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


@pytest.mark.parametrize(
    ("torch", "decided", "use"),
    [((1.0, 1.0, 1.0), "yes", "numpy"), ((0.4, 0.6, 0.8), "partly", "numpy")],
)
def test_a_lead_that_chance_may_explain_is_partly_decided(
    torch: tuple[float, ...], decided: str, use: str, tmp_path: Path
) -> None:
    """With what would tell; an axis along which nothing is decided does not make up for it."""
    rows = [
        replace(row, seconds=row.seconds * torch[row.repeat])
        if row.backend == "torch-cpu" and row.seconds
        else row
        for row in advice_rows()
    ]
    answer = answer_run(read_run(keep(tmp_path, ADVICE, rows))).answer
    verdict = answer.verdicts[0]
    assert (verdict.decided, answer.data["use"]) == (decided, use)
    assert ["next: " in note for note in verdict.notes] == ([False, True] if torch[0] < 1 else [])


def test_a_larger_batch_has_fewer_iterations_to_make_up_for_a_slow_start() -> None:
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
        return [row.seconds for row in whole_trainings(rows_on(axis, rows, SHAPE).rows, FIVE)]

    expected = seconds(BATCH, advice_rows())
    assert seconds(replace(BATCH, fewer_rows=True), few) == pytest.approx(expected)
    assert seconds(BATCH, few) != pytest.approx(expected)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"name": "mlp:1x1"}, "no rows of mlp:1x1"),
        (
            {"length": {"epochs": "many"}},
            "Expected `int | null`, got `str` - at `\\$.length.epochs`",
        ),
    ],
)
def test_stored_advice_that_cannot_be_judged_is_named(
    tmp_path: Path, plan: dict[str, object], message: str
) -> None:
    folder = keep(tmp_path, ADVICE | plan, advice_rows())
    with pytest.raises(UserError, match=message):
        answer_run(read_run(folder))
