"""Read what studies have measured on this machine: each run folder once, until it changes."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import get_args

from perceptron.analysis.work import MeasuredWork, TrainingShape, Work, of_processes
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.library_versions import names_beneath
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DTYPES, DType
from perceptron.records.measurement import Measurement
from perceptron.studies.fastest.cache import KnownRow
from perceptron.studies.fastest.question import work_of


def changed_runs(results: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return the runs of a results folder that are new or have changed since they were read.

    Each with what tells that: size and time of the file that holds its rows.
    """
    found = {}
    for machine in _folders(os.path.join(os.path.abspath(results), "runs")):
        for run in _folders(machine):
            with suppress(OSError):
                stat = os.stat(os.path.join(run, "measurements.jsonl"))
                stamp = f"{stat.st_size}-{stat.st_mtime_ns}"
                if known.get(run) != stamp:
                    found[run] = stamp
    return found


def _folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        return []


def read_runs(folders: Iterable[str]) -> list[KnownRow]:
    """Read those rows of these runs that were measured on this machine, with what they rest on.

    Runs that cannot be understood are left out: what reads results to show them complains.
    """
    # A few milliseconds to a second: only when there is something to read.
    import psutil

    from perceptron.machine import cpu_name, usable_cores
    from perceptron.measure.environment import gpus_here
    from perceptron.records.hardware_facts import Facts, facts_of
    from perceptron.records.store import load_run
    from perceptron.rehearsal import is_rehearsal

    here = Facts(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        gpus=sorted((gpu.name, gpu.memory_bytes) for gpu in gpus_here()[1]),
    )
    rows = []
    for folder in folders:
        try:
            _, environment, measured = load_run(Path(folder), lambda _: None)
        except (UserError, OSError):
            continue
        rehearsed = is_rehearsal(environment.variables)
        if facts_of(environment).is_same(here) and rehearsed == is_rehearsal():
            python = {"python": environment.python.rpartition(" ")[2]}
            rows += known_rows(folder, measured, {**environment.libraries, **python})
    return rows


def known_rows(
    folder: str, measured: Iterable[Measurement], libraries: Mapping[str, str]
) -> list[KnownRow]:
    """Return a row for each shape, backend, dtype and number of threads of a run."""
    groups: dict[tuple[TrainingShape, str, DType, int], list[Measurement]] = {}
    for row in measured:
        shape = _shape(row)
        if shape is not None and row.dtype in DTYPES and row.threads is not None:
            key = (shape, row.backend, row.dtype, row.threads)
            groups.setdefault(key, []).append(row)
    known = []
    for (shape, backend, dtype, threads), rows in groups.items():
        with suppress(UserError):  # no shape that can be asked about
            known.append(
                KnownRow(
                    row=_row(work_of(shape, dtype), backend, rows),
                    dtype=dtype,
                    threads=threads,
                    libraries=_beneath(backend, libraries),
                    origin=folder,
                )
            )
    return known


def _shape(row: Measurement) -> TrainingShape | None:
    """Return the shape that a row is of; None if no question can be about such a training."""
    is_time = row.status == "ok" and row.seconds is not None and row.phase is None
    is_plain = row.feed in (None, "resident") and not row.folds and row.processes in (None, 1)
    if not is_time or not is_plain or row.source != "perceptron":
        return None
    if row.rows is None or row.features is None or row.hidden is None or row.outputs is None:
        return None
    optimizer = next((name for name in get_args(OptimizerName) if name == row.optimizer), None)
    if optimizer is None:
        return None
    return TrainingShape(
        rows=row.rows,
        features=row.features,
        hidden=tuple(row.hidden),
        outputs=row.outputs,
        batch=row.batch,
        optimizer=optimizer,
        models=row.all_models,
    )


def _row(work: Work, backend: str, rows: Sequence[Measurement]) -> MeasuredWork:
    seconds, low, high = of_processes([row.seconds for row in rows if row.seconds])
    return MeasuredWork(
        work=work,
        backend=backend,
        device=rows[-1].device or "unknown",
        seconds=seconds,
        low=low,
        high=high,
        prepare_seconds=median(row.prepare_seconds or 0.0 for row in rows),
        when=max(row.when for row in rows),
    )


def _beneath(backend: str, libraries: Mapping[str, str]) -> dict[str, str]:
    """Return those libraries that a backend rests on, as far as they were recorded."""
    if not registry.is_name(backend):
        return {}
    modules = getattr(registry.load(backend), "imports", ())
    return {name: libraries[name] for name in names_beneath(modules) if name in libraries}
