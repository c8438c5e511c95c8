"""What `perceptron overhead` measures beside its rungs: all that explains them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from perceptron.analysis.overhead.families import CEILING, DEVICE, ENERGY, HARNESS
from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.protocol import Distributed
from perceptron.measure.job import Batch, Extra, Outcome, Part
from perceptron.measure.launch import Abandoned, Workers
from perceptron.measure.progress import Progress
from perceptron.measure.rows import backend_fields, problem_fields
from perceptron.problems.problem import DType
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.studies.overhead_plan import OverheadPlan
from perceptron.studies.shared.opening import OpenRun

FIRST = 3
"""Processes that all rungs and most extras get before any gets more."""
_NO_TIME = Outcome(problem="", status="skipped", reason="there was no time left")
_FAMILIES: dict[Extra, str] = {
    "ceilings": CEILING,
    "harness": HARNESS,
    "device": DEVICE,
    "energy": ENERGY,
}
# Why these are not there is said where they would stand: in a row.
_WITH_REASON: tuple[Extra, ...] = ("device", "energy")


class _Wanted(NamedTuple):
    """An extra of a backend in one process, measured once the rungs have so many."""

    backend: str
    extra: Extra
    process: int
    after: int


def _wanted(plan: OverheadPlan) -> Iterator[_Wanted]:
    """Yield every extra of the plan, in the order in which they are worth their time."""
    here = [name for name in plan.backends if registry.reason_unavailable(name) is None]
    phased = [name for name in here if getattr(registry.load(name), "phased", False)]
    # What trains in other processes shows nothing of its device in the one that asks.
    on_devices = [
        name
        for name in here
        if accelerator_of(backend := registry.load(name)) is not None
        and not isinstance(backend, Distributed)
    ]
    drivers = _drivers(on_devices)
    yield _Wanted("numpy", "harness", 0, FIRST)
    for process in range(min(FIRST, plan.processes)):
        yield _Wanted("numpy", "ceilings", process, FIRST)
        if process == 0:  # each costs a context of its own, and a device does not wait for a core
            yield from (_Wanted(name, "ceilings", 0, FIRST) for name in drivers)
        yield from (_Wanted(name, "device", process, FIRST) for name in drivers)
        yield from (_Wanted(name, "phases", process, FIRST) for name in phased)
        if process == 0:  # nothing but a device tells these, and a day with one may be short
            yield from (_Wanted(name, "profile", 0, FIRST) for name in on_devices)
            yield from (_Wanted(name, "energy", 0, FIRST) for name in on_devices)
    for process in range(FIRST, plan.processes):
        yield from (_Wanted(name, "phases", process, process + 1) for name in phased)


def _drivers(names: list[str]) -> list[str]:
    """Return a backend for each library that drives a device, one that is usual if there is."""
    usual_first = sorted(names, key=lambda name: name not in registry.DEFAULT)
    drivers: dict[tuple[str, type], str] = {}
    for name in usual_first:
        backend = registry.load(name)
        drivers.setdefault((backend.device, type(accelerator_of(backend))), name)
    return list(drivers.values())


class Extras:
    """What is measured beside the rungs, each in processes of its own."""

    def __init__(self, plan: OverheadPlan, run: OpenRun, progress: Progress) -> None:
        self._plan = plan
        self._run = run
        self._progress = progress
        self._tried: set[tuple[str, Extra, int]] = set()
        self._failed: dict[tuple[str, Extra], MeasurementWarning] = {}
        self._wanted = list(_wanted(plan))

    @property
    def warnings(self) -> list[MeasurementWarning]:
        """Return one for each extra of which something could not be measured."""
        return list(self._failed.values())

    def count_kernels(self) -> dict[str, int]:
        """Count the kernels of one iteration, by backend, for those that can list them.

        Those that an earlier start counted are kept. There is a warning for each that should and
        did not, though there was time; of one that cannot run here, or not on this problem, its
        rung says why.
        """
        for name in self._plan.backends:
            if name in self._run.journal.kernels or not hasattr(registry.load(name), "kernels"):
                continue
            outcome = self._measure(name, "kernels")
            if outcome.status == "ok" and outcome.parts:
                self._run.journal.keep_kernels({name: len(outcome.parts)})
            elif registry.reason_unavailable(name) is None and not (
                outcome is _NO_TIME or _is_refused(outcome)
            ):
                self._failed.setdefault((name, "kernels"), _missing(name, "kernels", outcome))
        return self._run.journal.kernels

    def measure(self, processes: int) -> bool:
        """Measure what is wanted once the rungs have so many processes, unless done.

        Return whether there was time for all.
        """
        budget = self._run.budget
        for name, extra, process, after in self._wanted:
            if after > processes or self._is_done(name, extra, process):
                continue
            self._progress(budget.spent, budget.seconds, f"{extra} of {name}")
            outcome = self._measure(name, extra)
            if outcome is _NO_TIME:
                return False
            self._tried.add((name, extra, process))
            if outcome.status != "ok" and not _is_refused(outcome):
                self._failed.setdefault((name, extra), _missing(name, extra, outcome))
            self._keep(name, extra, process, outcome)
            if outcome.status != "ok" and extra in _WITH_REASON:
                self._run.journal.append(self._reason(name, extra, process, outcome))
            self._run.journal.note_spent(budget.spent)
        return True

    def _keep(self, name: str, extra: Extra, process: int, outcome: Outcome) -> None:
        """Write down what was measured: rows, and of a profile how many kernels there were."""
        if extra != "profile":
            for part in outcome.parts:
                self._run.journal.append(self._row(name, extra, process, part))
        elif outcome.status == "ok":
            launched = sum(part.work for part in outcome.parts)
            self._run.journal.keep_profiled({name: round(launched)})

    def _measure(self, name: str, extra: Extra) -> Outcome:
        """Measure an extra of one backend in a fresh process, if there is time for it.

        Where there was none, it is neither ok nor failed.
        """
        plan, budget = self._plan, self._run.budget
        before, kind = budget.spent, ("extra", extra)
        if budget.costs.expect(kind, name) >= budget.left:
            return _NO_TIME
        job = Batch(
            backend=name,
            problems=[plan.problem.reference],
            dtype=self._dtype(name, extra),
            threads=plan.threads,
            samples=plan.effort.samples,
            minimum_seconds=plan.effort.minimum_seconds,
            extra=extra,
        )
        try:
            with budget.piece(budget.longest_piece), Workers(budget.until_abandoned) as workers:
                (outcome,) = workers.run("", job, registry.load(name))
        except Abandoned as abandoned:
            budget.hangs.note(abandoned, budget.spent - before, budget.costs.expect(kind, name))
            return _NO_TIME
        budget.costs.learn(kind, name, budget.spent - before)
        return outcome

    def _is_done(self, name: str, extra: Extra, process: int) -> bool:
        """Return whether there are rows of it, or this start has tried."""
        if (name, extra, process) in self._tried:
            return True
        if extra == "profile":  # kept with the run, not as rows
            return name in self._run.journal.profiled
        family = self._family(extra)
        return any(
            (row.backend, row.process, row.family) == (name, process, family)
            and row.phase
            and row.status != "failed"
            for row in self._run.journal.times
        )

    def _family(self, extra: Extra) -> str:
        return _FAMILIES.get(extra) or self._plan.problem.family

    def _dtype(self, name: str, extra: Extra) -> DType:
        return "float32" if extra == "ceilings" else self._plan.dtype_of(name)

    def _row(self, name: str, extra: Extra, process: int, part: Part) -> Measurement:
        what = {"family": self._family(extra), "size": part.work}
        return self._run.run.row(
            process=process,
            **(problem_fields(self._plan.problem) if extra == "phases" else what),
            **self._ground(name, extra),
            phase=part.name,
            seconds=part.seconds,
            samples=part.samples,
            iterations=part.iterations,
            energy_joules=part.energy_joules,
        )

    def _reason(self, name: str, extra: Extra, process: int, outcome: Outcome) -> Measurement:
        """Return the row that says why there is none: a phase, so that it is no training."""
        return self._run.run.row(
            process=process,
            family=self._family(extra),
            size=1,
            **self._ground(name, extra),
            phase=extra,
            status=outcome.status,
            reason=outcome.reason,
        )

    def _ground(self, name: str, extra: Extra) -> dict[str, object]:
        return backend_fields(name, self._dtype(name, extra), self._plan.threads)


def _is_refused(outcome: Outcome) -> bool:
    """Return whether the backend does not train this problem, which its rung says as well."""
    return outcome.status == "skipped" and outcome is not _NO_TIME


def _missing(name: str, extra: Extra, outcome: Outcome) -> MeasurementWarning:
    return MeasurementWarning(
        code="not-measured",
        message=f"{extra} of {name}: {outcome.reason or 'nothing was measured'}",
        advice="what follows from it is left out; the same command tries it again",
    )
