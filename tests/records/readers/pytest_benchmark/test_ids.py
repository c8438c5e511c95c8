from __future__ import annotations

import pytest

from perceptron.records.readers.pytest_benchmark.ids import name_opaque

OBJECT = "UNSERIALIZABLE[<object at 0x7f00>]"


@pytest.mark.parametrize(
    ("parameters", "test_id", "names"),
    [
        ({"lib": OBJECT, "n": 10}, "numpy-10", ["numpy"]),
        ({"n": 10, "lib": OBJECT}, "10-a-b", ["a-b"]),
        ({"lib": OBJECT, "mode": "a-b", "n": -5}, "x-a-b--5", ["x"]),
        ({"mode": "a", "lib": OBJECT, "n": 1}, "a-a-1", ["a"]),
        ({"one": OBJECT, "n": 1, "two": [3, 4]}, "f-1-two0", ["f", "two0"]),
        ({"f": "<function f at 0x7f>", "on": True, "of": None}, "f-True-None", ["f"]),
        ({"lib": OBJECT, "word": "naïve"}, r"f-na\xefve", ["f"]),
        # An older pytest keeps a fixture's parameter first, wherever its piece is.
        ({"lib": OBJECT, "n": 10}, "10-numpy", ["numpy"]),
        # One id was given for two parameters, or another for a plain one.
        ({"lib": OBJECT, "device": "cpu", "n": 10}, "np_cpu-10", ["np_cpu"]),
        ({"one": OBJECT, "two": OBJECT, "n": 10}, "a-b-small", ["a", "b"]),
        ({"lib": OBJECT, "n": 10}, "10", ["10"]),
        ({"lib": OBJECT, "n": 10}, None, ["UNSERIALIZABLE[<object>]"]),
    ],
)
def test_pieces_of_an_id_find_their_parameters(
    parameters: dict[str, object], test_id: str | None, names: list[str]
) -> None:
    named = name_opaque(parameters, test_id)
    assert [value for name, value in named.items() if value != parameters[name]] == names
    assert list(named) == list(parameters)


def test_a_hostile_id_takes_no_time() -> None:
    """Many objects and many hyphens could be matched in more ways than anybody can wait for."""
    parameters = {f"p{number}": OBJECT for number in range(40)} | {"last": "x"}
    assert len(name_opaque(parameters, "-".join("a" * 300))) == 41
