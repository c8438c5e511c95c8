"""The finished runs of a results folder: the newest of each kind of hardware, and those beside it.

Time with a GPU may end early: until there is a whole run of it, the finding alone will do. A quick
look is none of them, nor is a rehearsal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.device_share import is_beside_host
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.race.result import RaceResult, has_raced
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FAMILY
from perceptron.analysis.stored.hardware import CPU, kind_of_hardware, on_devices
from perceptron.analysis.stored.runs import judge_crossovers, judge_ladder
from perceptron.errors import UserError
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.runs import StoredRun, stored_runs

Judged = TypeVar(
    "Judged", BenchResult, CrossoverResult, MapResult, OverheadResult, AdviceResult, RaceResult
)


class FinishedRuns:
    """The finished runs of one folder; one that cannot be read is a `UserError`."""

    def __init__(self, results: Path) -> None:
        self.results = results

    @cached_property
    def whole(self) -> dict[str, LoadedRun]:
        """The newest finished whole run of each kind of hardware, the newest first.

        Of a GPU without one, its newest finding stands in.
        """
        newest: dict[str, LoadedRun] = {}
        findings: dict[str, LoadedRun] = {}
        for stored in self._finished("bench"):
            plan = stored.run.plan
            if not plan.get("whole") and plan.get("quick"):
                continue
            loaded = read_run(stored.folder)
            hardware = _hardware(loaded)
            if hardware is None:
                continue
            if plan.get("whole"):
                newest.setdefault(hardware, loaded)
            elif hardware != CPU and _has_finding(loaded):
                findings.setdefault(hardware, loaded)
        return newest | {name: run for name, run in findings.items() if name not in newest}

    def newest(
        self, study: str, judge: Callable[[LoadedRun], Judged], hardware: str, **plan: object
    ) -> Judged | None:
        """Return the newest run of a study beside the whole run of this hardware.

        That is of its machine, unless there is no whole run of it yet.
        """
        whole = self.whole.get(hardware)
        for loaded in self._runs(study, hardware, _has(plan)):
            if whole is None or loaded.run.machine == whole.run.machine:
                return self.within(judge(loaded))
        return None

    def newest_anywhere(
        self, study: str, judge: Callable[[LoadedRun], Judged], hardware: str, **plan: object
    ) -> Judged | None:
        """Return what `newest` does, or where there is none the newest of another machine."""
        loaded = next(self._runs(study, hardware, _has(plan)), None)
        return None if loaded is None else self.within(judge(loaded))

    def newest_ladder(self, hardware: str, problem: str) -> OverheadResult | None:
        """Return the newest ladder of a problem in one process."""
        return self.newest("overhead", judge_ladder, hardware, problem=problem, over_processes=None)

    def newest_along(self, family: str, hardware: str) -> CrossoverResult | None:
        """Return what the newest search of a family that has times says of that family."""

        def searched(plan: Mapping[str, object]) -> bool:
            families = plan.get("families")
            return isinstance(families, list) and family in families

        for loaded in self._runs("crossover", hardware, searched):
            found = judge_crossovers(loaded)
            rows = [row for row in found.rows if row.family == family]
            if any(row.seconds is not None for row in rows):
                own = [one for one in found.crossovers if one.family == family]
                guesses = [guess for guess in found.what_if if guess.family == family]
                return self.within(replace(found, rows=rows, crossovers=own, what_if=guesses))
        return None

    def _runs(
        self, study: str, hardware: str, fits: Callable[[Mapping[str, object]], bool]
    ) -> Iterator[LoadedRun]:
        """Yield finished runs of this hardware whose plan fits.

        Those of the whole run's machine come first, and of each machine the newest.
        """
        whole = self.whole.get(hardware)
        fitting = [
            stored
            for stored in self._finished(study)
            if not stored.run.plan.get("quick") and fits(stored.run.plan)
        ]
        if whole is not None:
            fitting.sort(key=lambda stored: stored.run.machine != whole.run.machine)
        for stored in fitting:
            loaded = read_run(stored.folder)
            if _hardware(loaded) == hardware:
                yield loaded

    def within(self, result: Judged) -> Judged:
        """Return the result with its folder relative to the repository's root."""
        assert result.results is not None, "a run on disk"
        return replace(result, results=result.results.relative_to(self.results.parent))

    def _finished(self, study: str) -> Iterator[StoredRun]:
        """Yield finished runs of a study, the newest first."""
        for stored in self._stored:
            if stored.run.finished is not None and stored.run.plan.get("study") == study:
                yield stored

    @cached_property
    def _stored(self) -> list[StoredRun]:
        return stored_runs(self.results, _refuse)


def _has(wanted: Mapping[str, object]) -> Callable[[Mapping[str, object]], bool]:
    """Return what tells whether a plan holds these values."""
    return lambda plan: all(plan.get(key) == value for key, value in wanted.items())


def _has_finding(loaded: LoadedRun) -> bool:
    """Return whether a GPU trained the OR gate in this run."""
    return any(row.family == FAMILY for row in on_devices(loaded.rows))


def _hardware(loaded: LoadedRun) -> str | None:
    kind = kind_of_hardware(loaded.rows, loaded.facts.environment)
    raced = [row for row in loaded.races if has_raced(row) and is_beside_host(row.device)]
    if kind != CPU or not raced:
        return kind
    return next((gpu.name for gpu in loaded.facts.environment.gpus), raced[0].device)


def _refuse(complaint: str) -> None:
    raise UserError(complaint)
