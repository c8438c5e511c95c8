"""The functions that changed most, and no others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perceptron.gate.reasons.growth import MOST, Cost, FunctionId, growths

COUNT = st.integers(0, 10**9).map(float)
TABLE = st.dictionaries(
    st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from([None, "x.py"])),
    st.builds(Cost, COUNT, COUNT, st.none() | st.integers(1, 99)),
    max_size=12,
)


@given(TABLE, TABLE)
def test_they_are_the_largest_changes_in_their_order(
    base: dict[FunctionId, Cost], head: dict[FunctionId, Cost]
) -> None:
    found = growths(base, head, "python", "bytecodes")
    changes = {
        own: abs((head[own].own if own in head else 0) - (base[own].own if own in base else 0))
        for own in base.keys() | head.keys()
    }
    total = max(sum(cost.own for cost in table.values()) for table in (base, head))
    worth = sorted((change for change in changes.values() if change >= total / 1000), reverse=True)
    assert [abs(own.head - own.base) for own in found] == [own for own in worth if own][:MOST]
    for own in found:
        function = own.function, own.file
        assert own.base == (base[function].own if function in base else 0)
        assert own.head == (head[function].own if function in head else 0)


def test_a_thousandth_of_all_is_the_least_that_counts() -> None:
    small, large = ("small", None), ("large", None)
    base = {small: Cost(0.0, 1.0), large: Cost(10_000.0, 1.0)}
    assert growths(base, {**base, small: Cost(9.0, 1.0)}, "c", "instructions") == []
    assert growths(base, {**base, small: Cost(11.0, 1.0)}, "c", "instructions")
