from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.backends import registry
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.machine import usable_cores
from perceptron.measure import environment as facts_of_machine
from perceptron.measure.environment import environment
from tests.measure.conftest import MakeNvml


def test_facts_say_what_was_measured_on_and_equal_ones_have_equal_ids() -> None:
    """Processor, cores, BLAS with its kernel and threads, versions; no path of anybody's home.

    Runs on equal ground are resumed and compared by the id.
    """
    facts, again, other = (environment([registry.load("numpy")], count) for count in (1, 1, 2))
    assert facts.id == again.id != other.id
    assert facts.cores == usable_cores() >= 1
    assert facts.memory_bytes > 2**28
    assert "numpy" in facts.libraries
    assert all(pool.threads == 1 for pool in facts.pools)
    assert facts.variables["OMP_NUM_THREADS"] == "1"
    assert str(Path.home()) not in repr(facts)


def test_versions_beneath_a_library_are_recorded(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the process that loads it."""
    monkeypatch.setattr(TorchAccelerator, "versions", lambda self: {"cuda": "13.0"})
    facts_of_machine.print_loaded(["torch-cuda", "no such backend"])
    pools, versions = msgspec.json.decode(capfd.readouterr().out, type=facts_of_machine.Loaded)
    assert versions == {"cuda": "13.0"}
    assert pools


def test_backends_that_do_not_bear_each_other_cost_no_facts_of_numpy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What their workers measure, each in its own process, must not be lost for this."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif {'numpy', 'python'} <= set(sys.orig_argv): os.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    backends = [registry.load(name) for name in ("numpy", "python")]
    assert environment(backends[:1], 1).pools == environment(backends, 1).pools


def test_environment_gpus_come_from_driver(nvml: MakeNvml) -> None:
    """And which CUDA it can run, beside which a library brings its own."""
    nvml(names=("Abacus", "Slide Rule"))
    versions, gpus = facts_of_machine.gpus_here()
    assert versions == {"cuda driver": "13.0"}
    assert [(gpu.name, gpu.driver, gpu.memory_bytes) for gpu in gpus] == [
        ("Abacus", "580.1", 2**34),
        ("Slide Rule", "580.1", 2**34),
    ]
    nvml(driver=False)
    assert facts_of_machine.gpus_here() == ({}, [])
    partial = nvml()
    partial.nvmlSystemGetCudaDriverVersion = partial.nvmlDeviceGetTotalEnergyConsumption
    assert facts_of_machine.gpus_here() == ({}, [])
