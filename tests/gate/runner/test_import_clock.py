"""What a benchmark imports is known apart from what it does."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path

import pytest

from perceptron.gate.runner.import_clock import ImportClock


def test_imports_are_counted_once_with_all_that_they_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that gains a second each time somebody looks."""
    (tmp_path / "outer_of_two.py").write_text("import inner_of_two\n")
    (tmp_path / "inner_of_two.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    now = iter(range(100))
    monkeypatch.setattr("perceptron.gate.runner.import_clock.time.perf_counter", lambda: next(now))
    with ImportClock() as importing:
        import outer_of_two  # type: ignore[import-not-found]  # noqa: F401
    assert "inner_of_two" in sys.modules
    assert importing.seconds == 1


def test_nothing_is_left_behind_and_errors_pass() -> None:
    before = builtins.__import__
    with pytest.raises(ModuleNotFoundError), ImportClock() as importing:
        import nowhere_to_be_found  # type: ignore[import-not-found]  # noqa: F401
    assert builtins.__import__ is before
    assert importing.seconds > 0
