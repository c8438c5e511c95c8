"""Make docs/schemas: the JSON schema of each ``--json`` document, from the types that are printed.

**The keys of a command's document are declared only here.** A test validates every golden document,
without undeclared keys.
"""

from __future__ import annotations

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import msgspec

from perceptron.answer import Decided
from perceptron.commands.backends import BackendFacts
from perceptron.numbers import Unit
from perceptron.questions.bench.finding import FindingRow
from perceptron.questions.check import CheckResult
from perceptron.questions.crossover.amortise import Amortisation
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.fastest.advice import ProblemAdvice
from perceptron.questions.map.judge import PhaseMap
from perceptron.questions.overhead.ladder import (
    Ceilings,
    DevicePart,
    IterationPhase,
    Variant,
    WholeIteration,
)
from perceptron.questions.race.judge import RaceRun, RaceStart
from perceptron.questions.walkthrough.training import EpochScore
from perceptron.records.comparison import Comparison
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.fleet import CollectedRun, FleetStatus, JobStatus, RunAnswer
from perceptron.records.readers.reading import SourceRead
from perceptron.records.run import BudgetUse
from perceptron.records.warning import MeasurementWarning
from perceptron.report.documents import SCHEMA_VERSION
from perceptron.statistics.gpu_use import GpuUse
from perceptron.statistics.ranking import Ranking


def _holds(title: str, /, **types: Any) -> Any:
    """Return a type with these keys, for a document or a part of one."""
    return cast(Any, TypedDict)(title, types)


def _several(item: Any) -> Any:
    return cast(Any, list)[item]


_QUANTITY = _holds(
    "Quantity",
    value=float,
    low=float | None,
    high=float | None,
    unit=Unit,
    was=NotRequired[float],
    text=str,
)
_TABLES = _several(
    _holds(
        "Table",
        title=str,
        columns=list[str],
        rows=_several(_several(_QUANTITY | str | float | None)),
    )
)
# What `perceptron.report.documents.answer` adds to the document of every study.
_ANSWER: dict[str, Any] = {
    "verdicts": _several(
        _holds("Verdict", subject=str, decided=Decided, sentence=str, notes=list[str])
    ),
    "tables": _TABLES,
    "warnings": list[MeasurementWarning],
    "budget": BudgetUse | None,
    "page": Path | None,
    "dashboard": Path | None,
    "results": Path | None,
}
_ADVICE = {field.name: field.type for field in msgspec.structs.fields(ProblemAdvice)}
_ADVICE |= {"decided": Decided, "measured_at": _ADVICE.pop("measured")}
_COMPARISON = {field.name: field.type for field in msgspec.structs.fields(Comparison)}
_MATRIX = list[list[float]]
# With classes it has no weights, without them no accuracy.
_TRAINING = _holds(
    "Training",
    backend=str,
    dtype=str,
    iterations=int,
    seconds=float,
    errors=list[tuple[int, float]],
    accuracy=NotRequired[_holds("Accuracy", train=float | None, test=float | None)],
    epochs=NotRequired[list[EpochScore]],
    confusion=NotRequired[list[list[int]]],
    weights=NotRequired[list[float | _MATRIX]],
    bias=NotRequired[float | _MATRIX],
    predictions=NotRequired[list[float]],
)

DOCUMENTS: dict[str, Any] = {
    "advise": _holds("advise", **_ADVICE, **_ANSWER),
    "backends": _holds("backends", backends=list[BackendFacts]),
    "bench": _holds(
        "bench", machine=str, finding=list[FindingRow], crossovers=list[Crossover], **_ANSWER
    ),
    "check": _holds("check", backends=dict[str, list[CheckResult]]),
    "compare": _holds("compare", **_COMPARISON, tables=_TABLES),
    "crossover": _holds(
        "crossover",
        crossovers=list[Crossover],
        from_cold=_holds("ColdStart", iterations=int, crossovers=list[Crossover]),
        amortisation=list[Amortisation],
        sources=list[SourceRead],
        notes=NotRequired[list[str]],
        **_ANSWER,
    ),
    "dashboard": _holds("dashboard", dashboard=Path, asv=str | None, complaints=list[str]),
    "doctor": _holds(
        "doctor", environment=Environment, conditions=Conditions, warnings=list[MeasurementWarning]
    ),
    "fleet-status": _holds("fleet-status", fleets=list[FleetStatus]),
    # A command with --on prints it as well.
    "fleet-collect": _holds(
        "fleet-collect",
        fleets=_several(_holds("Started", fleet=str, command=list[str])),
        jobs=list[JobStatus],
        machines=list[RunAnswer],
        runs=list[CollectedRun],
        complaints=list[str],
        dashboard=Path | None,
        results=Path,
    ),
    "map": _holds(
        "map", map=PhaseMap, not_refined=int, machine=str, notes=NotRequired[list[str]], **_ANSWER
    ),
    "overhead": _holds(
        "overhead",
        problem=str,
        threads=int,
        rungs=list[Variant],
        phases=list[IterationPhase],
        phases_of_whole=list[WholeIteration],
        operations=int,
        bytes_moved=int,
        ceilings=Ceilings | None,
        ceilings_by_device=list[Ceilings],
        device=list[DevicePart],
        gpus=list[GpuUse],
        harness=_holds("Harness", seconds=float | None, share_of_sample=float | None),
        published=dict[str, float],
        ranking=Ranking,
        **_ANSWER,
    ),
    "race": _holds(
        "race",
        problem=str,
        target=str,
        runs=list[RaceRun],
        rankings=dict[RaceStart, Ranking],
        epochs=int,
        iterations_per_epoch=int,
        check_iterations=int,
        threads=int | None,
        machine=str,
        **_ANSWER,
    ),
    "walkthrough": _holds(
        "walkthrough",
        problem=str,
        runs=_several(_TRAINING),
        skipped=_several(_holds("Skipped", backend=str, reason=str)),
        contradictions=NotRequired[list[list[str]]],
    ),
}


def schema(name: str) -> dict[str, Any]:
    """Return the JSON schema of a document of `DOCUMENTS`."""
    document = _without_names(msgspec.json.schema(DOCUMENTS[name], schema_hook=_path))
    for part in document["$defs"].values():
        if "description" in part:
            part["description"] = cleandoc(part["description"])
    whole = document["$defs"].pop(document.pop("$ref").rsplit("/")[-1])
    version = {"schema_version": {"const": SCHEMA_VERSION}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "properties": version | whole["properties"],
        "required": [*version, *whole["required"]],
        "$defs": document["$defs"],
    }


def files() -> dict[str, str]:
    """Return the text of each schema, by its path in the repository."""
    return {f"docs/schemas/{name}.json": _lines(schema(name)) + "\n" for name in DOCUMENTS}


def _lines(part: dict[str, Any]) -> str:
    """Format a schema as JSON, with a line for each key and each definition."""
    entries = [
        f'"{key}": {_lines(value) if key == "$defs" else json.dumps(value, ensure_ascii=False)}'
        for key, value in part.items()
    ]
    return "{\n" + ",\n".join(entries) + "\n}"


def _without_names(part: Any) -> Any:
    """Return a schema without ``propertyNames``, which only some versions of msgspec write."""
    if isinstance(part, dict):
        return {key: _without_names(value) for key, value in part.items() if key != "propertyNames"}
    return [_without_names(value) for value in part] if isinstance(part, list) else part


def _path(kind: type) -> dict[str, Any]:
    if issubclass(kind, Path):
        return {"type": "string"}
    raise NotImplementedError
