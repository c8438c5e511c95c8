"""The day itself: stage after stage, what is done kept, packed and not done again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic

import msgspec

from perceptron import rehearsal
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.measure.gpu_state import gpu_states
from perceptron.records.backend import BackendFacts
from perceptron.records.files.append import cannot_write
from perceptron.records.files.replace import replace
from perceptron.records.gpu_day import DayResult, DayState, StageOutcome
from perceptron.studies.gpu_day.archive import LOGS, STATE, Packer
from perceptron.studies.gpu_day.child import run_child
from perceptron.studies.gpu_day.plan import (
    CHECKOUT,
    INTERRUPT_SECONDS,
    SURVEY,
    Command,
    Day,
    LeftOut,
    Stage,
    machine_of,
)

CALL_SECONDS = 570.0
"""What one call takes unless told otherwise: where machines are lent, commands often end at ten
minutes."""
# Importing every library may take a minute from a cold disk.
_SURVEY_SECONDS = 90.0
_REHEARSAL_MACHINE = "rehearsal"
# Of the time that is left for several commands one may take this many times its share.
_FAIR_SHARES = 3

Report = Callable[[StageOutcome], None]


@dataclass(frozen=True)
class OpenDay:
    """A folder of results, and what earlier calls left in it."""

    results: Path
    state: DayState


@contextmanager
def interruptible() -> Iterator[None]:
    """End a block as by ctrl-C when this process is told to leave: it ends its children and packs.

    Who is started in the background ignores ctrl-C, and so would all that it starts.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@interruptible()
def run_day(
    opened: OpenDay,
    stages: Sequence[Stage],
    archive: Path,
    machine: str | None,
    numbers: Sequence[int],
    budget_seconds: float | None,
    begins: Callable[[Stage], None],
    ended: Report,
) -> DayResult:
    """Run the stages of these numbers, or all that have not succeeded yet, and pack the results.

    A stage begins only if all of its time is left of ``budget_seconds``. One that fails, or takes
    too long, never stops the next. Raises `UserError` if nothing can be written.
    """
    begin = monotonic()
    results, state, rehearse = opened.results, opened.state, opened.state.rehearsal
    total = inf if rehearse else CALL_SECONDS
    left = total if budget_seconds is None else budget_seconds
    done = {outcome.number: outcome for outcome in state.stages}
    packer = Packer(results, archive)
    runner = _Runner(results, rehearse, packer)
    asked = [stage for stage in stages if stage.number in numbers] if numbers else list(stages)
    gpu = next((state.name for state in gpu_states()), None)
    named = machine or (machine_name() if gpu is None else machine_of(gpu))
    if rehearse:
        named = machine or _REHEARSAL_MACHINE
    day = Day(results, named, runner.survey, rehearse)
    outcomes = []
    packer.pack()  # an archive that cannot be written is told now
    try:
        for stage in asked:
            earlier = done.get(stage.number)
            if not numbers and earlier is not None and earlier.outcome == "ok":
                outcomes.append(earlier)
                continue
            if monotonic() - begin + stage.limit(rehearse) > left:
                reason = "not enough time is left of this call: the same command resumes"
                outcome = _outcome(stage, "next call", reason=reason)
            else:
                begins(stage)
                outcome = runner.run(stage, day)
                done[stage.number] = outcome
                kept = [done[number] for number in sorted(done)]
                _keep(results, DayState(rehearsal=rehearse, stages=kept))
            outcomes.append(outcome)
            ended(outcome)
            packer.pack()
    finally:
        packed = packer.pack()
    return DayResult(
        machine=named,
        results=str(results),
        rehearsal=rehearse,
        stages=outcomes,
        packed=packed,
    )


@dataclass(frozen=True)
class _Ended:
    """How a command ended: its exit code, None for out of time, and what is wrong if anything."""

    code: int | None
    complaint: str | None = None

    @property
    def is_good(self) -> bool:
        return self.complaint is None


class _Runner:
    """Runs stages with their results in a folder, and packs it meanwhile."""

    def __init__(self, results: Path, rehearse: bool, packer: Packer) -> None:
        self._results = results
        self._packer = packer
        self._environment = _environment(rehearse)
        self._rehearse = rehearse
        self._logs = results / LOGS
        self._answers: dict[Command, Path] = {}

    def survey(self) -> Mapping[str, BackendFacts]:
        """Return what can run here, from the stage that asked in this call, else from a child.

        This process must not hold a device. Where no child answers, the backends that are compared
        by default are tried: each stage then says for itself what fails.
        """
        if SURVEY not in self._answers:
            self._run("backends", SURVEY, _SURVEY_SECONDS)
        try:
            text = self._answers[SURVEY].read_bytes()
            rows = msgspec.json.decode(text, type=dict[str, list[BackendFacts]])["backends"]
        except (KeyError, OSError, msgspec.DecodeError):
            return {name: _facts_untold(name) for name in registry.names()}
        return {facts.name: facts for facts in rows}

    def run(self, stage: Stage, day: Day) -> StageOutcome:
        """Run a stage's commands one after another, whatever becomes of each."""
        limit = stage.limit(self._rehearse)
        try:
            commands = stage.commands(day, limit)
        except LeftOut as refusal:
            return _outcome(stage, "left out", reason=str(refusal))
        begin, rows = monotonic(), count_rows(self._results)
        bad: list[_Ended] = []
        for index, command in enumerate(commands):
            others = len(commands) - index - 1
            name = f"{stage.number:02}-{stage.name}" + (
                f"-{index + 1}" if len(commands) > 1 else ""
            )
            attempt: Command | None = command
            while attempt is not None:
                left = limit - (monotonic() - begin)
                # One that hangs must leave time for the others.
                ended = self._run(name, attempt, min(left, _FAIR_SHARES * left / (others + 1)))
                attempt = None if ended.is_good else attempt.instead
            if not ended.is_good:
                bad.append(ended)
        failed = [ended for ended in bad if ended.code is not None]
        reason = (
            "; ".join(dict.fromkeys(ended.complaint for ended in failed or bad if ended.complaint))
            or None
        )
        return _outcome(
            stage,
            "failed" if failed else "timed out" if bad else "ok",
            seconds=monotonic() - begin,
            rows=count_rows(self._results) - rows,
            reason=reason,
        )

    def _run(self, name: str, command: Command, limit: float) -> _Ended:
        answer = self._logs / f"{name}.{'json' if command.document else 'out.txt'}"
        log = self._logs / f"{name}.txt"
        for file in (answer, log):
            file.unlink(missing_ok=True)
        try:
            ended = run_child(
                command.argv,
                self._environment,
                answer,
                log,
                limit_seconds=max(0.0, limit - INTERRUPT_SECONDS),
                patience_seconds=INTERRUPT_SECONDS,
                tick=self._tick,
            )
        except OSError as error:
            return _Ended(2, f"cannot be started: {error.strerror}")
        if ended.code is None:
            return _Ended(None, ": ".join(filter(None, (command.about, ended.reason))))
        complaint = command.complaint(answer.read_bytes())
        if complaint is not None or ended.code not in command.good:
            return _Ended(ended.code, complaint or ended.reason)
        self._answers[command] = answer
        return _Ended(ended.code)

    def _tick(self) -> None:
        self._packer.pack()


def _facts_untold(name: str) -> BackendFacts:
    available = name in registry.DEFAULT
    return BackendFacts(
        name=name,
        device=registry.load(name).device,
        summary="",
        reason=None if available else "`perceptron backends` did not answer",
        available=available,
    )


def _environment(rehearse: bool) -> dict[str, str]:
    """Return the variables of the children: they find this package, and share the device."""
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    own = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return os.environ | own | ({rehearsal.VARIABLE: "1"} if rehearse else {})


def count_rows(results: Path) -> int:
    """Return how many rows lie in a folder of results."""
    files = results.glob("runs/*/*/measurements.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files)


def open_day(results: Path, rehearse: bool) -> OpenDay:
    """Open the folder of a day's results, new or of an earlier call.

    Raises `UserError` if it cannot be written to, or if it holds a rehearsal and this is none, or
    the other way round.
    """
    file = results / STATE
    try:
        (results / LOGS).mkdir(parents=True, exist_ok=True)
        if not file.exists():
            return OpenDay(results, DayState(rehearsal=rehearse, stages=[]))
        state = msgspec.json.decode(file.read_bytes(), type=DayState)
    except OSError as error:
        raise cannot_write(results, error) from None
    except msgspec.DecodeError as error:
        raise UserError(f"{file}: not what gpu-day writes: {error}; delete it") from None
    if state.rehearsal != rehearse:
        kind = "a rehearsal" if state.rehearsal else "a real day"
        raise UserError(f"{results}: holds the results of {kind}: choose another --results")
    return OpenDay(results, state)


def _keep(results: Path, state: DayState) -> None:
    try:
        replace(results / STATE, state)
    except OSError as error:
        raise cannot_write(results, error) from None


def _outcome(stage: Stage, outcome: str, **fields: object) -> StageOutcome:
    return StageOutcome(number=stage.number, name=stage.name, outcome=outcome, **fields)  # type: ignore[arg-type]
