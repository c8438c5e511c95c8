from __future__ import annotations

from pathlib import Path

import pytest

from perceptron import optional, rehearsal
from perceptron.backends.shared.triton_here import triton_unavailable


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that Triton is installed, and no compiler named."""
    monkeypatch.setattr(optional, "missing", lambda extra: None)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv(rehearsal.VARIABLE, raising=False)


@pytest.fixture
def header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sysconfig.get_path", lambda name, scheme: str(tmp_path))
    return tmp_path / "Python.h"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_compiler_and_the_header_are_enough(
    header: Path, compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name == compiler else None)
    assert triton_unavailable() == (
        "Python.h not found: Triton needs it to launch kernels, install python3-dev"
    )
    header.touch()
    assert triton_unavailable() is None


def test_a_missing_compiler_is_reported(header: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header.touch()
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert triton_unavailable() == (
        "no C compiler found: Triton needs one to launch kernels, install gcc"
    )
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert triton_unavailable() == (
        "CC=/no/such/compiler not found: Triton needs one to launch kernels, install gcc"
    )


def test_a_rehearsal_needs_triton_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its interpreter compiles nothing."""
    monkeypatch.setenv(rehearsal.VARIABLE, "1")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert triton_unavailable() is None
    monkeypatch.setattr(optional, "missing", lambda extra: f"no {extra}")
    assert triton_unavailable() == "no triton"
