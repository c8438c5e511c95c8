from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from perceptron.processes import this_process
from perceptron.records.warning import MeasurementWarning
from perceptron.report.tables import terminal


def test_terminal_table_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in a cell is markup; a column may be flush right."""
    terminal.table("Title", ("name", "number>"), [("[red]a", "1"), ("b", "1,000")])
    title, head, first, second, *_ = capsys.readouterr().out.splitlines()
    assert title.strip() == "Title"
    assert head.split() == ["name", "number"]
    assert first.split() == ["[red]a", "1"]
    assert first.rstrip().endswith("    1")
    assert second.rstrip().endswith("1,000")


@pytest.mark.parametrize(
    ("width", "columns", "row", "words"),
    [
        # The widest column first: numbers stay in one line as long as they can.
        (
            30,
            ("name", "time>", "change>"),
            ("a" * 25, "12.3 ms", "+8.1 %"),
            ["a" * 13, "12.3", "ms", "+8.1", "%", "a" * 12],
        ),
        # A name that is broken inside cannot be copied.
        (
            50,
            ("name", "here", "kernels>"),
            ("torch-cuda-manual-graph", "no: a device is not there", "12 (profiler 14)"),
            ["torch-cuda-manual-graph"],
        ),
        # What cannot fit is wider than the terminal, numbers whole.
        (
            20,
            ("name", "count>", "change>"),
            ("n" * 30, "1,234,567", "+8.1 % [+7.0, +9.3]"),
            ["1,234,567", "+8.1", "[+7.0,", "+9.3]"],
        ),
    ],
)
def test_terminal_wide_table_is_folded(
    width: int,
    columns: tuple[str, str, str],
    row: tuple[str, str, str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=screen, width=width, highlight=False))
    terminal.table("", columns, [row])
    shown = screen.getvalue().split()
    assert [word for word in shown if word in words] == words
    letters = Counter("".join(shown)) - Counter("".join(columns).replace(">", ""))
    assert letters == Counter("".join(row).replace(" ", "")), "every character is there"


@pytest.mark.parametrize(("columns", "width"), [(None, 100), ("90", 90)])
def test_terminal_pipe_has_100_columns_by_default(columns: str | None, width: int) -> None:
    program = (
        "from perceptron.report.tables.terminal import table\n"
        "table('Title', ('name', 'reason', 'change>'), [('n' * 120, "
        "'because of ' * 20 + 'it', '+8.1 % [+7.0, +9.3]')])"
    )
    variables = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    if columns is not None:
        variables["COLUMNS"] = columns
    printed = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True
    ).stdout
    assert max(len(line.rstrip()) for line in printed.splitlines()) <= width
    assert "+8.1 % [+7.0, +9.3]" in printed


def test_progress_outside_a_terminal_is_a_line_at_every_tenth(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, one at once and ten for any number of steps; in a notebook, too."""
    notebook = Console(stderr=True, width=100, highlight=False, force_terminal=True)
    monkeypatch.setattr(terminal, "err", notebook)
    with terminal.progress_bar("measuring") as move:
        for done in range(1, 101):
            move(done, 100, f"[step {done}]")
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 11
    assert lines[:2] == ["measuring: 1 of 100, [step 1]", "measuring: 10 of 100, [step 10]"]
    assert lines[-1] == "measuring: 100 of 100, [step 100]"


def test_progress_of_a_budget_is_the_time_that_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress_bar("measuring", 120) as move:
        for done in range(61):
            move(done, 120, f"[at {done}]")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["measuring: 0:00 of 2:00, [at 0]", "measuring: 0:12 of 2:00, [at 12]"]
    assert lines[-1] == "measuring: 1:00 of 2:00, [at 60]"
    assert len(lines) == 6


def test_terminal_progress_bar_moves_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It counts from when the command began, and goes on while a long piece runs."""
    screen, now = io.StringIO(), [100.0]
    monkeypatch.setattr(
        terminal,
        "err",
        Console(file=screen, width=100, force_terminal=True, get_time=lambda: now[0]),
    )
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(this_process, "began", 98.0)

    def shows(words: str) -> None:
        until = time.monotonic() + 300
        while words not in screen.getvalue():
            assert time.monotonic() < until, screen.getvalue()
            time.sleep(0.01)

    with terminal.progress_bar("measuring", 120) as move:
        shows("0:02 of 2:00")
        now[0] += 31
        shows("0:33 of 2:00")
        move(50, 120, "[a long piece]")  # earlier starts count as well
        shows("0:50 of 2:00")
        assert "[a long piece]" in screen.getvalue()
        now[0] += 65
        shows("1:55 of 2:00")
    assert screen.getvalue().endswith("\x1b[2K")  # nothing is left of it
    ended = len(screen.getvalue())
    now[0] += 10
    time.sleep(0.5)
    assert len(screen.getvalue()) == ended


def test_long_notes_are_folded_between_words_and_commands_can_be_copied(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error. A word that is longer than a line, such as a path, stays whole too."""
    monkeypatch.setattr(terminal.err, "width", 40)
    terminal.note(f"no page: {'x' * 50}: jinja2 is not here: pip install jinja2")
    advice = "end other programs, or run again with --wait"
    terminal.show_warnings([MeasurementWarning(code="c", message=f"{'a ' * 20}[b]", advice=advice)])
    terminal.note("undecided by the clock: next: --budget 12")
    assert capsys.readouterr().err.splitlines() == [
        "no page:",
        f"  {'x' * 50}:",
        "  jinja2 is not here: pip install jinja2",
        f"warning:{' a' * 16}",
        f"         {'a ' * 4}[b]",
        "         end other programs, or run",
        "         again with --wait",
        "undecided by the clock: next:",
        "  --budget 12",
    ]


def test_terminal_paths_and_next_command_have_lines_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """However long."""
    rows, address = Path("/r" + "x" * 300), "file:///html/crossover.html#family=svd&machine=box"
    terminal.show_paths(rows, address)
    terminal.show_paths(None, None)
    terminal.show_next("perceptron map")
    assert capsys.readouterr().out.splitlines() == [
        f"rows:  {rows}",
        f"page:  {address}",
        "next:  perceptron map",
    ]
