"""Two ways to convolve: `perceptron crossover --functions conv.py`."""

import numpy as np
from scipy.signal import fftconvolve

CANDIDATES = {"direct": np.convolve, "fft": fftconvolve}
SIZES = (16, 100_000)


def setup(size):
    """Return two signals of this length."""
    rng = np.random.default_rng(0)
    return rng.random(size), rng.random(size)
