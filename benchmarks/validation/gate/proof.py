"""The gate's proof: measure what is missing, then say what all of it shows and what is reached."""

from __future__ import annotations

import ast
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from benchmarks.validation import lines
from benchmarks.validation.gate import runs as proof_runs
from benchmarks.validation.gate import suite
from benchmarks.validation.gate.recorded import STEADY, is_seen, pools, recorded_counts
from benchmarks.validation.gate.replay import DRAWS, GATE, Replays, ReplayTrial, replays
from benchmarks.validation.gate.runs import ProofRow, ProofRun
from benchmarks.validation.gate.suite import BY_NAME, KINDS, Kind, body, next_kind, wanted
from benchmarks.validation.share import Share, share
from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.stages import Progress
from perceptron.gate.verdict.rule import Rule
from perceptron.records.code_digest import sources
from perceptron.records.comparison import ComparisonEnvironment

# Modules of the gate that a comparison of asv's usual benchmarks runs nothing of: the proof says
# nothing of them, and holds whatever they do.
_BESIDE = (
    "gate/runner/pytest_measurements.py",
    "gate/runner/pytest_suite.py",
    "gate/runner/tracing.py",
)


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

    @property
    def wanted(self) -> dict[str, int]:
        """How many runs of each kind."""
        return wanted(self.runs)

    @property
    def command(self) -> str:
        """The command that asks for this."""
        return f"python -m benchmarks.validation proof --runs {self.runs}"


@dataclass(frozen=True)
class Target:
    """What the gate is to reach, and what it has."""

    name: str
    reached: Share
    met: bool | None
    """None while there are too few runs to say."""


@dataclass(frozen=True)
class Proof:
    """The runs of one gate, judged by one rule, what replays of them say, and what is reached."""

    request: ProofRequest
    gate: str
    environment: ComparisonEnvironment
    runs: Sequence[ProofRun]
    recorded: Sequence[ProofRun]
    """The runs of every gate."""
    replays: Replays
    targets: Sequence[Target]
    outdated: bool
    """Whether the gate's code has changed since."""

    @property
    def left_out(self) -> int:
        """How many runs are of another suite, or of other code of the gate."""
        return len(self.recorded) - len(self.runs)


def prove(request: ProofRequest, progress: Progress, draws: int = DRAWS) -> Proof:
    """Measure and judge; raises `UserError` without any run, or if a comparison cannot be made.

    ``draws`` are the replays of each benchmark at each level.
    """
    folder = proof_runs.machine_folder(request.results, request.machine).resolve()
    if not request.report_only:
        _measure(request, folder, progress)
    recorded = lines.read(folder / proof_runs.RUNS, ProofRun)
    if not recorded:
        raise UserError(f"{folder}: no run yet: leave out --report")
    gate = current_gate()
    if not _of(recorded, gate):  # an earlier gate is better than none
        gate = recorded[-1].work
    runs = _of(recorded, gate)
    unchanged = [run for run in runs if not BY_NAME[run.kind].changed]
    # Blocks beside a neighbour are replayed apart from the others.
    own = (pools([run for run in unchanged if run.kind == kind.name]) for kind in KINDS)
    counts = recorded_counts(unchanged)
    replayed = replays([pool for some in own for pool in some], counts, Rule(), progress, draws)
    return Proof(
        request=request,
        gate=gate,
        environment=proof_runs.read_environment(folder, runs[-1].environment),
        runs=runs,
        recorded=recorded,
        replays=replayed,
        targets=targets(runs, replayed),
        outdated=gate != current_gate(),
    )


def current_gate() -> str:
    """Return the digest of what is measured and of the code that measures and judges it."""
    modules = sources(fingerprint.PACKAGE, fingerprint.PARTS)
    code = [[name, _without_words(text)] for name, text in modules if name not in _BESIDE]
    content = msgspec.json.encode([suite.digest(), code, proof_runs.BUDGET_MINUTES])
    return sha256(content).hexdigest()[:12]


def _without_words(source: str) -> str:
    """Return the code without comments and docstrings: an hour's proof outlives them."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _of(runs: Sequence[ProofRun], gate: str) -> list[ProofRun]:
    return [run for run in runs if run.work == gate]


def _measure(request: ProofRequest, folder: Path, progress: Progress) -> None:
    begin, gate = time.monotonic(), current_gate()
    with (
        lines.appending(folder / proof_runs.RUNS) as write,
        tempfile.TemporaryDirectory(prefix="perceptron-proof-") as checkout,
    ):
        suite.make(Path(checkout))
        recorded = lines.read(folder / proof_runs.RUNS, ProofRun)
        done = Counter(run.kind for run in _of(recorded, gate))
        while True:
            kind = next_kind(done, request.wanted)
            minutes = (time.monotonic() - begin) / 60
            if kind is None or (request.minutes is not None and minutes >= request.minutes):
                return
            of_wanted = sum(min(done[name], count) for name, count in request.wanted.items())
            progress(of_wanted, sum(request.wanted.values()), kind.name)
            run = proof_runs.run(
                Path(checkout),
                kind,
                sum(run.kind == kind.name for run in recorded),
                gate,
                request.commit,
                lambda environment: proof_runs.keep_environment(folder, environment),
            )
            write(run)
            recorded.append(run)
            done[kind.name] += 1


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

    def of(is_wanted: Callable[[Kind], bool]) -> list[ProofRun]:
        return [run for run in runs if is_wanted(BY_NAME[run.kind])]

    def counted(rows: Iterable[ProofRow]) -> list[ProofRow]:
        return [row for row in rows if row.work is not None]

    def alone(level: float) -> Share:
        trials = replays.of("clock alone")
        return _found(t for t in trials if t.level == level and t.spread in STEADY)

    equal = of(lambda kind: not kind.changed)
    beside = [run for run in equal if BY_NAME[run.kind].neighbour]
    more_work = replays.of("more work")
    slower = counted(slower_rows(of(lambda kind: kind.by in MORE_WORK)))
    slightly = counted(changed_rows(of(lambda kind: kind.by == LITTLE_WORK)))
    little = [trial.seen for trial in more_work if trial.level == LITTLE_WORK]
    return [
        _never(
            f"no false alarm in {ENOUGH_RUNS} runs in which nothing changed",
            _called_slower(equal),
            ENOUGH_RUNS,
        ),
        _never("no regression beside a busy process", _called_slower(beside), ENOUGH_RUNS // 5),
        _at_least(
            f"≥ 99% of {_MORE} slowdowns found by their work, at any clock noise",
            _found(trial for trial in more_work if trial.level in MORE_WORK),
            0.99,
        ),
        _at_least(
            f"≥ 99% of {_MORE} slowdowns found in whole runs, where work was counted",
            _called_slower(slower),
            0.99,
            ENOUGH_MORE_WORK,
        ),
        _at_least("≥ 99% of 1% more work seen", share(sum(little), len(little)), 0.99),
        _at_least(
            "≥ 99% of 1% more work seen in whole runs, where work was counted",
            share(sum(is_seen(row.work) for row in slightly), len(slightly)),
            0.99,
            ENOUGH_LITTLE_WORK,
        ),
        _never(
            "no speed-up called slower",
            _called_slower(list(changed_rows(of(lambda kind: bool(kind.faster))))),
            ENOUGH_FASTER,
        ),
        _at_least(
            "≥ 95% of slowdowns by cache misses, naps and locks found in whole runs",
            _called_slower(list(slower_rows(of(lambda kind: not kind.work)))),
            0.95,
            ENOUGH_TIME_ALONE,
        ),
        _at_least(
            "≥ 95% of 5% slowdowns found by the clock alone, where blocks spread ≤ 2.5%",
            alone(0.05),
            0.95,
        ),
        _at_least(
            "≥ 99% of 10% slowdowns found by the clock alone, where blocks spread ≤ 2.5%",
            alone(0.10),
            0.99,
        ),
        _at_least(
            "≥ 95% of slowdowns as large as `smallest_detectable` found",
            _found(replays.promised),
            0.95,
        ),
    ]


def changed_rows(runs: Iterable[ProofRun]) -> Iterator[ProofRow]:
    """Yield rows of benchmarks that HEAD changes."""
    for run in runs:
        yield from (row for row in run.rows if body(row.benchmark) in BY_NAME[run.kind].changed)


def slower_rows(runs: Iterable[ProofRun]) -> Iterator[ProofRow]:
    """Yield rows of benchmarks that HEAD makes slower, so that they are to be called so."""
    for run in runs:
        yield from (row for row in run.rows if body(row.benchmark) in BY_NAME[run.kind].slower)


def _never(name: str, reached: Share, enough: int) -> Target:
    return Target(name, reached, False if reached.hits else reached.trials >= enough or None)


def _at_least(name: str, reached: Share, least: float, enough: int = ENOUGH_REPLAYS) -> Target:
    met = None
    if reached.value is not None and reached.trials >= enough:
        met = reached.value >= least
    return Target(name, reached, met)


def _called_slower(judged: Sequence[ProofRun] | Sequence[ProofRow]) -> Share:
    return share(sum(one.verdict == "regression" for one in judged), len(judged))


def _found(trials: Iterable[ReplayTrial]) -> Share:
    found = [trial.found[GATE] for trial in trials]
    return share(sum(found), len(found))
