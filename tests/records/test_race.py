from __future__ import annotations

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.records.race import Check, Target, target_of


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("accuracy=0.95", Target("accuracy", 0.95)),
        ("accuracy=1", Target("accuracy", 1.0)),
        (" loss=12.5 ", Target("loss", 12.5)),
        ("loss=.2", Target("loss", 0.2)),
        ("loss=0.000001", Target("loss", 1e-6)),
    ],
)
def test_target_text_round_trips(typed: str, target: Target) -> None:
    """And written so that it is read again: it is a part of the plan."""
    assert target_of(typed) == target
    assert target_of(str(target)) == target


@pytest.mark.parametrize(
    "typed", ["", "0.95", "accuracy", "accuracy=", "accuracy=95", "accuracy=0", "loss=0", "f1=0.5",
              "loss=nan", "loss=-1", "accuracy=1e-1", "accuracy=0.9 5"],
)  # fmt: skip
def test_target_invalid_text_names_option(typed: str) -> None:
    with pytest.raises(UserError, match="--target"):
        target_of(typed)


def test_target_is_reached_at_its_value() -> None:
    """An accuracy from below, a loss from above; what is no number reaches nothing."""
    accuracy, loss = Target("accuracy", 0.95), Target("loss", 0.2)
    assert accuracy.is_reached(Check(1, 0.1, 0.95, None))
    assert not accuracy.is_reached(Check(1, 0.1, 0.9499, 0.0))
    assert not accuracy.is_reached(Check(1, 0.1, None, 0.0))
    assert loss.is_reached(Check(1, 0.1, None, 0.2))
    assert not loss.is_reached(Check(1, 0.1, 1.0, 0.2001))
    assert not loss.is_reached(Check(1, 0.1, 1.0, None))


@pytest.mark.parametrize("value", [-1e300, 0.0, 1e300])
def test_target_out_of_range_is_no_row(value: float) -> None:
    """Axes reach to the target: one far away has more ticks than there is memory."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"goal": "accuracy", "value": value}, Target)
