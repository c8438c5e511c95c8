"""Which of many machines for my shape, and which backend on it: from what they measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec.structs import replace

from perceptron.analysis.fleet.advice import Asked, FleetAdvice, fleet_advice
from perceptron.analysis.training_length import TrainingLength
from perceptron.errors import UserError, unknown
from perceptron.problems.problem import Problem
from perceptron.records.prices import Prices
from perceptron.records.readers.stored_runs import read_results
from perceptron.studies.shared.places import places_of
from perceptron.untrusted_text import shortened

# Machines whose reason an error names.
_NAMED = 3


@dataclass(frozen=True)
class MachinesPlan:
    """A problem, its training, and the machines that are asked; what is empty is not restricted."""

    problem: Problem
    length: TrainingLength
    machines: tuple[str, ...] = ()
    """Names, or patterns of names such as ``epyc-*``."""
    dtype: str = "float32"
    threads: int | None = None
    backends: tuple[str, ...] = ()


def advise_machines(
    plan: MachinesPlan, results: Path, prices: Prices | None = None
) -> tuple[FleetAdvice, list[str]]:
    """Answer from the rows in a results folder; return what could not be read there as well.

    Nothing is measured. Raises `UserError` for a name that no machine has, and where no machine
    measured anything near the problem.
    """
    stored = read_results(results)
    machines = list(dict.fromkeys((row.machine, row.source) for row in stored.rows))
    if not machines:
        raise UserError(f"{results}: no machine has measured anything: {_measure(plan)}")
    chosen = _chosen(plan.machines, machines)
    asked = Asked(
        problem=plan.problem.name,
        places=places_of(plan.problem),
        iterations=_iterations(plan),
        dtype=plan.dtype,
        threads=plan.threads,
        backends=plan.backends,
    )
    answer = fleet_advice(stored.rows, chosen, asked, prices)
    if not answer.machines:
        reasons = "; ".join(
            f"{shortened(one.machine, 40)} {one.reason}" for one in answer.absent[:_NAMED]
        )
        more = len(answer.absent) - _NAMED
        others = f"; and {more} more" if more > 0 else ""
        raise UserError(
            f"{results}: no machine measured anything near {plan.problem.name} "
            f"({reasons}{others}): {_measure(plan)}"
        )
    return replace(answer, absent=sorted(answer.absent, key=lambda one: one.machine)), sorted(
        stored.complaints
    )


def _iterations(plan: MachinesPlan) -> int:
    epochs = plan.length.epochs
    if epochs is None:
        return plan.length.iterations
    return epochs * plan.problem.iterations_per_epoch


def _measure(plan: MachinesPlan) -> str:
    """Return what to run: a family of ours, or a file, as a bench takes no shape."""
    families = [place.family for place in places_of(plan.problem)]
    ours = next((name for name in families if name.startswith(("mlp-", "perceptron-"))), None)
    option = "--problem FILE.toml" if ours is None else f"--families {ours}"
    return f"measure it on them with `perceptron bench --on slurm {option}`"


def _chosen(names: Sequence[str], machines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the machines that are meant; all where no name is given."""
    known = list(dict.fromkeys(machine for machine, _ in machines))
    for name in names:
        if not any(name == machine or fnmatchcase(machine, name) for machine in known):
            raise unknown("machine", name, known)
    return [
        (machine, source)
        for machine, source in machines
        if not names or any(name == machine or fnmatchcase(machine, name) for name in names)
    ]
