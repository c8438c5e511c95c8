"""The terminal: standard output and standard error, tables, warnings, a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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

Move = Callable[[int, int, str], None]


@contextmanager
def progress_bar(title: str) -> Iterator[Move]:
    """Show progress on standard error with the time left; yield the function that moves it.

    A bar in a terminal; elsewhere, in a log, a line at every tenth.
    """
    if not err.is_terminal:
        yield _log(title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[message]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None, message="")

        def move(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total, message=escape(message))

        yield move


def _log(title: str) -> Move:
    tenths = 0

    def move(done: int, total: int, message: str) -> None:
        nonlocal tenths
        if 10 * done // total > tenths:
            tenths = 10 * done // total
            err.print(f"{title}: {done} of {total}, {escape(message)}", soft_wrap=True)

    return move


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a column whose name ends in ``>`` is flush right."""
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    rows = list(rows)
    for index, column in enumerate(columns):
        right = column.endswith(">")
        fits = all(len(row[index]) <= _LONGEST_NAME for row in rows)
        grid.add_column(
            column.rstrip(">"),
            justify="right" if right else "left",
            no_wrap=right or (index < 2 and fits),
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
