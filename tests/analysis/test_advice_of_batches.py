"""Advice about trainings on batches, whose number of iterations follows from the batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.advice import AdviceAxis, Change, advise, rows_on, whole_trainings
from perceptron.analysis.stored.runs import judge_advice
from perceptron.analysis.throughput import TrainingLength
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables import advice as table
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
    text = table.sentence(advised)
    assert "129 µs an iteration of all 400 models, 323 ns of each, 12.2 ms an epoch" in text
    assert table.columns(advised)[2:5] == ("per model", "per epoch", "throughput>")
    assert all(len(cells) == len(table.columns(advised)) for cells in table.cells(advised))


@pytest.mark.parametrize(("epochs", "length"), [(1, "1 epoch"), (5, "5 epochs")])
def test_the_length_of_the_training_is_in_the_sentence(epochs: int, length: str) -> None:
    """In epochs, where that is what was asked for; one is not "1 epochs"."""
    advised = advise(advice_rows(), BACKENDS, SHAPE, TrainingLength(epochs=epochs), [])
    assert f" for {length} from cold" in table.sentence(advised)


def test_where_every_iteration_takes_all_rows_an_epoch_has_no_column() -> None:
    rows = [replace(row, batch=None) for row in advice_rows()]
    advised = advise(rows, BACKENDS, SHAPE, TrainingLength(iterations=100), [])
    assert table.columns(advised) == table.COLUMNS
    assert "an epoch" not in table.sentence(advised)
    assert "for 100 iterations from cold" in table.sentence(advised)


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
        judge_advice(read_run(folder))
