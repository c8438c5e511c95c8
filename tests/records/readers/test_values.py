"""Numbers, units and names as files of others write them."""

from __future__ import annotations

import pytest

from perceptron.records.readers.pytest_benchmark import name_opaque
from perceptron.records.readers.values import revision

OBJECT = "UNSERIALIZABLE[<object at 0x7f00>]"


def test_of_a_digest_the_first_digits_count_and_of_a_branch_all_of_its_name() -> None:
    """Two branches may begin alike."""
    assert revision("4ba8de659abaffff") == "4ba8de659aba"
    assert revision("feature/storage-new") == "feature/storage-new"


@pytest.mark.parametrize(
    ("parameters", "test_id", "names"),
    [
        ({"lib": OBJECT, "n": 10}, "numpy-10", ["numpy"]),
        ({"n": 10, "lib": OBJECT, "mode": "a-b"}, "10-x-y-a-b", ["x-y"]),
        ({"one": OBJECT, "n": 1, "two": [3, 4]}, "f-1-two0", ["f", "two0"]),
        ({"one": OBJECT, "two": OBJECT, "n": -1}, "a-b--1", ["a-b--1", "a-b--1"]),
        ({"lib": OBJECT, "n": 10}, "", ["UNSERIALIZABLE[<object>]"]),
    ],
)
def test_pieces_of_a_pytest_id_find_their_parameters(
    parameters: dict[str, object], test_id: str, names: list[str]
) -> None:
    named = name_opaque(parameters, test_id)
    assert [value for name, value in named.items() if value != parameters[name]] == names
    assert list(named) == list(parameters)
