"""An estimator's own ``fit``: a candidate beside the backends, of which it is none.

It starts and shuffles in its own way, so it cannot be asked to agree with the reference, and no
other question is about it. scikit-learn is not imported here.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

SKLEARN = "scikit-learn"
"""What the candidate is called."""
MODULE = "sklearn"
# What does not change how long an iteration takes, or may hold objects of the program.
_LEFT_OUT = {"random_state", "max_iter", "n_iter_no_change", "verbose", "warm_start"}


class OwnFit(NamedTuple):
    """What a worker makes an estimator of."""

    kind: str
    parameters: dict[str, Any]
    refusal: str | None
    """Why it cannot be timed; None if it can."""


def own_fit(model: Any) -> OwnFit:
    """Return the own fit of one of scikit-learn's estimators."""
    kind = type(model)
    if kind.__module__.partition(".")[0] != MODULE:  # it may do anything, with any parameters
        name = f"{kind.__module__}.{kind.__qualname__}"
        return OwnFit(name, {}, f"only fits of scikit-learn's own classes are timed, not {name}")
    fields = model.get_params(deep=False).items()
    parameters = {name: _plain(value) for name, value in fields if name not in _LEFT_OUT}
    return OwnFit(kind.__name__, parameters, None)


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it: a number of NumPy is one of Python's."""
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return [_plain(one) for one in value]
