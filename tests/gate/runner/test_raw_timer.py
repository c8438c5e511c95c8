"""Statements in a process of their own: how long they take, and whose code they import."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.runner.raw_timer import RawTimer


def test_a_process_says_how_long_it_took_and_what_it_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it prints, and as often as the author wants it run."""
    (tmp_path / "noted.py").write_text("RUNS = []\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    timer = RawTimer(
        lambda: ("\n    print('''{'''); noted.RUNS.append(1)\n", "\n    import noted\n")
    )
    assert timer.timeit(3) > 0
    files = {module.__name__: module.__file__ for module in timer.modules}
    assert files["noted"] == str(tmp_path / "noted.py")


def test_what_is_timed_finds_nothing_imported_beyond_the_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):  # it imports by itself
        monkeypatch.delenv(name, raising=False)
    RawTimer(lambda: "import sys; assert not {'json', 'subprocess'} & set(sys.modules)").timeit(1)


def test_variables_are_the_benchmarks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "inherited")
    statement = "import os; assert os.environ['MINE'] + os.environ['OTHER'] == 'own2'"
    monkeypatch.setenv("OTHER", "2")
    RawTimer(lambda: statement, {"MINE": "own"}).timeit(1)


def test_what_fails_there_is_one_line() -> None:
    with pytest.raises(RuntimeError, match=r"^its own process failed: NameError: .*$"):
        RawTimer(lambda: "nothing_of_this_name").timeit(1)
