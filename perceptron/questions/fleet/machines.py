"""What each of many machines answers, and one backend on several; never a ratio of two machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from perceptron.answer import Answered
from perceptron.questions.bench.finding import FindingRow, finding_rows
from perceptron.questions.crossover.sweep import Curve, Sweep
from perceptron.records.ground import Ground
from perceptron.statistics.ranking import Ranking, rank_rows
from perceptron.statistics.select import usable_rows


class FindingAnswer(Struct, frozen=True, kw_only=True):
    """The finding of a machine's newest run of the main job: 10,000 iterations of each backend."""

    threads: int
    rows: list[FindingRow]
    ranking: Ranking


class MachineAnswer(Struct, frozen=True, kw_only=True):
    """The answers of a machine; ``source`` is the tool that measured it."""

    machine: str
    source: str
    finding: FindingAnswer | None
    sweeps: list[Sweep]
    """The newest of each family and ground."""


def machine_answers(sweeps: Iterable[Sweep], benches: Iterable[Answered]) -> list[MachineAnswer]:
    """Return the answers of each machine, in the order of their names.

    Of each machine, family and ground the first sweep counts, and of each machine the first run of
    the main job: both begin with the newest. Nothing of one machine is divided by another's.
    """
    newest: dict[tuple[str, str], dict[tuple[str, Ground], Sweep]] = {}
    for sweep in sweeps:
        own = newest.setdefault((sweep.ground.machine, sweep.source), {})
        own.setdefault((sweep.family, sweep.ground), sweep)
    findings: dict[tuple[str, str], FindingAnswer] = {}
    for bench in benches:
        key = (bench.run.run.machine, "perceptron")
        if bench.answer.data["finding"] and key not in findings:
            findings[key] = _finding(bench)
    return [
        MachineAnswer(
            machine=machine,
            source=source,
            finding=findings.get((machine, source)),
            sweeps=sorted(
                newest.get((machine, source), {}).values(),
                key=lambda sweep: (sweep.family, str(sweep.ground)),
            ),
        )
        for machine, source in sorted({*newest, *findings})
    ]


def _finding(bench: Answered) -> FindingAnswer:
    found: list[FindingRow] = bench.answer.data["finding"]
    timed = {row.backend for row in found if row.time is not None}
    own = usable_rows(bench.results, bench.run.times)
    threads = min(row.all_threads for row in own if row.all_threads is not None)
    rows = (row for row in own if row.all_threads == threads and row.backend in timed)
    return FindingAnswer(threads=threads, rows=found, ranking=rank_rows(finding_rows(rows)))


# --- one backend on several machines: whose curves may stand in one figure -----------------------


class BackendOnMachines(Struct, frozen=True, kw_only=True):
    """The same trainings by the same backend, on two machines or more; dtypes are never mixed."""

    backend: str
    curves: list[tuple[Sweep, Curve]]
    """By machine and number of threads: the backend's curve, in the newest sweep."""
    alike: Sweep
    """The newest of the sweeps; its machine and threads are its own alone."""
    outdated: list[str] = []
    """Machines whose rows are of an older definition of the problems."""


def backends_on_machines(sweeps: Iterable[Sweep]) -> list[BackendOnMachines]:
    """Return each backend of each family that two machines measured, in the order of their names.

    ``sweeps`` stand with the newest first: of each machine and number of threads that one counts.
    Curves stand together where family, problem, its definition, dtype, training, the tool that
    measured and the benchmark's version are equal; threads may differ, and each curve says its own.
    A machine with an older checkout may have another definition of a problem: it is left out
    and named. A sweep that does not know its definition stands with the others.
    """
    newest: dict[tuple[object, ...], dict[tuple[str, int | None], Sweep]] = {}
    for sweep in sweeps:
        where, version = sweep.ground, sweep.state.version
        trained = (sweep.family, sweep.problem, sweep.source, version, sweep.per_iteration)
        alike = (*trained, *where._replace(machine="", threads=None))
        newest.setdefault(alike, {}).setdefault((where.machine, where.threads), sweep)
    made = [one for own in newest.values() for one in _of_alike(own.values())]
    return sorted(made, key=lambda one: (one.alike.family, str(one.alike.ground[1:]), one.backend))


def _of_alike(sweeps: Iterable[Sweep]) -> Iterator[BackendOnMachines]:
    """Yield each backend of alike sweeps, the newest first, that two machines measured."""
    known: dict[str, str] = {}
    groups: dict[str, list[tuple[Sweep, Curve]]] = {}
    outdated = set()
    for sweep in sweeps:
        digests = {
            row.problem: row.problem_digest
            for row in sweep.rows
            if row.problem is not None and row.problem_digest is not None
        }
        if any(known.get(problem, digest) != digest for problem, digest in digests.items()):
            outdated.add(sweep.ground.machine)
            continue
        known |= digests
        for curve in sweep.curves:
            if curve.spots:
                groups.setdefault(curve.backend, []).append((sweep, curve))
    for backend, members in groups.items():
        if len({sweep.ground.machine for sweep, _ in members}) > 1:
            yield BackendOnMachines(
                backend=backend,
                curves=sorted(
                    members, key=lambda one: (one[0].ground.machine, one[0].ground.threads or 0)
                ),
                alike=members[0][0],
                outdated=sorted(outdated),
            )
