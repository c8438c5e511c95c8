"""What the gate is to reach, and whether it has."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.validation.gate.judging.blocks import pairs, spread_class
from perceptron.validation.gate.judging.replay import GATE, Replays, ReplayTrial
from perceptron.validation.gate.judging.tally import slower_rows
from perceptron.validation.gate.record import QUIET, ProofRun, Target
from perceptron.validation.gate.runs.kinds import BY_NAME
from perceptron.validation.share import Share, share

# So many runs of equal sides are needed, without a single regression.
ENOUGH_RUNS = 200
ENOUGH_REPLAYS = 600
ENOUGH_SLOWER = 10


def targets(runs: Sequence[ProofRun], replays: Replays) -> list[Target]:
    """Return what is to be reached and what was. A slowdown counts where blocks spread little."""
    equal = [run for run in runs if not BY_NAME[run.kind].slower]
    beside = [run for run in equal if run.kind == "neighbour"]

    def at(level: float) -> Share:
        some = [trial for trial in replays.trials if trial.level == level and trial.spread in QUIET]
        return _gate(some)

    return [
        _no_alarm(f"no false alarm in {ENOUGH_RUNS} runs in which nothing changed", equal),
        _no_alarm("no regression beside a busy process", beside, ENOUGH_RUNS // 5),
        _at_least("≥ 95 % of 5 % slowdowns found, where blocks spread ≤ 2.5 %", at(0.05), 0.95),
        _at_least("≥ 99 % of 10 % slowdowns found, where blocks spread ≤ 2.5 %", at(0.10), 0.99),
        _at_least(
            "≥ 95 % of slowdowns as large as `smallest_detectable` found",
            _gate(replays.promised),
            0.95,
        ),
        _live(
            "≥ 95 % of 5 % slowdowns found in whole runs, where blocks spread ≤ 2.5 %",
            runs,
            0.05,
            0.95,
        ),
        _live(
            "≥ 99 % of 10 % slowdowns found in whole runs, where blocks spread ≤ 2.5 %",
            runs,
            0.10,
            0.99,
        ),
    ]


def _no_alarm(name: str, runs: Sequence[ProofRun], enough: int = ENOUGH_RUNS) -> Target:
    alarms = share(sum(run.verdict == "regression" for run in runs), len(runs))
    met = False if alarms.hits else None if alarms.trials < enough else True
    return Target(name=name, reached=alarms, met=met)


def _live(name: str, runs: Sequence[ProofRun], level: float, least: float) -> Target:
    rows = [
        row
        for _, row in slower_rows([run for run in runs if BY_NAME[run.kind].by == level])
        if spread_class(pairs(row)) in QUIET
    ]
    hits = sum(row.verdict == "regression" for row in rows)
    return _at_least(name, share(hits, len(rows)), least, ENOUGH_SLOWER)


def _at_least(name: str, reached: Share, least: float, enough: int = ENOUGH_REPLAYS) -> Target:
    met = None
    if reached.value is not None and reached.trials >= enough:
        met = reached.value >= least
    return Target(name=name, reached=reached, met=met)


def _gate(trials: Sequence[ReplayTrial]) -> Share:
    return share(sum(trial.found[GATE] for trial in trials), len(trials))
