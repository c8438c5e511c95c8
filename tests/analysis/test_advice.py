from __future__ import annotations

from collections.abc import Mapping

import pytest

from perceptron.analysis.advice import ProblemAdvice, advise, expected_change
from perceptron.analysis.select import NOT_REACHED
from perceptron.analysis.throughput import TrainingLength
from perceptron.records.measurement import Measurement
from tests.made import ABSENT, BACKENDS, measured

NAME = "mlp:8x2"
THREE = (0.99, 1.0, 1.01)
LONG = TrainingLength(iterations=10_000)


def one(backend: str, process: int, seconds: float, **fields: object) -> Measurement:
    """A row of a process of a backend on the problem."""
    own = {"problem": NAME, "family": NAME, "size": 8, "prepare_seconds": 1e-3} | fields
    return measured(backend=backend, repeat=process, seconds=seconds, **own)


def three(seconds: Mapping[str, float], prepare: float = 0.0) -> list[Measurement]:
    """Three processes of each backend, 1 % apart, numpy prepares so long; the GPU is not there."""
    absent = {"problem": NAME, "family": NAME, "size": 8, "status": "skipped", "reason": ABSENT}
    return [
        *(
            one(name, k, value * off, prepare_seconds=prepare if name == "numpy" else 1e-3)
            for name, value in seconds.items()
            for k, off in enumerate(THREE)
        ),
        measured(backend="torch-cuda", **absent),
    ]


def advised(
    rows: list[Measurement], length: TrainingLength = LONG, *, count: int = 3
) -> ProblemAdvice:
    return advise(rows, BACKENDS[:count], NAME, length, [])


def test_a_tie_advises_either() -> None:
    found = advised(three({"torch-cpu": 1.02e-5, "numpy": 1e-5}, prepare=1e-3))
    assert (found.use, found.ties) == ("numpy", ("torch-cpu",))


def test_nothing_measured_says_why() -> None:
    found = advise(three({}), ("torch-cuda",), NAME, LONG, [])
    assert (found.use, found.seconds, found.sentence) == (
        None,
        None,
        f"not measured: torch-cuda: {ABSENT}",
    )
    assert found.options[0].reason == ABSENT


def test_one_backend_is_no_contest() -> None:
    """It is the answer where the others cannot run, but nothing was compared if it was alone.

    One whose turn did not come may be faster.
    """
    rows = three({"numpy": 1e-5})
    found = advise(rows, ("numpy", "torch-cuda"), NAME, LONG, [])
    assert found.use == "numpy"
    assert advise(rows, ("numpy",), NAME, LONG, []).use is None
    found = advised(rows)
    assert found.use is None
    assert found.undecided == "torch-cpu was not measured: no comparison"
    assert found.options[1].reason == NOT_REACHED


@pytest.mark.parametrize(
    ("waits", "processes", "why"),
    [
        ((0.0, 0.6), 3, "50% of the samples were contended"),
        ((0.6, 0.6), 3, "100% of the samples were contended"),
        ((0.2, 0.0), 3, "50% of the samples were contended"),
        ((0.0, 0.0), 1, "numpy and torch-cpu were compared in one repeat"),
    ],
)
@pytest.mark.parametrize("other", [1.02, 4780.0])
def test_contended_samples_and_one_repeat_name_no_winner(
    waits: tuple[float, float], processes: int, why: str, other: float
) -> None:
    """However far apart the times are, and though they are within a tie."""
    rows = [
        one(
            backend,
            process,
            seconds * THREE[process],
            samples=[seconds] * 5,
            waited=waited,
            contended=0,
        )
        for backend, seconds, waited in zip(BACKENDS, (1e-5, other * 1e-5), waits, strict=False)
        for process in range(processes)
    ]
    found = advised(rows, count=2)
    assert (found.use, found.ties, found.unsure) == (None, (), ("torch-cpu",))
    assert [option.backend for option in found.options] == ["numpy", "torch-cpu"]
    assert found.undecided == why


@pytest.mark.parametrize(("spread", "tie"), [(1.001, True), (1.5, False)])
def test_a_contended_repeat_beside_idle_ones_takes_no_advice_away(spread: float, tie: bool) -> None:
    """Neither where both are alike, nor where chance explains the difference."""
    rows = [
        one(
            backend,
            process,
            1e-5 * spread ** ((process + place) % 2),
            samples=[1e-5] * 5,
            waited=0.05 if (backend, process) == ("numpy", 3) else 0.0,
        )
        for place, backend in enumerate(BACKENDS[:2])
        for process in range(8)
    ]
    found = advised(rows, count=2)
    assert found.undecided is None
    assert len(found.unsure) == 1
    assert bool(found.ties) is bool(found.use) is tie


def rows(backend: str, **seconds: float) -> list[Measurement]:
    """Return two processes at each size, given as s4=1.0."""
    return [
        measured(backend=backend, size=int(size[1:]), seconds=time, repeat=process)
        for size, time in seconds.items()
        for process in range(2)
    ]


def test_a_line_through_the_two_closest_sizes_says_where() -> None:
    """numpy's time doubles with each doubling, torch's is constant: equal at 64."""
    numpy = rows("numpy", s4=4.0, s16=16.0, s32=32.0)
    torch = rows("torch-cpu", s4=64.0, s16=64.0, s32=64.0)
    assert expected_change(numpy + torch, "numpy", ["torch-cpu"], 4) == pytest.approx(64)


def test_of_several_changes_the_nearest_counts() -> None:
    numpy = rows("numpy", s4=4.0, s16=16.0)
    others = [*rows("jax-cpu", s4=1024.0, s16=1024.0), *rows("torch-cpu", s4=64.0, s16=64.0)]
    found = expected_change([*numpy, *others], "numpy", ["jax-cpu", "torch-cpu"], 4)
    assert found == pytest.approx(64)


@pytest.mark.parametrize("torch", [{"s4": 8.0}, {"s4": 8.0, "s16": 32.0}])
def test_where_nothing_tells_it_is_here(torch: dict[str, float]) -> None:
    """A single size, or times that are as far apart at both."""
    numpy = rows("numpy", s4=4.0, s16=16.0)
    found = expected_change([*numpy, *rows("torch-cpu", **torch)], "numpy", ["torch-cpu"], 4)
    assert found == pytest.approx(4)


def test_nearly_parallel_times_meet_at_a_finite_size() -> None:
    numpy = rows("numpy", s4=4.0, s16=16.0)
    torch = rows("torch-cpu", s4=8.0, s16=31.999)
    assert expected_change([*numpy, *torch], "numpy", ["torch-cpu"], 4) == pytest.approx(4e6)
