"""An answer: what a question's rows say, for every place where it is shown.

A study makes it, and `perceptron.report` shows it in a terminal, on a page, as Markdown and as
JSON. A renderer knows no study, and a study no renderer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from perceptron.figure import Figure as Drawing
from perceptron.records.warning import MeasurementWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perceptron.records.measurement import Measurement
    from perceptron.records.readers.stored_runs import LoadedRun

Setting = tuple[tuple[str, str], ...]
"""Switches of a page and what they are set to: ``(("Start", "fresh"), ("dtype", "float32"))``."""

Decided = Literal["yes", "partly", "no"]
Place = Literal["everywhere", "terminal", "page"]


class Verdict(Struct, frozen=True, kw_only=True):
    """What is known about one subject: a line of at most 100 columns, and what stands behind it."""

    subject: str
    """In a word or two: ``mlp-width``, ``fresh process``."""
    decided: Decided
    sentence: str
    notes: tuple[str, ...] = ()
    """At most two lines: ``undecided: …``, ``closest: …``, ``leaning: …``, ``why: …; next: …``."""
    heading: str = ""
    """Where and how it was measured: told once above neighbours that share it."""
    contended: str = ""
    """How far its samples were; empty where none was."""
    part: Setting = ()
    """The part of the answer that it is about; of all parts without one."""
    on: Place = "everywhere"

    def __str__(self) -> str:
        """Return it in a line that stands for itself."""
        return f"{self.subject}: {self.sentence}"


class Note(Struct, frozen=True):
    """A line beside the verdicts."""

    text: str
    on: Place = "everywhere"
    part: Setting = ()


class Table(Struct, frozen=True, kw_only=True):
    """A table of texts; the first cell of a row names it."""

    title: str
    columns: tuple[str, ...]
    """A column whose name ends in ``>`` is flush right."""
    rows: tuple[tuple[str, ...], ...]
    part: Setting = ()
    on_page: str | None = None
    """Its title on a page, where another one is there already."""
    on: Place = "everywhere"
    legend: str | None = None
    """What its letters and signs mean, in a line below it."""
    last_apart: str | None = None
    """Title of a table of its own for the last column, in a terminal too narrow for all."""


class Figure(Struct, frozen=True, kw_only=True):
    """A figure of one part of an answer; without a drawing that part has nothing to draw.

    Several of one part stand below each other, under the first's title.
    """

    title: str
    drawing: Drawing | None
    part: Setting = ()


class Answer(Struct, frozen=True, kw_only=True):
    """What the rows of a run say."""

    question: str
    """In a few words: ``race: digits to accuracy=0.95``."""
    asked: Setting
    """What tells this question from others of the study, by the switches of its page."""
    ground: Setting = ()
    """How it was measured, as far as that tells two runs apart: ``(("Threads", "2"),)``."""
    verdicts: tuple[Verdict, ...]
    measured: str = ""
    """How it was measured, behind the machine's facts on a page: ``, 2 threads, float32``."""
    notes: tuple[Note, ...] = ()
    """What holds for every verdict, a line each."""
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    """Figures of every part, in the order in which a page offers them."""
    warnings: tuple[MeasurementWarning, ...] = ()
    """Warnings about these rows; the study does not warn about the machine or the run."""
    backends: tuple[str, ...] = ()
    """Backends that have a colour."""
    next: tuple[str, ...] = ()
    """The command that a reader will want to type now, word by word."""
    data: dict[str, Any] = {}
    """The document of ``--json``, without what every run has: warnings, budget, page, results."""

    @property
    def is_decided(self) -> bool:
        """Whether at least one verdict is decided, if only in part, or nothing was to decide."""
        decided = [verdict.decided != "no" for verdict in self.verdicts]
        return any(decided) or not decided


class Page(Struct, frozen=True):
    """The page of a study among the others."""

    label: str
    """In the navigation."""
    heading: str
    """What it asks."""
    nothing: str
    """What it says before anything was measured."""
    makes: str
    """Stands for what is missing in *`perceptron race` measures …*: ``one``, ``them``."""
    is_overview: bool = False
    """Whether the first page shows its newest answer: that one is named then, with --json too."""


class Answered(Struct, frozen=True, kw_only=True):
    """An answer with the run that was judged."""

    study: str
    run: LoadedRun
    answer: Answer
    warnings: tuple[MeasurementWarning, ...]
    """About the machine, the run and its rows."""

    @property
    def results(self) -> Path:
        """The folder of the run."""
        return self.run.folder


class ReadFromFiles(Struct, frozen=True, kw_only=True):
    """An answer with the rows of files that were judged: nothing was measured."""

    answer: Answer
    rows: Sequence[Measurement]
    warnings: tuple[MeasurementWarning, ...]


def is_of(part: Setting, other: Setting) -> bool:
    """Return whether what is about ``part`` is shown with ``other``: no switch differs.

    >>> is_of((("Start", "fresh"),), (("Start", "fresh"), ("dtype", "float32")))
    True
    >>> is_of((("Start", "fresh"),), (("Start", "resident"),))
    False
    """
    switches = dict(other)
    return all(switches.get(switch, value) == value for switch, value in part)
