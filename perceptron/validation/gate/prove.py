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
from perceptron.gate import fingerprint
from perceptron.gate.stages import Progress
from perceptron.gate.verdict.rule import Rule
from perceptron.validation.gate.judging import alternatives, tally
from perceptron.validation.gate.judging.blocks import Pair, pools
from perceptron.validation.gate.judging.rejudge import again
from perceptron.validation.gate.judging.replay import replays
from perceptron.validation.gate.judging.targets import targets
from perceptron.validation.gate.record import Proof, ProofRun
from perceptron.validation.gate.runs import live, repository, store
from perceptron.validation.gate.runs.kinds import KINDS, following, wanted


@dataclass(frozen=True)
class ProofRequest:
    """What was asked for. ``runs`` of equal sides, others in proportion; begun within ``minutes``.

    ``commit`` is that of this package, None outside a checkout.
    """

    machine: str
    results: Path
    runs: int
    minutes: float | None = None
    report_only: bool = False
    commit: str | None = None


def prove(request: ProofRequest, progress: Progress) -> Proof:
    """Raises `UserError` where nothing has been measured yet, or a comparison cannot be made."""
    where = store.folder(request.results, request.machine).resolve()
    if not request.report_only:
        _measure(request, where, progress)
    everything = store.read_runs(where)
    if not everything:
        raise UserError(f"{where}: no run yet: leave out --report")
    gate = today()
    runs = counting(everything, gate)
    if not runs:  # yesterday's gate is better than none
        gate = Gate(everything[-1].work, everything[-1].measured)
        runs = counting(everything, gate)
    return _proof(request, where, gate, runs, len(everything) - len(runs), progress)


@dataclass(frozen=True)
class Gate:
    """One state of the gate: digests of what is measured and of the code that measures it, in
    ``work`` with the code that judges."""

    work: str
    measured: str


def today() -> Gate:
    """The gate as it is now."""
    return Gate(_digest(fingerprint.digest()), _digest(fingerprint.digest(fingerprint.MEASURING)))


def counting(runs: Sequence[ProofRun], gate: Gate) -> list[ProofRun]:
    """The runs that are of one gate: measured by its code, and judged as its rule judges."""
    found = []
    for run in runs:
        if run.work == gate.work:
            found.append(run)
        elif run.measured == gate.measured and (judged := again(run, Rule())) is not None:
            found.append(judged)
    return found


def _digest(of_code: str) -> str:
    content = msgspec.json.encode([repository.digest(), of_code, live.BUDGET_MINUTES])
    return sha256(content).hexdigest()[:12]


def _measure(request: ProofRequest, where: Path, progress: Progress) -> None:
    begin, gate = time.monotonic(), today()
    with (
        store.open_proof(where) as journal,
        tempfile.TemporaryDirectory(prefix="perceptron-proof-") as folder,
    ):
        repository.make(Path(folder))
        done = Counter(run.kind for run in counting(journal.runs, gate))
        while True:
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
                    gate.work,
                    gate.measured,
                    request.commit,
                    lambda environment: store.keep_environment(where, environment),
                    lambda *_: None,
                )
            )
            done[kind.name] += 1


def _counted(done: Counter[str], runs: int) -> int:
    """Runs done, of those that are wanted."""
    return sum(min(done[name], count) for name, count in wanted(runs).items())


def _proof(
    request: ProofRequest,
    where: Path,
    gate: Gate,
    runs: Sequence[ProofRun],
    left_out: int,
    progress: Progress,
) -> Proof:
    environment = store.read_environment(where, runs[-1].environment)
    replayed = replays(_unchanged(runs), Rule(), progress)
    ended = sorted(run.when for run in runs)
    return Proof(
        machine=request.machine,
        cpu=environment.machine.get("cpu", "unknown"),
        cores=environment.machine.get("cores", "?"),
        libraries=environment.head,
        first=ended[0],
        last=ended[-1],
        version=perceptron.__version__,
        commits=list(dict.fromkeys(run.commit for run in runs if run.commit)),
        work=gate.work,
        outdated=gate != today(),
        command=f"perceptron proof --runs {request.runs}",
        results=f"{request.results}/proof/{request.machine}",
        again=sum(run.work != gate.work for run in runs),
        left_out=left_out,
        targets=targets(runs, replayed),
        live=tally.live_kinds(runs),
        false_alarms=tally.false_alarms(runs),
        calibration=tally.calibration(runs),
        found=tally.found_live(runs),
        replayed=tally.found_replayed(replayed.trials),
        windows=replayed.windows,
        promised=tally.promised(replayed.promised),
        choices=alternatives.spreads([run for run in runs if run.kind == "same"]),
    )


def _unchanged(runs: Sequence[ProofRun]) -> list[tuple[str, list[Pair]]]:
    """Blocks of runs in which nothing changed: those beside a neighbour by themselves."""
    found = []
    for kind in KINDS:
        if not kind.slower:
            found += pools([run for run in runs if run.kind == kind.name])
    return found
