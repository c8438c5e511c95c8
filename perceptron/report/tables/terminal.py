"""The terminal: standard output and standard error, tables, warnings, a progress bar."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from textwrap import TextWrapper

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress_bar import ProgressBar
from rich.segment import Segments
from rich.table import Table

from perceptron import answer
from perceptron.processes import this_process
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import printable

# Of lines in a pipe, unless COLUMNS names another.
_WIDTH = 100
_is_named = "COLUMNS" in os.environ
# In a notebook, too, text is text: rich would show each line as an output of its own.
out = Console(
    highlight=False, width=None if sys.stdout.isatty() or _is_named else _WIDTH, force_jupyter=False
)
err = Console(
    stderr=True,
    highlight=False,
    width=None if sys.stderr.isatty() or _is_named else _WIDTH,
    force_jupyter=False,
)

# A column of texts is not folded to fewer characters than these.
_NARROWEST = 10
# A word of up to so many characters is not broken as long as numbers can be folded instead.
_LONGEST_NAME = 24
_GAP = 2
_NO_BREAK = "\N{NO-BREAK SPACE}"

Move = Callable[[float, float, str], None]


@contextmanager
def progress_bar(title: str, budget: float | None = None) -> Iterator[Move]:
    """Show progress on standard error; yield the function that moves it.

    What is done, and what there is in all, are pieces. With a ``budget`` they are seconds, which
    go on by themselves from when the command began. A bar in a terminal; elsewhere, in a log, a
    line at every tenth.
    """
    # A notebook has FORCE_COLOR, which makes it a terminal to rich, and would keep every refresh.
    if not (err.is_terminal and sys.stderr.isatty()):
        yield _log(title, _pieces if budget is None else _of_budget)
        return
    counted = (MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30) if budget is None else _SpentColumn(bar_width=30),
        *(counted if budget is None else (TextColumn("{task.fields[spent]}"),)),
        TextColumn("[dim]{task.fields[message]}"),
    )
    with Progress(*columns, console=err, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task(title, total=budget, message="starting", spent="")

        def move(done: float, total: float, message: str) -> None:
            if budget is not None:
                bar.tasks[0].start_time = bar.get_time() - done
            bar.update(task, completed=done, total=total, message=escape(message))

        if this_process.began is not None:
            bar.tasks[0].start_time = this_process.began
        yield move


class _SpentColumn(BarColumn):
    """A bar that is as long as the seconds that are gone."""

    def render(self, task: Task) -> ProgressBar:
        total = inf if task.total is None else task.total
        task.completed = min(task.elapsed or 0.0, total)
        task.fields["spent"] = _of_budget(task.elapsed or 0.0, total)
        return super().render(task)


def _log(title: str, words: Callable[[float, float], str]) -> Move:
    """Return what writes a line where a tenth is done."""
    tenths = -1

    def move(done: float, total: float, message: str) -> None:
        nonlocal tenths
        now = int(min(10.0, 10 * done // total)) if total else 10
        if now != tenths:
            tenths = now
            err.print(f"{title}: {words(done, total)}, {escape(message)}", soft_wrap=True)

    return move


def _pieces(done: float, total: float) -> str:
    return f"{done:g} of {total:g}"


def _of_budget(done: float, total: float) -> str:
    return f"{_clock(done)} of {_clock(total)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a column whose name ends in ``>`` is flush right.

    Nothing is ever cut. Where there is not room for all of it, texts are folded, between
    their words unless one is longer than any backend's name; then numbers between their words, then
    texts inside words. Where that does not do, the table
    is wider than the terminal.
    """
    title, rows = printable(title), [[printable(cell) for cell in row] for row in rows]
    right = [column.endswith(">") for column in columns]
    cells = [column.rstrip(">") for column in columns], *rows
    widths = _fitted(list(zip(*cells, strict=True)), right)
    grid = Table(box=None, pad_edge=False)
    for head, width, is_right in zip(cells[0], widths, right, strict=True):
        grid.add_column(
            escape(head),
            width=width,
            justify="right" if is_right else "left",
            overflow="fold",
            header_style="dim",
        )
    for row in rows:
        grid.add_row(*(escape(cell) for cell in row))
    if title:
        out.print(title, style="bold", markup=False)
    # A console prints nothing that is wider than itself.
    segments = out.render(grid, out.options.update(width=_whole(widths)))
    out.print(Segments(segments), crop=False)
    out.print()


def show(part: str | answer.Table | tuple[str, ...]) -> None:
    """Print a paragraph with rich's tags, a table, or lines as they are, however long."""
    if isinstance(part, answer.Table):
        table(part.title, part.columns, part.rows)
    elif isinstance(part, str):
        out.print(part)
    else:
        for line in part:
            out.print(line, markup=False, no_wrap=True, overflow="ignore")


def fits(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bool:
    """Tell whether there is room for a table with a line for each of its rows."""
    cells = [column.rstrip(">") for column in columns], *rows
    return _whole([max(map(cell_len, column)) for column in zip(*cells, strict=True)]) <= out.width


def _fitted(columns: Sequence[Sequence[str]], right: Sequence[bool]) -> list[int]:
    """Return the widths of the columns in the room that there is."""
    widths = [max(map(cell_len, cells)) for cells in columns]
    words = [max(map(_longest_word, cells)) for cells in columns]
    folded = [min(width, _NARROWEST) for width in widths]
    names = [word if word <= _LONGEST_NAME else 0 for word in words]
    between = list(map(max, folded, names))
    texts = [w if is_right else b for w, b, is_right in zip(widths, between, right, strict=True)]
    numbers = [w if is_right else b for w, b, is_right in zip(words, between, right, strict=True)]
    inside = [w if is_right else f for w, f, is_right in zip(words, folded, right, strict=True)]
    for least in (texts, numbers, inside):
        widths = _narrowed(widths, least)
    return widths


def _narrowed(widths: Sequence[int], least: Sequence[int]) -> list[int]:
    """Return widths that fit, or are down to the least; the widest give way first."""
    widths = list(widths)
    while _whole(widths) > out.width and widths != least:
        foldable = (index for index in range(len(widths)) if widths[index] > least[index])
        widths[max(foldable, key=lambda index: widths[index])] -= 1
    return widths


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _longest_word(cell: str) -> int:
    return max(map(cell_len, cell.split()), default=0)


def show_paths(rows: Path | None, page: Path | str | None) -> None:
    """Print where the rows are kept, if they are ours, and the page with the result on it.

    The page is quoted for a shell, which takes the ``&`` between switches for its own.
    """
    if rows is not None:
        line(f"rows:  {rows}")
    if page is not None:
        line(f"page:  {shlex.quote(str(page))}")


def line(text: str, to: Console | None = None) -> None:
    """Print one line as it is, however long, so that it can be copied."""
    (to or out).print(text, markup=False, soft_wrap=True)


def paragraph(text: str, to: Console | None = None) -> None:
    """Print a line, and below it, indented, what does not fit; no word is broken."""
    line(_wrapped(text, to or out, "  "), to)


def note(line: str) -> None:
    """Print one line on standard error, folded between its words."""
    paragraph(line, err)


def show_next(command: str) -> None:
    """Print the command that a reader will want to type now."""
    out.print(f"next:  {escape(command)}", soft_wrap=True)


def show_warnings(warnings: Iterable[MeasurementWarning], to: Console = err) -> None:
    """Print warnings with their advice, on standard error unless they are the answer."""
    for warning in warnings:
        message = _wrapped(f"warning: {warning.message}", to, " " * 9).removeprefix("warning: ")
        to.print(f"[yellow]warning:[/] {escape(message)}", soft_wrap=True)
        advice = _wrapped(f"{' ' * 9}{warning.advice}", to, " " * 9)
        to.print(escape(advice), soft_wrap=True)


def _wrapped(text: str, to: Console, indent: str) -> str:
    """Fold a line between its words; a ``pip install`` stays whole, to be copied."""
    folder = TextWrapper(
        to.width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    whole = text.replace("pip install ", f"pip{_NO_BREAK}install{_NO_BREAK}")
    return "\n".join(folder.wrap(whole)).replace(_NO_BREAK, " ")
