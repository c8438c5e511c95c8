"""A question: a plan, the next jobs, and the answer of the rows.

A study is one file of this folder and one line of `registry.STUDIES`. Its command, its help, its
page, ``--json``, its budget and resuming come from here: see CONTRIBUTING.md, "Add a question".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, get_args, get_type_hints, runtime_checkable

from msgspec import Struct

from perceptron.answer import Answer, Answered, Page, ReadFromFiles
from perceptron.errors import UserError
from perceptron.measure.job import Job
from perceptron.options import (
    DTYPE,
    FROM_FILES,
    MODEL,
    Backends,
    Option,
    Over,
    SeveralThreads,
    Threads,
)
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row

# A question's file finds here what its plan is made of.
__all__ = [
    "DTYPE",
    "FROM_FILES",
    "MODEL",
    "Backends",
    "Option",
    "Over",
    "Plan",
    "Reader",
    "SeveralThreads",
    "Study",
    "Threads",
]


class Plan(Struct, frozen=True, kw_only=True):
    """A request to measure; equal plans are the same run. Its fields are the command's options.

    They stand in run.json: plain values, all with a default, so that a stored plan can be read
    where the model file that it names is gone. A field without an `Option` is filled in.
    """

    usual_seconds: ClassVar[float] = 180.0
    """The budget without ``--budget`` and ``--quick``, which help states in minutes."""
    usual_note: ClassVar[str] = ""
    """What help adds to it."""

    def resolved(self) -> Plan:
        """Return the plan as it is on this machine, defaults filled in.

        Raises `UserError` naming an option that cannot be.
        """
        return self

    def refuse(self, why: str, *names: str) -> None:
        """Raise `UserError` with the option of the first of these fields that was given."""
        usual = type(self)()
        for name in names:
            if getattr(self, name) != getattr(usual, name):
                about = get_args(get_type_hints(type(self), include_extras=True)[name])
                option = next(one for one in about if isinstance(one, Option))
                typed = option.names[0] if option.names else f"--{name.replace('_', '-')}"
                raise UserError(f"{typed} {why}")

    @property
    def backends(self) -> tuple[str, ...]:
        """Backends that take part."""
        return ()

    @property
    def threads(self) -> int | tuple[int, ...] | None:
        """Threads of every backend, all its processes together; each of several is measured."""
        return None

    @property
    def most_threads(self) -> int:
        """The largest number of threads."""
        several = self.threads if isinstance(self.threads, tuple) else (self.threads or 1,)
        return max(several, default=1)

    @property
    def budget_seconds(self) -> float:
        """The budget without ``--budget``."""
        return self.usual_seconds

    @property
    def quick(self) -> bool:
        """Whether it is a quick run: the same without ``--quick`` is proposed next."""
        return False

    @property
    def references(self) -> tuple[str, ...]:
        """References of the problems: an edited model file is another plan."""
        return ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Files whose rows are judged: nothing is measured then, and the study is a `Reader`."""
        return ()


class Study(Protocol):
    """A question: what to measure next for it, and what the rows say."""

    name: ClassVar[str]
    """The name of the command, of its page and in run.json."""
    Plan: ClassVar[type[Plan]]
    query_fields: ClassVar[tuple[str, ...]]
    """Fields of its plan that tell two questions apart: a page shows the newest run of each."""
    page: ClassVar[Page]
    doing: ClassVar[str]
    """The title of the progress bar."""

    def next(self, plan: Any, rows: Sequence[Row], left: float) -> Sequence[Job]:
        """Return the jobs still missing, the most useful first; none once the answer is decided.

        ``left`` is the share of the budget that is, from 1 down to 0. Pure: the same plan and rows
        ask for the same, so that the next start resumes a run, whatever ended it.
        """

    def answer(self, plan: Any, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Return the answer from the rows of a run, measured on any machine; pure.

        Raises `UserError` where they cannot be judged.
        """


@runtime_checkable
class Reader(Protocol):
    """A study that also judges rows of files."""

    def read(self, plan: Any) -> ReadFromFiles:
        """Return the answer from the ``sources`` of a plan; raises `UserError` naming one."""


@runtime_checkable
class HasRules(Protocol):
    """A study whose answer can be pasted into code."""

    def rules(self, told: Answered | ReadFromFiles) -> Sequence[object]:
        """Return rules that choose by size; ``str`` of each is a line of Python, or a comment."""
