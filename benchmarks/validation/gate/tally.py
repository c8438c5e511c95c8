"""What the runs and the replays say, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import log
from statistics import mean, median

import numpy as np

from benchmarks.validation.gate.record import (
    CLASSES,
    CountedBenchmark,
    CountedKind,
    GateState,
    Judged,
    LiveKind,
    ProofRow,
    ProofRun,
    Spread,
    Spreads,
)
from benchmarks.validation.gate.recorded import (
    Samples,
    is_seen,
    judged_by_others,
    pair,
    pairs,
    spread_class,
)
from benchmarks.validation.gate.replay import (
    GATE,
    LEVELS,
    LOUDER,
    ReplayTrial,
)
from benchmarks.validation.gate.suite import BY_NAME, KINDS, body
from benchmarks.validation.share import Share, share
from perceptron.gate.runner.timing import lower_quartile
from perceptron.gate.verdict.estimate import FEWEST, estimate, p_above

LEVELS_OF_P = (0.1, 0.02)


def live_kinds(runs: Sequence[ProofRun]) -> list[LiveKind]:
    """Return one for each kind that has runs."""
    result = []
    for kind in KINDS:
        own = [run for run in runs if run.kind == kind.name]
        if not own:
            continue
        rows = list(changed_rows(own))
        waits = [row.waited for run in own for row in run.rows if row.waited is not None]
        result.append(
            LiveKind(
                name=kind.name,
                summary=kind.summary,
                runs=len(own),
                verdicts=dict(Counter(run.verdict for run in own)),
                improvements=sum(row.verdict == "improvement" for run in own for row in run.rows),
                control_alarms=sum(run.control_alarmed for run in own),
                change=middle(row.change for row in rows),
                work=middle(None if row.work is None else row.work.change for row in rows),
                waited=mean(waits) if waits else None,
                seconds=median(run.seconds for run in own),
                cpu_seconds=median(run.cpu_seconds for run in own),
            )
        )
    return result


# A name, the spread, and for each run, row or replay whether each rule called it slower.
Group = tuple[str, str, Sequence[Mapping[str, bool]]]


def _judged(groups: Iterable[Group]) -> list[Judged]:
    """Count the hits of each group that has some trials."""
    return [
        Judged(name=name, spread=spread, shares=_shares(found))
        for name, spread, found in groups
        if found
    ]


def false_alarms(runs: Sequence[ProofRun]) -> list[Judged]:
    """Count the runs in which nothing changed and a rule calls some benchmark slower."""
    alone, beside = (
        [_called_slower(run) for run in runs if run.kind == kind] for kind in ("same", "neighbour")
    )
    return _judged(
        [
            ("no busy process", "", alone),
            ("beside a busy process", "", beside),
            ("together", "", [*alone, *beside]),
        ]
    )


def _called_slower(run: ProofRun) -> dict[str, bool]:
    by_row = [judged_by_others(blocks) for row in run.rows if (blocks := pairs(row))]
    others = {
        name: any(verdicts[name] for verdicts in by_row) for name in (by_row[0] if by_row else {})
    }
    return {GATE: run.verdict == "regression", **others}


def calibration(runs: Sequence[ProofRun]) -> list[Judged]:
    """Count how often an unchanged screen has a small p-value of *it did not change*.

    Where blocks are as independent as the test supposes, as often as the level says.
    """
    by_name: dict[str, list[dict[str, bool]]] = {}
    for run in runs:
        for row in run.rows if run.kind == "same" else ():
            if len(row.screen) >= FEWEST:
                ratio = estimate([pair(block).log_ratio for block in row.screen])
                p = 2 * min(p_above(ratio, 0.0), 1 - p_above(ratio, 0.0))
                small = {f"p ≤ {100 * level:g}%": p <= level for level in LEVELS_OF_P}
                by_name.setdefault(body(row.benchmark), []).append(small)
    together = [small for some in by_name.values() for small in some]
    return _judged((name, "", some) for name, some in {**by_name, "together": together}.items())


def found_live(runs: Sequence[ProofRun]) -> list[Judged]:
    """Count the rows that HEAD makes slower and each rule found, by the spread that they had."""
    found: dict[tuple[str, str], list[dict[str, bool]]] = {}
    for run in runs:
        for row in slower_rows([run]):
            blocks = pairs(row)
            spread = spread_class(blocks)
            if spread is not None:
                verdicts = {GATE: row.verdict == "regression", **judged_by_others(blocks)}
                found.setdefault((run.kind, spread), []).append(verdicts)
    return _judged(
        (kind.summary, name, found.get((kind.name, name), [])) for kind in KINDS for name in CLASSES
    )


def found_replayed(trials: Sequence[ReplayTrial]) -> list[Judged]:
    """Count the replays that each rule called slower, by what was injected and by spread.

    ``trials`` have the same evidence.
    """
    return _judged(
        (
            f"{100 * level:g}%",
            name,
            [trial.found for trial in trials if (trial.level, trial.spread) == (level, name)],
        )
        for level in LEVELS
        for name in CLASSES
    )


def found_more_work(trials: Sequence[ReplayTrial]) -> list[Judged]:
    """Count the replays with more work, by what was injected and by how loud the clock was made."""
    return _judged(
        (
            f"{100 * level:g}%",
            f"×{louder:g}",
            [
                {"seen": trial.seen, **trial.found}
                for trial in trials
                if (trial.level, trial.louder) == (level, louder)
            ],
        )
        for level in LEVELS
        for louder in LOUDER
    )


def promised(trials: Sequence[ReplayTrial]) -> list[Judged]:
    """Count the replays found, at what was called the smallest detectable slowdown."""
    by_class = {name: [trial for trial in trials if trial.spread == name] for name in CLASSES}
    return _judged(
        (
            f"{100 * median(trial.level for trial in some):.1f}%",
            name,
            [trial.found for trial in some],
        )
        for name, some in by_class.items()
        if some
    )


def states(runs: Sequence[ProofRun]) -> list[GateState]:
    """Return what each state of the gate did beside a busy process, as it was judged then."""
    by_state: dict[str, list[ProofRun]] = {}
    for run in runs:
        if run.kind == "neighbour":
            by_state.setdefault(run.measured, []).append(run)
    return [_state(measured, own) for measured, own in by_state.items()]


def _state(measured: str, runs: Sequence[ProofRun]) -> GateState:
    rows = [row for run in runs for row in run.rows]
    ended = sorted(run.when for run in runs)
    return GateState(
        measured=measured,
        first=ended[0],
        last=ended[-1],
        commits=list(dict.fromkeys(run.commit for run in runs if run.commit)),
        runs=len(runs),
        false_alarms=share(sum(run.verdict == "regression" for run in runs), len(runs)),
        inconclusive=sum(run.verdict == "inconclusive" for run in runs),
        seconds=median(run.seconds for run in runs),
        spread=middle(row.spread for row in rows),
        smallest_detectable=middle(row.smallest_detectable for row in rows),
        waited=middle(row.waited for row in rows),
        contended=sum(row.contended or 0 for row in rows),
        retaken=sum(len(row.retaken) for row in rows),
    )


def middle(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def changed_rows(runs: Iterable[ProofRun]) -> Iterator[ProofRow]:
    """Yield rows of benchmarks that HEAD changes."""
    for run in runs:
        yield from (row for row in run.rows if body(row.benchmark) in BY_NAME[run.kind].changed)


def slower_rows(runs: Iterable[ProofRun]) -> Iterator[ProofRow]:
    """Yield rows of benchmarks that HEAD makes slower, so that they are to be called so."""
    for run in runs:
        yield from (row for row in run.rows if body(row.benchmark) in BY_NAME[run.kind].slower)


def _shares(verdicts: Iterable[Mapping[str, bool]]) -> dict[str, Share]:
    counted = list(verdicts)
    names = dict.fromkeys(name for verdict in counted for name in verdict)
    return {
        name: share(sum(verdict.get(name, False) for verdict in counted), len(counted))
        for name in names
    }


def counted_kinds(runs: Sequence[ProofRun]) -> list[CountedKind]:
    """Return one for each kind with rows that were to be counted."""
    result = []
    for kind in KINDS:
        own = [run for run in runs if run.kind == kind.name]
        rows = to_count(
            changed_rows(own) if kind.changed else (row for run in own for row in run.rows)
        )
        counted = [row for row in rows if row.work is not None]
        if not rows:
            continue
        works = [row.work for row in counted if row.work is not None]
        result.append(
            CountedKind(
                name=kind.summary,
                rows=len(rows),
                counted=share(len(counted), len(rows)),
                seen=share(sum(is_seen(work) for work in works), len(works)),
                called_slower=share(
                    sum(row.verdict == "regression" for row in counted), len(counted)
                ),
                on_work=share(
                    sum(row.verdict == "regression" and row.stands_on != "time" for row in counted),
                    len(counted),
                ),
                change=middle(work.change for work in works),
                noise=max((work.noise for work in works), default=None),
            )
        )
    return result


def counted_benchmarks(runs: Sequence[ProofRun]) -> list[CountedBenchmark]:
    """Return how far counts are apart in runs in which nothing changed, by benchmark."""
    by_body: dict[str, list[ProofRow]] = {}
    for run in runs:
        if not BY_NAME[run.kind].changed:
            for row in to_count(run.rows):
                by_body.setdefault(body(row.benchmark), []).append(row)
    return [_benchmark(name, rows) for name, rows in by_body.items()]


def _benchmark(name: str, rows: Sequence[ProofRow]) -> CountedBenchmark:
    changes = [abs(row.work.change) for row in rows if row.work is not None]
    reasons = Counter(row.not_counted for row in rows if row.not_counted is not None)
    return CountedBenchmark(
        benchmark=name,
        counted=share(len(changes), len(rows)),
        median=median(changes) if changes else None,
        largest=max(changes, default=None),
        why_not=reasons.most_common(1)[0][0] if reasons else None,
    )


def to_count(rows: Iterable[ProofRow]) -> list[ProofRow]:
    """Return the rows that somebody tried to count."""
    return [row for row in rows if row.work is not None or row.not_counted is not None]


Value = Callable[[list[float]], float]

USUAL = "lower quartile"
VALUES: dict[str, Value] = {
    USUAL: lower_quartile,
    "minimum": min,
    "median": median,
    "mean": mean,
}
FAR = f"{USUAL}, base of another block"
_RESAMPLES = 400


def spreads(runs: Sequence[ProofRun]) -> list[Spreads]:
    """Return each benchmark's spreads over the screens of these runs, in which nothing changed."""
    result = []
    names = dict.fromkeys(row.benchmark for run in runs for row in run.rows)
    for name in names:
        screens = [
            [pair(block) for block in row.screen]
            for run in runs
            for row in run.rows
            if row.benchmark == name and len(row.screen) >= FEWEST
        ]
        if not screens:
            continue
        ratios = {
            choice: [
                [_log_ratio(value, block.base, block.head) for block in blocks]
                for blocks in screens
            ]
            for choice, value in VALUES.items()
        }
        ratios[FAR] = [
            [
                _log_ratio(lower_quartile, blocks[index - len(blocks) // 2].base, block.head)
                for index, block in enumerate(blocks)
            ]
            for blocks in screens
        ]
        result.append(
            Spreads(
                benchmark=name,
                blocks=sum(len(blocks) for blocks in screens),
                spreads={choice: _spread(by_run) for choice, by_run in ratios.items()},
            )
        )
    return result


def _log_ratio(value: Value, base: Samples, head: Samples) -> float:
    return log(value(head.tolist()) / value(base.tolist()))


def _spread(by_run: Sequence[Sequence[float]]) -> Spread:
    """Return the spread with a bootstrap interval over runs: blocks of one run are alike."""
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = random.integers(len(by_run), size=len(by_run))
        drawn.append(_of([value for index in chosen for value in by_run[index]]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Spread(_of([value for values in by_run for value in values]), float(low), float(high))


def _of(values: Sequence[float]) -> float:
    return estimate(values).spread
