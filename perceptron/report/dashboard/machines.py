"""The page of machines: what each answers, and side by side what `perceptron doctor` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from perceptron.analysis.collection import Collection, Machine
from perceptron.analysis.fleet.machine_answer import machine_answers
from perceptron.numbers import memory
from perceptron.records.environment import Gpu
from perceptron.report.dashboard.fleet import fleet_tables
from perceptron.report.dashboard.large_table import Column, LargeTable
from perceptron.report.dashboard.page import machine_name
from perceptron.report.tables.doctor import cells
from perceptron.untrusted_text import shortened

SIDE_BY_SIDE = 12
"""Machines with a column of their own: the newest. Of more, a table has a row for each."""
_NOTHING = "not recorded"


def machines_page(collection: Collection) -> tuple[dict[str, Any], list[LargeTable]]:
    """Return what the template shows, and the tables that its script shows, one a question."""
    tables = fleet_tables(machine_answers(collection.sweeps, collection.studies.get("bench", [])))
    shown, rest = collection.machines[:SIDE_BY_SIDE], collection.machines[SIDE_BY_SIDE:]
    if rest:
        tables.append(_facts_table(collection.machines))
    facts = machines(replace(collection, machines=shown))
    return facts | {"left_out": len(rest)}, tables


def _facts_table(members: Sequence[Machine]) -> LargeTable:
    """Return the facts of all machines as a table with a row for each."""
    return LargeTable(
        label="what each machine is",
        title="What each machine is, as its newest run began",
        columns=(
            Column("machine", "machine"),
            *(Column(name.replace(" ", "_"), name) for name, _ in _FACTS),
            Column("warnings", "warnings", is_number=True),
        ),
        rows=[
            [
                _name(machine),
                *(text_of(machine) for _, text_of in _FACTS),
                None if machine.diagnosis is None else len(machine.diagnosis.warnings),
            ]
            for machine in members
        ],
    )


def machines(collection: Collection) -> dict[str, Any]:
    """Return a column for each machine: its facts, and what the doctor said of it."""
    table = [
        (name, [shortened(text_of(machine), 600) for machine in collection.machines])
        for name, text_of in _FACTS
    ]
    checked = [_checks(machine) for machine in collection.machines]
    checks = list(dict.fromkeys(what for facts in checked for what in facts))
    return {
        "names": [_name(machine) for machine in collection.machines],
        "facts": table,
        "checks": [
            (what, [facts.get(what, (_NOTHING, "unknown")) for facts in checked]) for what in checks
        ],
        "warnings": [
            (_name(machine), machine.diagnosis.warnings)
            for machine in collection.machines
            if machine.diagnosis is not None and machine.diagnosis.warnings
        ],
        "complaints": [shortened(machine, 400) for machine in collection.complaints],
    }


def _name(machine: Machine) -> str:
    return shortened(machine_name(machine.name, "perceptron"))


def _checks(machine: Machine) -> dict[str, tuple[str, str]]:
    """Return what the doctor looked at, with its value and verdict."""
    if machine.diagnosis is None:
        return {}
    return {
        what: (shortened(value, 300), verdict) for what, value, verdict in cells(machine.diagnosis)
    }


def _processor(machine: Machine) -> str:
    if machine.diagnosis is None:
        return _NOTHING
    facts = machine.diagnosis.environment
    return (
        f"{facts.cpu}, {facts.architecture}, {facts.cores} usable cores, "
        f"{memory(facts.memory_bytes)} memory"
    )


def _gpus(machine: Machine) -> str:
    if machine.diagnosis is None:
        return _NOTHING
    gpus = machine.diagnosis.environment.gpus
    return "; ".join(map(_gpu, gpus)) or "none"


def _gpu(gpu: Gpu) -> str:
    size = "" if gpu.memory_bytes is None else f", {memory(gpu.memory_bytes)} memory"
    return f"{gpu.name}, driver {gpu.driver or 'unknown'}{size}"


def _system(machine: Machine) -> str:
    if machine.diagnosis is None:
        return _NOTHING
    return f"{machine.diagnosis.environment.system}, {machine.diagnosis.environment.python}"


def _libraries(machine: Machine) -> str:
    if machine.diagnosis is None:
        return _NOTHING
    libraries = machine.diagnosis.environment.libraries
    return ", ".join(f"{name} {version}" for name, version in libraries.items()) or "none"


def _pools(machine: Machine) -> str:
    if machine.diagnosis is None:
        return _NOTHING
    return (
        "; ".join(
            " ".join(filter(None, (pool.library, pool.version)))
            + (f", kernel {pool.kernel}" if pool.kernel else "")
            + (f", {pool.threads} threads" if pool.threads else "")
            for pool in machine.diagnosis.environment.pools
        )
        or "none"
    )


def _settings(machine: Machine) -> str:
    if machine.diagnosis is None:
        return _NOTHING
    variables = machine.diagnosis.environment.variables
    return ", ".join(f"{name}={value}" for name, value in variables.items()) or "none"


_FACTS: tuple[tuple[str, Callable[[Machine], str]], ...] = (
    ("processor", _processor),
    ("GPU", _gpus),
    ("system", _system),
    ("libraries", _libraries),
    ("thread pools", _pools),
    ("settings", _settings),
    ("measured by", lambda machine: ", ".join(machine.sources) or _NOTHING),
    ("newest result", lambda machine: machine.newest[:10] or _NOTHING),
    ("runs of ours", lambda machine: f"{machine.runs:,}"),
    ("rows", lambda machine: f"{machine.rows:,}"),
    ("commits", lambda machine: f"{machine.commits:,}"),
)
