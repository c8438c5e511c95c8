"""Optional libraries: the extras of pyproject.toml.

The gate, the answers on the console and measuring NumPy need none of them. A command that
needs more calls `require` before it measures anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from perceptron.errors import UserError

EXTRAS: Mapping[str, Mapping[str, str]] = {
    "torch": {"torch": "torch"},
    "pages": {
        "asv": "asv",
        "jinja2": "jinja2",
        "matplotlib": "matplotlib",
        "pandas": "pandas",
    },
    "numba": {"numba": "numba"},
    "jax": {"jax": "jax", "jaxlib": "jaxlib"},
    "sklearn": {"sklearn": "scikit-learn"},
    "triton": {"triton": "triton"},
    "cupy": {"cupy": "cupy-cuda13x"},
    "joblib": {"joblib": "joblib"},
}
"""The modules of each extra, with the name under which each is installed."""


def missing(extra: str, *modules: str) -> str | None:
    """Return a line that names missing libraries and the command that installs them, or None.

    Looks for ``modules``, by default for all of the extra, and imports nothing.
    """
    names = EXTRAS[extra]
    absent = [names[module] for module in modules or names if not _is_installed(module)]
    if not absent:
        return None
    *others, last = absent
    listed = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return f"{listed} not installed: {_command(extra)}"


def _command(extra: str) -> str:
    """Return the command that installs an extra: from the checkout where nothing is installed."""
    try:
        version("perceptron-bench")
    except PackageNotFoundError:
        return f'pip install ".[{extra}]" in the checkout'
    return f'pip install "perceptron-bench[{extra}]"'


def require(extra: str, *modules: str) -> None:
    """Raise `UserError` with the line of `missing` if there is one."""
    reason = missing(extra, *modules)
    if reason is not None:
        raise UserError(reason)


def _is_installed(module: str) -> bool:
    # A folder of that name in the current folder, such as asv/, is importable but no library.
    spec = find_spec(module)
    return spec is not None and spec.origin is not None
