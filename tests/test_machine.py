"""What a machine says of itself, and which variables of its environment steer a measurement."""

from __future__ import annotations

import pytest

from perceptron.machine import cpu_name, machine_name, steering_variables


def test_the_machine_name_is_fit_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "../Grace's laptop/1")
    assert machine_name() == "Grace-s-laptop-1"


def test_the_processor_has_a_name() -> None:
    assert cpu_name()


def test_what_makes_the_same_code_run_differently_is_told_and_nothing_else() -> None:
    told = (
        *("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_CBWR"),
        *("PYTHONOPTIMIZE", "CUDA_VISIBLE_DEVICES", "CUBLAS_WORKSPACE_CONFIG"),
        *("NVIDIA_TF32_OVERRIDE", "PYTORCH_CUDA_ALLOC_CONF", "TORCHINDUCTOR_MAX_AUTOTUNE"),
        *("TRITON_INTERPRET", "CUPY_TF32", "JAX_DEFAULT_MATMUL_PRECISION"),
        "XLA_PYTHON_CLIENT_PREALLOCATE",
    )
    others = ["HOME", "PYTHONHASHSEED", "PYTHONPATH", "PYTHONSTARTUP", "OMPHALOS", "USER"]
    assert steering_variables(dict.fromkeys([*told, *others], "1")) == dict.fromkeys(told, "1")


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
def test_a_path_is_told_without_its_folders(value: str, told: str | None) -> None:
    """What is published must not name a user; all other values are told as they are."""
    assert steering_variables({"XLA_FLAGS": value}) == {"XLA_FLAGS": told or value}
