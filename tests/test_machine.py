"""What a machine says of itself, and which variables of its environment steer a measurement."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from perceptron import machine
from perceptron.machine import (
    cpu_name,
    facts_digest,
    machine_name,
    steering_variables,
    usable_cores,
)


def test_the_machine_name_is_fit_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "../Grace's laptop/1")
    assert machine_name() == "Grace-s-laptop-1"


def test_a_machine_without_a_name_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "")
    assert machine_name() == "unnamed"


def test_cores_that_a_process_must_not_use_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 3, 5}, raising=False)
    assert usable_cores() == 3


def test_the_processor_has_a_name() -> None:
    assert cpu_name()


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ({"brand_raw": "Abacus 3000", "family": 6, "model": 1}, "Abacus 3000"),
        ({"brand_raw": "Abacus", "family": 26, "model": 2}, "Abacus (family 26, model 2)"),
        ({"brand_raw": "Abacus", "family": 26}, "Abacus (family 26, model unknown)"),
        ({"brand_raw": "Abacus"}, "Abacus"),
    ],
)
def test_a_name_that_many_processors_share_says_which_it_is(
    info: dict[str, object], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cpuinfo.get_cpu_info", lambda: info)
    cpu_name.cache_clear()
    try:
        assert cpu_name() == name
    finally:
        cpu_name.cache_clear()


@pytest.mark.parametrize(
    "name",
    [
        "OMP_NUM_THREADS",
        "OPENBLAS_CORETYPE",
        "MKL_CBWR",
        "PYTHONHASHSEED",
        "CUDA_VISIBLE_DEVICES",
        "CUBLAS_WORKSPACE_CONFIG",
        "NVIDIA_TF32_OVERRIDE",
        "PYTORCH_CUDA_ALLOC_CONF",
        "TORCHINDUCTOR_MAX_AUTOTUNE",
        "TRITON_INTERPRET",
        "CUPY_TF32",
        "JAX_DEFAULT_MATMUL_PRECISION",
        "XLA_PYTHON_CLIENT_PREALLOCATE",
        "PERCEPTRON_REHEARSAL",
    ],
)
def test_what_makes_the_same_code_run_differently_is_told(name: str) -> None:
    assert steering_variables({"HOME": "/home/x", name: "1"}) == {name: "1"}


@pytest.mark.parametrize("name", ["HOME", "PYTHONPATH", "PYTHONSTARTUP", "OMPHALOS", "USER"])
def test_nothing_else_is(name: str) -> None:
    assert steering_variables({name: "1"}) == {}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("/home/ann/.cache/jax", "(path)"),
        ("/home/ann lee/cache", "(path)"),
        ("~/cache", "(path)"),
        ("C:\\Users\\ann\\cache", "(path)"),
        ("gs://bucket/ann", "(path)"),
        ("cache/ann", "(path)"),
        ("/usr/lib:/home/ann/lib", "(path)"),
        (
            "--xla_dump_to=/home/ann/x --xla_gpu_autotune_level=0",
            "--xla_dump_to=(path) --xla_gpu_autotune_level=0",
        ),
        ("expandable_segments:True,max_split_size_mb:128", None),
        ("{0:4},{4:4}", None),
        ("0,1", None),
        ("highest", None),
    ],
)
def test_a_path_is_told_without_its_folders(value: str, told: str | None) -> None:
    """What is published must not name a user; all other values are told as they are."""
    assert steering_variables({"XLA_FLAGS": value}) == {"XLA_FLAGS": told or value}


def test_the_digest_of_the_facts_tells_machines_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """By cores, memory and devices; and it is the same in every process."""
    digests = {facts_digest(), facts_digest()}
    assert len(digests) == 1
    code = "from perceptron.machine import facts_digest; print(facts_digest())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() in digests
    for name, value in (("usable_cores", 999), ("_memory_bytes", 2**50), ("_devices", ["nvidia9"])):
        with monkeypatch.context() as patch:
            patch.setattr(machine, name, lambda value=value: value)
            digests.add(facts_digest())
    assert len(digests) == 4
