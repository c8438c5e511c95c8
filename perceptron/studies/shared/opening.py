"""What every measuring study begins with: the machine's facts, a run on disk, the conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perceptron.analysis.trust import damaged, warnings_about
from perceptron.backends import registry
from perceptron.machine import machine_name
from perceptron.measure.conditions import conditions
from perceptron.measure.environment import environment
from perceptron.measure.revision import revision
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.store import Run, RunJournal, now, open_run
from perceptron.records.warning import MeasurementWarning


@dataclass(frozen=True)
class OpenRun:
    """A run to write rows to, and what is known about the machine."""

    run: Run
    journal: RunJournal
    environment: Environment
    conditions: Conditions

    def warnings(self, threads: int) -> list[MeasurementWarning]:
        """What makes these rows less trustworthy, damaged lines of an earlier start first."""
        found = warnings_about(self.environment, threads, self.conditions)
        return [*map(damaged, self.journal.complaints), *found]


@contextmanager
def start_run(
    plan: Mapping[str, object],
    backends: Sequence[str],
    threads: int,
    machine: str | None,
    results: Path,
    quick: bool,
) -> Iterator[OpenRun]:
    """The unfinished run of this plan, or a new one; finished where the block ends without error.

    ``machine`` names the folder of the results; None for the host's name. In quick mode no time is
    spent on the machine's own spread. Raises `UserError` if the folder cannot be written to.
    """
    usable = [name for name in backends if registry.reason_unavailable(name) is None]
    facts = environment([registry.load(name) for name in usable], threads)
    run = Run(
        plan=dict(plan),
        machine=machine or machine_name(),
        environment=facts.id,
        commit=revision(),
        started=now(),
    )
    with open_run(results, run, facts) as journal:
        found = conditions(with_loop=not quick)
        journal.keep_conditions(found)
        yield OpenRun(run, journal, facts, found)
        journal.finish()


def plain(plan: Mapping[str, object]) -> dict[str, object]:
    """A plan as JSON has it, lists for tuples: what is read back compares equal."""
    return {key: _plain(value) for key, value in plan.items()}


def _plain(value: object) -> object:
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
