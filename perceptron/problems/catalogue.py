"""Find a problem by what a user types: ``or-gate``, ``mlp-width:512``, ``mlp:10x2x4`` …"""

from __future__ import annotations

from perceptron.errors import UserError, unknown
from perceptron.problems import files, shape
from perceptron.problems.datasets import BREAST_CANCER, DIGITS, OR_GATE, SYMPTOMS, XOR, Dataset
from perceptron.problems.families import FAMILIES
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


# A third is held out: enough to see ten mistakes of a model that is right about 97 %.
_DIGITS = hold_out(DIGITS, 1 / 3)

NAMED: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        _as_published("or-gate", OR_GATE),
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
            size=_DIGITS.rows,
            dataset=_DIGITS,
            layers=(Layer(64, "relu"), Layer(10, "identity")),
            loss="cross-entropy",
            optimizer=Adam(rate=0.003),
            start=FanInStart(),
            batch=32,
            iterations=30 * 38,  # 30 epochs
        ),
    )
}


def find(reference: str) -> Problem:
    """Find the problem that ``reference`` names: a name, or a family and a size.

    A shape (`shape.find`) and a file (`files.find`) name one too.

    >>> find("mlp-width:512").hidden
    (512,)

    Raises `UserError` with the nearest name, or with what is wrong with the size, or
    where the data come from a library that is not installed.
    """
    if files.is_file(reference):
        return _own(reference)
    if shape.is_shape(reference):
        return shape.find(reference)
    if reference in NAMED:
        problem = NAMED[reference]
        problem.dataset.require()
        return problem
    name, colon, size = reference.partition(":")
    if name not in FAMILIES:
        families = [f"{family}:SIZE" for family in FAMILIES]
        raise unknown("problem", reference, [*NAMED, *families, shape.FORM])
    family = FAMILIES[name]
    numbers = size.split("x") if colon else []
    if not numbers or not all(number.lstrip("-").isdecimal() for number in numbers):
        example = "x".join(str(number) for number in family.sizes[len(family.sizes) // 2])
        raise UserError(f"problem {reference!r} needs a size, such as {name}:{example}")
    return family.problem(*(int(number) for number in numbers))


def find_all(word: str) -> tuple[Problem, ...]:
    """Return the problem of each size that a model file lists; see `files.references`."""
    return tuple(find(reference) for reference in files.references(word))


def _own(reference: str) -> Problem:
    problem = files.find(reference)
    name = problem.family
    if name in NAMED or name in FAMILIES or shape.is_shape(name):
        raise UserError(
            f"{problem.reference}: a problem of ours is called {name!r}: rename the file"
        )
    return problem
