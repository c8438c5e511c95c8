"""What the live runs say, in numbers; and whether the gate has reached what it is to reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from perceptron.gate.proof.blocks import CLASSES, QUIET, judged_by_others, pairs, spread_class
from perceptron.gate.proof.kinds import BY_NAME, KINDS
from perceptron.gate.proof.replay import GATE, LEVELS, Replays, Trial, by_spread
from perceptron.gate.proof.repository import body
from perceptron.records.proof import Judged, LiveKind, ProofRow, ProofRun, Target
from perceptron.records.share import Share, share

# So many runs of equal sides must there be, and none of them red.
ENOUGH_RUNS = 200
ENOUGH_REPLAYS = 600


def live_kinds(runs: Sequence[ProofRun]) -> list[LiveKind]:
    """One for each kind that has runs."""
    found = []
    for kind in KINDS:
        own = [run for run in runs if run.kind == kind.name]
        if not own:
            continue
        changes = [row.change for _, row in _slower(own) if row.change is not None]
        found.append(
            LiveKind(
                name=kind.name,
                summary=kind.summary,
                runs=len(own),
                verdicts=dict(Counter(run.verdict for run in own)),
                improvements=sum(row.verdict == "improvement" for run in own for row in run.rows),
                control_alarms=sum(run.control_alarmed for run in own),
                change=median(changes) if changes else None,
                seconds=median(run.seconds for run in own),
                cpu_seconds=median(run.cpu_seconds for run in own),
            )
        )
    return found


def false_alarms(runs: Sequence[ProofRun]) -> list[Judged]:
    """Of the runs in which nothing changed: those in which a rule calls any benchmark slower."""
    groups = {
        "quiet": [run for run in runs if run.kind == "same"],
        "beside a busy process": [run for run in runs if run.kind == "neighbour"],
    }
    groups["together"] = [run for own in groups.values() for run in own]
    return [
        Judged(name=name, spread="", shares=_shares(_red(run) for run in own))
        for name, own in groups.items()
        if own
    ]


def _red(run: ProofRun) -> dict[str, bool]:
    by_row = [judged_by_others(blocks) for row in run.rows if (blocks := pairs(row))]
    others = {name: any(each[name] for each in by_row) for name in (by_row[0] if by_row else {})}
    return {GATE: run.verdict == "regression", **others}


def found_live(runs: Sequence[ProofRun]) -> list[Judged]:
    """Of the rows that HEAD makes slower: those that each rule found, by what spread they had."""
    found = []
    for kind in KINDS:
        by_class: dict[str, list[dict[str, bool]]] = {}
        for _, row in _slower([run for run in runs if run.kind == kind.name]):
            blocks = pairs(row)
            spread = spread_class(blocks)
            if spread is not None:
                verdicts = {GATE: row.verdict == "regression", **judged_by_others(blocks)}
                by_class.setdefault(spread, []).append(verdicts)
        found += [
            Judged(name=kind.summary, spread=name, shares=_shares(by_class[name]))
            for name in CLASSES
            if name in by_class
        ]
    return found


def found_replayed(trials: Sequence[Trial]) -> list[Judged]:
    """Of the replays: those that each rule called slower, by what was injected and by spread."""
    return [
        Judged(name=f"{100 * level:g} %", spread=name, shares=_shares(each.found for each in some))
        for level in LEVELS
        for name, some in by_spread([each for each in trials if each.level == level], [*CLASSES])
    ]


def promised(trials: Sequence[Trial]) -> list[Judged]:
    """Of the replays at what was called the smallest detectable slowdown: those found."""
    return [
        Judged(
            name=f"{100 * median(each.level for each in some):.1f} %",
            spread=name,
            shares=_shares(each.found for each in some),
        )
        for name, some in by_spread(trials, [*CLASSES])
    ]


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
    ]


def _none_red(name: str, runs: Sequence[ProofRun], enough: int = ENOUGH_RUNS) -> Target:
    red = share(sum(run.verdict == "regression" for run in runs), len(runs))
    met = False if red.hits else None if red.trials < enough else True
    return Target(name=name, reached=red, met=met)


def _at_least(name: str, found: Share, least: float) -> Target:
    met = None
    if found.value is not None and found.trials >= ENOUGH_REPLAYS:
        met = found.value >= least
    return Target(name=name, reached=found, met=met)


def _gate(trials: Sequence[Trial]) -> Share:
    return share(sum(each.found[GATE] for each in trials), len(trials))


def _slower(runs: Iterable[ProofRun]) -> Iterator[tuple[ProofRun, ProofRow]]:
    """Rows of benchmarks that HEAD makes slower."""
    for run in runs:
        for row in run.rows:
            if body(row.benchmark) in BY_NAME[run.kind].slower:
                yield run, row


def _shares(found: Iterable[Mapping[str, bool]]) -> dict[str, Share]:
    counted = list(found)
    names = dict.fromkeys(name for each in counted for name in each)
    return {
        name: share(sum(each.get(name, False) for each in counted), len(counted)) for name in names
    }
