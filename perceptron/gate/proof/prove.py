"""`perceptron proof`: measure what is missing, then say what all of it shows."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

import perceptron
from perceptron.errors import UserError
from perceptron.gate import code
from perceptron.gate.campaign import Progress
from perceptron.gate.proof import choices, live, repository, store, tally
from perceptron.gate.proof.again import again
from perceptron.gate.proof.blocks import Pair, pools
from perceptron.gate.proof.kinds import KINDS, following, wanted
from perceptron.gate.proof.replay import replays
from perceptron.gate.proof.targets import targets
from perceptron.gate.rule import Rule
from perceptron.records.proof import Proof, ProofRun


@dataclass(frozen=True)
class Request:
    """What was asked for. ``runs`` of equal sides, others in proportion; begun within ``minutes``.

    ``commit`` is that of this package, None outside a checkout.
    """

    machine: str
    results: Path
    runs: int
    minutes: float | None = None
    report_only: bool = False
    commit: str | None = None


def prove(request: Request, progress: Progress) -> Proof:
    """Raises `UserError` where nothing has been measured yet, or a comparison cannot be made."""
    where = store.folder(request.results, request.machine).resolve()
    if not request.report_only:
        _measure(request, where, progress)
    everything = store.read_runs(where)
    if not everything:
        raise UserError(f"{where}: no run yet: leave out --report")
    runs = counting(everything, work(), measured())
    if not runs:  # yesterday's gate is better than none
        last = everything[-1]
        runs = counting(everything, last.work, last.measured)
    return _proof(request, where, runs, len(everything) - len(runs), progress)


def counting(runs: Sequence[ProofRun], current: str, measuring: str) -> list[ProofRun]:
    """Those that are of one gate: measured by its code, and judged as today's judges.

    ``current`` and ``measuring`` are its `work` and what it `measured`.
    """
    found = []
    for run in runs:
        if run.work == current:
            found.append(run)
        elif run.measured == measuring and (judged := again(run, Rule())) is not None:
            found.append(judged)
    return found


def work() -> str:
    """Digest of what is measured, and of the code that measures and judges it."""
    return _digest(code.digest())


def measured() -> str:
    """Digest of what is measured, and of the code that measures it."""
    return _digest(code.digest(code.MEASURING))


def _digest(of_code: str) -> str:
    content = msgspec.json.encode([repository.digest(), of_code, live.BUDGET_MINUTES])
    return sha256(content).hexdigest()[:12]


def _measure(request: Request, where: Path, progress: Progress) -> None:
    begin, current, measuring = time.monotonic(), work(), measured()
    with (
        store.open_proof(where) as journal,
        tempfile.TemporaryDirectory(prefix="perceptron-proof-") as folder,
    ):
        repository.make(Path(folder))
        while True:
            done = Counter(run.kind for run in counting(journal.runs, current, measuring))
            kind = following(done, request.runs)
            minutes = (time.monotonic() - begin) / 60
            if kind is None or (request.minutes is not None and minutes >= request.minutes):
                return
            progress(_counted(done, request.runs), sum(wanted(request.runs).values()), kind.name)
            journal.append(
                live.run(
                    Path(folder),
                    kind,
                    sum(run.kind == kind.name for run in journal.runs),
                    current,
                    measuring,
                    request.commit,
                    lambda environment: store.keep_environment(where, environment),
                    lambda *_: None,
                )
            )


def _counted(done: Counter[str], runs: int) -> int:
    """Runs done, of those that are wanted."""
    return sum(min(done[name], count) for name, count in wanted(runs).items())


def _proof(
    request: Request, where: Path, runs: Sequence[ProofRun], left_out: int, progress: Progress
) -> Proof:
    environment = store.read_environment(where, runs[-1].environment)
    replayed = replays(_unchanged(runs), Rule(), progress)
    ended = sorted(run.when for run in runs)
    counted = any(run.measured == measured() for run in runs)
    return Proof(
        machine=request.machine,
        cpu=environment.machine.get("cpu", "unknown"),
        cores=environment.machine.get("cores", "?"),
        libraries=environment.head,
        first=ended[0],
        last=ended[-1],
        version=perceptron.__version__,
        commits=list(dict.fromkeys(run.commit for run in runs if run.commit)),
        work=work() if counted else runs[-1].work,
        outdated=not counted,
        command=f"perceptron proof --runs {request.runs}",
        results=f"{request.results}/proof/{request.machine}",
        again=sum(run.work != runs[-1].work for run in runs),
        left_out=left_out,
        targets=targets(runs, replayed),
        live=tally.live_kinds(runs),
        false_alarms=tally.false_alarms(runs),
        calibration=tally.calibration(runs),
        found=tally.found_live(runs),
        replayed=tally.found_replayed(replayed.trials),
        windows=replayed.windows,
        promised=tally.promised(replayed.promised),
        choices=choices.spreads([run for run in runs if run.kind == "same"]),
    )


def _unchanged(runs: Sequence[ProofRun]) -> list[tuple[str, list[Pair]]]:
    """Blocks of runs in which nothing changed: those beside a neighbour by themselves."""
    found = []
    for kind in KINDS:
        if not kind.slower:
            found += pools([run for run in runs if run.kind == kind.name])
    return found
