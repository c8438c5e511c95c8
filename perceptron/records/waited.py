"""From which share of waiting on a time is disturbed, over however many processes it was taken."""

from __future__ import annotations

from perceptron.waiting import largest_waited_share

# To exchange gradients is work for threads that compute nothing, and on a full machine they take a
# core from those that do: on two cores, with nothing else on them, two processes waited for 3 to
# 7 % of nearly every sample.
_OF_SEVERAL_PROCESSES = 0.15


def largest_waited(threads: int, processes: int = 1) -> float:
    """Return the share from which on a sample of so many threads in all is disturbed."""
    own = largest_waited_share(threads)
    return own if processes == 1 else max(own, _OF_SEVERAL_PROCESSES)
