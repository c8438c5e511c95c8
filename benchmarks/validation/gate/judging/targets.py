"""What the gate is to reach, and whether it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.validation.gate.judging.counts import is_seen
from benchmarks.validation.gate.judging.replay import GATE, Replays, ReplayTrial
from benchmarks.validation.gate.judging.tally import changed_rows, slower_rows
from benchmarks.validation.gate.record import QUIET, ProofRow, ProofRun, Target
from benchmarks.validation.gate.runs.kinds import BY_NAME, Kind
from benchmarks.validation.share import Share, share

# So many runs of equal sides are needed, without a single regression.
ENOUGH_RUNS = 200
ENOUGH_REPLAYS = 600
# So many rows of runs of each sort.
ENOUGH_MORE_WORK, ENOUGH_LITTLE_WORK, ENOUGH_TIME_ALONE, ENOUGH_FASTER = 30, 8, 9, 4
MORE_WORK = (0.02, 0.03, 0.05)
LITTLE_WORK = 0.01

_MORE = "2, 3 and 5 %"


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
        for _, row in slower_rows(_of(runs, lambda kind: kind.by in MORE_WORK))
        if row.work is not None
    ]
    slightly = [
        row
        for _, row in changed_rows(_of(runs, lambda kind: kind.by == LITTLE_WORK))
        if row.work is not None
    ]
    faster = [row for _, row in changed_rows(_of(runs, lambda kind: bool(kind.faster)))]
    return [
        _at_least(
            f"≥ 99 % of {_MORE} slowdowns found by their work, at any clock noise",
            _gate(more),
            0.99,
        ),
        _at_least(
            f"≥ 99 % of {_MORE} slowdowns found in whole runs, where work was counted",
            _called_slower(slower),
            0.99,
            ENOUGH_MORE_WORK,
        ),
        _at_least(
            "≥ 99 % of 1 % more work seen",
            share(sum(trial.seen for trial in little), len(little)),
            0.99,
        ),
        _at_least(
            "≥ 99 % of 1 % more work seen in whole runs, where work was counted",
            share(sum(is_seen(row.work) for row in slightly), len(slightly)),
            0.99,
            ENOUGH_LITTLE_WORK,
        ),
        _never("no speed-up called slower", _called_slower(faster), ENOUGH_FASTER),
    ]


def _time_targets(runs: Sequence[ProofRun], replays: Replays) -> list[Target]:
    alone = [trial for trial in replays.of("clock alone") if trial.spread in QUIET]
    hidden = [row for _, row in slower_rows(_of(runs, lambda kind: not kind.work))]

    def at(level: float) -> Share:
        return _gate([trial for trial in alone if trial.level == level])

    return [
        _at_least(
            "≥ 95 % of slowdowns by cache misses, naps and locks found in whole runs",
            _called_slower(hidden),
            0.95,
            ENOUGH_TIME_ALONE,
        ),
        _at_least(
            "≥ 95 % of 5 % slowdowns found by the clock alone, where blocks spread ≤ 2.5 %",
            at(0.05),
            0.95,
        ),
        _at_least(
            "≥ 99 % of 10 % slowdowns found by the clock alone, where blocks spread ≤ 2.5 %",
            at(0.10),
            0.99,
        ),
        _at_least(
            "≥ 95 % of slowdowns as large as `smallest_detectable` found",
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
