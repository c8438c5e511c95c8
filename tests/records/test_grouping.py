from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perceptron.records.grouping import grouped_by

FEW = st.integers(0, 3)


@given(st.lists(st.tuples(FEW, FEW, FEW)))
def test_groups_and_their_order_are_those_of_a_plain_dictionary(
    items: list[tuple[int, int, int]],
) -> None:
    plain: dict[int, list[tuple[int, int, int]]] = {}
    for item in items:
        plain.setdefault(max(item[:2]), []).append(item)
    groups = grouped_by(items, lambda item: item[:2], lambda item: max(item[:2]))
    assert list(groups.items()) == list(plain.items())
