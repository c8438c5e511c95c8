"""Read the runs of studies on this machine into rows of the cache."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.errors import UserError
from perceptron.measure.library_versions import names_beneath
from perceptron.problems import catalogue, files
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DTYPES
from perceptron.questions.fastest.measured_shape import (
    MeasuredShape,
    TrainingShape,
    measured_shape,
    with_separate_setups,
)
from perceptron.questions.fastest.question import variant_of
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.run import Run
from perceptron.statistics.select import has_time


def read_runs(folders: Iterable[str]) -> list[MeasuredShape]:
    """Read the rows of these runs that were measured on this machine, with library versions.

    Skip runs that cannot be read; commands that show results report them.
    """
    # These imports take milliseconds to a second: only if there is something to read.
    import psutil

    from perceptron.machine import cpu_name, usable_cores
    from perceptron.measure.environment import gpus_here
    from perceptron.records.environment import Facts, facts_of
    from perceptron.records.row import times
    from perceptron.records.store import load_run

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
            run, environment, measured = load_run(Path(folder), lambda _: None)
        except (UserError, OSError):
            continue
        if facts_of(environment).is_same(here):
            python = {"python": environment.python.rpartition(" ")[2]}
            rows += known_rows(folder, run, times(measured), {**environment.libraries, **python})
    return rows


def known_rows(
    folder: str, run: Run, measured: Iterable[Measurement], libraries: Mapping[str, str]
) -> list[MeasuredShape]:
    """Return a row for each timed shape, backend, dtype and number of threads of a run.

    Skip rows of trainings that `fastest` cannot describe. Two problems of the same shape, as where
    two families meet, get separate rows, because only repeats of one problem are side by side.
    """
    rows = [row for row in with_own_setups(measured) if has_time(row) and row.dtype in DTYPES]
    groups = grouped(
        rows, lambda row: (_shape(row), row.problem, row.backend, row.dtype, row.threads)
    )
    shapes = []
    for (shape, problem, backend, _, threads), members in groups.items():
        if shape is None or threads is None:
            continue
        with suppress(UserError):
            beneath = names_beneath(getattr(_backend(backend), "imports", ()))
            row = replace(
                measured_shape(
                    shape,
                    backend,
                    members,
                    together=f"{folder}: {problem}",
                    session=run.started,
                    code=run.code or run.commit,
                ),
                libraries={name: libraries[name] for name in beneath if name in libraries},
                environment=run.environment,
                origin=folder,
            )
            shapes.append(row)
    return shapes


def with_own_setups(measured: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows of a run, each with the setup seconds of a process of its own."""
    rows = list(measured)
    names = {row.backend for row in rows}
    compilers = {name for name in names if getattr(_backend(name), "compiles", False)}
    return with_separate_setups(rows, compilers)


def _shape(row: Measurement) -> TrainingShape | None:
    """Return the shape of a row's training; None if `fastest` cannot describe it."""
    is_plain = row.feed in (None, "resident") and not row.folds and row.processes in (None, 1)
    if row.phase is not None or row.source != "perceptron" or not is_plain:
        return None
    if row.rows is None or row.features is None or row.hidden is None or row.outputs is None:
        return None
    if row.optimizer is None or row.optimizer not in get_args(OptimizerName):
        return None
    if row.problem is None or files.is_file(row.problem):  # a file may have changed since
        return None
    shape = TrainingShape(
        rows=row.rows,
        features=row.features,
        hidden=tuple(row.hidden),
        outputs=row.outputs,
        batch=row.batch,
        optimizer=row.optimizer,
        models=row.all_models,
    )
    try:
        return replace(shape, variant=_variant(row.problem, shape))
    except UserError:  # an impossible shape
        return None


@lru_cache(maxsize=1024)  # all rows of a problem have the same
def _variant(name: str, shape: TrainingShape) -> str:
    """Return loss and activations of a problem where they differ from those of its shape alone."""
    return variant_of(catalogue.find(name), shape)


@lru_cache(maxsize=256)
def _backend(name: str) -> Backend | None:
    """Return a backend; None if it is not installed. Listing the installed ones takes 40 ms."""
    is_installed = name in registry.BUILT_IN or registry.is_name(name)
    return registry.load(name) if is_installed else None
