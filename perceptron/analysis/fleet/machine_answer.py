"""What each machine answers: the fastest backend of each family, crossovers, the finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.ranking import (
    FastestAtSize,
    FastestOver,
    fastest_at_sizes,
    ranked,
    ruled_out_side_by_side,
    stretches,
)
from perceptron.analysis.crossover.sweep import Sweep
from perceptron.analysis.finding import ITERATIONS, FindingRow, finding_rows
from perceptron.analysis.interval import Interval, scaled
from perceptron.analysis.plausible import usable_rows
from perceptron.answer import Answered
from perceptron.records.ground import Ground


class SizeAnswer(Struct, frozen=True, kw_only=True):
    """The fastest backend at one size, and a whole training of `ITERATIONS` by it.

    ``training`` is None where the source does not say what was timed.
    """

    at: FastestAtSize
    training: Interval | None


class FamilyAnswer(Struct, frozen=True, kw_only=True):
    """The answer of one family on one ground of a machine, in its newest state."""

    family: str
    ground: Ground
    axis: str | None
    commit: str | None
    when: str
    sizes: list[SizeAnswer]
    fastest: list[FastestOver]
    """`sizes` with neighbours of the same answer joined."""
    crossovers: list[Crossover]


class FindingAnswer(Struct, frozen=True, kw_only=True):
    """The finding of a machine's newest run of the main job: 10,000 iterations of each backend."""

    threads: int
    rows: list[FindingRow]
    fastest: str | None
    """None without a time."""
    unsure: list[str]

    @property
    def best(self) -> FindingRow | None:
        """The row of the fastest backend."""
        return next((row for row in self.rows if row.backend == self.fastest), None)


class MachineAnswer(Struct, frozen=True, kw_only=True):
    """The answers of a machine; ``source`` is the tool that measured it."""

    machine: str
    source: str
    finding: FindingAnswer | None
    families: list[FamilyAnswer]


def machine_answers(sweeps: Iterable[Sweep], benches: Iterable[Answered]) -> list[MachineAnswer]:
    """Return the answers of each machine, in the order of their names.

    Of each machine, family and ground the first sweep counts, and of each machine the first run of
    the main job: both begin with the newest. Nothing of one machine is divided by another's.
    """
    newest: dict[tuple[str, str], dict[tuple[str, Ground], Sweep]] = {}
    for sweep in sweeps:
        own = newest.setdefault((sweep.ground.machine, sweep.source), {})
        own.setdefault((sweep.family, sweep.ground), sweep)
    findings: dict[tuple[str, str], Answered] = {}
    for bench in benches:
        if bench.answer.data["finding"]:
            findings.setdefault((bench.run.run.machine, "perceptron"), bench)
    answers = []
    for machine, source in sorted({*newest, *findings}):
        key = (machine, source)
        answers.append(
            MachineAnswer(
                machine=machine,
                source=source,
                finding=_finding(findings[key]) if key in findings else None,
                families=[_family(sweep) for sweep in _ordered(newest.get(key, {}).values())],
            )
        )
    return answers


def _ordered(sweeps: Iterable[Sweep]) -> Sequence[Sweep]:
    return sorted(sweeps, key=lambda sweep: (sweep.family, str(sweep.ground)))


def _family(sweep: Sweep) -> FamilyAnswer:
    answers = fastest_at_sizes(sweep.curves, sweep.crossovers)
    return FamilyAnswer(
        family=sweep.family,
        ground=sweep.ground,
        axis=sweep.axis,
        commit=sweep.state.commit,
        when=sweep.when,
        sizes=[_size(answer, sweep.per_iteration) for answer in answers],
        fastest=stretches(answers),
        crossovers=sweep.crossovers,
    )


def _size(answer: FastestAtSize, per_iteration: bool) -> SizeAnswer:
    training = scaled(answer.seconds, ITERATIONS) if per_iteration else None
    return SizeAnswer(at=answer, training=training)


def _finding(bench: Answered) -> FindingAnswer:
    found: list[FindingRow] = bench.answer.data["finding"]
    seconds = {
        row.backend: Interval(row.seconds, row.low, row.high)
        for row in found
        if row.seconds is not None
    }
    own = usable_rows(bench.results, bench.run.times)
    threads = min(row.all_threads for row in own if row.all_threads is not None)
    rows = finding_rows(row for row in own if row.all_threads == threads)
    decided = ruled_out_side_by_side(rows, seconds)
    best, unsure = ranked(seconds, decided) if seconds else (None, [])
    return FindingAnswer(threads=threads, rows=found, fastest=best, unsure=unsure)
