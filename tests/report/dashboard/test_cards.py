from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.collection import collect
from perceptron.report.dashboard.cards import cards
from tests.made import BENCH, bench_rows, keep


@pytest.fixture
def bench(tmp_path: Path) -> BenchResult:
    """numpy beats torch-cpu on the OR gate; on the one family they cross."""
    keep(tmp_path, BENCH, bench_rows())
    (bench,) = collect(tmp_path).benches
    return bench


def test_the_finding_comes_first_then_the_crossovers(bench: BenchResult) -> None:
    """The slowest backend beside what was published."""
    finding, crossing = cards(bench)
    assert finding["sure"]
    assert finding["number"].startswith("8.1")
    assert finding["what"].startswith("torch-cpu takes 8.1")
    assert crossing["what"].startswith("mlp-width: torch-cpu from ")


def test_a_finding_of_one_backend_is_no_card(bench: BenchResult) -> None:
    """It would say how many times as long it takes as itself."""
    (crossing,) = cards(replace(bench, finding=bench.finding[:1]))
    assert crossing["what"].startswith("mlp-width: ")


def test_three_crossovers_at_most_and_only_where_something_crosses(bench: BenchResult) -> None:
    (crossed,) = [one for one in bench.crossovers if one.status == "crosses"]
    never = replace(crossed, status="never", size=None)
    shown = cards(replace(bench, finding=[], crossovers=[never, *[crossed] * 5]))
    assert len(shown) == 3
