from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perceptron import optional
from perceptron.backends.shared.compilers import cpp_unavailable, triton_unavailable


@pytest.fixture(autouse=True)
def header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Python's header, which is not there; Triton is, and no compiler is named."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(optional, "missing", lambda extra: None)
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "Python.h"


@pytest.mark.parametrize(
    ("unavailable", "compiler"),
    [(triton_unavailable, "gcc"), (triton_unavailable, "clang"), (cpp_unavailable, "g++")],
)
def test_a_compiler_and_the_header_are_enough(
    unavailable: Callable[[], str | None],
    compiler: str,
    header: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name == compiler else None)
    assert unavailable() == "Python.h not found: install python3-dev"
    header.touch()
    assert unavailable() is None


@pytest.mark.parametrize(
    ("unavailable", "language", "variable", "compiler"),
    [(triton_unavailable, "C", "CC", "gcc"), (cpp_unavailable, "C++", "CXX", "g++")],
)
def test_a_missing_compiler_is_reported(
    unavailable: Callable[[], str | None],
    language: str,
    variable: str,
    compiler: str,
    header: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is compiled, with what to do."""
    header.touch()
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert unavailable() == f"no {language} compiler found: install {compiler}"
    monkeypatch.setenv(variable, "/no/such/compiler")
    assert unavailable() == f"{variable}=/no/such/compiler not found: install {compiler}"
