"""The terminal: standard output and standard error, tables, warnings, a progress bar."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from math import inf
from pathlib import Path
from textwrap import TextWrapper
from typing import Any

from rich.cells import cell_len, set_cell_size
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
from perceptron.numbers import NONE, counted, enumerated
from perceptron.processes import this_process
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import printable

# Width of lines in a pipe, unless COLUMNS sets another.
_WIDTH = 100
_is_named = "COLUMNS" in os.environ
# In a notebook, too, text is text: rich would show each line as a separate output.
out = Console(
    highlight=False, width=None if sys.stdout.isatty() or _is_named else _WIDTH, force_jupyter=False
)
err = Console(
    stderr=True,
    highlight=False,
    width=None if sys.stderr.isatty() or _is_named else _WIDTH,
    force_jupyter=False,
)

# Least width of a folded column of texts.
_NARROWEST = 10
# Words of up to this length are not broken as long as numbers can be folded instead.
_LONGEST_NAME = 24
_GAP = 2
# Indentation of lines after the word *warning*.
_MARGIN = " " * len("warning: ")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_TOGETHER = re.compile(r"pip install |--[\w-]+ (?=\d)")

Move = Callable[[float, float, str], None]


@contextmanager
def progress_bar(title: str, budget: float | None = None) -> Iterator[Move]:
    """Show progress on standard error; yield the function that moves it.

    Progress is counted in pieces. With a ``budget`` it is counted in seconds, which advance by
    themselves from the start of the command. In a terminal it is a bar; elsewhere, as in a log, a
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
    """A bar whose length is the time used so far."""

    def render(self, task: Task) -> ProgressBar:
        total = inf if task.total is None else task.total
        task.completed = min(task.elapsed or 0.0, total)
        task.fields["spent"] = _of_budget(task.elapsed or 0.0, total)
        return super().render(task)


def _log(title: str, amount: Callable[[float, float], str]) -> Move:
    """Return a function that writes a line at every tenth."""
    tenths = -1

    def move(done: float, total: float, message: str) -> None:
        nonlocal tenths
        now = int(min(10.0, 10 * done // total)) if total else 10
        if now != tenths:
            tenths = now
            err.print(f"{title}: {amount(done, total)}, {escape(message)}", soft_wrap=True)

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

    Text is never cut. Where the table is too wide, texts are folded between words, except those
    longer than any backend's name; then numbers are folded between words, then texts inside words.
    If that does not suffice, the table is wider than the terminal.
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
        table(part.title, part.columns, part.texts)
    elif isinstance(part, str):
        out.print(part)
    else:
        for line in part:
            out.print(line, markup=False, no_wrap=True, overflow="ignore")


def brief_table(whole: answer.Table, most: int) -> None:
    """Print ``most`` rows of a table, each in one line, in the columns that fit.

    Columns are omitted from the right; the last one shown may be cut.
    """
    rows = list(whole.texts)
    kept_columns = _kept_columns(whole, most)
    if whole.is_scale:
        rows = _spread(rows, most)
    columns = [whole.columns[index] for index in kept_columns]
    lines = [[printable(row[index]) for index in kept_columns] for row in rows[:most]]
    widths = _widths(columns, lines)
    room = out.width - _whole(widths[:-1]) - _GAP * (len(widths) > 1)
    widths[-1] = min(widths[-1], max(1, room))
    out.print(printable(whole.title), style="bold", markup=False)
    heads = [column.rstrip(">") for column in columns]
    for cells, style in ((heads, "dim"), *((line, "") for line in lines)):
        text = _aligned(cells, widths, [column.endswith(">") for column in columns])
        out.print(text, style=style, markup=False, soft_wrap=True)
    if whole.legend:
        line(wrapped(printable(whole.legend), out, ""))


def omitted_columns(whole: answer.Table, most: int = 10) -> int:
    """Return the number of columns that `brief_table` omits."""
    return len(whole.columns) - len(_kept_columns(whole, most))


def _kept_columns(whole: answer.Table, most: int) -> list[int]:
    rows = _spread(whole.texts, most) if whole.is_scale else whole.texts[:most]
    widths = _widths(whole.columns, [[printable(cell) for cell in row] for row in rows])
    every = range(len(widths))
    last = next(
        (number for number in reversed(every) if _whole(widths[: number + 1]) <= out.width), 0
    )
    if whole.is_grid:
        return [0, *_spread(every[1:], last)]
    # The next column is cut if a few characters of its text fit.
    room = out.width - _whole(widths[: last + 1]) - _GAP
    is_text = last + 1 < len(widths) and not whole.columns[last + 1].endswith(">")
    return list(every[: last + 1 + (is_text and room >= _LONGEST_NAME)])


def _spread(members: Sequence[Any], most: int) -> list[Any]:
    """Return ``most`` members, evenly spaced from end to end."""
    number = min(most, len(members))
    last, steps = len(members) - 1, max(1, number - 1)
    return [members[round(index * last / steps)] for index in range(number)]


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths of columns, ignoring cells that extend over empty ones on their right."""
    widths = [cell_len(column.rstrip(">")) for column in columns]
    for row in rows:
        for index, cell in enumerate(row):
            if _span(row, index) == 1:
                widths[index] = max(widths[index], cell_len(cell))
    return widths


def _span(row: Sequence[str], index: int) -> int:
    """Return the number of columns of a cell: a cell longer than a name covers empty ones."""
    if not index or cell_len(row[index]) <= _LONGEST_NAME:
        return 1
    following = takewhile(lambda cell: cell in ("", NONE), row[index + 1 :])
    return 1 + sum(1 for _ in following)


def _aligned(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts, begin = list[str](), 0
    while begin < len(cells):
        end = begin + _span(cells, begin)
        width = _whole(widths[begin:end])
        if end == len(cells) > begin + 1:  # no cell on its right
            width = out.width - _whole([*widths[:begin], 0])
        shown = _cut(cells[begin], width)
        space = " " * (width - cell_len(shown))
        parts.append(space + shown if right[begin] and end == begin + 1 else shown + space)
        begin = end
    return (" " * _GAP).join(parts).rstrip()


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _fitted(columns: Sequence[Sequence[str]], right: Sequence[bool]) -> list[int]:
    """Return the widths of the columns in the available width."""
    widths = [max(map(cell_len, cells)) for cells in columns]
    longest_words = [max(map(_longest_word, cells)) for cells in columns]
    folded = [min(width, _NARROWEST) for width in widths]
    names = [word if word <= _LONGEST_NAME else 0 for word in longest_words]
    between = list(map(max, folded, names))
    texts = [w if is_right else b for w, b, is_right in zip(widths, between, right, strict=True)]
    numbers = [
        w if is_right else b for w, b, is_right in zip(longest_words, between, right, strict=True)
    ]
    inside = [
        w if is_right else f for w, f, is_right in zip(longest_words, folded, right, strict=True)
    ]
    for minimal in (texts, numbers, inside):
        widths = _narrowed(widths, minimal)
    return widths


def _narrowed(widths: Sequence[int], minimal: Sequence[int]) -> list[int]:
    """Return widths that fit, or equal ``minimal``; the widest are narrowed first."""
    widths = list(widths)
    while _whole(widths) > out.width and widths != minimal:
        foldable = (index for index in range(len(widths)) if widths[index] > minimal[index])
        widths[max(foldable, key=lambda index: widths[index])] -= 1
    return widths


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _longest_word(cell: str) -> int:
    return max(map(cell_len, cell.split()), default=0)


def show_paths(rows: Path | None, page: Path | str | None) -> None:
    """Print the folder of the measured rows, if there is one, and the file or URL of the page."""
    if rows is not None:
        line(f"rows:  {rows}")
    if page is not None:
        line(f"page:  {page if isinstance(page, str) else shlex.quote(str(page))}")


def line(text: str, to: Console | None = None) -> None:
    """Print a line as it is, however long, so that it can be copied."""
    (to or out).print(text, markup=False, soft_wrap=True)


def show_omitted(numbers: Mapping[str, int], column: str = "more:  ") -> None:
    """Print the count of each noun that only ``--verbose`` shows; nothing if all are 0."""
    counts = [counted(number, noun) for noun, number in numbers.items() if number > 0]
    if counts:
        number, rest = enumerated(counts).split(" ", 1)
        paragraph(f"{column}--verbose shows {number} more {rest}")


def paragraph(text: str, to: Console | None = None) -> None:
    """Print a line, folded between words with its continuation indented."""
    line(wrapped(text, to or out, "  "), to)


def note(line: str) -> None:
    """Print a line on standard error, folded between words."""
    paragraph(line, err)


def show_next(command: str) -> None:
    """Print the command that a reader probably needs next."""
    out.print(f"next:  {escape(command)}", soft_wrap=True)


def show_warnings(
    warnings: Sequence[MeasurementWarning], to: Console = err, is_brief: bool = False
) -> None:
    """Print warnings with their advice, on standard error unless they are the answer.

    ``is_brief`` prints only two lines of the first warning.
    """
    for warning in warnings[:1] if is_brief else warnings:
        lines = [f"warning: {warning.message}", f"{_MARGIN}{warning.advice}"]
        if is_brief:
            lines = [_cut(text, to.width) for text in map(printable, lines)]
        first, *continued = (wrapped(text, to, _MARGIN) for text in lines)
        to.print(f"[yellow]warning:[/]{escape(first.removeprefix('warning:'))}", soft_wrap=True)
        for folded in continued:
            line(folded, to)


def wrapped(text: str, to: Console, indent: str) -> str:
    """Fold a line between its words; ``pip install NAME`` and ``--budget 2`` stay whole."""
    folder = TextWrapper(
        to.width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    whole = _TOGETHER.sub(lambda match: match[0].replace(" ", _NO_BREAK), text)
    return "\n".join(folder.wrap(whole)).replace(_NO_BREAK, " ")
