"""What counting said in whole runs: of what changed, and of what did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.validation.gate.judging.counts import is_seen
from benchmarks.validation.gate.judging.tally import changed_rows, middle
from benchmarks.validation.gate.record import CountedBenchmark, CountedKind, ProofRow, ProofRun
from benchmarks.validation.gate.runs.kinds import BY_NAME, KINDS
from benchmarks.validation.gate.runs.repository import body
from benchmarks.validation.share import share


def counted_kinds(runs: Sequence[ProofRun]) -> list[CountedKind]:
    """Return one for each kind with rows that were to be counted."""
    result = []
    for kind in KINDS:
        own = [run for run in runs if run.kind == kind.name]
        rows = to_count(
            (row for _, row in changed_rows(own))
            if kind.changed
            else (row for run in own for row in run.rows)
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
