from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.one_by_one import MOST_MODELS, OneByOneTrainer
from perceptron.backends.protocol import Unsupported, least_seconds_of
from perceptron.problems import catalogue

NAMES = [name for name in registry.BUILT_IN if name.endswith("-one-by-one")]
OR_GATES = catalogue.find("many-or-gates:4")


def test_with_one_model_it_is_the_backend_itself() -> None:
    trainer = registry.load("numpy-one-by-one").prepare(OR_GATES.single(2), "float32")
    assert type(trainer) is NumpyTrainer


def test_each_model_is_the_single_training_to_the_last_bit() -> None:
    trainer = registry.load("numpy-one-by-one").prepare(OR_GATES, "float32")
    trainer.train(50)
    weights, bias = trainer.parameters()
    losses = []
    for index in range(4):
        alone = registry.load("numpy").prepare(OR_GATES.single(index), "float32")
        alone.train(50)
        np.testing.assert_array_equal(weights[index], alone.parameters()[0])
        np.testing.assert_array_equal(bias[index], alone.parameters()[1])
        losses.append(alone.loss())
    assert trainer.loss() == np.mean(losses)
    assert trainer.evaluate().train.loss == np.mean(losses)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_what_its_backend_needs(name: str) -> None:
    """The worker asks it what it asks any backend."""
    backend, own = registry.load(name), registry.load(name.removesuffix("-one-by-one"))
    assert (backend.device, backend.unavailable()) == (own.device, own.unavailable())
    assert backend.environment(3) == own.environment(3)
    for attribute in ("imports", "compiles", "accelerator", "published_dtype", "unprofiled"):
        assert getattr(backend, attribute, None) == getattr(own, attribute, None)
    # It trains in phases of its own, and dispatches for each model.
    assert not hasattr(backend, "phased")
    assert not hasattr(backend, "kernels")
    assert hasattr(backend, "prepared_from_cache") == hasattr(own, "prepared_from_cache")


def test_more_models_than_say_more_are_refused() -> None:
    """Before a trainer is made for each."""
    with pytest.raises(Unsupported, match="one by one"):
        registry.load("numpy-one-by-one").prepare(
            replace(OR_GATES, models=MOST_MODELS + 1), "float32"
        )


def test_a_sample_is_longer_the_more_models_there_are() -> None:
    """What each of them costs once must stay a small part."""

    def least(models: int) -> float:
        trainers: list[Any] = [None] * models
        return OneByOneTrainer(trainers).least_seconds

    assert least(1000) == pytest.approx(1000 * least(1))
    assert least(1) >= 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_how_long_a_sample_must_be_is_known_before_anything_is_prepared(name: str) -> None:
    """Of what is refused, nothing takes long; with one model it is the backend itself."""
    backend = registry.load(name)
    trainers: list[Any] = [None] * OR_GATES.models
    assert least_seconds_of(backend, OR_GATES) == OneByOneTrainer(trainers).least_seconds
    assert least_seconds_of(backend, OR_GATES.single(0)) == 0.0
    assert least_seconds_of(backend, replace(OR_GATES, models=MOST_MODELS + 1)) == 0.0
    assert least_seconds_of(registry.load("numpy"), OR_GATES) is None


class Compiles:
    """A backend that has found everything but what it is asked for first."""

    def __init__(self) -> None:
        self.asked = 0

    def prepare(self, problem: object, dtype: object) -> None:
        self.asked += 1

    def prepared_from_cache(self) -> bool:
        return self.asked > 1


def test_what_the_first_model_compiled_is_not_found_by_the_others() -> None:
    """A start takes that time, although all but one of the trainers find it done."""
    backend: Any = type(registry.load("numpy-one-by-one"))("none", registry.load("numpy").rung)  # type: ignore[attr-defined]
    vars(backend)["_backend"] = Compiles()
    backend.prepare(OR_GATES, "float32")
    assert backend.prepared_from_cache() is False
    backend.prepare(OR_GATES, "float32")
    assert backend.prepared_from_cache() is True


def test_what_is_queued_is_queued_of_each() -> None:
    """Where trainers queue; else there is nothing to call."""

    class Queues:
        queued = 0

        def queue(self, iterations: int) -> None:
            self.queued += iterations

    queues: list[Any] = [Queues(), Queues()]
    one_by_one: Any = OneByOneTrainer(queues)
    one_by_one.queue(7)
    assert [trainer.queued for trainer in queues] == [7, 7]
    assert not hasattr(OneByOneTrainer([*queues, object()]), "queue")
