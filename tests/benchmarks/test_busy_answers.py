"""Which decided answers contradict each other, and what of a document is decided."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.busy_answers import Claim, claims_of, contradicted

IDLE = [
    Claim("mlp-width", 4, "numpy", "torch-cpu"),
    Claim("mlp-width", 64, "numpy", "torch-cpu"),
    Claim("mlp-width", 1024, "torch-cpu", "numpy"),
]


@pytest.mark.parametrize(
    ("size", "faster", "slower", "is_contradicted"),
    [
        (64, "torch-cpu", "numpy", True),
        (16, "torch-cpu", "numpy", True),  # the idle run has numpy at both sizes beside it
        (64, "numpy", "torch-cpu", False),
        (256, "torch-cpu", "numpy", False),  # the winner changes somewhere here
        (256, "numpy", "torch-cpu", False),
        (2, "torch-cpu", "numpy", False),  # beyond what the idle run measured
        (64, "numba", "numpy", False),
    ],
)
def test_a_claim_is_contradicted_where_the_idle_run_decided_the_opposite(
    size: float, faster: str, slower: str, is_contradicted: bool
) -> None:
    """At the same size or around it; what the idle run left undecided contradicts nothing."""
    claim = Claim("mlp-width", size, faster, slower)
    assert contradicted(IDLE, [claim]) == [claim] * is_contradicted
    assert not contradicted(IDLE, [Claim("mlp-depth", size, faster, slower)])


def test_only_decided_answers_are_claims() -> None:
    """A size outside the decided ranges, a tie and an open interval claim nothing."""
    ratios = [{"size": 4, "ratio": 2.0}, {"size": 64, "ratio": 0.5}, {"size": 512, "ratio": 0.4}]
    pair: dict[str, Any] = {
        "family": "mlp-width",
        "incumbent": "numpy",
        "challenger": "torch-cpu",
        "ratio_at": ratios,
        "decided": [(4, 4), (512, 1024)],
    }
    assert list(claims_of("crossover", {"crossovers": [pair]})) == [
        Claim("mlp-width", 4, "numpy", "torch-cpu"),
        Claim("mlp-width", 512, "torch-cpu", "numpy"),
    ]
    advice = {
        "problem": "p",
        "use": "numpy",
        "unsure": ["torch-cpu"],
        "ties": [],
        "candidates": [
            {"backend": "numpy", "seconds": 1.0},
            {"backend": "torch-cpu", "seconds": 4780.0},
            {"backend": "numba", "seconds": 2.0},
            {"backend": "torch-cuda", "seconds": None},
        ],
    }
    assert list(claims_of("advise", advice)) == [Claim("p", 0, "numpy", "numba")]
