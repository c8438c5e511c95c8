"""The gate's proof: measure the missing runs, then judge all of them by the targets."""

from __future__ import annotations

import ast
import tempfile
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import msgspec

from benchmarks.shared import busy_neighbour
from benchmarks.validation import lines
from benchmarks.validation.gate import runs as proof_runs
from benchmarks.validation.gate import suite
from benchmarks.validation.gate.replay import ReplayTrial, clustered, replays, steady
from benchmarks.validation.gate.runs import ProofMachine, ProofRun
from benchmarks.validation.gate.suite import KINDS, Planned, planned
from benchmarks.validation.share import Share, share
from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.stages import Progress
from perceptron.records.code_digest import sources
from perceptron.records.files.write import replace

# Modules of the gate that a comparison of asv's usual benchmarks does not run: the proof does not
# cover them, and holds whatever they do.
_BESIDE = (
    "gate/runner/pytest_measurements.py",
    "gate/runner/pytest_suite.py",
    "gate/runner/tracing.py",
)


# Number of quiet runs, then of runs side by side, in turns.
_TURN = 12


@dataclass(frozen=True)
class ProofRequest:
    """The options of a proof: a share of all runs, none of them begun after ``minutes``.

    ``commit`` is that of this package, None outside a checkout.
    """

    machine: str
    results: Path
    share: float = 1.0
    minutes: float | None = None
    report_only: bool = False
    commit: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of this machine's runs."""
        return self.results / "proof" / self.machine


@dataclass(frozen=True)
class Target:
    """A target of the gate, and the share that it reached."""

    name: str
    reached: Share
    met: bool
    """Whether the end of the interval clears the target."""


@dataclass(frozen=True)
class Proof:
    """The runs of a gate, their replays, and the targets."""

    request: ProofRequest
    gate: str
    machine: ProofMachine
    runs: Sequence[ProofRun]
    replays: Sequence[ReplayTrial]
    targets: Sequence[Target]
    skipped: int
    """Number of runs of another suite, or of other code of the gate."""
    outdated: bool
    """Whether the gate's code has changed since."""


def prove(request: ProofRequest, progress: Progress) -> Proof:
    """Measure and judge; raises `UserError` if there is no run, or a comparison fails."""
    if not request.report_only:
        _measure(request, progress)
    recorded = lines.read(request.folder / proof_runs.RUNS, ProofRun)
    if not recorded:
        raise UserError(f"{request.folder}: no run yet: leave out --report")
    gate = current_gate()
    if all(run.gate != gate for run in recorded):  # an earlier gate is better than none
        gate = recorded[-1].gate
    runs = [run for run in recorded if run.gate == gate]
    replayed = replays([run for run in runs if KINDS[run.kind].is_null], progress)
    return Proof(
        request=request,
        gate=gate,
        machine=_read_machine(request.folder),
        runs=runs,
        replays=replayed,
        targets=targets(runs, replayed),
        skipped=len(recorded) - len(runs),
        outdated=gate != current_gate(),
    )


def current_gate() -> str:
    """Return a digest of the suite and of the code that measures and judges it."""
    modules = sources(fingerprint.PACKAGE, fingerprint.PARTS)
    code = [[name, _without_words(text)] for name, text in modules if name not in _BESIDE]
    content = msgspec.json.encode([suite.digest(), code, proof_runs.BUDGET_MINUTES])
    return sha256(content).hexdigest()[:12]


def _without_words(source: str) -> str:
    """Return the code without comments and docstrings, whose changes keep an hour's proof valid."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _read_machine(folder: Path) -> ProofMachine:
    file = folder / proof_runs.MACHINE
    try:
        return msgspec.json.decode(file.read_bytes(), type=ProofMachine)
    except (OSError, msgspec.DecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}; remove the folder") from None


def _workers(folder: Path) -> Executor:
    """Return two processes that run the gate, each with its repository within a folder."""
    return ProcessPoolExecutor(2, get_context("spawn"), proof_runs.begin, (folder,))


def _measure(request: ProofRequest, progress: Progress) -> None:
    """Measure the missing runs, in turns of quiet runs and of runs side by side.

    The kind of turn that lags behind goes first.
    """
    begin, gate, folder = time.monotonic(), current_gate(), request.folder.resolve()
    every = planned(request.share)
    with (
        lines.appending(folder / proof_runs.RUNS) as write,
        tempfile.TemporaryDirectory(prefix="perceptron-proof-") as temporary,
        _workers(Path(temporary)) as workers,
    ):
        recorded = lines.read(folder / proof_runs.RUNS, ProofRun)
        done = {(run.kind, run.number) for run in recorded if run.gate == gate}
        begun = (folder / proof_runs.MACHINE).exists()
        amounts = (
            _read_machine(folder).amounts
            if begun
            else workers.submit(proof_runs.measured_amounts).result()
        )

        def is_over() -> bool:
            return request.minutes is not None and time.monotonic() - begin > 60 * request.minutes

        def start(planned_run: Planned) -> Future[tuple[ProofRun, dict[str, str]]]:
            kind, number = planned_run
            progress(len(done), len(every), kind.key)
            return workers.submit(
                proof_runs.run_here, kind.key, number, amounts, gate, request.commit
            )

        def keep(future: Future[tuple[ProofRun, dict[str, str]]]) -> None:
            run, facts = future.result()
            if KINDS[run.kind].counted and not (folder / proof_runs.MACHINE).exists():
                replace(folder / proof_runs.MACHINE, ProofMachine(facts=facts, amounts=amounts))
            write(run)
            done.add((run.kind, run.number))

        while turn := _turn(every, done):
            lanes = 2 if turn[0][0].neighbour else 1
            running: set[Future[tuple[ProofRun, dict[str, str]]]] = set()
            while running or (turn and not is_over()):
                while turn and len(running) < lanes and not is_over():
                    running.add(start(turn.pop(0)))
                # The last run of a turn side by side has a busy process beside it too.
                with busy_neighbour(lanes - len(running)):
                    completed, running = wait(running, return_when=FIRST_COMPLETED)
                for future in completed:
                    keep(future)
            if is_over():
                return


def _turn(every: Sequence[Planned], done: Collection[tuple[str, int]]) -> list[Planned]:
    """Return the runs of the next turn: quiet runs or runs beside a neighbour, not both."""
    parts = [
        [planned_run for planned_run in every if planned_run[0].neighbour is beside]
        for beside in (False, True)
    ]
    missing = [
        [planned_run for planned_run in part if (planned_run[0].key, planned_run[1]) not in done]
        for part in parts
    ]
    behind = max((0, 1), key=lambda index: len(missing[index]) / len(parts[index]))
    return missing[behind][:_TURN]


# The end of the 95% interval must clear each target.
MOST_ALARMS, MOST_OF_PART = 0.02, 0.04
LEAST_FOUND, MOST_MISSED = 0.85, 0.15
LARGE = 0.10
"""The smallest slowdown that must be found."""
# The interval of twelve benchmarks that all agree ends at 73.5%.
LEAST_REPLAYED = 0.70


def targets(runs: Sequence[ProofRun], replayed: Sequence[ReplayTrial]) -> list[Target]:
    """Return the targets with the shares reached, over runs; for replays, over benchmarks."""

    measured = measured_nulls(runs)
    by_clock = [run for run in measured if not KINDS[run.kind].counted]
    beside = [run for run in measured if KINDS[run.kind].neighbour]
    large = [run for run in runs if KINDS[run.kind].level >= LARGE]
    return [
        _at_most("false alarms in measured null runs", alarms(measured), MOST_ALARMS),
        _at_most("false alarms by the clock alone", alarms(by_clock), MOST_OF_PART),
        _at_most("false alarms beside a neighbour", alarms(beside), MOST_OF_PART),
        _at_least("10 and 20% slowdowns found", alarms(large), LEAST_FOUND),
        _at_most("10 and 20% slowdowns called clean", _clean(large), MOST_MISSED),
        *(
            _at_least(
                f"{100 * level:.0f}% found by the clock alone in replays that spread ≤ 2.5%",
                found(trial for trial in steady(replayed) if trial.level == level),
                LEAST_REPLAYED,
            )
            for level in (0.05, 0.10)
        ),
    ]


def measured_nulls(runs: Iterable[ProofRun]) -> list[ProofRun]:
    """Return the runs whose HEAD is as fast as BASE, and in which something was measured."""
    return [run for run in runs if KINDS[run.kind].is_null and not is_same_code(run)]


def is_same_code(run: ProofRun) -> bool:
    """Return whether nothing was counted or timed, because the code is the same."""
    return [row.reached for row in run.rows] == ["same code"]


def alarms(runs: Sequence[ProofRun]) -> Share:
    """Return the share of runs with the verdict regression."""
    return share(sum(run.verdict == "regression" for run in runs), len(runs))


def found(trials: Iterable[ReplayTrial]) -> Share:
    """Return the share of replays with the verdict regression, clustered by benchmark."""
    return clustered([(trial.benchmark, trial.verdict == "regression") for trial in trials])


def _clean(runs: Sequence[ProofRun]) -> Share:
    return share(sum(run.verdict == "clean" for run in runs), len(runs))


def _at_most(name: str, reached: Share, most: float) -> Target:
    met = reached.high is not None and reached.high <= most
    return Target(f"{name}: at most {100 * most:.0f}%", reached, met)


def _at_least(name: str, reached: Share, least: float) -> Target:
    met = reached.low is not None and reached.low >= least
    return Target(f"{name}: at least {100 * least:.0f}%", reached, met)
