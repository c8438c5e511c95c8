"""Yuen's trimmed mean, which the crossovers' intervals and the gate's tests rest on."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def trimmed_mean(values: Array, cut: int) -> tuple[Any, Any, int]:
    """Return trimmed means over the last axis, their standard errors, and the degrees of freedom.

    Of n values the ``cut`` smallest and the ``cut`` largest are left out, so that h = n − 2 cut
    remain; error² = (n − 1) s_w² / (h (h − 1)) with the variance s_w² of the winsorised values, and
    h − 1 degrees of freedom (Yuen, Biometrika 61, 1974; Wilcox, Introduction to Robust Estimation,
    section 4.3). A single value has no error: 0, with 0 degrees. Without a cut it is the mean.
    """
    count = values.shape[-1]
    inner = count - 2 * cut
    ordered = np.sort(values, axis=-1)
    mean = ordered[..., cut : count - cut].mean(axis=-1)
    if inner < 2:
        return mean, np.zeros_like(mean), 0
    winsorised = np.clip(ordered, ordered[..., cut, None], ordered[..., count - cut - 1, None])
    error = winsorised.std(axis=-1, ddof=1) * sqrt((count - 1) / (inner * (inner - 1)))
    return mean, error, inner - 1
