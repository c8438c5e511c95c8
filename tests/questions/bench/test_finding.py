from __future__ import annotations

from collections.abc import Sequence
from math import exp

import pytest

from perceptron.answer import Verdict
from perceptron.questions.bench.finding import (
    FindingRow,
    finding,
    finding_ranking,
    finding_verdict,
)
from perceptron.questions.shared.published import published_iteration_seconds
from perceptron.records.measurement import Measurement
from tests.made import measured

NOISY = (-0.4, 0.3, 0.0, -0.3, 0.4)


def trainings(
    spread: Sequence[float] = (0.0,) * 3,
    iterations: int = 10_000,
    waited: float | None = None,
    **micros: float,
) -> list[Measurement]:
    """Rows of the OR gate, by the microseconds of an iteration; one more for each spread."""
    return [
        measured(
            family="or-gate",
            backend=name.replace("_", "-"),
            repeat=repeat,
            seconds=cost * 1e-6 * exp(apart if name != "numpy" else 0.0),
            iterations=iterations,
            waited=waited,
        )
        for repeat, apart in enumerate(spread)
        for name, cost in micros.items()
    ]


def refused(*backends: str) -> list[Measurement]:
    return [
        measured(family="or-gate", backend=name, status="skipped", reason="not installed")
        for name in backends
    ]


def rows_and_verdict(
    rows: Sequence[Measurement], *backends: str
) -> tuple[list[FindingRow], Verdict]:
    finding_rows, ranking = finding(rows, backends), finding_ranking(rows, backends)
    verdict = finding_verdict(finding_rows, ranking, "box", 2, "a larger --budget")
    assert verdict is not None
    return finding_rows, verdict


def test_finding_ratio_is_paired_by_round_with_its_backend() -> None:
    """Drift that all backends of a round share does not widen it; other lengths are left out."""
    costs = {"numpy-published": 9e-6, "numpy": 7e-6, "torch-cpu": 63e-6}
    rounds = ((1.0, 10_000), (1.5, 10_000), (0.7, 10_000), (2.0, 10_000), (9.0, 5))
    rows = [
        measured(
            family="or-gate", backend=name, repeat=process, seconds=cost * drift, iterations=length
        )
        for process, (drift, length) in enumerate(rounds)
        for name, cost in costs.items()
    ]
    published, numpy, torch = finding(rows, costs)
    assert torch.repeats == 4
    assert (torch.ratio_to_numpy, torch.ratio_low) == pytest.approx((9, 9))
    assert torch.ratio_to_published == pytest.approx(7)
    assert numpy.ratio_to_numpy == published.ratio_to_published == 1


EVERY = ("numpy-published", "numpy", "torch-cpu", "torch-cuda")


@pytest.mark.parametrize(
    ("rows", "backends", "decided", "sentence"),
    [
        pytest.param(
            trainings(numpy=200, torch_cpu=204),
            EVERY[:3],
            "yes",
            "numpy and torch-cpu tie: within 5%, torch-cpu takes 1.02× as long",
            id="tie",
        ),
        pytest.param(
            trainings(numpy_published=9, plant_a=200, plant_c=300),
            ("numpy-published", "plant-a", "plant-c"),
            "yes",
            "plant-c takes 1.50× as long as plant-a",
            id="two others, of which both are named",
        ),
        pytest.param(
            trainings(numpy=63, torch_cpu=7),
            EVERY[:3],
            "yes",
            "numpy takes 9.00× as long as torch-cpu",
            id="another leads",
        ),
        pytest.param(
            trainings(numpy=10, torch_cpu=20),
            EVERY,
            "partly",
            "torch-cpu takes 2.00× as long as numpy; undecided: torch-cuda, not measured",
            id="one had no turn",
        ),
        pytest.param(
            trainings(spread=NOISY, numpy=10, torch_cpu=11),
            EVERY[:3],
            "no",
            "undecided, too noisy: by the estimate torch-cpu takes 1.10× as long as numpy "
            "[0.71, 1.71]",
            id="noisy",
        ),
        pytest.param(
            trainings(spread=(0.0,), numpy=7, torch_cpu=63),
            EVERY[:3],
            "no",
            "undecided, one repeat: by the estimate torch-cpu takes 9.00× as long as numpy",
            id="one repeat",
        ),
        pytest.param(
            trainings(waited=0.9, numpy=7, torch_cpu=63),
            EVERY[:3],
            "no",
            "undecided, contended: by the estimate torch-cpu takes 9.00× as long as numpy",
            id="contended",
        ),
        pytest.param(
            trainings(numpy=7),
            EVERY[:3],
            "no",
            "undecided: only numpy has a time",
            id="others had no turn",
        ),
        pytest.param(
            [*trainings(torch_cpu=7), *refused("numpy-published", "torch-cuda")],
            ("torch-cpu", "torch-cuda"),
            "no",
            "only torch-cpu has a time; numpy-published and torch-cuda have none here: "
            "nothing to compare with",
            id="alone",
        ),
        pytest.param(
            trainings(numpy_published=9, numpy=6),
            EVERY[:2],
            "yes",
            "numpy-published takes 1.50× as long as numpy",
            id="nothing but NumPy",
        ),
    ],
)
def test_finding_verdict_names_fastest_and_state_of_others(
    rows: Sequence[Measurement], backends: Sequence[str], decided: str, sentence: str
) -> None:
    verdict = rows_and_verdict(rows, *backends)[1]
    assert (verdict.decided, verdict.sentence) == (decided, sentence)
    assert any("next: " in note for note in verdict.notes) == (decided != "yes")


def test_finding_verdict_moves_overflow_to_notes() -> None:
    """Of three candidates; an open one is named with what would decide it, and once."""
    (more,) = rows_and_verdict(trainings(numpy=10, torch_cpu=10.1, torch_cuda=30), *EVERY)[1].notes
    assert more == "and torch-cuda takes 3.00× as long as numpy"
    (why,) = rows_and_verdict(trainings(numpy=10, torch_cpu=20), *EVERY)[1].notes
    assert why.startswith("why: torch-cuda was not measured; next: ")


def test_finding_intervals_widen_with_number_of_backends() -> None:
    """Of three backends each holds at a higher level than of two."""
    rows = trainings(spread=(-0.01, 0.0, 0.01), numpy=7, torch_cpu=63, torch_cuda=90)
    two = finding([row for row in rows if row.backend != "torch-cuda"], EVERY)[2]
    three = rows_and_verdict(rows, *EVERY)[0][2]
    assert two.ratio_low is not None
    assert three.ratio_low is not None
    assert three.ratio_low < two.ratio_low


def test_finding_of_partial_training_shows_seconds_per_iteration() -> None:
    """It has the seconds of an iteration and their ratio, and says on how many they rest."""
    rows = [
        *trainings(numpy_published=8, numpy=8),
        *trainings(torch_ddp=4000, iterations=800),
    ]
    (published, _, slow), verdict = rows_and_verdict(rows, "numpy-published", "numpy", "torch-ddp")
    assert published.seconds == pytest.approx(0.08)
    assert (slow.seconds, slow.iterations, slow.repeats) == (None, 800, 3)
    assert slow.ratio_to_published == pytest.approx(500)
    assert slow.reason is not None
    assert "800 of 10,000 iterations" in slow.reason
    assert "4.00 [4.00, 4.00] ms each" in slow.reason
    assert verdict.decided == "yes"
    assert verdict.sentence.endswith("over 800 iterations")


def test_finding_lists_backend_not_reached_with_reason() -> None:
    (absent,) = finding([], ["torch-cuda"])
    assert (absent.seconds, absent.published_seconds) == (None, 23.1)
    assert absent.reason == "the run ended before its turn"


def test_published_times_belong_to_their_problem() -> None:
    """23.1 s for 10,000 iterations on the OR gate; nothing was published for another."""
    assert published_iteration_seconds("or-gate")["torch-cuda"] == pytest.approx(2.31e-3)
    assert published_iteration_seconds("xor") == {}
