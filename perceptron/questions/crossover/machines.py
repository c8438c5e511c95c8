"""One backend on several machines: whose curves may stand in one figure; never a ratio of two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from perceptron.questions.crossover.sweep import Curve, Sweep


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
