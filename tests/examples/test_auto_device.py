"""The estimator of docs/examples, which people copy: scikit-learn's own checks, and the device."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import perceptron
from perceptron.machine import usable_cores
from perceptron.measure.library_versions import versions_beneath
from perceptron.questions.fastest import cache
from perceptron.questions.fastest.measured_shape import TrainingShape
from tests.conftest import ROOT
from tests.made_shapes import measured
from tests.test_docs import runnable

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def classifier() -> Iterator[Callable[..., Any]]:
    """The class, from a module that is found by its name, as pickle wants it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        yield importlib.import_module("auto_device").PerceptronClassifier


def iris() -> tuple[Any, Any]:
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)


@pytest.fixture
def recorded_questions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `perceptron.fastest` was asked; it names a backend that nobody takes by default."""
    questions: list[dict[str, Any]] = []

    def fastest(**question: Any) -> SimpleNamespace:
        questions.append(question)
        return SimpleNamespace(backend="numpy-inplace")

    monkeypatch.setattr(perceptron, "fastest", fastest, raising=False)
    return questions


def test_auto_device_passes_scikit_learn_checks(
    classifier: Callable[..., Any], recorded_questions: list[dict[str, Any]]
) -> None:
    """All but one, which wants a variable of the environment set before scikit-learn is loaded."""
    from sklearn.utils.estimator_checks import check_estimator  # two seconds of every collection

    results = check_estimator(classifier(), on_fail=None, on_skip=None)
    wrong = {
        result["check_name"]: result["exception"]
        for result in results
        if result["status"] != "passed"
    }
    assert set(wrong) <= {"check_array_api_input"}, wrong
    assert len(results) > 40
    assert recorded_questions, "the device was chosen, by default"


def test_auto_device_asks_once_with_training_size(
    classifier: Callable[..., Any], recorded_questions: list[dict[str, Any]]
) -> None:
    inputs, labels = iris()
    model = classifier(hidden=(8, 4), epochs=3, batch=32, measure="never").fit(inputs, labels)
    assert recorded_questions == [
        {
            "rows": 150,
            "features": 4,
            "hidden": (8, 4),
            "classes": 3,
            "batch": 32,
            "optimizer": "adam",
            "epochs": 3,
            "dtype": "float32",
            "measure": "never",
        }
    ]
    assert model.backend_ == "numpy-inplace"
    model.predict(inputs)
    assert classifier(epochs=1, device="numpy").fit(inputs, labels).backend_ == "numpy"
    assert len(recorded_questions) == 1, "neither to predict nor for a device that is named"


def test_auto_device_uses_device_of_answer(
    classifier: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Asked for real: of a cache that knows nothing, and of one that knows who is fastest."""
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    monkeypatch.chdir(tmp_path)  # where there are no results
    inputs, labels = iris()
    model = classifier(hidden=(4,), epochs=60, batch=16, measure="never", random_state=3)
    assert model.fit(inputs, labels).backend_ == "numpy"
    shape = TrainingShape(rows=150, features=4, hidden=(4,), outputs=3, batch=16, optimizer="adam")
    rows = [
        measured(shape, backend, seconds, threads=usable_cores(), libraries=versions_beneath(()))
        for backend, seconds in (("numpy", 2e-3), ("torch-cpu", 1e-3))
    ]
    cache.update(cache.cache_file(), lambda known: known.with_rows(rows))
    assert model.fit(inputs, labels).backend_ == "torch-cpu"
    assert model.score(inputs, labels) > 0.9


def test_auto_device_falls_back_to_numpy(
    classifier: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = SimpleNamespace(backend=None)
    monkeypatch.setattr(perceptron, "fastest", lambda **_: nothing, raising=False)
    inputs, labels = iris()
    assert classifier(epochs=1).fit(inputs, labels).backend_ == "numpy"


def test_auto_device_page_code_runs(
    classifier: Callable[..., Any], recorded_questions: list[dict[str, Any]]
) -> None:
    """As a reader types them in the example's folder; what they print is measured elsewhere."""
    (code,) = runnable(ROOT / "docs" / "fastest.md")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 our own page
    assert names["accuracy"] > 0.9
    assert len(recorded_questions) == 1
