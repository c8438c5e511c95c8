"""The terminal: standard output and standard error, tables, warnings, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from perceptron.records.warning import MeasurementWarning

# In a pipe there is no width to fit; wide enough for our tables.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True, highlight=False)

# Names of other people's benchmarks are long: beyond this they are folded, for there are columns
# to the right of them.
_LONGEST_NAME = 48
_GAP = 2

Move = Callable[[float, float, str], None]


@contextmanager
def progress_bar(title: str, seconds: bool = False) -> Iterator[Move]:
    """Show progress on standard error with the time left; yield the function that moves it.

    What is done, and what there is in all, are pieces, or with ``seconds`` times. A bar in a
    terminal; elsewhere, in a log, a line at every tenth.
    """
    if not err.is_terminal:
        yield _log(title, _time_left if seconds else _pieces)
        return
    counted = (MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        *((TextColumn("{task.fields[left]}"),) if seconds else counted),
        TextColumn("[dim]{task.fields[message]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None, message="", left="")

        def move(done: float, total: float, message: str) -> None:
            left = _time_left(done, total)
            bar.update(task, completed=done, total=total, message=escape(message), left=left)

        yield move


def _log(title: str, words: Callable[[float, float], str]) -> Move:
    tenths = 0

    def move(done: float, total: float, message: str) -> None:
        nonlocal tenths
        now = int(10 * done // total) if total else 10
        if now > tenths:
            tenths = now
            err.print(f"{title}: {words(done, total)}, {escape(message)}", soft_wrap=True)

    return move


def _pieces(done: float, total: float) -> str:
    return f"{done:g} of {total:g}"


def _time_left(done: float, total: float) -> str:
    minutes, seconds = divmod(ceil(max(0.0, total - done)), 60)
    return f"{minutes}:{seconds:02} left"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a column whose name ends in ``>`` is flush right."""
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    rows = list(rows)
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    # Where there is not room for all columns, none is cut: the widest are folded first.
    room = sum(widths) + _GAP * (len(widths) - 1) <= out.width
    for index, column in enumerate(columns):
        right = column.endswith(">")
        fits = widths[index] <= _LONGEST_NAME
        grid.add_column(
            column.rstrip(">"),
            justify="right" if right else "left",
            no_wrap=room and (right or (index < 2 and fits)),
            overflow="fold",
            header_style="dim",
        )
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    out.print(grid)
    out.print()


def show_paths(rows: Path | None, page: Path | str | None) -> None:
    """Print where the rows are kept, if they are ours, and the page with the result on it."""
    if rows is not None:
        out.print(f"rows:  {rows}", markup=False, soft_wrap=True)
    if page is not None:
        out.print(f"page:  {page}", markup=False, soft_wrap=True)


def note(line: str) -> None:
    """Print one line on standard error, as it is."""
    err.print(line, markup=False, highlight=False, soft_wrap=True)


def show_next(command: str) -> None:
    """Print the command that a reader will want to type now."""
    out.print(f"next:  {escape(command)}", soft_wrap=True)


def show_warnings(warnings: Iterable[MeasurementWarning], to: Console = err) -> None:
    """Print warnings with their advice, on standard error unless they are the answer."""
    for warning in warnings:
        to.print(f"[yellow]warning:[/] {escape(warning.message)}", soft_wrap=True)
        to.print(f"         {escape(warning.advice)}", soft_wrap=True)
