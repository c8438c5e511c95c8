"""Committed runs that no page needs any more, and the files that go with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.code_state import same_code
from benchmarks.of_record import tracked
from perceptron.errors import UserError
from perceptron.records.store import StoredRun, stored_runs


@dataclass(frozen=True)
class Superseded:
    """A committed run, and why it can go."""

    folder: Path
    reason: str


def superseded(checkout: Path) -> list[Superseded]:
    """Return the committed runs whose code is gone, or that were measured again since.

    A run is measured again by a finished one of the same machine and plan. Results of another
    machine stay as long as their code is that of the checkout, and those of a machine with a GPU,
    which is lent and not at hand, until they are measured again. results/proof is the gate's own.
    """
    runs = stored_runs(checkout / "results", _refuse)  # the newest first
    committed = {Path(name).parent for name in tracked(checkout) if name.endswith("/run.json")}
    found = []
    for index, stored in enumerate(runs):
        if stored.folder.relative_to(checkout) not in committed:
            continue
        if again := _measured_again(stored, runs[:index]):
            found.append(Superseded(stored.folder, f"measured again: {again.folder.name}"))
        elif not same_code(checkout, stored.run.commit) and not _has_gpu(stored):
            found.append(Superseded(stored.folder, f"its code is gone: {stored.run.commit}"))
    return found


def delete(runs: Sequence[Superseded]) -> list[Path]:
    """Delete the runs and the environments that no run beside them names; return what went.

    Files only: git sees them as deleted, and commits nothing.
    """
    gone = []
    for run in runs:
        shutil.rmtree(run.folder)
        gone.append(run.folder)
    for machine in {run.folder.parent for run in runs}:
        gone += _unused_environments(machine)
    return gone


def _unused_environments(machine: Path) -> list[Path]:
    runs = stored_runs(machine.parents[1], _refuse)
    named = {stored.run.environment for stored in runs if stored.folder.parent == machine}
    unused = [
        file
        for file in sorted(machine.glob("environment-*.json"))
        if file.stem.removeprefix("environment-") not in named
    ]
    for file in unused:
        file.unlink()
    if not any(machine.iterdir()):
        machine.rmdir()
    return unused


def _has_gpu(run: StoredRun) -> bool:
    environment = run.folder.parent / f"environment-{run.run.environment}.json"
    return bool(json.loads(environment.read_text(encoding="utf-8")).get("gpus"))


def _measured_again(run: StoredRun, newer: Sequence[StoredRun]) -> StoredRun | None:
    for other in newer:
        same = (other.run.machine, other.run.plan) == (run.run.machine, run.run.plan)
        if same and other.run.finished is not None:
            return other
    return None


def _refuse(complaint: str) -> None:
    raise UserError(complaint)
