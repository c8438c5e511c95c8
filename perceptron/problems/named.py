"""Problems with a name of their own: those of the walk-through, and two of scikit-learn."""

from __future__ import annotations

from perceptron.problems.datasets import BREAST_CANCER, DIGITS, OR_GATE, SYMPTOMS, XOR, Dataset
from perceptron.problems.held_out import hold_out
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart, UnitStart


def _as_published(name: str, dataset: Dataset) -> Problem:
    return Problem(
        name=name,
        family=name,
        size=dataset.rows,
        dataset=dataset,
        layers=(Layer(1, "sigmoid"),),
        loss="l1-sum",
        optimizer=Sgd(rate=0.05),
        start=UnitStart(),
    )


def or_gate(name: str) -> Problem:
    """Return the finding's problem under this name."""
    return _as_published(name, OR_GATE)


# A third is held out: enough to see ten mistakes of a model that is right about 97%.
DIGITS_IN_TWO = hold_out(DIGITS, 1 / 3)

NAMED: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        or_gate("or-gate"),
        _as_published("symptoms", SYMPTOMS),
        _as_published("xor", XOR),
        Problem(
            name="xor-hidden",
            family="xor-hidden",
            size=XOR.rows,
            dataset=XOR,
            layers=(Layer(4, "tanh"), Layer(1, "sigmoid")),
            loss="mse",
            optimizer=Sgd(rate=0.5),
            start=FanInStart(),
        ),
        Problem(
            name="breast-cancer",
            family="breast-cancer",
            size=BREAST_CANCER.rows,
            dataset=BREAST_CANCER,
            layers=(Layer(1, "sigmoid"),),
            loss="bce",
            optimizer=Sgd(rate=0.1),
            start=FanInStart(),
        ),
        Problem(
            name="digits",
            family="digits",
            size=DIGITS_IN_TWO.rows,
            dataset=DIGITS_IN_TWO,
            layers=(Layer(64, "relu"), Layer(10, "identity")),
            loss="cross-entropy",
            optimizer=Adam(rate=0.003),
            start=FanInStart(),
            batch=32,
            iterations=30 * 38,  # 30 epochs
        ),
    )
}
