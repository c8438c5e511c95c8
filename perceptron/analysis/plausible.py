"""Which rows can be measurements at all: files of results come from strangers."""

from __future__ import annotations

from perceptron.records.measurement import Measurement

# In an attosecond light crosses three atoms. Ten thousand iterations of the slowest row are still a
# number, and so is the square of a size.
SHORTEST_SECONDS = 1e-18
LONGEST_SECONDS = 1e9
SMALLEST_SIZE = 1e-9
LARGEST_SIZE = 2**60


def plausible(row: Measurement) -> bool:
    """Whether the row's numbers can be calculated with; NaN and infinity cannot."""
    times = (row.seconds, row.prepare_seconds, row.stdev, *row.samples)
    counts = (row.threads, row.iterations)
    return (
        SMALLEST_SIZE <= row.size <= LARGEST_SIZE
        and all(
            each is None or each == 0 or SHORTEST_SECONDS <= each <= LONGEST_SECONDS
            for each in times
        )
        and all(each is None or 1 <= each <= LARGEST_SIZE for each in counts)
        and all(each is None or 0 <= each <= LARGEST_SIZE for each in (row.process, row.peak_bytes))
    )
