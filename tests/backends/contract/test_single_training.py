from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends.contract import single_training
from perceptron.backends.contract.quantities import Refused
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Sgd


def test_a_diverging_problem_is_refused() -> None:
    """NaN agrees with nothing, least of all with itself."""
    layers = tuple(
        replace(layer, activation="identity") for layer in catalogue.find("xor-hidden").layers
    )
    wild = replace(catalogue.find("xor-hidden"), layers=layers, optimizer=Sgd(rate=1e60))
    with (
        pytest.raises(Refused, match="not finite after 10 iterations: lower the rate"),
        np.errstate(all="ignore"),
    ):
        single_training.reference(wild)
