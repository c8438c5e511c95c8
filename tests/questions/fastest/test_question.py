from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from perceptron import fastest
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.problems import catalogue
from perceptron.questions.fastest.question import Question, question, reference_of

ASKED: dict[str, Any] = {
    "rows": 1000,
    "features": 20,
    "hidden": (64,),
    "classes": 10,
    "batch": 128,
    "optimizer": "adam",
    "epochs": 3,
    "models": 1,
    "among": None,
    "measure": "cached",
    "seconds": 5,
    "dtype": "float32",
    "threads": None,
}


def made_question(**fields: Any) -> Question:
    return question(**(ASKED | fields))


def test_question_problem_is_found_by_workers() -> None:
    one = made_question()
    problem = catalogue.find(reference_of(one.shape))
    assert reference_of(one.shape) == "mlp:1000x20x64:10c:128b:adam"
    assert one.iterations == 3 * problem.iterations_per_epoch
    assert one.threads == usable_cores()
    assert one.among == registry.usual()


def test_numbers_of_numpy_and_lists_are_taken() -> None:
    one = made_question(
        rows=np.int64(1000), hidden=[np.int32(64)], among=["numpy", "numpy", "python"]
    )
    assert one.shape == made_question().shape
    assert one.among == ("numpy", "python")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(name, value) for name in ("rows", "features", "epochs", "models") for value in (0, 1.5)],
        ("rows", True),
        ("hidden", "64"),
        ("hidden", None),
        ("hidden", (2,) * 65),
        ("classes", 1),
        ("classes", 1001),
        ("batch", 1001),
        ("optimizer", "sdg"),
        ("measure", "always"),
        ("dtype", "float16"),
        ("seconds", 0.0),
        ("seconds", "5"),
        ("threads", 0),
        ("among", "numpy"),
        ("among", ("numpi",)),
        ("among", 5),
    ],
)
def test_question_invalid_argument_is_named(field: str, value: object) -> None:
    """In one line, before anything is read or measured."""
    with pytest.raises(UserError) as caught:
        fastest(**(ASKED | {"measure": "never", field: value}))
    error = str(caught.value)
    assert "\n" not in error
    assert {"among": "backend", "hidden": "hidden"}.get(field, field) in error or field in error
