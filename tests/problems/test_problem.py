from __future__ import annotations

from dataclasses import replace

from perceptron.problems.datasets import Clusters
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Layer, Loss, Problem
from perceptron.problems.start import FanInStart


def _problem(outputs: int = 3, loss: Loss = "cross-entropy", batch: int | None = None) -> Problem:
    return Problem(
        name="three classes",
        family="three classes",
        size=10,
        dataset=Clusters("clusters", 10, 2, classes=3),
        layers=(Layer(outputs, "identity"),),
        loss=loss,
        optimizer=Sgd(rate=0.25),
        start=FanInStart(),
        batch=batch,
    )


def test_an_iteration_is_a_step_on_a_batch() -> None:
    """And an epoch as many as pass over the rows, the short one counted unless it is dropped."""
    problem = _problem(batch=4)
    assert (problem.step_rows, problem.iterations_per_epoch) == (4, 3)
    assert replace(problem, last="drop").iterations_per_epoch == 2
    assert problem.rate == 0.25


def test_another_seed_is_another_start_and_order_of_the_same_training() -> None:
    """Seed 0 is the problem itself, and a seed does not depend on the seeds before it."""
    problem = _problem(batch=4)
    assert problem.with_seed(0) == problem
    others = [problem.with_seed(seed) for seed in (1, 2)]
    assert len({each.digest for each in (problem, *others)}) == 3
    orders = [each.batches.orders.tobytes() for each in (problem, *others) if each.batches]
    starts = [each.start_parameters()[0].tobytes() for each in (problem, *others)]
    assert len(set(orders)) == len(set(starts)) == 3
    assert problem.with_seed(2) == problem.with_seed(2)
    assert replace(others[1], start=problem.start, order_seed=1) == problem
