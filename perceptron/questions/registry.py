"""The registry of studies by name; listing them imports none."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perceptron.questions.study import Study

# The class of each study, and the help line of its command.
STUDIES: Mapping[str, tuple[str, str]] = {
    "bench": (
        "bench.study:Bench",
        "Time NumPy and PyTorch on an OR gate and on five families.",
    ),
    "crossover": (
        "crossover.study:CrossoverStudy",
        "Find the size at which the faster of two backends changes.",
    ),
    "map": ("map.study:Map", "Map the fastest backend over two sizes."),
    "overhead": (
        "overhead.study:Overhead",
        "Break an iteration down: calls, phases, arithmetic, hardware.",
    ),
    "advise": (
        "fastest.advise:Advise",
        "Name the fastest backend for one model, and how far that holds.",
    ),
    "race": (
        "race.study:Race",
        "Time training to a target on the test set.",
    ),
}


def load(name: str) -> Study:
    """Return the study of this name; raise KeyError for an unknown one."""
    module, _, kind = STUDIES[name][0].partition(":")
    study: Study = getattr(import_module(f"perceptron.questions.{module}"), kind)()
    return study
