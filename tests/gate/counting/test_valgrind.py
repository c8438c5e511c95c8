"""Where valgrind is missing or will not do, one line says so and what to do."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.counting.valgrind import Valgrind, find

SAYS = b"#!/bin/sh\necho '%s'\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's valgrind, which can count."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "valgrind"
    program.write_bytes(SAYS % b"valgrind-3.24.0")
    program.chmod(0o755)
    return program


def test_a_valgrind_that_can_count_is_found(installed: Path) -> None:
    assert find("auto") == (Valgrind(str(installed), "valgrind-3.24.0"), [])


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (SAYS % b"valgrind-3.17.0", "says 'valgrind-3.17.0': install valgrind 3.18 or later"),
        (SAYS % b"usage: something else", "says 'usage: something else': install"),
        (b"\x7fELF nothing", "cannot be started"),
        (None, "apt install valgrind"),
    ],
)
def test_one_that_cannot_is_a_warning_or_an_error(
    installed: Path, monkeypatch: pytest.MonkeyPatch, program: bytes | None, problem: str
) -> None:
    if program is None:
        installed.unlink()
        monkeypatch.setenv("PATH", str(installed.parent))
    else:
        installed.write_bytes(program)
    assert_refused(problem)


def assert_refused(problem: str) -> None:
    found, [warning] = find("auto")
    assert found is None
    assert (warning.code, problem in warning.message) == ("not counted", True)
    with pytest.raises(UserError, match=r"^--count: ") as error:
        find("always")
    assert problem in str(error.value)


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "riscv64")])
def test_machines_without_it_are_named(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "system", lambda: system)
    assert_refused(f"not on {system} on {machine}")
