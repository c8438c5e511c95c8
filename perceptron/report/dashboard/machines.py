"""The page of machines: what each answers, and side by side what `perceptron doctor` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from perceptron.analysis.fleet.machine_answer import machine_answers
from perceptron.analysis.stored.collection import Collection, Machine
from perceptron.records.environment import Gpu
from perceptron.report.dashboard.fleet.questions import fleet_table
from perceptron.report.dashboard.long_table import LongTable, Question, heading
from perceptron.report.dashboard.names import machine_name
from perceptron.report.numbers import memory
from perceptron.report.tables.doctor import cells
from perceptron.untrusted_text import shortened

SIDE_BY_SIDE = 12
"""Machines with a column of their own: the newest. Of more, a table has a row for each."""
_NOTHING = "not recorded"


class MachinesPage(Struct, frozen=True):
    """What the template shows, and the tables that its script shows; None without an answer."""

    facts: dict[str, Any]
    fleet: LongTable | None


def machines_page(collection: Collection) -> MachinesPage:
    """Return what machines answer, and what they are: `SIDE_BY_SIDE` of them have a column each."""
    answers = machine_answers(collection.sweeps, collection.benches)
    rest = collection.machines[SIDE_BY_SIDE:]
    fleet = fleet_table(answers, [_facts_question(collection.machines)] if rest else [])
    shown = machines(replace(collection, machines=collection.machines[:SIDE_BY_SIDE]))
    return MachinesPage(shown | {"fleet": fleet is not None, "left_out": len(rest)}, fleet)


def _facts_question(members: Sequence[Machine]) -> Question:
    """Return the facts of all machines as a table with a row for each."""
    return Question(
        label="what each machine is",
        title="What each machine is, as its newest run began",
        headings=(
            heading("machine", "machine", is_number=False),
            *(heading(name.replace(" ", "_"), name, is_number=False) for name, _ in _FACTS),
            heading("warnings", "warnings", is_number=True),
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
