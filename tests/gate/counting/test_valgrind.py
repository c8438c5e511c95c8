"""Where valgrind is missing or will not do, one line says so and what to do."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.counting.valgrind import Valgrind, find, look_for_valgrind


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which something called valgrind says what the file beside it says."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "valgrind"
    program.write_text('#!/bin/sh\ncat "$(dirname "$0")/says"\n')
    program.chmod(0o755)
    (tmp_path / "says").write_text("valgrind-3.24.0\n")
    return tmp_path


def test_a_valgrind_that_can_count_is_found(installed: Path) -> None:
    assert find("auto") == (Valgrind(str(installed / "valgrind"), "valgrind-3.24.0"), [])


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ("valgrind-3.17.0", "valgrind-3.17.0 is too old: install 3.18 or later"),
        ("valgrind-2.4", "too old"),
        ("usage: something else", "is no valgrind: it says 'usage: something else'"),
    ],
)
def test_one_that_cannot_is_a_warning_or_an_error(installed: Path, says: str, problem: str) -> None:
    (installed / "says").write_text(says)
    assert_refused(problem)


def assert_refused(problem: str) -> None:
    found, [warning] = find("auto")
    assert found is None
    assert (warning.code, problem in warning.message) == ("not counted", True)
    with pytest.raises(UserError, match=r"^--count: ") as error:
        find("always")
    assert problem in str(error.value)


def test_none_says_how_to_get_it(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "valgrind").unlink()
    monkeypatch.setenv("PATH", str(installed))
    with pytest.raises(UserError, match="apt install valgrind"):
        look_for_valgrind()


@pytest.mark.parametrize(
    "program",
    [
        b"\x7fELF nothing",
        pytest.param(b"#!/bin/sh\nexec sleep 600\n", marks=pytest.mark.slow, id="hangs"),
    ],
)
def test_one_that_does_not_start_or_never_answers_says_so(installed: Path, program: bytes) -> None:
    (installed / "valgrind").write_bytes(program)
    with pytest.raises(UserError, match="cannot be started"):
        look_for_valgrind()


@pytest.mark.parametrize(
    ("system", "machine"), [("Darwin", "arm64"), ("Linux", "riscv64"), ("Windows", "AMD64")]
)
def test_machines_without_it_are_named(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "system", lambda: system)
    assert_refused(f"not on {system} on {machine}")
