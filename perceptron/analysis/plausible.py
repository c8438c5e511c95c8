"""Which rows can be measurements at all: files of results are untrusted."""

from __future__ import annotations

from perceptron.records.measurement import Measurement

# In an attosecond light crosses three atoms. Ten thousand iterations of the slowest row are still a
# number, and so is the square of a size.
SHORTEST_SECONDS = 1e-18
LONGEST_SECONDS = 1e9
SMALLEST_SIZE = 1e-9
LARGEST_SIZE = 2**60


def plausible(row: Measurement) -> bool:
    """Return whether the row's numbers can be calculated with; NaN and infinity cannot."""
    times = (row.seconds, row.prepare_seconds, row.stdev, *row.samples, *row.dropped)
    counts = (row.threads, row.iterations, row.batch, row.iterations_per_epoch, row.outputs)
    return (
        SMALLEST_SIZE <= row.size <= LARGEST_SIZE
        and all(
            value is None or value == 0 or SHORTEST_SECONDS <= value <= LONGEST_SECONDS
            for value in times
        )
        and all(value is None or 1 <= value <= LARGEST_SIZE for value in counts)
        and all(
            value is None or 0 <= value <= LARGEST_SIZE
            for value in (row.process, row.rows, row.peak_bytes, row.waited, row.disturbed)
        )
    )
