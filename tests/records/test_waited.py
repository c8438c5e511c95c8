from __future__ import annotations

from perceptron.records.measurement import largest_waited
from perceptron.waiting import largest_waited_share


def test_several_processes_may_wait_for_what_they_exchange() -> None:
    """One process may not: it has nothing to exchange, however many threads it has."""
    assert largest_waited(2) == largest_waited(2, 1) == largest_waited_share(2)
    assert largest_waited(2, 2) > 2 * largest_waited(2)
    assert largest_waited(64, 2) == largest_waited(64)
