"""One backend on one family, on several machines: whose curves may stand in one figure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from perceptron.analysis.crossover.sweep import Curve, Sweep
from perceptron.records.ground import Ground

_Digests = dict[str, str]
# A definition: the digest of each problem, by its name. A machine with an older checkout has
# another, and its times are of other trainings.


class MachineCurve(Struct, frozen=True, kw_only=True):
    """A backend over sizes on one machine, with its number of threads, in its newest state."""

    machine: str
    source: str
    threads: int | None
    commit: str | None
    when: str
    curve: Curve


class BackendOnMachines(Struct, frozen=True, kw_only=True):
    """The same trainings by the same backend, on two machines or more; dtypes are never mixed.

    ``ground`` is that of the first, of which machine and threads are its own alone.
    """

    family: str
    axis: str | None
    backend: str
    ground: Ground
    per_iteration: bool
    definition: int
    """Which of the definitions that the problems' names have: nearly always 0, the newest row's."""
    curves: list[MachineCurve]


def backends_on_machines(sweeps: Iterable[Sweep]) -> list[BackendOnMachines]:
    """Return each backend of each family that two machines measured, in the order of their names.

    ``sweeps`` stand with the newest first: of each machine and number of threads that one counts.
    Curves stand together where family, problem, its definition, dtype, training, the tool that
    measured and the benchmark's version are equal; threads may differ, and each curve says its own.
    A sweep that does not know its definition stands with the first.
    """
    groups: dict[tuple[tuple[object, ...], int, str], list[tuple[Sweep, Curve]]] = {}
    seen: set[tuple[object, ...]] = set()
    definitions: dict[tuple[object, ...], list[_Digests]] = {}
    for sweep in sweeps:
        where, version = sweep.ground, sweep.state.version
        trained = (sweep.family, sweep.problem, sweep.source, version, sweep.per_iteration)
        alike = (*trained, *where._replace(machine="", threads=None))
        own = (*alike, where.machine, where.threads)
        if own in seen:
            continue
        seen.add(own)
        definition = _definition_of(sweep, definitions.setdefault(alike, [])) or 0
        for curve in sweep.curves:
            if curve.spots:
                groups.setdefault((alike, definition, curve.backend), []).append((sweep, curve))
    made = [
        _on_machines(members, definition)
        for (_, definition, _), members in groups.items()
        if len({sweep.ground.machine for sweep, _ in members}) > 1
    ]
    return sorted(made, key=lambda one: (one.family, str(one.ground[1:]), one.backend))


def _definition_of(sweep: Sweep, known: list[_Digests]) -> int | None:
    """Return which of the ``known`` definitions a sweep's problems have; a new one joins them.

    None where its rows do not say, as those of other tools.
    """
    own = {
        row.problem: row.problem_digest
        for row in sweep.rows
        if row.problem is not None and row.problem_digest is not None
    }
    if not own:
        return None
    for number, digests in enumerate(known):
        if all(digests.get(problem, digest) == digest for problem, digest in own.items()):
            digests.update(own)
            return number
    known.append(own)
    return len(known) - 1


def _on_machines(members: list[tuple[Sweep, Curve]], definition: int) -> BackendOnMachines:
    first, curve = members[0]
    ordered = sorted(members, key=lambda one: (one[0].ground.machine, one[0].ground.threads or 0))
    return BackendOnMachines(
        family=first.family,
        axis=first.axis,
        backend=curve.backend,
        ground=first.ground,
        per_iteration=first.per_iteration,
        definition=definition,
        curves=[
            MachineCurve(
                machine=sweep.ground.machine,
                source=sweep.source,
                threads=sweep.ground.threads,
                commit=sweep.state.commit,
                when=sweep.when,
                curve=curve,
            )
            for sweep, curve in ordered
        ],
    )
