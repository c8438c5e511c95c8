"""JAX, in what the contract does not say: what is compiled when, threads, what a GPU is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron import optional
from perceptron.backends import jax_backend
from perceptron.backends.accelerators import jax_accelerator
from perceptron.backends.accelerators.jax_accelerator import (
    runs,
    with_loops_on_the_device,
)
from perceptron.backends.jax_backend import CPU, CUDA, JaxBackend
from perceptron.measure import launch
from perceptron.measure.job import Race
from perceptron.problems import catalogue
from perceptron.questions.shared.missing import size_job
from perceptron.records.race import Target
from tests.backends.conftest import SHORT_LAST
from tests.conftest import ROOT
from tests.stand_in import use_stand_ins

needs_jax = pytest.mark.skipif(
    CPU.unavailable() is not None, reason=f"jax-cpu: {CPU.unavailable()}"
)

PREPARE_TWICE = """
import json, pathlib, sys
from perceptron.backends.jax_backend import CPU
from perceptron.problems import catalogue
found = []
for name in ("or-gate", "xor"):
    CPU.prepare(catalogue.find(name), "float32")
    found.append(CPU.prepared_from_cache())
names = [file.read_text() for file in pathlib.Path("/proc/self/task").glob("*/comm")]
import jax
platforms = sorted({device.platform for device in jax.devices()})
threads = sum("XLAEigen" in name for name in names)
print(json.dumps({"found": found, "threads": threads, "platforms": platforms}))
"""


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two processes say, one after the other, where the user has a cache."""
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    environment = {name: value for name, value in os.environ.items() if name[:4] != "JAX_"}

    def prepare() -> dict[str, Any]:
        process = subprocess.run(
            [sys.executable, "-c", PREPARE_TWICE],
            cwd=ROOT,
            env={**environment, **CPU.environment(3), "JAX_ENABLE_COMPILATION_CACHE": "1", **cache},
            capture_output=True,
            text=True,
            check=True,
        )
        answer: dict[str, Any] = json.loads(process.stdout)
        return answer

    return [prepare() for _ in range(2)]


@pytest.mark.slow
@needs_jax
def test_jax_second_process_uses_compile_cache(processes: list[dict[str, Any]]) -> None:
    """Where the user has a cache; the second problem has the shapes of the first."""
    assert [process["found"] for process in processes] == [[False, True], [True, True]]


@pytest.mark.slow
@needs_jax
def test_processes_of_a_sweep_share_what_one_compiled_and_those_of_a_race_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first repeat compiles all the same, so that its setup is a cold start's."""
    for name in ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    sweep = size_job("mlp-width:4", "jax-cpu", "float32", 1, 0, quick=True)
    with launch.Workers() as workers:
        workers.warm({"check": replace(sweep, step="check"), 0: sweep})
        assert workers.run("check", replace(sweep, step="check")).status == "ok"
        outcomes = [workers.run(repeat, replace(sweep, repeat=repeat)) for repeat in range(2)]
        outcomes.append(workers.run("alone", replace(sweep, shares_compiled=False)))
    assert [seen.prepared_from_cache for seen in outcomes] == [False, True, False]
    race = Race(
        problem="digits",
        backend="jax-cpu",
        dtype="float32",
        threads=1,
        target=Target("accuracy", 0.5),
        epochs=1,
        check_iterations=10,
        shares_compiled=True,
    )
    assert [launch.run_race(race).prepared_from_cache for _ in range(2)] == [False, False]


@pytest.mark.slow
@needs_jax
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads under /proc")
def test_xla_runs_as_many_threads_as_set(processes: list[dict[str, Any]]) -> None:
    """Counted by name in a fresh process, as a worker starts it; and JAX looks for no GPU."""
    assert {process["threads"] for process in processes} == {3}
    assert processes[0]["platforms"] == ["cpu"]


@pytest.mark.slow
@needs_jax
def test_preparing_compiles_all_that_training_calls() -> None:
    """From wherever it stands and however far it goes, over short batches and ends of epochs."""
    trainer = CPU.prepare(SHORT_LAST, "float32")
    compiled = trainer._program.train._cache_size()  # type: ignore[attr-defined]
    for iterations in (1, 3, 50):
        trainer.train(iterations)
    trainer.reset()
    CPU.prepare(SHORT_LAST.with_seed(1), "float32").train(2)
    assert trainer._program.train._cache_size() == compiled  # type: ignore[attr-defined]


def test_jax_gpu_precision_and_memory_are_set_before_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (
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
    use_stand_ins(monkeypatch)
    assert CUDA.environment(3) == CPU.environment(3)


@pytest.mark.parametrize("backend", [CPU, CUDA], ids=lambda backend: backend.name)
def test_jax_compile_cache_is_of_user_or_off(
    backend: JaxBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named either way, so that it is recorded."""
    monkeypatch.setattr(jax_backend, "with_loops_on_the_device", lambda own: own)
    monkeypatch.delenv("JAX_ENABLE_COMPILATION_CACHE", raising=False)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/own")
    variables = backend.environment(1)
    assert variables["JAX_COMPILATION_CACHE_DIR"] == "/own"
    assert "JAX_ENABLE_COMPILATION_CACHE" not in variables
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    assert backend.environment(1)["JAX_ENABLE_COMPILATION_CACHE"] == "false"


def test_jax_loop_uses_command_buffer_where_supported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As this XLA says it: what it does not know, or the GPU cannot run, would end each worker.

    The user's own flags stay, and come first; who says what is in buffers has the last word."""
    monkeypatch.setattr(jax_accelerator, "cuda_unavailable", lambda: None)
    own = "--xla_cpu_enable_fast_math=false"
    for word in ("+WHILE,", ",WHILE,"):
        monkeypatch.setattr(jax_accelerator, "runs", lambda flags, word=word: word in flags)
        assert word in with_loops_on_the_device("")
        assert with_loops_on_the_device(own).startswith(f"{own} --")
        assert with_loops_on_the_device(f"{own} --xla_gpu_enable_command_buffer=").endswith("=")
    monkeypatch.setattr(jax_accelerator, "runs", lambda flags: False)
    assert with_loops_on_the_device(own) == own


@pytest.mark.slow
@needs_jax
def test_jax_command_buffer_probe_runs_and_compares_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU here; what does not end, or ends wrongly, does not work."""
    assert runs("", "cpu")
    assert not runs("--xla_no_such_flag=1", "cpu")
    monkeypatch.setattr(jax_accelerator, "_RUN_SECONDS", 0.01)
    assert not runs("", "no such platform")


@pytest.mark.slow
@needs_jax
def test_jax_gpu_lowering_loops_in_full_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lowered for CUDA without one: ten steps in a loop, and those that are left.

    No product may be rounded to TF32, which is XLA's default on such a device.
    """
    jax = pytest.importorskip("jax")
    use_stand_ins(monkeypatch)
    trainer = jax_backend.JaxTrainer(catalogue.find("mlp-width:8"), "float32", "cuda")
    train: Any = trainer._program.train
    with jax.enable_x64(True):
        traced = train.trace(25, trainer._state, *trainer._data)
        program = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert program.count("stablehlo.while") == 3
    products = [line for line in program.splitlines() if "stablehlo.dot_general" in line]
    assert products
    assert all("precision = [HIGHEST, HIGHEST]" in line for line in products)
    assert "tf32" not in program.lower()
