"""The same rows get the same verdict: of the judge, of ``advise`` and of `perceptron.fastest`."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from pathlib import Path

import pytest
from msgspec.structs import replace

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


def times(seconds: float, factors: tuple[float, ...] = EXACT, waited: float = 0.0) -> Times:
    return seconds, factors, waited


CASES = {
    "a tie": ((times(1.0), times(1.02)), "yes", (1,), {}),
    "half as long again": ((times(1.0), times(1.5)), "yes", (), {}),
    "noisy": ((times(1.0), times(1.1, NOISY)), "no", (), {1: "too noisy"}),
    "one repeat": ((times(1.0, ONCE), times(1.5, ONCE)), "no", (), {1: "one repeat"}),
    "one side contended": ((times(1.0), times(9.0, waited=0.9)), "no", (), {1: "contended"}),
    "bounded waiting": ((times(1.0), times(9.0, waited=0.05)), "yes", (), {}),
    "two of three tie": ((times(1.0), times(1.02), times(1.5)), "yes", (1,), {}),
    "one of three is open": (
        (times(1.0), times(1.1, NOISY), times(9.0)),
        "partly",
        (),
        {1: "too noisy"},
    ),
}


def keep(
    results: Path, here: Environment, row: MakeRow, times: tuple[Times, ...], hour: int = 8
) -> list[Measurement]:
    """Store a run whose setups differ from repeat to repeat; return its rows."""
    folder = stored(
        results,
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
                when=f"2026-01-01T{hour:02}:30:00Z",
            )
            for name, (seconds, factors, waited) in zip(BACKENDS, times, strict=False)
            for repeat, factor in enumerate(factors)
        ],
        f"2026-01-01T{hour:02}:00:00Z",
    )
    return [
        measurement
        for measurement in load_run(folder, lambda _: None)[2]
        if isinstance(measurement, Measurement)
    ]


def answers(
    results: Path, names: Sequence[str], rows: Sequence[Measurement], others: Sequence[Measurement]
) -> tuple[Advice, Advice]:
    """Return the answers of ``advise`` and of `fastest`."""
    length = TrainingLength(epochs=EPOCHS)
    advised = advise(rows, names, rows[0].problem or "", length, (), others)
    answered = fastest(
        rows=1000,
        features=20,
        epochs=EPOCHS,
        threads=2,
        among=names,
        measure="never",
        results=results,
    )
    return advised, answered


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
    """Whole trainings decide."""
    names = BACKENDS[: len(times)]
    rows = keep(tmp_path, here, row, times)
    ranking = rank_rows(whole_trainings(rows, TrainingLength(epochs=EPOCHS)))
    assert ranking.decided == decided
    assert ranking.ties == tuple(names[at] for at in ties)
    assert ranking.doubts == {names[at]: doubt for at, doubt in doubts.items()}
    for advice in answers(tmp_path, names, rows, ()):
        agree(advice, ranking)


NEAR = (-0.02, 0.0, 0.02)
RUNS: dict[str, tuple[tuple[float, ...], tuple[float, ...], Decided]] = {
    "sessions agree": ((1.5, 1.6, 1.5), NEAR, "yes"),
    "sessions disagree": ((0.8, 1.25), NEAR, "no"),
    "newest too noisy alone": ((1.5, 1.5, 1.5), NOISY, "yes"),
}


@pytest.mark.parametrize(("ratios", "newest", "decided"), RUNS.values(), ids=RUNS)
def test_fastest_and_advise_join_same_runs(
    ratios: tuple[float, ...],
    newest: tuple[float, ...],
    decided: Decided,
    tmp_path: Path,
    here: Environment,
    row: MakeRow,
) -> None:
    """The newest run alone does not decide what several leave open, nor the other way round."""
    *others, rows = [
        keep(
            tmp_path,
            here,
            row,
            (times(1.0, NEAR), times(ratio, newest if at == len(ratios) - 1 else NEAR)),
            8 + 2 * at,
        )
        for at, ratio in enumerate(ratios)
    ]
    earlier = [row for of_run in others for row in of_run]
    ranking = rank_rows(whole_trainings([*rows, *earlier], TrainingLength(epochs=EPOCHS)))
    assert ranking.decided == decided
    for advice in answers(tmp_path, BACKENDS[:2], rows, earlier):
        agree(advice, ranking)


def test_run_of_other_environment_does_not_join(
    tmp_path: Path, here: Environment, row: MakeRow
) -> None:
    """Nor does `other_sessions` join it for ``advise``."""
    names = BACKENDS[:2]
    other = replace(here, libraries=here.libraries | {"scipy": "2.0"})
    keep(tmp_path, other, row, (times(1.0, NEAR), times(0.8, NEAR)))
    rows = keep(tmp_path, here, row, (times(1.0, NEAR), times(1.25, NEAR)), hour=10)
    ranking = rank_rows(whole_trainings(rows, TrainingLength(epochs=EPOCHS)))
    assert ranking.decided == "yes"
    agree(answers(tmp_path, names, rows, ())[1], ranking)


def agree(advice: Advice, ranking: Ranking) -> None:
    assert advice.backend == ranking.fastest
    assert (advice.how_decided, advice.decided) == (ranking.choice, ranking.choice == "yes")
    assert (advice.ties, advice.open) == (ranking.ties, ranking.open)
    of_others = {candidate.backend: candidate for candidate in advice.candidates[1:]}
    assert {
        name: candidate.ratio_to_fastest for name, candidate in of_others.items()
    } == ranking.ratios
    assert {
        name: candidate.doubt for name, candidate in of_others.items() if candidate.doubt
    } == ranking.doubts
