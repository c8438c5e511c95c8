from __future__ import annotations

from perceptron.errors import unknown


def test_of_thousands_of_names_some_are_listed() -> None:
    """An error is one line that somebody reads."""
    message = str(unknown("backend", "zzz", [f"b{number}" for number in range(2_000)]))
    assert message.endswith("b38, b39 and 1,960 more")


def test_the_nearest_name_is_offered() -> None:
    assert str(unknown("family", "svb", ["qr", "svd"])) == (
        "unknown family 'svb': did you mean 'svd'?"
    )


def test_upper_case_hides_no_name() -> None:
    """Classes of other libraries are called so: ReLU, Adam, NumPy."""
    for typed in ("ReLU", "RELU", "relu "):
        assert str(unknown("activation", typed, ["tanh", "relu"])).endswith("did you mean 'relu'?")
