"""Runs the commands of a stage as children, keeps what they say, and packs meanwhile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import msgspec

from perceptron import rehearsal
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.records.backend import BackendFacts
from perceptron.records.gpu_day import StageOutcome
from perceptron.records.runs import count_rows
from perceptron.studies.gpu_day.archive import LOGS, Packer
from perceptron.studies.gpu_day.checks import CHECKOUT
from perceptron.studies.gpu_day.child import run_child
from perceptron.studies.gpu_day.plan import SURVEY
from perceptron.studies.gpu_day.stage import INTERRUPT_SECONDS, Command, Day, LeftOut, Stage

# Importing every library may take a minute from a cold disk.
_SURVEY_SECONDS = 90.0
# Of the time that is left for several commands one may take this many times its share.
_FAIR_SHARES = 3


@dataclass(frozen=True)
class _Ended:
    """How a command ended: its exit code, None for out of time, and what is wrong if anything."""

    code: int | None
    complaint: str | None = None

    @property
    def is_good(self) -> bool:
        return self.complaint is None


class Runner:
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
        except (LeftOut, UserError) as refusal:  # of a problem whose data need a library
            return outcome_of(stage, "left out", reason=str(refusal))
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
        said = [ended.complaint for ended in failed or bad if ended.complaint]
        said += [command.note for command in commands if command.note]
        reason = "; ".join(dict.fromkeys(said)) or None
        return outcome_of(
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


def outcome_of(stage: Stage, outcome: str, **fields: object) -> StageOutcome:
    """Return the outcome of a stage."""
    return StageOutcome(number=stage.number, name=stage.name, outcome=outcome, **fields)  # type: ignore[arg-type]
