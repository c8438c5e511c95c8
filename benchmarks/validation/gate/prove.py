"""The proof: measure what is missing, then summarise all of it."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from benchmarks.validation.gate.judging import alternatives, tally
from benchmarks.validation.gate.judging.blocks import Pair, pools
from benchmarks.validation.gate.judging.counted import counted_benchmarks, counted_kinds
from benchmarks.validation.gate.judging.counts import recorded_counts
from benchmarks.validation.gate.judging.rejudge import rejudge
from benchmarks.validation.gate.judging.replay import replays
from benchmarks.validation.gate.judging.targets import targets
from benchmarks.validation.gate.record import Proof, ProofRun
from benchmarks.validation.gate.runs import live, repository, store
from benchmarks.validation.gate.runs.kinds import BY_NAME, KINDS, next_kind, wanted
from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.stages import Progress
from perceptron.gate.verdict.rule import Rule
from perceptron.version import __version__


@dataclass(frozen=True)
class ProofRequest:
    """What was asked for. ``runs`` of equal sides, others in proportion; begun within ``minutes``.

    ``commit`` is that of this package, None outside a checkout. Of ``kinds``, if there are some,
    ``runs`` each and nothing else.
    """

    machine: str
    results: Path
    runs: int
    minutes: float | None = None
    report_only: bool = False
    commit: str | None = None
    kinds: tuple[str, ...] = ()

    @property
    def wanted(self) -> dict[str, int]:
        """How many runs of each kind."""
        return wanted(self.runs, self.kinds)

    @property
    def command(self) -> str:
        """The command that asks for this."""
        kinds = "".join(f" --kind {name}" for name in self.kinds)
        return f"python -m benchmarks.validation proof{kinds} --runs {self.runs}"


def prove(request: ProofRequest, progress: Progress) -> Proof:
    """Measure and judge; raises `UserError` without any run, or if a comparison cannot be made."""
    folder = store.machine_folder(request.results, request.machine).resolve()
    if not request.report_only:
        _measure(request, folder, progress)
    recorded = store.read_runs(folder)
    if not recorded:
        raise UserError(f"{folder}: no run yet: leave out --report")
    gate = current_gate()
    runs = select_runs(recorded, gate)
    if not runs:  # an earlier gate is better than none
        gate = Gate(recorded[-1].work, recorded[-1].measured)
        runs = select_runs(recorded, gate)
    return _proof(request, folder, gate, runs, recorded, progress)


@dataclass(frozen=True)
class Gate:
    """One state of the gate: digests of what is measured and of the code that measures it, in
    ``work`` with the code that judges."""

    work: str
    measured: str


def current_gate() -> Gate:
    """Return the gate as it is now."""
    beside = fingerprint.BESIDE
    whole = fingerprint.digest(without=beside)
    return Gate(_digest(whole), _digest(fingerprint.digest(fingerprint.MEASURING, beside)))


def select_runs(runs: Sequence[ProofRun], gate: Gate) -> list[ProofRun]:
    """Return the runs of one gate: measured by its code, and judged as its rule judges."""
    selected = []
    for run in runs:
        if run.work == gate.work:
            selected.append(run)
        elif run.measured == gate.measured and (judged := rejudge(run, Rule())) is not None:
            selected.append(judged)
    return selected


def _digest(of_code: str) -> str:
    content = msgspec.json.encode([repository.digest(), of_code, live.BUDGET_MINUTES])
    return sha256(content).hexdigest()[:12]


def _measure(request: ProofRequest, folder: Path, progress: Progress) -> None:
    begin, gate = time.monotonic(), current_gate()
    with (
        store.open_proof(folder) as journal,
        tempfile.TemporaryDirectory(prefix="perceptron-proof-") as checkout,
    ):
        repository.make(Path(checkout))
        done = Counter(run.kind for run in select_runs(journal.runs, gate))
        while True:
            kind = next_kind(done, request.wanted)
            minutes = (time.monotonic() - begin) / 60
            if kind is None or (request.minutes is not None and minutes >= request.minutes):
                return
            progress(_counted(done, request), sum(request.wanted.values()), kind.name)
            journal.append(
                live.run(
                    Path(checkout),
                    kind,
                    sum(run.kind == kind.name for run in journal.runs),
                    gate.work,
                    gate.measured,
                    request.commit,
                    lambda environment: store.keep_environment(folder, environment),
                    lambda *_: None,
                )
            )
            done[kind.name] += 1


def _counted(done: Counter[str], request: ProofRequest) -> int:
    """Count runs done, of those that are wanted."""
    return sum(min(done[name], count) for name, count in request.wanted.items())


def _proof(
    request: ProofRequest,
    folder: Path,
    gate: Gate,
    runs: Sequence[ProofRun],
    recorded: Sequence[ProofRun],
    progress: Progress,
) -> Proof:
    environment = store.read_environment(folder, runs[-1].environment)
    unchanged = [run for run in runs if not BY_NAME[run.kind].changed]
    counts = recorded_counts(unchanged)
    replayed = replays(_pools(unchanged), counts, Rule(), progress)
    ended = sorted(run.when for run in runs)
    return Proof(
        machine=request.machine,
        cpu=environment.machine.get("cpu", "unknown"),
        cores=environment.machine.get("cores", "?"),
        libraries=environment.head,
        first=ended[0],
        last=ended[-1],
        version=__version__,
        commits=list(dict.fromkeys(run.commit for run in runs if run.commit)),
        work=gate.work,
        outdated=gate != current_gate(),
        command=request.command,
        results=f"{request.results}/proof/{request.machine}",
        again=sum(run.work != gate.work for run in runs),
        left_out=len(recorded) - len(runs),
        counters=list(dict.fromkeys(run.counter for run in runs if run.counter)),
        targets=targets(runs, replayed),
        live=tally.live_kinds(runs),
        counted=counted_kinds(runs),
        counts=counted_benchmarks(runs),
        more_work=tally.found_more_work(replayed.of("more work")),
        false_alarms=tally.false_alarms(runs),
        calibration=tally.calibration(runs),
        found=tally.found_live(runs),
        replayed=tally.found_replayed(replayed.of("clock alone")),
        same_work=tally.found_replayed(replayed.of("same work")),
        windows=replayed.windows,
        promised=tally.promised(replayed.promised),
        choices=alternatives.spreads([run for run in runs if run.kind == "same"]),
        states=tally.states(recorded),
    )


def _pools(unchanged: Sequence[ProofRun]) -> list[tuple[str, list[Pair]]]:
    """Return blocks of runs in which nothing changed, those beside a neighbour apart."""
    return [
        pool
        for kind in KINDS
        for pool in pools([run for run in unchanged if run.kind == kind.name])
    ]
