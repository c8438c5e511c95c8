from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import targets
from perceptron.problems import catalogue

FEW = catalogue.find("many-or-gates:16")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = targets.compiled(tmp_path_factory.mktemp("c"))
    if built is None:
        pytest.skip("gcc is not installed")
    return built


def test_targets_c_loop_trains_as_numpy(program: Path) -> None:
    """From the same starts; and every sample begins there again."""
    seconds, trained = targets.in_c(program, FEW, iterations=50, samples=2)
    assert seconds > 0.0
    targets.assert_as_numpy(FEW, 50, trained)


def test_targets_c_loop_with_other_training_is_refused(program: Path) -> None:
    _, trained = targets.in_c(program, FEW, iterations=49, samples=1)
    with pytest.raises(AssertionError):
        targets.assert_as_numpy(FEW, 50, trained)
