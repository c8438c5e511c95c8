"""The page of machines: side by side, with what `perceptron doctor` says of each."""

from __future__ import annotations

from typing import Any

from perceptron.analysis.stored.collection import Collection, Machine
from perceptron.records.environment import Gpu
from perceptron.report.dashboard.names import machine_name
from perceptron.report.numbers import memory
from perceptron.report.tables.doctor import cells
from perceptron.untrusted_text import shortened

_NOTHING = "not recorded"


def machines(collection: Collection) -> dict[str, Any]:
    """Return what the template of the page shows: a column for each machine."""
    rows = [
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
    ]
    table = [
        (name, [shortened(text_of(machine), 600) for machine in collection.machines])
        for name, text_of in rows
    ]
    checked = [_checks(machine) for machine in collection.machines]
    checks = list(dict.fromkeys(what for facts in checked for what in facts))
    return {
        "names": [_name(machine) for machine in collection.machines],
        "facts": table,
        "checks": [
            (what, [facts.get(what, (_NOTHING, "not known")) for facts in checked])
            for what in checks
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
    return f"{gpu.name}, driver {gpu.driver or 'not known'}{size}"


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
