"""How other tools judge the blocks that the gate measured.

Their rules pool the samples of all processes. They get every sample that the gate took, several
times more than these tools take by default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from benchmarks.validation.gate.runs import Nanoseconds

Samples = NDArray[np.float64]
# (seconds per call of base, of head) → is head called slower?
OtherRule = Callable[[Samples, Samples], bool]


def asv(base: Samples, head: Samples, factor: float) -> bool:
    """Judge as asv 0.6: samples differ at p < 0.002, and the median by more than ``factor``.

    `asv continuous` and `asv compare` mark such a row with ``+`` if samples are recorded
    (``asv.commands.compare._is_result_better``, ``asv._stats.is_different``; the default factor is
    1.1). Without recorded samples asv tests whether two 99% intervals overlap.
    """
    if mann_whitney(base, head) >= 0.002:
        return False
    return float(np.median(base)) < float(np.median(head)) / factor


def mann_whitney(base: Samples, head: Samples) -> float:
    """Return the two-sided p-value by the normal approximation, as asv does from 21 samples up.

    Without continuity correction; ties are assigned to the side that makes it less significant.
    """
    ordered = np.sort(head)
    below = int(np.searchsorted(ordered, base, "left").sum())
    tied = int(np.searchsorted(ordered, base, "right").sum()) - below
    pairs = len(base) * len(head)
    middle = pairs // 2
    if below <= middle <= below + tied:
        extreme = middle
    else:
        extreme = max(min(statistic, pairs - statistic) for statistic in (below, below + tied))
    error = sqrt(pairs * (len(base) + len(head) + 1) / 12)
    return erfc((pairs / 2 - extreme) / error / sqrt(2))


def pytest_benchmark(base: Samples, head: Samples, percent: float = 5) -> bool:
    """Judge as pytest-benchmark 5 with ``--benchmark-compare-fail=mean:5%``.

    The mean is more than ``percent`` per cent above the stored mean
    (``pytest_benchmark.utils.PercentageRegressionCheck``); no test is made.
    """
    return 100 * float(head.mean()) / float(base.mean()) - 100 > percent


def pyperf(base: Samples, head: Samples) -> bool:
    """Judge as pyperf 2, whose ``compare_to`` calls it slower and significant.

    Student's two-sided test with the pooled variance at 95% (``pyperf._utils.is_significant``;
    pyperf rounds the critical value, from a table, to within 1%), and no least size by default.
    """
    from scipy import stats  # takes a second to import

    ours, theirs = ((samples.mean(), samples.std(ddof=1), len(samples)) for samples in (head, base))
    with np.errstate(divide="ignore", invalid="ignore"):  # significant is what varies in nothing
        statistic, p = stats.ttest_ind_from_stats(*ours, *theirs)
    return bool(statistic > 0 and p <= 0.05)


OTHERS: dict[str, OtherRule] = {
    "asv, 1.1": partial(asv, factor=1.1),
    "asv, 1.05": partial(asv, factor=1.05),
    "pytest-benchmark, mean:5%": pytest_benchmark,
    "pyperf": pyperf,
}


def judged_by_others(blocks: Sequence[Nanoseconds], factor: float = 1.0) -> dict[str, bool]:
    """Return, by rule, whether it calls head slower, with head's times multiplied by ``factor``."""
    base, head = (
        np.array([1e-9 * sample for block in blocks for sample in block[side]]) for side in (0, 1)
    )
    return {name: rule(base, factor * head) for name, rule in OTHERS.items()}
