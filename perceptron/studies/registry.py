"""The questions: a line for each, found by name. A list of them imports none."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perceptron.studies.study import Study

# Where a study is, and what its command asks.
STUDIES: Mapping[str, tuple[str, str]] = {
    "bench": (
        "bench:Bench",
        "Measure which backend trains fastest here, and where that changes.",
    ),
    "crossover": (
        "crossover:CrossoverStudy",
        "Find the size from which B beats A: measured here, or in files.",
    ),
    "map": ("map:Map", "Map which backend wins where on two size axes, and by how much."),
    "overhead": (
        "overhead:Overhead",
        "Break one iteration's time down, rung by rung to the floor.",
    ),
    "advise": (
        "advise:Advise",
        "Which backend for my shape on this machine, and at which sizes that changes.",
    ),
    "race": (
        "race:Race",
        "Race backends to a target on the test set, from a fresh process and resident.",
    ),
}


def load(name: str) -> Study:
    """Return the study of this name; raises KeyError for another."""
    module, _, kind = STUDIES[name][0].partition(":")
    study: Study = getattr(import_module(f"perceptron.studies.{module}"), kind)()
    return study
