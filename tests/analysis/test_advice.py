from __future__ import annotations

import pytest

from perceptron.analysis.advice import AxisRows, advise
from perceptron.analysis.training_length import TrainingLength
from perceptron.records.measurement import Measurement
from perceptron.report.tables import advice
from tests.conftest import MakeRow

BACKENDS = ("numpy", "torch-cpu", "torch-cuda")


def measured(row: MakeRow, seconds: dict[str, float], prepare: float = 0.0) -> list[Measurement]:
    """Three processes of each backend on one problem, 1 % apart; the GPU is not there."""
    rows = [
        row(
            problem="mlp:8x2",
            family="mlp:8x2",
            size=8,
            backend=backend,
            process=process,
            seconds=value * (0.99, 1.0, 1.01)[process],
            prepare_seconds=prepare if backend == "numpy" else 1e-3,
        )
        for backend, value in seconds.items()
        for process in range(3)
    ]
    rows.append(
        row(
            problem="mlp:8x2",
            family="mlp:8x2",
            size=8,
            backend="torch-cuda",
            device="cuda",
            status="skipped",
            reason="no CUDA device found",
        )
    )
    return rows


def test_the_fastest_is_advised_with_its_lead(row: MakeRow) -> None:
    advised = advise(
        measured(row, {"torch-cpu": 4e-5, "numpy": 1e-5}),
        BACKENDS,
        "mlp:8x2",
        TrainingLength(iterations=100),
        [],
    )
    assert advised.use == "numpy"
    assert [option.backend for option in advised.options] == ["numpy", "torch-cpu", "torch-cuda"]
    ratio = advised.options[1].ratio
    assert ratio is not None
    assert ratio.estimate == pytest.approx((100 * 4e-5 + 1e-3) / (100 * 1e-5), rel=0.01)
    assert advised.options[2].reason == "no CUDA device found"
    assert (advised.ties, advised.unsure) == ([], [])
    text = advice.sentence(advised)
    assert text.startswith("Use numpy: 5.00 [")
    assert "torch-cuda: no CUDA device found: to know, run" in text


@pytest.mark.parametrize(("iterations", "best"), [(1, "torch-cpu"), (100_000, "numpy")])
def test_a_short_training_pays_for_its_start(row: MakeRow, iterations: int, best: str) -> None:
    """From cold, one iteration is all preparing; over many it does not matter."""
    rows = measured(row, {"torch-cpu": 4e-5, "numpy": 1e-5}, prepare=0.1)
    assert advise(rows, BACKENDS, "mlp:8x2", TrainingLength(iterations=iterations), []).use == best


def test_a_tie_advises_either(row: MakeRow) -> None:
    rows = measured(row, {"torch-cpu": 1.02e-5, "numpy": 1e-5}, prepare=1e-3)
    advised = advise(rows, BACKENDS, "mlp:8x2", TrainingLength(iterations=10_000), [])
    assert advised.ties == ["torch-cpu"]
    assert advice.sentence(advised).startswith("Use numpy or torch-cpu: within ±5 %")


def test_a_lead_that_is_not_sure_says_so(row: MakeRow) -> None:
    rows = [
        measurement
        if measurement.backend == "numpy" or measurement.seconds is None
        else row(
            problem="mlp:8x2",
            backend="torch-cpu",
            process=measurement.process,
            seconds=1e-5 * (0.8, 1.2, 1.5)[measurement.process],
        )
        for measurement in measured(row, {"numpy": 1e-5, "torch-cpu": 1e-5})
    ]
    advised = advise(rows, BACKENDS, "mlp:8x2", TrainingLength(iterations=10_000), [])
    assert advised.unsure == ["torch-cpu"]
    assert "Use probably numpy" in advice.sentence(advised)


def test_an_axis_tells_where_the_answer_changes(row: MakeRow) -> None:
    """numpy here, torch-cpu from 100 rows up; along the features nothing changes."""
    rows = measured(row, {"torch-cpu": 4e-5, "numpy": 1e-5}, prepare=1e-3)

    def line(family: str, costs: dict[str, float]) -> AxisRows:
        return AxisRows(
            axis=family,
            here=8,
            rows=[
                row(
                    family=family,
                    problem=f"{family}:{size}",
                    size=size,
                    backend=backend,
                    process=process,
                    seconds=(10 + size * cost) * (0.999, 1.0, 1.001)[process]
                    if backend == "numpy"
                    else 20.0,
                )
                for size in (8, 32, 128, 512)
                for process in range(3)
                for backend, cost in costs.items()
            ],
        )

    advised = advise(
        rows,
        BACKENDS,
        "mlp:8x2",
        TrainingLength(iterations=10_000),
        [
            line("rows", {"numpy": 0.1, "torch-cpu": 0}),
            line("features", {"numpy": 0, "torch-cpu": 0}),
        ],
    )
    (crossed,) = advised.changes[0].crossovers
    assert crossed.status == "crosses"
    assert 32 < (crossed.size or 0) < 128
    text = advice.sentence(advised)
    assert "; but torch-cpu from " in text
    assert " rows up" in text
    assert "nothing else wins at features 8 to 512" in text
    cells = advice.changes_cells(advised.changes)
    assert [cell[:3] for cell in cells] == [
        ("rows", "8 to 512", "numpy → torch-cpu"),
        ("features", "8 to 512", "numpy → torch-cpu"),
    ]


def test_nothing_measured_says_why(row: MakeRow) -> None:
    rows = measured(row, {})
    advised = advise(rows, ("torch-cuda",), "mlp:8x2", TrainingLength(iterations=10), [])
    assert advised.use is None
    assert advice.sentence(advised).startswith("Nothing could be measured: torch-cuda: no CUDA")


def test_one_backend_is_no_contest(row: MakeRow) -> None:
    """But one whose turn did not come may be faster."""
    rows = measured(row, {"numpy": 1e-5})
    length = TrainingLength(iterations=10)
    advised = advise(rows, ("numpy", "torch-cuda"), "mlp:8x2", length, [])
    assert advised.use == "numpy"
    assert "numpy, the only backend that can run here" in advice.sentence(advised)
    advised = advise(rows, BACKENDS, "mlp:8x2", length, [])
    assert advised.use is None
    assert "torch-cpu was not measured: no comparison" in advice.sentence(advised)
    assert "Use" not in advice.sentence(advised)
    assert advice.cells(advised)[1][1] == "not measured: the run ended before its turn"


@pytest.mark.parametrize(
    ("waits", "processes", "threads", "why"),
    [
        ((0.0, 0.6), 3, 2, "50% of the samples were contended; next: --wait or --threads 1"),
        ((0.6, 0.6), 3, 2, "100% of the samples were contended; next: --wait or --threads 1"),
        ((0.6, 0.6), 3, 1, "100% of the samples were contended; next: --wait"),
        ((0.2, 0.0), 3, 2, "50% of the samples were contended; next: --wait or --threads 1"),
        ((0.0, 0.0), 1, 2, "compared in one repeat; next: a larger --budget"),
    ],
)
@pytest.mark.parametrize("other", [1.02, 4780.0])
def test_contended_samples_and_one_repeat_name_no_winner(
    row: MakeRow, waits: tuple[float, float], processes: int, threads: int, why: str, other: float
) -> None:
    """However far apart the times are, and though they are within a tie."""
    rows = [
        row(
            problem="mlp:8x2",
            backend=backend,
            process=process,
            threads=threads,
            seconds=seconds * (0.99, 1.0, 1.01)[process],
            samples=[seconds] * 5,
            waited=waited,
            disturbed=0,
        )
        for backend, seconds, waited in zip(BACKENDS, (1e-5, other * 1e-5), waits, strict=False)
        for process in range(processes)
    ]
    advised = advise(rows, BACKENDS[:2], "mlp:8x2", TrainingLength(iterations=10_000), [])
    assert (advised.use, advised.ties, advised.unsure) == (None, [], ["torch-cpu"])
    assert [option.backend for option in advised.options] == ["numpy", "torch-cpu"]
    assert advice.sentence(advised).startswith("undecided: numpy or torch-cpu; why: ")
    assert why in advice.sentence(advised)


@pytest.mark.parametrize(("spread", "tie"), [(1.001, True), (1.5, False)])
def test_a_contended_repeat_beside_idle_ones_takes_no_advice_away(
    row: MakeRow, spread: float, tie: bool
) -> None:
    """Neither where both are alike, nor where chance explains the difference."""
    rows = [
        row(
            problem="mlp:8x2",
            backend=backend,
            process=process,
            seconds=1e-5 * spread ** ((process + one) % 2),
            samples=[1e-5] * 5,
            waited=0.05 if (backend, process) == ("numpy", 3) else 0.0,
        )
        for one, backend in enumerate(BACKENDS[:2])
        for process in range(8)
    ]
    advised = advise(rows, BACKENDS[:2], "mlp:8x2", TrainingLength(iterations=10_000), [])
    assert advised.undecided is None
    assert advised.use is not None
    assert len(advised.unsure) == 1
    assert bool(advised.ties) is tie


def test_every_axis_is_judged_as_the_problem_is(row: MakeRow) -> None:
    """By whole trainings from cold: what prepares for long does not win short ones anywhere."""
    rows = measured(row, {"torch-cpu": 4e-5, "numpy": 1e-5}, prepare=0.1)
    line = AxisRows(
        axis="rows",
        here=8,
        rows=[
            row(
                family="rows",
                problem=f"rows:{size}",
                size=size,
                backend=backend,
                process=process,
                seconds=seconds * (0.99, 1.0, 1.01)[process],
                prepare_seconds=prepare,
            )
            for size in (8, 32, 128)
            for process in range(3)
            for backend, seconds, prepare in (("numpy", 1e-5, 0.1), ("torch-cpu", 4e-5, 1e-3))
        ],
    )
    short = advise(rows, BACKENDS, "mlp:8x2", TrainingLength(iterations=10), [line])
    assert short.use == "torch-cpu"
    assert short.changes[0].crossovers[0].status == "never"
    assert "nothing else wins at rows 8 to 128" in advice.sentence(short)


def test_an_axis_that_contradicts_is_not_called_safe(row: MakeRow) -> None:
    """Where noise hides the winner, the sentence does not say that nothing else wins."""
    rows = measured(row, {"torch-cpu": 4e-5, "numpy": 1e-5}, prepare=1e-3)
    line = AxisRows(
        axis="rows",
        here=8,
        rows=[
            row(
                family="rows",
                problem=f"rows:{size}",
                size=size,
                backend=backend,
                process=process,
                seconds=(1.0, 4.0, 0.5)[(process + index) % 3],
                prepare_seconds=1e-3,
            )
            for size in (8, 32, 128)
            for process in range(3)
            for index, backend in enumerate(("numpy", "torch-cpu"))
        ],
    )
    text = advice.sentence(
        advise(rows, BACKENDS, "mlp:8x2", TrainingLength(iterations=10_000), [line])
    )
    assert "nothing else wins" not in text
    assert "along rows it is not sure" in text
