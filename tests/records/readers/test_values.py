"""Names as files of others write them."""

from __future__ import annotations

import pytest

from perceptron.records.readers.pytest_benchmark import name_opaque

OBJECT = "UNSERIALIZABLE[<object at 0x7f00>]"


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
