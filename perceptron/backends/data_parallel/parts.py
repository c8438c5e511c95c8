"""Which rows of a batch are a process's, and what its loss counts for in the mean over processes.

`DistributedDataParallel` averages the processes' gradients. Where their parts are equal the average
of their mean losses is the mean over all rows, and nothing is weighted. Parts differ by a row
where the processes do not divide the batch, and are empty where there are more of them.
"""

from __future__ import annotations

from perceptron.problems.problem import Loss


def part_of(rows: int, rank: int, processes: int) -> tuple[int, int]:
    """Return where in a batch of so many rows the part of a process begins, and where it ends.

    >>> [part_of(10, rank, 4) for rank in range(4)]
    [(0, 2), (2, 5), (5, 7), (7, 10)]
    """
    return rows * rank // processes, rows * (rank + 1) // processes


def weight_of(loss: Loss, rows: int, rank: int, processes: int) -> float:
    """Return the factor of a process's loss that makes the average that of the whole batch.

    A mean over n of N rows counts n · P / N with P processes; a sum counts P. It is 0 for an empty
    part, of which there is no mean.
    """
    begin, end = part_of(rows, rank, processes)
    if loss == "l1-sum":
        return float(processes) if end > begin else 0.0
    return (end - begin) * processes / rows
