from __future__ import annotations

import gc

import pytest

from perceptron.measure.rows import problem_fields
from perceptron.problems import catalogue
from perceptron.processes.waiting import largest_wait_share
from perceptron.records.comparison_key import comparison_key
from perceptron.records.measurement import largest_waited
from perceptron.records.row import no_search_for_cycles
from perceptron.statistics.contention import is_contended
from tests.conftest import MakeRow


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "bus"},
        {"dtype": "float64"},
        {"threads": 1},
        {"optimizer": "adam"},
        {"feed": "host"},
        {"outputs": 10},
        {"batch": 32},
        {"models": 400},
    ],
    ids=lambda change: next(iter(change)),
)
def test_rows_that_differ_in_how_they_were_trained_stand_on_two_grounds(
    row: MakeRow, change: dict[str, object]
) -> None:
    shared = {"optimizer": "sgd", "feed": "resident", "outputs": 1, "batch": 64}
    assert comparison_key(row(**shared)) != comparison_key(row(**shared | change))


def test_comparison_key_ignores_batch_along_its_axis(row: MakeRow) -> None:
    """Sizes of one family are compared along it, whatever else is equal to a size by chance."""
    along = [row(size=size, batch=size, axes=("batch",)) for size in (1, 64, 128)]
    assert len({comparison_key(of) for of in along}) == 1
    fixed = [row(size=size, batch=128, axes=("width",)) for size in (1, 64, 128)]
    assert {comparison_key(of).batch for of in fixed} == {128}
    map_of_two = row(size=512, sizes=(64, 8), batch=64, axes=("batch", "width"))
    assert comparison_key(map_of_two).batch is None


def test_comparison_key_ignores_models_along_its_axis(row: MakeRow) -> None:
    """And rows that say nothing of models, as old ones do, are of one."""
    along = [row(size=size, models=size, axes=("models",)) for size in (1, 64, 128)]
    assert len({comparison_key(of) for of in along}) == 1
    assert comparison_key(row(models=None)) == comparison_key(row(models=1))


@pytest.mark.parametrize(
    ("form", "optimizer", "batch"),
    [
        ("mlp-batch:{}", "adam", None),
        ("mlp-batch-host:{}", "adam", None),
        ("mlp-width-adam:{}", "adam", 128),
        ("mlp-width:{}", "sgd", None),
        ("mlp:1000x20x8:10c:*b:adam:{}", "adam", None),
        ("mlp:1000x20x*:10c:32b:adam:{}", "adam", 32),
        ("mlp:1000x20x8:10c:32b:adam:*m:{}", "adam", 32),
        ("batch-width:{0}x{0}", "adam", None),
    ],
)
def test_comparison_key_is_equal_for_sizes_of_a_family(
    row: MakeRow, form: str, optimizer: str, batch: int | None
) -> None:
    """Of ours, of a shape along each of its axes, and the cells of a map along the batch."""
    problems = [catalogue.find(form.format(size)) for size in (16, 32, 64)]
    (where,) = {comparison_key(row(**problem_fields(problem))) for problem in problems}
    assert (where.optimizer, where.batch) == (optimizer, batch)


def test_several_processes_may_wait_for_what_they_exchange() -> None:
    """One process may not: it has nothing to exchange, however many threads it has."""
    assert largest_waited(2) == largest_waited(2, 1) == largest_wait_share(2)
    assert largest_waited(2, 2) > 2 * largest_waited(2)
    assert largest_waited(64, 2) == largest_waited(64)


def test_threads_that_feed_a_device_may_wait_for_each_other(row: MakeRow) -> None:
    """Autograd hands an iteration of 50 µs to another thread and back: 2% are a microsecond."""
    assert largest_waited(1, device="cpu") == largest_waited(1) < 0.05
    assert largest_waited(1, device="cuda") == largest_waited(1, 2)
    assert is_contended(row(waited=0.05, threads=1, device="cpu"))
    assert not is_contended(row(waited=0.05, threads=1, device="cuda"))


def test_garbage_collection_is_off_inside_context() -> None:
    assert gc.isenabled()
    with no_search_for_cycles():
        assert not gc.isenabled()
        with no_search_for_cycles():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_garbage_collection_frozen_objects_stay_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with no_search_for_cycles():
            pass
        assert gc.get_freeze_count() == frozen > 0
    finally:
        gc.unfreeze()
