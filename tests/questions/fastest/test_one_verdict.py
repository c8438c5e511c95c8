"""The same rows get the same verdict: of the judge, of ``advise`` and of `perceptron.fastest`."""

from __future__ import annotations

from math import exp
from pathlib import Path

import pytest

from perceptron import Advice, fastest
from perceptron.answer import Decided
from perceptron.measure.rows import problem_fields
from perceptron.problems import catalogue
from perceptron.questions.fastest.advice import advise, whole_trainings
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.store import load_run
from perceptron.statistics.ranking import Doubt, Ranking, rank_rows
from perceptron.statistics.throughput import TrainingLength
from tests.conftest import MakeRow
from tests.questions.fastest.conftest import stored

BACKENDS = ("numpy", "numpy-inplace", "numpy-plain")
EPOCHS = 3
EXACT, NOISY, ONCE = (0.0,) * 5, (-0.4, 0.3, 0.0, -0.3, 0.4), (0.0,)
Times = tuple[float, tuple[float, ...], float]
"""Of a backend: seconds, logarithms of the repeats' factors, and the share of waiting."""


def one(seconds: float, factors: tuple[float, ...] = EXACT, waited: float = 0.0) -> Times:
    return seconds, factors, waited


CASES = {
    "a tie": ((one(1.0), one(1.02)), "yes", (1,), {}),
    "half as long again": ((one(1.0), one(1.5)), "yes", (), {}),
    "noisy": ((one(1.0), one(1.1, NOISY)), "no", (), {1: "too noisy"}),
    "one repeat": ((one(1.0, ONCE), one(1.5, ONCE)), "no", (), {1: "one repeat"}),
    "one side contended": ((one(1.0), one(9.0, waited=0.9)), "no", (), {1: "contended"}),
    "bounded waiting": ((one(1.0), one(9.0, waited=0.05)), "yes", (), {}),
    "two of three tie": ((one(1.0), one(1.02), one(1.5)), "yes", (1,), {}),
    "one of three is open": ((one(1.0), one(1.1, NOISY), one(9.0)), "partly", (), {1: "too noisy"}),
}


@pytest.mark.parametrize(("times", "decided", "ties", "doubts"), CASES.values(), ids=CASES)
def test_fastest_and_advise_agree_on_same_rows(
    times: tuple[Times, ...],
    decided: Decided,
    ties: tuple[int, ...],
    doubts: dict[int, Doubt],
    tmp_path: Path,
    here: Environment,
    row: MakeRow,
) -> None:
    """Whole trainings decide, whose setup differs from repeat to repeat."""
    names = BACKENDS[: len(times)]
    folder = stored(
        tmp_path,
        here,
        [
            row(
                **problem_fields(catalogue.find("mlp:1000x20")),
                source="perceptron",
                dtype="float32",
                threads=2,
                backend=name,
                repeat=repeat,
                seconds=1e-3 * seconds * exp(factor),
                prepare_seconds=1e-3 * seconds * (1 + repeat),
                waited=waited,
            )
            for name, (seconds, factors, waited) in zip(names, times, strict=True)
            for repeat, factor in enumerate(factors)
        ],
    )
    rows = [one for one in load_run(folder, lambda _: None)[2] if isinstance(one, Measurement)]
    length = TrainingLength(epochs=EPOCHS)
    ranking = rank_rows(whole_trainings(rows, length))
    assert ranking.decided == decided
    assert ranking.ties == tuple(names[at] for at in ties)
    assert ranking.doubts == {names[at]: doubt for at, doubt in doubts.items()}
    advised = advise(rows, names, rows[0].problem or "", length, ())
    answered = fastest(
        rows=1000,
        features=20,
        epochs=EPOCHS,
        threads=2,
        among=names,
        measure="never",
        results=tmp_path,
    )
    for advice in (advised, answered):
        agree(advice, ranking)


def agree(advice: Advice, ranking: Ranking) -> None:
    assert advice.backend == ranking.fastest
    assert (advice.how_decided, advice.decided) == (ranking.choice, ranking.choice == "yes")
    assert (advice.ties, advice.open) == (ranking.ties, ranking.open)
    of_others = {candidate.backend: candidate for candidate in advice.candidates[1:]}
    assert {name: one.ratio_to_fastest for name, one in of_others.items()} == ranking.ratios
    assert {name: one.doubt for name, one in of_others.items() if one.doubt} == ranking.doubts
