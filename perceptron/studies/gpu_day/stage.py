"""What a stage of a day with a GPU is: commands, made of what can run here, and their time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from perceptron.records.backend import BackendFacts
from perceptron.records.gpu_day import PlannedStage

INTERRUPT_SECONDS = 6.0
"""Of a stage's time, what is kept for ending it: it is interrupted so long before."""
# Starting a command, judging and printing; and studies may exceed their budget by a twentieth.
_START_SECONDS = 6.0
_SHARE_FOR_STUDY = 0.9
# In a rehearsal the CPU stands in: what a study may take, what it may take when tried again because
# a busy CPU left it without a row, and the most that its stage may take.
_REHEARSAL_BUDGETS = (12.0, 40.0, 120.0)
_REHEARSAL_SECONDS = 240.0
EAGER, RECORDED = "torch-cuda", "torch-cuda-graph"
ONE_BY_ONE, DATA_PARALLEL = "torch-cuda-one-by-one", "torch-ddp-cuda"
# Of the GPU's backends these stand for it, the first that can run: published, then the next best.
_CHALLENGERS = (EAGER, "jax-cuda")
_INCUMBENTS = ("numpy", "torch-cpu")
# What trains several models at once: what stands for the GPU first, then with ever fewer calls.
_AT_ONCE = (EAGER, "torch-cuda-bmm", RECORDED, "torch-cuda-manual-graph", "jax-cuda")


class LeftOut(Exception):
    """A stage cannot run here; says why in one line."""


def no_complaint(_answer: bytes) -> str | None:
    """Return None: its exit code says all."""
    return None


@dataclass(frozen=True)
class Command:
    """The arguments of an interpreter, and the exit codes that mean that it did its work."""

    arguments: tuple[str, ...]
    good: tuple[int, ...] = (0,)
    document: bool = True
    """Whether standard output is one JSON document."""
    complaint: Callable[[bytes], str | None] = no_complaint
    """Reads bad news out of standard output."""
    instead: Command | None = None
    """What is run where this one fails."""
    about: str = ""
    """What it is one of several commands for; said where it does not end in time."""
    note: str = ""
    """What it leaves out here, and why; said of its stage however that ends."""

    @property
    def argv(self) -> tuple[str, ...]:
        return (sys.executable, *self.arguments)


@dataclass(frozen=True)
class Day:
    """What the commands of the stages are made of."""

    results: Path
    machine: str
    survey: Callable[[], Mapping[str, BackendFacts]]
    """Tells what can run here; asked once, by the first stage that wants to know."""
    rehearse: bool = False
    gpus: int = 1
    """How many are here; in a rehearsal the CPU stands in for as many."""

    @cached_property
    def backends(self) -> Mapping[str, BackendFacts]:
        return self.survey()

    @property
    def gpu_backends(self) -> list[str]:
        """Those that can run here."""
        return [
            name
            for name, facts in self.backends.items()
            if facts.device == "cuda" and self.has(name)
        ]

    @property
    def challenger(self) -> str:
        """The backend that stands for the GPU; raises `LeftOut` if none can run."""
        for name in _CHALLENGERS:
            if self.has(name):
                return name
        raise LeftOut(self._reason(_CHALLENGERS[0]))

    @property
    def incumbents(self) -> list[str]:
        return [name for name in _INCUMBENTS if self.has(name)]

    @property
    def at_once(self) -> list[str]:
        """Those of the GPU that train several models at once; raises `LeftOut` if none can run."""
        here = [name for name in _AT_ONCE if self.has(name)]
        if not here:
            raise LeftOut(self._reason(EAGER))
        return here

    @property
    def one_by_one(self) -> list[str]:
        """What trains them one after the other on the GPU, if it can run."""
        return [ONE_BY_ONE] if self.has(ONE_BY_ONE) else []

    @property
    def data_parallel(self) -> list[str]:
        """Training by one process that could have partners, then by two if each has a GPU.

        Raises `LeftOut` if not even one can train so.
        """
        if not self.has(DATA_PARALLEL):
            raise LeftOut(self._reason(DATA_PARALLEL))
        return [DATA_PARALLEL, *([f"{DATA_PARALLEL}@2"] if self.gpus >= 2 else [])]

    def has(self, name: str) -> bool:
        """Whether this backend can run here."""
        return name in self.backends and self.backends[name].available

    def _reason(self, name: str) -> str:
        facts = self.backends.get(name)
        return f"{name}: {facts.reason if facts else 'no such backend'}"

    def study(
        self,
        seconds: float,
        *words: str,
        rehearsed: tuple[str, ...] = ("--quick",),
        at_least: float = 0.0,
        good: tuple[int, ...] = (0,),
        note: str = "",
    ) -> Command:
        """Return a measuring command that ends within ``seconds`` and keeps what it measured.

        ``rehearsed`` are the words that make little work of it in a rehearsal, and ``at_least`` the
        seconds without which none of it would be done there even if the CPU is idle.
        """
        common = ("--results", str(self.results), "--machine", self.machine, "--html=", "--json")

        def within(budget: float, instead: Command | None = None) -> Command:
            budgeted = ("--budget", f"{budget / 60:.4g}")
            return perceptron(*words, *common, *budgeted, good=good, instead=instead, note=note)

        if not self.rehearse:
            return within(_SHARE_FOR_STUDY * (seconds - INTERRUPT_SECONDS - _START_SECONDS))
        words = (*words, *rehearsed)
        *shorter, longest = (budget for budget in _REHEARSAL_BUDGETS if budget >= at_least)
        command = within(longest)
        for budget in reversed(shorter):
            command = within(budget, command)
        return command


@dataclass(frozen=True)
class Stage:
    """One question of the day, and the seconds that it may take."""

    number: int
    name: str
    tells: str
    seconds: float
    commands: Callable[[Day, float], Sequence[Command]]
    """Makes them for a day and a time limit; raises `LeftOut`."""

    def limit(self, rehearse: bool) -> float:
        """Return the seconds after which it is ended."""
        return _REHEARSAL_SECONDS if rehearse else self.seconds

    def planned(self, rehearse: bool) -> PlannedStage:
        """Return what is shown of it beforehand."""
        return PlannedStage(
            number=self.number, name=self.name, tells=self.tells, seconds=self.limit(rehearse)
        )


def perceptron(
    *words: str,
    good: tuple[int, ...] = (0,),
    complaint: Callable[[bytes], str | None] = no_complaint,
    instead: Command | None = None,
    about: str = "",
    note: str = "",
) -> Command:
    """Return a command of this package; see `Command`."""
    argv = ("-m", "perceptron", *words)
    return Command(argv, good, complaint=complaint, instead=instead, about=about, note=note)
