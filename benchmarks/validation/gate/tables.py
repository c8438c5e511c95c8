"""What the runs and the replays say, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean, median

from benchmarks.validation.gate.proof import Proof, Target, changed_rows, slower_rows
from benchmarks.validation.gate.recorded import (
    CLASSES,
    judged_by_others,
    pairs,
    spread_class,
)
from benchmarks.validation.gate.replay import GATE, LEVELS, LOUDER, ReplayTrial
from benchmarks.validation.gate.runs import ProofRun
from benchmarks.validation.gate.suite import KINDS, Kind
from benchmarks.validation.grid import TextTable
from benchmarks.validation.share import Share, share, share_cell
from perceptron.numbers import NONE, count, duration, percent
from perceptron.records.comparison import Verdict
from perceptron.records.grouping import grouped

_VERDICTS: tuple[Verdict, ...] = ("clean", "regression", "inconclusive")

Verdicts = Sequence[Mapping[str, bool]]
"""For each run, row or replay whether each rule called it slower."""
Group = tuple[str, str, Verdicts]
"""A name, what the blocks of all its trials spread by, and the trials."""


def grids(proof: Proof) -> list[TextTable]:
    """Return the targets first; then what they rest on, as far as there is something."""
    runs, replays = proof.runs, proof.replays
    everything = [
        _targets(proof.targets),
        _live(runs),
        _judged(
            "Found by work: replays of recorded counts and blocks with more work put in",
            "injected",
            _more_work(replays.of("more work")),
            "Each count has a difference that was recorded where nothing changed. Clock noise: the "
            "factor of the logarithm of head / base in each block; ×16 makes a spread of 2% one of "
            "32%. Seen: the counts show the rise. The gate is not meant to call less than 1.5% "
            "more work slower.",
            "clock noise",
        ),
        _judged(
            "False alarms: runs in which nothing changed and something is called slower",
            "runs",
            _false_alarms(runs),
            "All rules judge the same blocks.",
        ),
        _judged(
            "Found in whole runs: benchmarks that the head makes slower",
            "head",
            _found_live(runs),
            "The gate had counts too, the other rules the same blocks. Spread: the robust standard "
            "deviation of log(head / base) over all blocks of a benchmark in the run.",
        ),
        _judged(
            "Found by the clock alone: replays of recorded blocks with slowdowns put in",
            "injected",
            _by_level_and_spread(replays.of("clock alone")),
            "Consecutive blocks of runs in which nothing changed, with head's times multiplied, "
            "are judged as a run of one benchmark without counts and control. 0% are false alarms. "
            f"The windows overlap: {replays.windows} have no block in common, so intervals are too "
            "narrow.",
        ),
        _judged(
            "Found where work is the same: the same replays with counts that do not change",
            "injected",
            _by_level_and_spread(replays.of("same work")),
            "A quick run of the clock must make a benchmark suspicious first, or be too noisy. "
            "Where 10% could still be missed, the answer says so: undecided by the clock.",
        ),
        _judged(
            "Smallest detectable slowdown: replays with exactly that slowdown put in",
            "median",
            _promised(replays.promised),
            "The gate, judging the blocks as recorded, said that it would find this slowdown in 95 "
            "of 100 runs; without counts, and with counts of the same work.",
        ),
    ]
    return [table for table in everything if table.rows]


def _targets(targets: Sequence[Target]) -> TextTable:
    met = {True: "yes", False: "no", None: "too few yet"}
    return TextTable(
        "Targets",
        ("target", "met", "reached [95% interval]>", "of>"),
        [
            (row.name, met[row.met], share_cell(row.reached), count(row.reached.trials))
            for row in targets
        ],
        (),
    )


# --- whole runs -----------------------------------------------------------------------------------


def _live(runs: Sequence[ProofRun]) -> TextTable:
    return TextTable(
        "Whole runs",
        (
            *("head differs by", "runs>", *(f"{name}>" for name in _VERDICTS), "faster>"),
            *("control>", "clock>", "work>", "waited>", "a run>", "of CPU>"),
        ),
        [_live_row(kind, own) for kind, own in _by_kind(runs)],
        (
            "Each run is a `perceptron compare` of two of ten benchmarks: a NumPy training loop, "
            "exponentials, a loop of bytecode, a matrix product on all threads, dictionaries, "
            "sorting of random values, imports, allocations, values gathered from a table, a wait "
            "for another thread. Faster: benchmarks called faster. Control: runs in which base "
            "differed from a second copy of itself. Clock and work: the median change, by time and "
            "by counted instructions, of the benchmarks that the head changes. Waited: the mean "
            "share of their time that benchmarks waited for a core.",
        ),
    )


def _live_row(kind: Kind, runs: Sequence[ProofRun]) -> tuple[str, ...]:
    every, changed = [row for run in runs for row in run.rows], list(changed_rows(runs))
    verdicts = Counter(run.verdict for run in runs)
    waits = [row.waited for row in every if row.waited is not None]
    return (
        kind.summary,
        f"{len(runs)}",
        *(f"{verdicts[name]}" for name in _VERDICTS),
        f"{sum(row.verdict == 'faster' for row in every)}",
        f"{sum(run.control_alarmed for run in runs)}",
        _percent(_middle(row.change for row in changed), sign=True),
        _percent(_middle(row.work.change for row in changed if row.work is not None), sign=True),
        _percent(mean(waits) if waits else None),
        duration(median(run.seconds for run in runs)),
        duration(median(run.cpu_seconds for run in runs)),
    )


def _by_kind(runs: Sequence[ProofRun]) -> Iterator[tuple[Kind, list[ProofRun]]]:
    for kind in KINDS:
        own = [run for run in runs if run.kind == kind.name]
        if own:
            yield kind, own


def days(runs: Iterable[ProofRun]) -> str:
    """Return the day on which these runs ended, or the first and the last."""
    ended = sorted(run.when[:10] for run in runs)
    return ended[0] if ended[0] == ended[-1] else f"{ended[0]} to {ended[-1]}"


def commits(runs: Iterable[ProofRun]) -> list[str]:
    """Return the commits of the package in these runs, in their order."""
    return list(dict.fromkeys(run.commit for run in runs if run.commit))


# --- whom each rule called slower -----------------------------------------------------------------


def _judged(
    title: str, first: str, groups: Iterable[Group], note: str, second: str = "spread"
) -> TextTable:
    judged = [(name, spread, shares(found)) for name, spread, found in groups if found]
    rules = list(dict.fromkeys(rule for _, _, own in judged for rule in own))
    has_spreads = any(spread for _, spread, _ in judged)
    return TextTable(
        title,
        (first, *([second] if has_spreads else []), "number>", *(f"{rule}>" for rule in rules)),
        [
            (
                name,
                *([spread] if has_spreads else []),
                count(max(one.trials for one in own.values())),
                *(share_cell(own[rule]) if rule in own else NONE for rule in rules),
            )
            for name, spread, own in judged
        ],
        (note,),
    )


def shares(verdicts: Verdicts) -> dict[str, Share]:
    """Return the share that each rule called slower."""
    names = dict.fromkeys(name for verdict in verdicts for name in verdict)
    return {
        name: share(sum(verdict.get(name, False) for verdict in verdicts), len(verdicts))
        for name in names
    }


def _false_alarms(runs: Sequence[ProofRun]) -> list[Group]:
    """Return the runs in which nothing changed, by whether a rule calls some benchmark slower."""
    alone, beside = (alarms(runs, kind) for kind in ("same", "neighbour"))
    return [
        ("no busy process", "", alone),
        ("beside a busy process", "", beside),
        ("together", "", [*alone, *beside]),
    ]


def alarms(runs: Sequence[ProofRun], *kinds: str) -> Verdicts:
    """Return of each run of these kinds whether a rule calls some benchmark slower."""
    return [_called_slower(run) for kind in kinds for run in runs if run.kind == kind]


def _called_slower(run: ProofRun) -> dict[str, bool]:
    by_row = [judged_by_others(blocks) for row in run.rows if (blocks := pairs(row))]
    others = {
        name: any(verdicts[name] for verdicts in by_row) for name in (by_row[0] if by_row else {})
    }
    return {GATE: run.verdict == "regression", **others}


def _found_live(runs: Sequence[ProofRun]) -> list[Group]:
    """Return the rows that HEAD makes slower, by the spread that they had."""
    found: dict[tuple[str, str], list[dict[str, bool]]] = {}
    for run in runs:
        for row in slower_rows([run]):
            blocks = pairs(row)
            spread = spread_class(blocks)
            if spread is not None:
                verdicts = {GATE: row.verdict == "slower", **judged_by_others(blocks)}
                found.setdefault((run.kind, spread), []).append(verdicts)
    return [
        (kind.summary, name, found.get((kind.name, name), [])) for kind in KINDS for name in CLASSES
    ]


def _by_level_and_spread(trials: Sequence[ReplayTrial]) -> list[Group]:
    """Return replays with the same evidence by what was injected and by spread."""
    groups = grouped(trials, lambda trial: (trial.level, trial.spread))
    return [
        (f"{100 * level:g}%", name, [trial.found for trial in groups.get((level, name), ())])
        for level in LEVELS
        for name in CLASSES
    ]


def _more_work(trials: Sequence[ReplayTrial]) -> list[Group]:
    """Return the replays with more work, by what was injected and how loud the clock was made."""
    groups = grouped(trials, lambda trial: (trial.level, trial.louder))
    return [
        (
            f"{100 * level:g}%",
            f"×{louder:g}",
            [{"seen": trial.seen, **trial.found} for trial in groups.get((level, louder), ())],
        )
        for level in LEVELS
        for louder in LOUDER
    ]


def _promised(trials: Sequence[ReplayTrial]) -> list[Group]:
    groups = grouped(trials, lambda trial: trial.spread)
    return [
        (
            f"{100 * median(trial.level for trial in groups[name]):.1f}%",
            name,
            [trial.found for trial in groups[name]],
        )
        for name in CLASSES
        if name in groups
    ]


def _middle(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _percent(value: float | None, decimals: int = 1, sign: bool = False) -> str:
    return NONE if value is None else percent(value, decimals, sign=sign)
