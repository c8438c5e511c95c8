from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.report.tables.grouped import grouped


def test_a_text_is_said_once_with_the_names_it_is_said_of() -> None:
    """In the order in which the texts come."""
    said = [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x"), ("e", "x"), ("f", "y")]
    assert grouped(said) == [("a, c and 2 more", "x"), ("b and f", "y")]


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (
            ["waited 31 % of 5 s: wait", "waited 9 % of 5 s: wait"],
            ["waited 9 to 31 % of 5 s: wait"],
        ),
        (["differ by 0.7%", "differ by 10.2%"], ["differ by 0.7 to 10.2%"]),
        # Two numbers belong together, and no range of each would say so.
        (["+5.0 %, clock -0.3 %", "+6.0 %, clock -0.1 %"], None),
        (["KeyError: 'x1'", "KeyError: 'x2'"], None),
        (["cores 1.2.3", "cores 1.2.4"], None),
    ],
)
def test_texts_that_differ_in_one_number_are_one(texts: list[str], shown: list[str] | None) -> None:
    result = grouped(zip("abc", texts, strict=False))
    assert [text for _, text in result] == (texts if shown is None else shown)
    assert len({name for names, _ in result for name in names.split(" and ")}) == 2


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("a1.,-+ %²9"), max_size=6), max_size=4))
def test_any_texts_can_be_grouped(texts: list[str]) -> None:
    """Reasons hold what others wrote: no text is lost, and none is made up without a number."""
    result = grouped((str(index), text) for index, text in enumerate(texts))
    assert len(result) <= len(set(texts))
    shown = [text for _, text in result]
    assert all(text in texts or " to " in text for text in shown)
