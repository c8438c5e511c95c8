"""Which backend trains my model fastest here, why, and from which size up does that change?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perceptron.version import __version__

if TYPE_CHECKING:
    from perceptron.analysis.fastest import Advice
    from perceptron.functions import FunctionCrossover, crossover
    from perceptron.records.readers.sources import load_results
    from perceptron.studies.fastest.ask import fastest

__all__ = ["Advice", "FunctionCrossover", "__version__", "crossover", "fastest", "load_results"]


def __getattr__(name: str) -> object:
    """Import what a notebook or a program asks for, never for ``perceptron --help``."""
    if name == "load_results":
        from perceptron.records.readers.sources import load_results

        return load_results
    if name in ("crossover", "FunctionCrossover"):
        from perceptron import functions

        return getattr(functions, name)
    if name == "fastest":
        from perceptron.studies.fastest.ask import fastest

        return fastest
    if name == "Advice":
        from perceptron.analysis.fastest import Advice

        return Advice
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
