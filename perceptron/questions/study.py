"""The interface of a study: a plan, the next jobs, and the answer from the rows.

A study is one file of this folder and one line of `registry.STUDIES`. Command, help, page,
``--json``, budget and resuming are derived from it: see CONTRIBUTING.md, "Add a question".
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

# The files of studies import the types of their plan's fields from here.
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

    The fields are stored in run.json. They are plain values with defaults, so that a stored plan
    can be read even if the model file it names is gone. Fields without an `Option` are computed.
    """

    usual_seconds: ClassVar[float] = 180.0
    """The budget in seconds without ``--budget`` and ``--quick``; the help states it in minutes."""
    usual_note: ClassVar[str] = ""
    """Text after the default budget in the help."""

    def resolved(self) -> Plan:
        """Return the plan with the defaults of this machine filled in.

        Raises `UserError` naming an option that cannot be used.
        """
        return self

    def refuse(self, why: str, *names: str) -> None:
        """Raise `UserError` with ``why`` for the first of these fields that is not its default."""
        usual = type(self)()
        for name in names:
            if getattr(self, name) != getattr(usual, name):
                annotations = get_args(get_type_hints(type(self), include_extras=True)[name])
                option = next(item for item in annotations if isinstance(item, Option))
                typed = option.names[0] if option.names else f"--{name.replace('_', '-')}"
                raise UserError(f"{typed} {why}")

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends to measure."""
        return ()

    @property
    def threads(self) -> int | tuple[int, ...] | None:
        """Threads of each backend in all its processes together; several are measured in turn."""
        return None

    @property
    def most_threads(self) -> int:
        """The largest number of threads."""
        several = self.threads if isinstance(self.threads, tuple) else (self.threads or 1,)
        return max(several, default=1)

    @property
    def budget_seconds(self) -> float:
        """The budget in seconds without ``--budget``."""
        return self.usual_seconds

    @property
    def quick(self) -> bool:
        """Whether it is a quick run, after which the whole one is proposed."""
        return False

    @property
    def references(self) -> tuple[str, ...]:
        """References of the user's model files: an edited file makes another plan."""
        return ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Files of results to judge instead of measuring; the study is then a `Reader`."""
        return ()


class Study(Protocol):
    """A question: the next jobs to measure, and the answer from their rows."""

    name: ClassVar[str]
    """The name of the command and of its page, also in run.json."""
    Plan: ClassVar[type[Plan]]
    query_fields: ClassVar[tuple[str, ...]]
    """Fields of its plan that distinguish questions: a page shows the newest run of each."""
    page: ClassVar[Page]
    doing: ClassVar[str]
    """The title of the progress bar."""

    def next(self, plan: Any, rows: Sequence[Row], left: float) -> Sequence[Job]:
        """Return the missing jobs, the most useful first; none once the answer is decided.

        ``left`` is the remaining share of the budget, from 1 down to 0. A pure function of plan and
        rows, so that the next start resumes an interrupted run.
        """

    def answer(self, plan: Any, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Return the answer from the rows of a run, measured on any machine; a pure function.

        Raises `UserError` if the rows cannot be judged.
        """


@runtime_checkable
class Reader(Protocol):
    """A study that also judges rows read from files."""

    def read(self, plan: Any) -> ReadFromFiles:
        """Return the answer from a plan's ``sources``; raise `UserError` naming a bad one."""


@runtime_checkable
class HasRules(Protocol):
    """A study whose answer can be written as code."""

    def rules(self, answered: Answered | ReadFromFiles) -> Sequence[object]:
        """Return rules that choose a backend by size; ``str`` of each is Python or a comment."""
