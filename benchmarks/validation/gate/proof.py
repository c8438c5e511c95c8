"""The gate's proof: measure what is missing, then say what all of it shows and what is reached."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from benchmarks.validation.gate import runs as proof_runs
from benchmarks.validation.gate import suite, tally
from benchmarks.validation.gate.record import STEADY, Proof, ProofRow, ProofRun, Target
from benchmarks.validation.gate.recorded import Pair, is_seen, pools, recorded_counts
from benchmarks.validation.gate.replay import DRAWS, GATE, Replays, ReplayTrial, rejudge, replays
from benchmarks.validation.gate.suite import BY_NAME, KINDS, Kind, next_kind, wanted
from benchmarks.validation.gate.tally import (
    changed_rows,
    counted_benchmarks,
    counted_kinds,
    slower_rows,
)
from benchmarks.validation.share import Share, share
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


def prove(request: ProofRequest, progress: Progress, draws: int = DRAWS) -> Proof:
    """Measure and judge; raises `UserError` without any run, or if a comparison cannot be made.

    ``draws`` are the replays of each benchmark at each level.
    """
    folder = proof_runs.machine_folder(request.results, request.machine).resolve()
    if not request.report_only:
        _measure(request, folder, progress)
    recorded = proof_runs.read_runs(folder)
    if not recorded:
        raise UserError(f"{folder}: no run yet: leave out --report")
    gate = current_gate()
    runs = select_runs(recorded, gate)
    if not runs:  # an earlier gate is better than none
        gate = Gate(recorded[-1].work, recorded[-1].measured)
        runs = select_runs(recorded, gate)
    return _proof(request, folder, gate, runs, recorded, progress, draws)


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
    content = msgspec.json.encode([suite.digest(), of_code, proof_runs.BUDGET_MINUTES])
    return sha256(content).hexdigest()[:12]


def _measure(request: ProofRequest, folder: Path, progress: Progress) -> None:
    begin, gate = time.monotonic(), current_gate()
    with (
        proof_runs.open_proof(folder) as write,
        tempfile.TemporaryDirectory(prefix="perceptron-proof-") as checkout,
    ):
        suite.make(Path(checkout))
        recorded = proof_runs.read_runs(folder)
        done = Counter(run.kind for run in select_runs(recorded, gate))
        while True:
            kind = next_kind(done, request.wanted)
            minutes = (time.monotonic() - begin) / 60
            if kind is None or (request.minutes is not None and minutes >= request.minutes):
                return
            progress(_counted(done, request), sum(request.wanted.values()), kind.name)
            run = proof_runs.run(
                Path(checkout),
                kind,
                sum(run.kind == kind.name for run in recorded),
                gate.work,
                gate.measured,
                request.commit,
                lambda environment: proof_runs.keep_environment(folder, environment),
                lambda *_: None,
            )
            write(run)
            recorded.append(run)
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
    draws: int,
) -> Proof:
    environment = proof_runs.read_environment(folder, runs[-1].environment)
    unchanged = [run for run in runs if not BY_NAME[run.kind].changed]
    counts = recorded_counts(unchanged)
    replayed = replays(_pools(unchanged), counts, Rule(), progress, draws)
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
        choices=tally.spreads([run for run in runs if run.kind == "same"]),
        states=tally.states(recorded),
    )


def _pools(unchanged: Sequence[ProofRun]) -> list[tuple[str, list[Pair]]]:
    """Return blocks of runs in which nothing changed, those beside a neighbour apart."""
    return [
        pool
        for kind in KINDS
        for pool in pools([run for run in unchanged if run.kind == kind.name])
    ]


# So many runs of equal sides are needed, without a single regression.
ENOUGH_RUNS = 200
ENOUGH_REPLAYS = 600
# So many rows of runs of each sort.
ENOUGH_MORE_WORK, ENOUGH_LITTLE_WORK, ENOUGH_TIME_ALONE, ENOUGH_FASTER = 30, 8, 9, 4
MORE_WORK = (0.02, 0.03, 0.05)
LITTLE_WORK = 0.01

_MORE = "2, 3 and 5%"


def targets(runs: Sequence[ProofRun], replays: Replays) -> list[Target]:
    """Return what is to be reached and what was.

    A slowdown that the clock alone can see counts where blocks spread little; more work counts
    where it could be counted, however loud the clock.
    """
    equal = [run for run in runs if not BY_NAME[run.kind].changed]
    beside = [run for run in equal if BY_NAME[run.kind].neighbour]
    return [
        _no_alarm(f"no false alarm in {ENOUGH_RUNS} runs in which nothing changed", equal),
        _no_alarm("no regression beside a busy process", beside, ENOUGH_RUNS // 5),
        *_work_targets(runs, replays),
        *_time_targets(runs, replays),
    ]


def _work_targets(runs: Sequence[ProofRun], replays: Replays) -> list[Target]:
    more_work = replays.of("more work")
    more = [trial for trial in more_work if trial.level in MORE_WORK]
    little = [trial for trial in more_work if trial.level == LITTLE_WORK]
    slower = [
        row
        for row in slower_rows(_of(runs, lambda kind: kind.by in MORE_WORK))
        if row.work is not None
    ]
    slightly = [
        row
        for row in changed_rows(_of(runs, lambda kind: kind.by == LITTLE_WORK))
        if row.work is not None
    ]
    faster = list(changed_rows(_of(runs, lambda kind: bool(kind.faster))))
    return [
        _at_least(
            f"≥ 99% of {_MORE} slowdowns found by their work, at any clock noise",
            _gate(more),
            0.99,
        ),
        _at_least(
            f"≥ 99% of {_MORE} slowdowns found in whole runs, where work was counted",
            _called_slower(slower),
            0.99,
            ENOUGH_MORE_WORK,
        ),
        _at_least(
            "≥ 99% of 1% more work seen",
            share(sum(trial.seen for trial in little), len(little)),
            0.99,
        ),
        _at_least(
            "≥ 99% of 1% more work seen in whole runs, where work was counted",
            share(sum(is_seen(row.work) for row in slightly), len(slightly)),
            0.99,
            ENOUGH_LITTLE_WORK,
        ),
        _never("no speed-up called slower", _called_slower(faster), ENOUGH_FASTER),
    ]


def _time_targets(runs: Sequence[ProofRun], replays: Replays) -> list[Target]:
    alone = [trial for trial in replays.of("clock alone") if trial.spread in STEADY]
    hidden = list(slower_rows(_of(runs, lambda kind: not kind.work)))

    def at(level: float) -> Share:
        return _gate([trial for trial in alone if trial.level == level])

    return [
        _at_least(
            "≥ 95% of slowdowns by cache misses, naps and locks found in whole runs",
            _called_slower(hidden),
            0.95,
            ENOUGH_TIME_ALONE,
        ),
        _at_least(
            "≥ 95% of 5% slowdowns found by the clock alone, where blocks spread ≤ 2.5%",
            at(0.05),
            0.95,
        ),
        _at_least(
            "≥ 99% of 10% slowdowns found by the clock alone, where blocks spread ≤ 2.5%",
            at(0.10),
            0.99,
        ),
        _at_least(
            "≥ 95% of slowdowns as large as `smallest_detectable` found",
            _gate(replays.promised),
            0.95,
        ),
    ]


def _of(runs: Sequence[ProofRun], is_wanted: Callable[[Kind], bool]) -> list[ProofRun]:
    return [run for run in runs if is_wanted(BY_NAME[run.kind])]


def _no_alarm(name: str, runs: Sequence[ProofRun], enough: int = ENOUGH_RUNS) -> Target:
    alarms = share(sum(run.verdict == "regression" for run in runs), len(runs))
    return _never(name, alarms, enough)


def _never(name: str, reached: Share, enough: int) -> Target:
    met = False if reached.hits else None if reached.trials < enough else True
    return Target(name=name, reached=reached, met=met)


def _at_least(name: str, reached: Share, least: float, enough: int = ENOUGH_REPLAYS) -> Target:
    met = None
    if reached.value is not None and reached.trials >= enough:
        met = reached.value >= least
    return Target(name=name, reached=reached, met=met)


def _called_slower(rows: Sequence[ProofRow]) -> Share:
    return share(sum(row.verdict == "regression" for row in rows), len(rows))


def _gate(trials: Sequence[ReplayTrial]) -> Share:
    return share(sum(trial.found[GATE] for trial in trials), len(trials))
