"""The JSON documents of the command contract."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.trust import Diagnosis
from perceptron.records.walkthrough import TrainingRun, Walkthrough
from perceptron.report.tables import advice as advice_text
from perceptron.report.tables import what_if


def write(document: object) -> None:
    """Print one JSON document on standard output."""
    text = msgspec.json.format(msgspec.json.encode(document, enc_hook=_text), indent=2)
    sys.stdout.write(text.decode() + "\n")


def _text(value: object) -> str:
    """A path as text; bytes that are none become a mark instead of an error."""
    return str(value).encode(errors="surrogateescape").decode(errors="replace")


def bench(found: BenchResult, page: Path | None) -> dict[str, Any]:
    """What `perceptron bench --json` prints."""
    return {
        "machine": found.machine,
        "finding": found.finding,
        "crossovers": found.crossovers,
        "warnings": found.warnings,
        "dashboard": page,
        "results": found.results,
    }


def crossover(found: CrossoverResult, page: Path | None) -> dict[str, Any]:
    """What `perceptron crossover --json` prints."""
    return {
        "crossovers": found.crossovers,
        "from_cold": {"iterations": found.iterations, "crossovers": found.from_cold},
        "amortisation": found.amortisations,
        "what_if": found.what_if,
        "what_if_checks": found.checks,
        "warnings": found.warnings,
        "page": page,
        "results": found.results,
    }


def advice(found: AdviceResult) -> dict[str, Any]:
    """What `perceptron advise --json` prints."""
    return {
        "sentence": advice_text.sentence(found.advice),
        **msgspec.structs.asdict(found.advice),
        "what_if": {"sentence": what_if.sentence(found), "estimates": found.estimates},
        "warnings": found.warnings,
        "results": found.results,
    }


def overhead(found: OverheadResult, page: Path | None) -> dict[str, Any]:
    """What `perceptron overhead --json` prints."""
    return {
        "problem": found.problem,
        "threads": found.threads,
        "rungs": found.rungs,
        "phases": found.phases,
        "phases_of_whole": found.wholes,
        "operations": found.operations,
        "bytes_moved": found.bytes_moved,
        "ceilings": found.ceilings,
        "harness": {"seconds": found.harness_seconds, "share_of_sample": found.harness_share},
        "published": found.published,
        "warnings": found.warnings,
        "page": page,
        "results": found.results,
    }


def phase_map(found: MapResult, page: Path | None) -> dict[str, Any]:
    """What `perceptron map --json` prints."""
    return {
        "map": found.map,
        "machine": found.machine,
        "warnings": found.warnings,
        "page": page,
        "results": found.results,
    }


def doctor(found: Diagnosis) -> dict[str, Any]:
    """What `perceptron doctor --json` prints."""
    return {
        "environment": found.environment,
        "conditions": found.conditions,
        "warnings": found.warnings,
    }


def walkthrough(walk: Walkthrough) -> dict[str, Any]:
    """What `perceptron walkthrough --json` prints."""
    return {
        "problem": walk.problem,
        "runs": [_run(run) for run in walk.runs],
        "skipped": [{"backend": backend, "reason": reason} for backend, reason in walk.skipped],
        "contradictions": [
            [walk.row_labels[place] for place in group] for group in walk.contradictions
        ],
    }


def _run(run: TrainingRun) -> dict[str, Any]:
    """A perceptron's weights are a list and its bias a number; deeper models have one per layer."""
    perceptron = len(run.weights) == 1
    return {
        "backend": run.backend,
        "dtype": run.dtype,
        "iterations": run.iterations,
        "errors": run.errors,
        "weights": [row[0] for row in run.weights[0]] if perceptron else run.weights,
        "bias": run.biases[0][0] if perceptron else run.biases,
        "predictions": run.predictions,
        "seconds": run.seconds,
    }
