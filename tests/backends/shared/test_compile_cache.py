from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from perceptron import optional
from perceptron.backends.shared.compile_cache import has_found, inductor_wrote

ROOT = Path(__file__).parents[3]
PREPARE_TWICE = """
import json
from perceptron.backends.jax_backend import CPU
from perceptron.problems import catalogue
found = []
for name in ("or-gate", "xor"):
    CPU.prepare(catalogue.find(name), "float32")
    found.append(CPU.prepared_from_cache())
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ({}, True),  # the process had it
        ({"backend_compile_duration": 2}, False),
        ({"backend_compile_duration": 2, "cache_misses": 2}, False),
        ({"backend_compile_duration": 2, "cache_hits": 1}, True),
    ],
)
def test_what_jax_found_it_did_not_compile(now: dict[str, int], found: bool) -> None:
    before = Counter({"backend_compile_duration": 5, "cache_hits": 3})
    assert has_found(before, before + Counter(now)) == found


@pytest.mark.skipif(optional.missing("jax") is not None, reason=str(optional.missing("jax")))
def test_a_second_process_finds_what_the_first_compiled(tmp_path: Path) -> None:
    """Where the user has a cache; the second problem has the shapes of the first."""

    def prepare(**variables: str) -> list[bool]:
        process = subprocess.run(
            [sys.executable, "-c", PREPARE_TWICE],
            cwd=ROOT,
            env={**os.environ, "JAX_PLATFORMS": "cpu", **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        return list(json.loads(process.stdout))

    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    assert prepare(**cache) == [False, True]
    assert prepare(**cache) == [True, True]


@pytest.mark.skipif(optional.missing("torch") is not None, reason=str(optional.missing("torch")))
def test_inductor_compiled_if_it_wrote_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    assert not inductor_wrote(since=100.0)
    (tmp_path / "ab").mkdir()
    for name, written in (("source.cpp", 300.0), ("library.so", 200.0)):
        (tmp_path / "ab" / name).write_text("")
        os.utime(tmp_path / "ab" / name, (written, written))
    assert inductor_wrote(since=100.0)
    assert not inductor_wrote(since=250.0)


@pytest.mark.skipif(optional.missing("torch") is not None, reason=str(optional.missing("torch")))
def test_a_library_that_another_process_moves_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Triton writes each under another name first: it is gone between being listed and read."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    (tmp_path / "tmp.cubin").symlink_to(tmp_path / "gone")
    assert not inductor_wrote(since=0.0)
