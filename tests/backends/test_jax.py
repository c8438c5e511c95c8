"""JAX, in what the contract does not say: what is compiled when, threads, data of the host."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perceptron import optional
from perceptron.backends import jax_backend
from perceptron.backends.jax_backend import CPU, CUDA, HostFedTrainer, JaxBackend
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Feed, Problem
from tests.backends.batched import (
    CYCLE,
    EVEN,
    SHORT_LAST,
    assert_continues,
    assert_resets,
    assert_trains_as_numpy,
)
from tests.backends.conftest import assert_as_numpy
from tests.backends.each_alone import (
    FOLDS,
    FOLDS_AT_ONCE,
    assert_each_as_alone,
)

needs_jax = pytest.mark.skipif(
    CPU.unavailable() is not None, reason=f"jax-cpu: {CPU.unavailable()}"
)

ROOT = Path(__file__).parents[2]


@needs_jax
def test_nothing_is_compiled_again_for_another_number_of_iterations() -> None:
    """The number of iterations and the data are arguments of the compiled loop."""
    trainer = CPU.prepare(catalogue.find("or-gate"), "float32")
    compiled = trainer._program.train._cache_size()  # type: ignore[attr-defined]
    trainer.train(7)
    CPU.prepare(catalogue.find("xor"), "float32").train(11)
    assert trainer._program.train._cache_size() == compiled  # type: ignore[attr-defined]


@needs_jax
def test_both_dtypes_live_in_one_process() -> None:
    """JAX decides on float64 for a whole thread: a trainer must not leave that changed."""
    import jax

    before = jax.config.jax_enable_x64
    double = CPU.prepare(catalogue.find("or-gate"), "float64")
    single = CPU.prepare(catalogue.find("or-gate"), "float32")
    double.train(3)
    single.train(3)
    assert {array.dtype for array in double.parameters()} == {np.dtype("float64")}
    assert {array.dtype for array in single.parameters()} == {np.dtype("float32")}
    assert jax.config.jax_enable_x64 == before


@needs_jax
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads under /proc")
def test_xla_runs_as_many_threads_as_set() -> None:
    """Counted by name in a fresh process, as a worker starts it; and JAX looks for no GPU."""
    code = (
        "import pathlib\n"
        "from perceptron.backends.jax_backend import CPU\n"
        "from perceptron.problems import catalogue\n"
        "CPU.prepare(catalogue.find('or-gate'), 'float32')\n"
        "names = [file.read_text() for file in pathlib.Path('/proc/self/task').glob('*/comm')]\n"
        "print(sum('XLAEigen' in name for name in names))\n"
        "import jax\n"
        "assert {device.platform for device in jax.devices()} == {'cpu'}\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **CPU.environment(3)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == "3"


def test_on_a_gpu_precision_and_memory_are_settled_before_jax_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (
        "PERCEPTRON_REHEARSAL",
        "XLA_FLAGS",
        "JAX_COMPILATION_CACHE_DIR",
        "JAX_ENABLE_COMPILATION_CACHE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(optional, "missing", lambda extra: None)
    monkeypatch.setattr(jax_backend, "with_loops_on_the_device", lambda own: f"{own} --loops")
    variables = CUDA.environment(3)
    assert (
        variables.items()
        >= {
            "NPROC": "3",
            "JAX_PLATFORMS": "cuda,cpu",
            "JAX_DEFAULT_MATMUL_PRECISION": "highest",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "JAX_ENABLE_COMPILATION_CACHE": "false",
            "XLA_FLAGS": " --loops",
        }.items()
    )
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    assert CUDA.environment(3) == CPU.environment(3)


@pytest.mark.parametrize("backend", [CPU, CUDA], ids=lambda backend: backend.name)
def test_a_cache_is_the_users_or_there_is_none(
    backend: JaxBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said in so many words either way, so that it is recorded."""
    monkeypatch.setattr(jax_backend, "with_loops_on_the_device", lambda own: own)
    monkeypatch.delenv("JAX_ENABLE_COMPILATION_CACHE", raising=False)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/own")
    variables = backend.environment(1)
    assert variables["JAX_COMPILATION_CACHE_DIR"] == "/own"
    assert "JAX_ENABLE_COMPILATION_CACHE" not in variables
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    assert backend.environment(1)["JAX_ENABLE_COMPILATION_CACHE"] == "false"


def host_fed(problem: Problem, dtype: DType = "float64") -> HostFedTrainer:
    """Return what a GPU trains data in host memory with, on the CPU."""
    trainer = HostFedTrainer(problem, dtype, "cpu")
    trainer.warm_up()
    trainer.reset()
    return trainer


@needs_jax
def test_preparing_compiles_all_that_training_calls() -> None:
    """From wherever it stands and however far it goes, over short batches and ends of epochs."""
    trainer = CPU.prepare(SHORT_LAST, "float32")
    compiled = trainer._program.train._cache_size()  # type: ignore[attr-defined]
    for iterations in (1, 3, 50):
        trainer.train(iterations)
    trainer.reset()
    CPU.prepare(SHORT_LAST, "float32").train(2)
    assert trainer._program.train._cache_size() == compiled  # type: ignore[attr-defined]

    fed = host_fed(SHORT_LAST, "float32")
    compiled = fed._program.step._cache_size()  # type: ignore[attr-defined]
    fed.train(9)
    assert fed._program.step._cache_size() == compiled  # type: ignore[attr-defined]


@needs_jax
@pytest.mark.parametrize(("problem", "inner"), [(SHORT_LAST, 1), (EVEN, 10)], ids=["one", "ten"])
def test_batches_come_in_their_order_over_the_whole_cycle(
    problem: Problem, inner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And begin again after it; inner loops, as on a GPU, skip and repeat none."""
    monkeypatch.setitem(jax_backend._INNER, "cpu", inner)
    assert_trains_as_numpy(CPU.prepare(problem, "float64"), problem, CYCLE + 21)


@needs_jax
def test_data_in_host_memory_are_trained_on_batch_by_batch() -> None:
    """A GPU's way keeps the same promises."""
    assert_trains_as_numpy(host_fed(SHORT_LAST), SHORT_LAST, CYCLE + 21)
    assert_continues(lambda: host_fed(SHORT_LAST), 3, 1, 0, 2, 7)
    assert_resets(lambda: host_fed(SHORT_LAST), after=6)


@needs_jax
@pytest.mark.parametrize("feed", ["resident", "host"])
def test_each_model_trains_as_alone(feed: Feed) -> None:
    """Without a fold of its own; from the host a batch is copied once, with the rows of each."""
    if feed == "resident":
        assert_each_as_alone(CPU.prepare(FOLDS_AT_ONCE, "float64"), FOLDS_AT_ONCE, 11)
    else:
        assert_each_as_alone(host_fed(replace(FOLDS, feed=feed)), FOLDS, 11)


@needs_jax
@pytest.mark.parametrize("problem", ["mlp-batch:64", "mlp-batch-host:64"])
def test_a_rehearsal_trains_on_the_cpu_as_on_a_gpu(
    problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the GPU's name: its inner loops, and batches copied one by one from the host."""
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    assert CUDA.unavailable() is None
    found = catalogue.find(problem)
    trainer = CUDA.prepare(found, "float64")
    assert isinstance(trainer, HostFedTrainer) == (found.feed == "host")
    assert_as_numpy(trainer, found, iterations=23, tolerance=1e-9)
