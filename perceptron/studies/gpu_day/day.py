"""The day itself: stage after stage, what is done kept, packed and not done again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic

import msgspec

from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.measure.gpu_state import gpu_states
from perceptron.records.files.append import cannot_write
from perceptron.records.files.replace import replace
from perceptron.records.gpu_day import DayResult, DayState, StageOutcome
from perceptron.studies.gpu_day.archive import LOGS, STATE, Packer
from perceptron.studies.gpu_day.plan import machine_of
from perceptron.studies.gpu_day.runner import Runner, outcome_of
from perceptron.studies.gpu_day.stage import Day, Stage

CALL_SECONDS = 570.0
"""What one call takes unless told otherwise: where machines are lent, commands often end at ten
minutes."""
_REHEARSAL_MACHINE = "rehearsal"
_REHEARSED_GPUS = 2

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
    # By name: a newer plan may have other numbers.
    done = {outcome.name: outcome for outcome in state.stages}
    packer = Packer(results, archive)
    runner = Runner(results, rehearse, packer)
    asked = [stage for stage in stages if stage.number in numbers] if numbers else list(stages)
    gpus = [state.name for state in gpu_states()]
    named = machine or (machine_of(gpus[0]) if gpus else machine_name())
    if rehearse:
        named = machine or _REHEARSAL_MACHINE
    # One that no driver tells of is one, as far as is known.
    count = _REHEARSED_GPUS if rehearse else max(1, len(gpus))
    day = Day(results, named, runner.survey, rehearse, count)
    outcomes = []
    packer.pack()  # an archive that cannot be written is told now
    try:
        for stage in asked:
            earlier = done.get(stage.name)
            if not numbers and earlier is not None and earlier.outcome == "ok":
                outcomes.append(msgspec.structs.replace(earlier, number=stage.number))
                continue
            if monotonic() - begin + stage.limit(rehearse) > left:
                reason = "not enough time is left of this call: the same command resumes"
                outcome = outcome_of(stage, "next call", reason=reason)
            else:
                begins(stage)
                outcome = runner.run(stage, day)
                done[stage.name] = outcome
                kept = sorted(done.values(), key=lambda kept: kept.number)
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
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
