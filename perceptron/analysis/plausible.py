"""Which rows can be measurements at all: files of results come from strangers."""

from __future__ import annotations

from perceptron.records.measurement import Measurement

# Ten thousand iterations of the slowest row are still a number, and so is the square of a size.
LONGEST_SECONDS = 1e9
LARGEST_SIZE = 2**60


def plausible(row: Measurement) -> bool:
    """Whether the row's numbers can be calculated with; NaN and infinity cannot."""
    if not 0 < row.size <= LARGEST_SIZE:
        return False
    seconds = [
        each for each in (row.seconds, row.prepare_seconds, *row.samples) if each is not None
    ]
    return all(0 <= each <= LONGEST_SECONDS for each in seconds) and (
        row.peak_bytes is None or 0 <= row.peak_bytes <= LARGEST_SIZE
    )
