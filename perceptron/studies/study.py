"""What a question is: a plan, what to measure next for it, and what the rows say.

A study is one file of this folder and one line of `registry.STUDIES`. Its command, its help, its
page, ``--json``, its budget and resuming come from here: see CONTRIBUTING.md, "Add a question".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol

from msgspec import Struct

from perceptron.answer import Answer, Page
from perceptron.measure.job import Job
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row


@dataclass(frozen=True)
class Option:
    """How a field is typed, in its annotation: `commands.shared.study_command` reads it."""

    help: str
    names: tuple[str, ...] = ()
    """``--backends``, ``--backend``; by default the field's own."""
    metavar: str | None = None
    as_text: bool = False
    """Read a whole number from text, as options that also take several do elsewhere."""


Threads = Annotated[
    int | None,
    Option(
        "Use N threads for every backend. Default: all cores.",
        metavar="N[,N…]",
        as_text=True,
    ),
]
Over = Annotated[
    tuple[int, ...],
    Option(
        "Train over N processes, as torch-ddp does. Default: 1.",
        ("--processes",),
        "N[,N…]",
    ),
]


class Plan(Struct, frozen=True, kw_only=True):
    """What to measure; equal plans are the same run. Its fields are the command's options.

    They stand in run.json: plain values, all with a default, so that a stored plan can be read
    where the model file that it names is gone. A field without an `Option` is filled in.
    """

    def resolved(self) -> Plan:
        """Return the plan as it is on this machine, defaults filled in.

        Raises `UserError` naming an option that cannot be.
        """
        return self

    @property
    def backends(self) -> tuple[str, ...]:
        """Those that take part."""
        return ()

    @property
    def threads(self) -> int | None:
        """The largest number used at once."""
        return None

    @property
    def budget_seconds(self) -> float:
        """The budget without ``--budget``."""
        return 180.0

    @property
    def quick(self) -> bool:
        """Whether it is a quick run: the same without ``--quick`` is proposed next."""
        return False

    @property
    def problems(self) -> tuple[str, ...]:
        """References of the problems: an edited model file is another plan."""
        return ()


class Study(Protocol):
    """A question: what to measure next for it, and what the rows say."""

    name: ClassVar[str]
    """Of the command, of its page and in run.json."""
    Plan: ClassVar[type[Plan]]
    asked: ClassVar[tuple[str, ...]]
    """Fields of its plan that tell two questions apart: a page shows the newest run of each."""
    page: ClassVar[Page]
    doing: ClassVar[str]
    """The title of the progress bar."""

    def next(self, plan: Any, rows: Sequence[Row], left: float) -> Sequence[Job]:
        """Return what is missing, in any order; nothing once the answer is decided.

        ``left`` are the seconds of the budget. Pure: the same plan and rows ask for the same, so
        that the next start resumes a run, whatever ended it.
        """

    def answer(self, plan: Any, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Return what the rows of a run say, measured on any machine; pure.

        Raises `UserError` where they cannot be judged.
        """
