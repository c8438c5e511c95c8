"""Which sweeps are of one definition of their problems, where machines have several of one name.

As a machine with an older checkout has: its times are of other trainings. Clocks of two machines do
not tell which is the newer one, so none is asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.stored.sweep import Sweep

Digests = dict[str, str]
"""A definition: the digest of each problem, by its name."""


def definition_of(sweep: Sweep, known: list[Digests]) -> int | None:
    """Return which of the ``known`` definitions a sweep's problems have; a new one joins them.

    None where its rows do not say, as those from before there were digests.
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


def of_one_definition(sweeps: Iterable[Sweep]) -> tuple[list[Sweep], list[Sweep]]:
    """Return the sweeps of the definition that most machines have, and those of others.

    Sweeps that do not know theirs are of any.
    """
    sweeps = list(sweeps)
    known: dict[tuple[str, str | None], list[Digests]] = {}
    names = [(sweep.family, sweep.problem) for sweep in sweeps]
    numbers = [
        definition_of(sweep, known.setdefault(name, []))
        for sweep, name in zip(sweeps, names, strict=True)
    ]
    machines: dict[tuple[str, str | None], dict[int, set[str]]] = {}
    for sweep, name, number in zip(sweeps, names, numbers, strict=True):
        if number is not None:
            machines.setdefault(name, {}).setdefault(number, set()).add(sweep.machine)
    # Of equally many machines each: what stands first in an order that no clock has made.
    most = {
        name: max(
            (len(some), sorted(known[name][number].items()), number) for number, some in by.items()
        )[-1]
        for name, by in machines.items()
    }
    kept: list[Sweep] = []
    others: list[Sweep] = []
    for sweep, name, number in zip(sweeps, names, numbers, strict=True):
        (kept if number is None or number == most[name] else others).append(sweep)
    return kept, others
