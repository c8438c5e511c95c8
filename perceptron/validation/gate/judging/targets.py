"""What the gate is to reach, and whether it has."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.validation.gate.judging.blocks import pairs, spread_class
from perceptron.validation.gate.judging.replay import GATE, Replays, ReplayTrial
from perceptron.validation.gate.judging.tally import slower_rows
from perceptron.validation.gate.record import QUIET, ProofRun, Target
from perceptron.validation.gate.runs.kinds import BY_NAME
from perceptron.validation.share import Share, share

# So many runs of equal sides must there be, and none of them red.
ENOUGH_RUNS = 200
ENOUGH_REPLAYS = 600
ENOUGH_SLOWER = 10


def targets(runs: Sequence[ProofRun], replays: Replays) -> list[Target]:
    """What is to be reached, beside what was. A slowdown counts where blocks spread little."""
    equal = [run for run in runs if not BY_NAME[run.kind].slower]
    beside = [run for run in equal if run.kind == "neighbour"]

    def at(level: float) -> Share:
        some = [each for each in replays.trials if each.level == level and each.spread in QUIET]
        return _gate(some)

    return [
        _none_red(f"no false alarm in {ENOUGH_RUNS} runs in which nothing changed", equal),
        _none_red("nothing red beside a busy process", beside, ENOUGH_RUNS // 5),
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


def _none_red(name: str, runs: Sequence[ProofRun], enough: int = ENOUGH_RUNS) -> Target:
    red = share(sum(run.verdict == "regression" for run in runs), len(runs))
    met = False if red.hits else None if red.trials < enough else True
    return Target(name=name, reached=red, met=met)


def _live(name: str, runs: Sequence[ProofRun], level: float, least: float) -> Target:
    rows = [
        row
        for _, row in slower_rows([run for run in runs if BY_NAME[run.kind].by == level])
        if spread_class(pairs(row)) in QUIET
    ]
    hits = sum(row.verdict == "regression" for row in rows)
    return _at_least(name, share(hits, len(rows)), least, ENOUGH_SLOWER)


def _at_least(name: str, found: Share, least: float, enough: int = ENOUGH_REPLAYS) -> Target:
    met = None
    if found.value is not None and found.trials >= enough:
        met = found.value >= least
    return Target(name=name, reached=found, met=met)


def _gate(trials: Sequence[ReplayTrial]) -> Share:
    return share(sum(each.found[GATE] for each in trials), len(trials))
