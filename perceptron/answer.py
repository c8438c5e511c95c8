"""An answer: what a question's rows say, for every place where it is shown.

A study makes it, and `perceptron.report` shows it in a terminal, on a page, as Markdown and as
JSON. A renderer knows no study, and a study no renderer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from perceptron.figure import Figure as Drawing
from perceptron.numbers import Cell, cell_text
from perceptron.records.warning import MeasurementWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perceptron.records.measurement import Measurement
    from perceptron.records.readers.stored_runs import LoadedRun

Setting = tuple[tuple[str, str], ...]
"""Switches of a page and what they are set to: ``(("Start", "cold"), ("dtype", "float32"))``."""

Part = tuple[tuple[str, str | tuple[str, ...]], ...]
"""Like a setting, for what is shown with several: a switch may stand at any of these values."""

Decided = Literal["yes", "partly", "no"]


class Verdict(Struct, frozen=True, kw_only=True):
    """The verdict on one subject: a line of at most 100 columns, and its notes."""

    subject: str
    """The subject in a word or two: ``mlp-width``, ``cold start``."""
    decided: Decided
    sentence: str
    notes: tuple[str, ...] = ()
    """At most two lines: ``undecided: …``, ``closest: …``, ``leaning: …``, ``why: …; next: …``."""
    heading: str = ""
    """Machine and conditions, printed once above neighbours that share them."""
    contended: str = ""
    """Contended samples in words; empty without any."""
    part: Part = ()
    """The part of the answer that it belongs to; empty for all parts."""
    is_aside: bool = False
    """Whether it tells more than was asked for, so that it leaves no question open."""

    def __str__(self) -> str:
        """Return subject and sentence in one line."""
        return f"{self.subject}: {self.sentence}"


class Note(Struct, frozen=True):
    """A line beside the verdicts."""

    text: str
    part: Part = ()


class Table(Struct, frozen=True, kw_only=True):
    """A table of words and values; a row's first cell names it.

    A terminal shows the first table of an answer, ten rows of it. There a long cell, such as ``not
    measured: REASON``, goes on over cells to its right that are empty or a dash.
    """

    title: str
    columns: tuple[str, ...]
    """A column whose name ends in ``>`` is flush right."""
    rows: tuple[tuple[Cell, ...], ...]
    part: Part = ()
    legend: str | None = None
    """A line below the table that explains its letters and signs."""
    is_scale: bool = False
    """Whether its rows are sizes: of too many, some are shown from end to end, not the first."""
    is_grid: bool = False
    """Whether its columns are sizes, too."""

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The rows as terminal, page and Markdown show them."""
        return tuple(tuple(map(cell_text, row)) for row in self.rows)


class Figure(Struct, frozen=True, kw_only=True):
    """A figure of one part of an answer; ``drawing`` is None if that part has no data.

    Several figures of one part are shown below each other, under the title of the first.
    """

    title: str
    drawing: Drawing | None
    part: Setting = ()


class Answer(Struct, frozen=True, kw_only=True):
    """The answer of a run's rows."""

    question: str
    """The question in a few words: ``race: digits to accuracy=0.95``."""
    query: Setting
    """The switches of the page that select this question among others of the study."""
    conditions: Setting = ()
    """Conditions that tell two runs apart: ``(("Threads", "2"),)``."""
    verdicts: tuple[Verdict, ...]
    measured: str = ""
    """Conditions after the machine's facts on a page: ``, 2 threads, float32``."""
    notes: tuple[Note, ...] = ()
    """Lines about all verdicts."""
    tables: tuple[Table, ...] = ()
    """The most important one first."""
    figures: tuple[Figure, ...] = ()
    """Figures of every part, in the order in which a page offers them."""
    warnings: tuple[MeasurementWarning, ...] = ()
    """What this question alone warns of; `questions.answering` adds what every run's rows tell."""
    backends: tuple[str, ...] = ()
    """Backends that have a colour."""
    next: tuple[str, ...] = ()
    """The next command to type, word by word."""
    data: dict[str, Any] = {}
    """The study's own part of the ``--json`` document; `report.documents` adds the rest."""
    is_cut: bool = False
    """Whether a question had no turn before the run ended, and so has no verdict."""

    @property
    def is_decided(self) -> bool:
        """Whether every question that was asked has a verdict, decided at least in part."""
        decided = [verdict.decided for verdict in self.verdicts if not verdict.is_aside]
        return bool(decided) and "no" not in decided and not self.is_cut

    @property
    def has_answer(self) -> bool:
        """Whether a verdict is decided, at least in part."""
        return any(verdict.decided != "no" for verdict in self.verdicts)


class Shown(Struct, frozen=True):
    """An answer on a page: how its switches stand for all its parts, and how it was measured."""

    answer: Answer
    scope: Setting
    measured: str = ""


class Page(Struct, frozen=True):
    """The page of a study among the others."""

    label: str
    """The name of the page in the navigation; empty where others show its answers."""
    heading: str
    """The question of the study."""
    nothing: str
    """The text of the page before the first run."""
    makes: str
    """The object of *`perceptron race` measures …*: ``one``, ``them``."""
    is_overview: bool = False
    """Whether the first page shows the newest answer; ``--json`` then writes pages too."""
    shows_samples: bool = False
    """Whether an answer needs the single samples of its rows."""


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
    sources: tuple[str, ...]
    """A line about each kind of file: how many rows were read, and what was left out."""
    warnings: tuple[MeasurementWarning, ...]


def is_of(part: Part, other: Setting) -> bool:
    """Return whether ``part`` is shown with ``other``: no switch differs.

    >>> is_of((("Start", "cold"),), (("Start", "cold"), ("dtype", "float32")))
    True
    >>> is_of((("Start", ("cold", "warm")),), (("Start", "warm"),))
    True
    >>> is_of((("Start", "cold"),), (("Start", "warm"),))
    False
    """
    switches = dict(other)
    return all(
        switch not in switches
        or switches[switch] in ((values,) if isinstance(values, str) else values)
        for switch, values in part
    )
