"""Where valgrind is missing or will not do, one line says so and what to do."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.counting.valgrind import Valgrind, find

SAYS = b"#!/bin/sh\necho '%s'\n"
GOOD = SAYS % b"valgrind-3.24.0"


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, program: bytes | None, system: str, machine: str
) -> Path:
    """Make it the only program there is, on such a machine."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setenv("PATH", str(folder))
    file = folder / "valgrind"
    if program is not None:
        file.write_bytes(program)
        file.chmod(0o755)
    return file


def test_valgrind_able_to_count_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = install(tmp_path, monkeypatch, GOOD, "Linux", "x86_64")
    assert find("auto") == (Valgrind(str(file), "valgrind-3.24.0"), [])


@pytest.mark.parametrize(
    ("program", "system", "machine", "problem"),
    [
        (SAYS % b"valgrind-3.17.0", "Linux", "x86_64", "says 'valgrind-3.17.0': install valgrind"),
        (SAYS % b"usage: something", "Linux", "x86_64", "says 'usage: something': install"),
        (b"\x7fELF nothing", "Linux", "x86_64", "cannot be started"),
        (None, "Linux", "x86_64", "apt install valgrind"),
        (GOOD, "Darwin", "arm64", "not on Darwin on arm64"),
        (GOOD, "Linux", "riscv64", "not on Linux on riscv64"),
    ],
)
def test_valgrind_unable_to_count_is_warning_or_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: bytes | None,
    system: str,
    machine: str,
    problem: str,
) -> None:
    install(tmp_path, monkeypatch, program, system, machine)
    valgrind, [warning] = find("auto")
    assert valgrind is None
    assert (warning.code, problem in warning.message) == ("not counted", True)
    with pytest.raises(UserError, match=r"^--count: ") as error:
        find("always")
    assert problem in str(error.value)
