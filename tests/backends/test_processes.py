from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.contract.problems import problems
from perceptron.backends.processes import ProcessesTrainer
from perceptron.backends.protocol import least_seconds_of
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem

pytestmark = pytest.mark.skipif(
    optional.missing("joblib") is not None, reason=str(optional.missing("joblib"))
)
SEVERAL = {problem.name: problem for problem in problems() if problem.models > 1}


@pytest.mark.parametrize(
    "problem",
    [SEVERAL["many-adam"], SEVERAL["folds-adam"], catalogue.find("or-gate")],
    ids=lambda problem: problem.name,
)
def test_they_train_as_one_process_does_to_the_last_bit(problem: Problem) -> None:
    """Call after call, wherever a share goes; and with one model."""
    in_pool = registry.load("processes").prepare(problem, "float32")
    one_by_one = registry.load("numpy-one-by-one").prepare(problem, "float32")
    for trainer in (in_pool, one_by_one):
        trainer.train(3)
        trainer.reset()
        for iterations in (7, 6):
            trainer.train(iterations)
    for array, same in zip(in_pool.parameters(), one_by_one.parameters(), strict=True):
        np.testing.assert_array_equal(array, same)
    assert in_pool.evaluate() == one_by_one.evaluate()


def test_models_are_shared_out_evenly() -> None:
    """Each worker has as many as the others, give or take one, and each model one worker."""
    backend = registry.load("processes")
    trainer = backend.prepare(catalogue.find("many-or-gates:16"), "float32")
    trainer._jobs = 5  # type: ignore[attr-defined]
    shares = [range(16)[share] for share in trainer._shares()]  # type: ignore[attr-defined]
    assert [model for share in shares for model in share] == list(range(16))
    assert {len(share) for share in shares} == {3, 4}


def test_how_long_a_sample_must_be_is_known_before_anything_is_prepared() -> None:
    backend = registry.load("processes")
    for name in ("or-gate", "many-or-gates:4", "many-or-gates:1000"):
        problem = catalogue.find(name)
        trainer = ProcessesTrainer(problem, "float32")
        assert least_seconds_of(backend, problem) == trainer.least_seconds


def test_workers_are_as_many_as_the_threads_and_have_one_each() -> None:
    variables = registry.load("processes").environment(3)
    assert variables["LOKY_MAX_CPU_COUNT"] == "3"


def test_workers_end_with_a_process_that_leaves_at_once(tmp_path: Path) -> None:
    """As the workers of a study do: nothing is told to end them."""
    code = (
        "import os\n"
        "from perceptron.backends import registry\n"
        "from perceptron.problems import catalogue\n"
        "backend = registry.load('processes')\n"
        "backend.prepare(catalogue.find('many-or-gates:4'), 'float32')\n"
        "print(*backend.process_ids(), flush=True)\n"
        "os._exit(0)\n"
    )
    root = Path(registry.__file__).parents[2]
    said = tmp_path / "said"
    with said.open("w") as out:  # a pipe would stay open for as long as a worker has it
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            check=True,
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    numbers = [int(word) for word in said.read_text().split()]
    assert len(numbers) >= 2
    until = time.monotonic() + 30.0
    while any(map(psutil.pid_exists, numbers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(psutil.pid_exists, numbers))
