"""Which backend trains my model fastest here, why, and from which size up does that change?"""

from __future__ import annotations

from perceptron.version import __version__

# Nothing is imported for it: `python -m perceptron` has yet to see to it that the standard library
# is found before files of the current folder.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from perceptron.commands.crossover import FunctionCrossover, crossover
    from perceptron.questions.fastest.fastest import fastest
    from perceptron.questions.fastest.judge import Advice
    from perceptron.records.readers.sources import load_results

__all__ = ["Advice", "FunctionCrossover", "__version__", "crossover", "fastest", "load_results"]


_HOMES = {
    "load_results": "perceptron.records.readers.sources",
    "crossover": "perceptron.commands.crossover",
    "FunctionCrossover": "perceptron.commands.crossover",
    "fastest": "perceptron.questions.fastest.fastest",
    "Advice": "perceptron.questions.fastest.judge",
}


def __getattr__(name: str) -> object:
    """Import what a notebook or a program asks for, never for ``perceptron --help``."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
