"""What a machine says of itself, and which variables of its environment steer a measurement."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from perceptron.machine import cpu_name, machine_name, steering_variables


def test_machine_name_is_safe_for_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "../Grace's laptop/1")
    assert machine_name() == "Grace-s-laptop-1"


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (
            "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n\nprocessor:",
            "AMD EPYC (family 25, model 1)",
        ),
        (
            "cpu family\t: 6\nmodel name\t: Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz\n",
            "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz",
        ),
        (
            "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n",
            "ARM (implementer 0x41, part 0xd4f)",
        ),
        (
            "processor\t: 0\ncpu\t\t: POWER9 (raw), altivec supported\n",
            "POWER9 (raw), altivec supported",
        ),
    ],
)
def test_cpu_name_on_linux(
    told: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that tells its model apart, as Linux has it."""
    file = tmp_path / "cpuinfo"
    file.write_text(told)
    monkeypatch.setattr("perceptron.machine.Path", lambda _: file)
    cpu_name.cache_clear()
    assert cpu_name() == name
    cpu_name.cache_clear()


def test_cpu_name_on_macos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perceptron.machine.Path", lambda _: tmp_path / "nothing")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    answer = CompletedProcess([], 0, "Apple M1\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: answer)
    cpu_name.cache_clear()
    assert cpu_name() == "Apple M1"
    cpu_name.cache_clear()


def test_steering_variables_are_those_that_change_execution() -> None:
    steering = (
        *("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_CBWR"),
        *("PYTHONOPTIMIZE", "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG"),
        *("NVIDIA_TF32_OVERRIDE", "PYTORCH_CUDA_ALLOC_CONF", "TORCHINDUCTOR_MAX_AUTOTUNE"),
        *("TRITON_INTERPRET", "CUPY_TF32", "JAX_DEFAULT_MATMUL_PRECISION"),
        "XLA_PYTHON_CLIENT_PREALLOCATE",
    )
    others = ["HOME", "PYTHONHASHSEED", "PYTHONPATH", "PYTHONSTARTUP", "OMPHALOS", "USER"]
    assert steering_variables(dict.fromkeys([*steering, *others], "1")) == dict.fromkeys(
        steering, "1"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("/home/ann/.cache/jax", "(path)"),
        ("~/cache", "(path)"),
        ("C:\\Users\\ann\\cache", "(path)"),
        ("/usr/lib:/home/ann/lib", "(path)"),
        (
            "--xla_dump_to=/home/ann/x --xla_gpu_autotune_level=0",
            "--xla_dump_to=(path) --xla_gpu_autotune_level=0",
        ),
        ("expandable_segments:True,max_split_size_mb:128", None),
    ],
)
def test_steering_variables_hide_folders(value: str, told: str | None) -> None:
    """What is published must not name a user; all other values are told as they are."""
    assert steering_variables({"XLA_FLAGS": value}) == {"XLA_FLAGS": told or value}
