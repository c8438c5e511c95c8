"""Which backend trains my model fastest here, why, and from which size up does that change?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perceptron.records.readers.table import load_results

__version__ = "0.1.0"
__all__ = ["__version__", "load_results"]


def __getattr__(name: str) -> object:
    """Import pandas only when a notebook asks for the table, never for ``perceptron --help``."""
    if name == "load_results":
        from perceptron.records.readers.table import load_results

        return load_results
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
