"""The page of machines: their answers, and the conditions of `perceptron doctor` side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perceptron.numbers import memory
from perceptron.questions.collection import Collection, Machine
from perceptron.records.comparison_key import machine_label
from perceptron.records.environment import Environment, Gpu
from perceptron.report.dashboard.large_table import Column, LargeTable
from perceptron.report.tables.doctor import cells
from perceptron.untrusted_text import shortened

SIDE_BY_SIDE = 12
"""The most machines with a column each, the newest. With more, a table has a row for each."""
_NOTHING = "not recorded"


def machines_page(collection: Collection) -> tuple[dict[str, Any], list[LargeTable]]:
    """Return the facts for the template, and the tables for its script."""
    answers = collection.answers_table()
    tables = [
        LargeTable(
            label="answers",
            title=answers.title,
            columns=tuple(Column(name, name) for name in answers.columns),
            rows=answers.texts,
        )
    ] * bool(answers.rows)
    side_by_side, rest = collection.machines[:SIDE_BY_SIDE], collection.machines[SIDE_BY_SIDE:]
    if rest:
        tables.append(_facts_table(collection.machines))
    checked = [_checks(machine) for machine in side_by_side]
    facts = {
        "names": [_name(machine) for machine in side_by_side],
        "facts": [
            (what, [shortened(text_of(machine), 600) for machine in side_by_side])
            for what, text_of in _FACTS
        ],
        "checks": [
            (what, [checks.get(what, (_NOTHING, "unknown")) for checks in checked])
            for what in dict.fromkeys(what for checks in checked for what in checks)
        ],
        "warnings": [
            (_name(machine), machine.diagnosis.warnings)
            for machine in side_by_side
            if machine.diagnosis is not None and machine.diagnosis.warnings
        ],
        "complaints": [shortened(complaint, 400) for complaint in collection.errors],
        "left_out": len(rest),
    }
    return facts, tables


def _facts_table(members: Sequence[Machine]) -> LargeTable:
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


def _name(machine: Machine) -> str:
    return shortened(machine_label(machine.name))


def _checks(machine: Machine) -> dict[str, tuple[str, str]]:
    """Return the doctor's conditions, each with its value and verdict."""
    if machine.diagnosis is None:
        return {}
    return {
        name: (shortened(value, 300), verdict) for name, value, verdict in cells(machine.diagnosis)
    }


def _recorded(text_of: Callable[[Environment], str]) -> Callable[[Machine], str]:
    """Return a function for a fact of the environment of a machine's newest run of our own."""

    def text(machine: Machine) -> str:
        diagnosis = machine.diagnosis
        return _NOTHING if diagnosis is None else text_of(diagnosis.environment) or "none"

    return text


def _processor(facts: Environment) -> str:
    return (
        f"{facts.cpu}, {facts.architecture}, {facts.cores} usable cores, "
        f"{memory(facts.memory_bytes)} memory"
    )


def _gpu(gpu: Gpu) -> str:
    size = "" if gpu.memory_bytes is None else f", {memory(gpu.memory_bytes)} memory"
    return f"{gpu.name}, driver {gpu.driver or 'unknown'}{size}"


def _pools(facts: Environment) -> str:
    return "; ".join(
        " ".join(filter(None, (pool.library, pool.version)))
        + (f", kernel {pool.kernel}" if pool.kernel else "")
        + (f", {pool.threads} threads" if pool.threads else "")
        for pool in facts.pools
    )


_FACTS: tuple[tuple[str, Callable[[Machine], str]], ...] = (
    ("processor", _recorded(_processor)),
    ("GPU", _recorded(lambda facts: "; ".join(map(_gpu, facts.gpus)))),
    ("system", _recorded(lambda facts: f"{facts.system}, {facts.python}")),
    ("libraries", _recorded(lambda facts: ", ".join(map(" ".join, facts.libraries.items())))),
    ("thread pools", _recorded(_pools)),
    ("settings", _recorded(lambda facts: ", ".join(map("=".join, facts.variables.items())))),
    ("measured by", lambda machine: ", ".join(machine.sources) or _NOTHING),
    ("newest result", lambda machine: machine.newest[:10] or _NOTHING),
    ("runs of ours", lambda machine: f"{machine.runs:,}"),
    ("rows", lambda machine: f"{machine.rows:,}"),
    ("commits", lambda machine: f"{machine.commits:,}"),
)
