from __future__ import annotations

from benchmarks.validation.fastest.shapes import Training, draw
from perceptron.problems import shape
from perceptron.problems.cost import operations


def test_a_longer_list_begins_with_the_shorter_one() -> None:
    """So that more trainings may be asked for later, and each number of them is the same study."""
    assert draw(30, seed=1)[:10] == draw(10, seed=1)
    assert draw(10, seed=1) != draw(10, seed=2)


def test_what_is_drawn_covers_what_people_train() -> None:
    """Each once, within the ranges, all kinds among them, and none too long to measure."""
    trainings = draw(300, seed=3)
    shapes = [shape.parse(training.reference) for training in trainings]
    assert len({training.reference for training in trainings}) == 300
    assert all(64 <= own.rows <= 20_000 and 2 <= own.features <= 784 for own in shapes)
    assert all(2 <= width <= 1024 for own in shapes for width in own.hidden)
    assert {len(own.hidden) for own in shapes} == {0, 1, 2, 3}
    assert {own.classes for own in shapes} == {None, *range(2, 11)}
    assert {own.optimizer for own in shapes} == {"sgd", "adam"}
    batches = [own.batch for own in shapes if own.batch is not None]
    assert 150 < len(batches) < 270
    assert all(8 <= batch <= 1024 for batch in batches)
    several = [own.models for own in shapes if own.models > 1]
    assert 20 < len(several) < 90
    assert all(8 <= models <= 256 for models in several)
    assert max(operations(training.problem) for training in trainings) <= 3e9


def test_a_training_knows_its_iterations() -> None:
    assert Training("mlp:100x4:32b", 3).iterations == 3 * 4
    assert Training("mlp:100x4", 3).iterations == 3
