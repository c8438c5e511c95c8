"""Numba, in what the contract does not say: which loop, which dtype, which threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from perceptron.backends.numba_backend import (
    BACKEND,
    LayeredModels,
    NumbaModels,
    WrittenOutModels,
    WrittenOutTrainer,
)
from perceptron.backends.numpy_inplace import BACKEND as INPLACE
from perceptron.backends.python_backend import BACKEND as PYTHON
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Problem
from tests.backends.conftest import FEW_PARAMETERS, MANY, OVER_EPOCHS, assert_as_numpy
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
MOMENTUM = Sgd(rate=0.2, momentum=0.9, weight_decay=0.01)
CLASSIFIERS = replace(MANY, name="classifiers", models=5, optimizer=MOMENTUM)
FOLDS_AT_ONCE = replace(CLASSIFIERS, name="folds-at-once", folds=True, batch=None)


def test_float32_is_trained_in_float32() -> None:
    """A literal of 64 bits in compiled code would make the whole sum one of 64 bits."""
    trainer: Any = WrittenOutTrainer(catalogue.find("or-gate"), "float32")
    trainer.train(2)
    [signature] = trainer._loop.nopython_signatures
    assert str(signature.return_type) == "UniTuple(float32 x 3)"


def test_numba_has_a_thread_variable_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BACKEND.environment(3)["NUMBA_NUM_THREADS"] == "3"
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "tbb")
    assert BACKEND.environment(2)["NUMBA_THREADING_LAYER"] == "tbb", "the user's own"
    assert "NUMBA_NUM_THREADS" not in PYTHON.environment(3)
    assert "NUMBA_NUM_THREADS" not in INPLACE.environment(3)


@pytest.fixture
def threads() -> Iterator[int]:
    """As many threads as Numba may have, of those that it was started with."""
    from numba import config, get_num_threads, set_num_threads

    before = get_num_threads()
    yield int(config.NUMBA_NUM_THREADS)
    set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "kind"),
    [(FEW_PARAMETERS, WrittenOutModels), (CLASSIFIERS, LayeredModels)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_several_models_train_as_numpys_do(
    problem: Problem, kind: type[NumbaModels], threads: int
) -> None:
    """Over short batches and the end of an epoch, on shared data or without a fold of its own.

    To the last digit it is the same by one thread: each model's arithmetic is that of one.
    """
    from numba import set_num_threads

    ends = []
    for count in (threads, 1):
        set_num_threads(count)
        trainer = BACKEND.prepare(problem, "float64")
        assert type(trainer) is kind
        assert_as_numpy(trainer, problem, iterations=11, tolerance=OVER_EPOCHS)
        ends.append(trainer.parameters())
    for several, single in zip(*ends, strict=True):
        np.testing.assert_array_equal(several, single)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_models_are_shared_out_whatever_the_number_of_threads(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is left out or trained twice, with threads that do not divide them or have none."""
    import numba

    monkeypatch.setattr(numba, "get_num_threads", lambda: count)
    trainer = LayeredModels(FOLDS_AT_ONCE, "float64")
    assert len(trainer._arrays.gradients) == min(count, 5)
    assert_as_numpy(trainer, FOLDS_AT_ONCE, iterations=3, tolerance=OVER_EPOCHS)


def test_blas_has_one_thread_within_ours_and_its_own_number_afterwards() -> None:
    """Otherwise as many threads as cores would run in each of as many as cores."""
    trainer = LayeredModels(CLASSIFIERS, "float64")
    within: list[set[int]] = []

    def descend(*_: object) -> None:
        within.append(set(_blas_threads()))

    trainer._descend = descend
    with threadpool_limits(2, user_api="blas"):
        before = _blas_threads()
        trainer.train(1)
        after = _blas_threads()
    assert within == [{1}]
    assert before == after == [2] * len(before)


def _blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_numba_trains_in_forked_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """GNU OpenMP's threads, which Numba takes by itself, would end it."""
    monkeypatch.delenv("NUMBA_THREADING_LAYER", raising=False)
    code = (
        "import os\n"
        "from perceptron.backends.numba_backend import BACKEND\n"
        "from perceptron.problems import catalogue\n"
        "trainer = BACKEND.prepare(catalogue.find('many-or-gates:4'), 'float64')\n"
        "child = os.fork()\n"
        "trainer.train(3)\n"
        "if not child:\n"
        "    os._exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env={**os.environ, **BACKEND.environment(2)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == "0", process.stderr
