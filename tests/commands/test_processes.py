"""``--processes``: what every measuring command makes of it, and one real run over two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perceptron.cli import app
from perceptron.studies import advise, bench, crossover, overhead
from perceptron.studies import map as map_study
from tests.commands.conftest import AMPLE
from tests.conftest import ROOT, Perceptron

STUDIES = {
    "advise": (advise, "advise"),
    "bench": (bench, "bench"),
    "crossover": (crossover, "locate"),
    "map": (map_study, "map_family"),
    "overhead": (overhead, "overhead"),
}
DDP, TWO = "torch-ddp", "torch-ddp@2"


class _Planned(Exception):
    """The command has made its plan."""


def plan_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *words: str) -> Any:
    """Return the plan that a command makes on two cores, and have it measure nothing."""
    module, study = STUDIES[words[0]]
    seen: list[Any] = []

    def stop(plan: object, *_: object) -> object:
        seen.append(plan)
        raise _Planned

    monkeypatch.chdir(tmp_path)
    for other in (advise, bench, crossover, map_study):
        monkeypatch.setattr(other, "usable_cores", lambda: 2)
    monkeypatch.setattr("perceptron.studies.overhead_plan.usable_cores", lambda: 2)
    monkeypatch.setattr(module, study, stop)
    with pytest.raises(_Planned):
        app(list(words), standalone_mode=False)
    return seen[0]


def on_cpu(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if "cuda" not in name)


def test_a_search_has_the_pairs_between_the_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the docs have it typed: three families, no pair with numpy."""
    # fmt: off
    words = (
        "crossover", "--family", "mlp-width,mlp-batch,perceptron-rows", "--processes", "1,2", "--quick",  # noqa: E501
    )
    # fmt: on
    plan = plan_of(monkeypatch, tmp_path, *words)
    assert plan.families == ("mlp-width", "mlp-batch", "perceptron-rows")
    pairs = [pair for pair in plan.pairs if pair == on_cpu(pair)]
    assert pairs == [("torch-cpu", DDP), (DDP, TWO), ("torch-cpu", TWO)]
    assert plan.threads == (2,)


def test_pairs_and_backends_that_are_named_have_the_last_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With their own number of processes, or with each of those typed."""
    named = plan_of(monkeypatch, tmp_path, "crossover", "--pair", f"{DDP}:{TWO}")
    assert named.pairs == ((DDP, TWO),)
    spread = plan_of(
        monkeypatch, tmp_path, "crossover", "--pair", f"numpy:{DDP}", "--processes", "1,2"
    )
    assert spread.pairs == (("numpy", DDP), ("numpy", TWO))
    every = plan_of(
        monkeypatch, tmp_path, "crossover", "--backends", f"numpy,{DDP}", "--processes", "1,2"
    )
    assert every.all_pairs == (("numpy", DDP), ("numpy", TWO), (DDP, TWO))


def test_the_main_job_sweeps_each_count_beside_the_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = plan_of(monkeypatch, tmp_path, "bench", "--quick", "--processes", "1,2")
    assert on_cpu(plan.backends) == ("numpy", "torch-cpu", DDP, TWO)
    assert on_cpu(plan.finding_backends) == ("numpy-published", "numpy", "torch-cpu")
    named = plan_of(
        monkeypatch, tmp_path, "bench", "--backends", f"numpy,{DDP}", "--processes", "2"
    )
    assert named.finding_backends == ("numpy-published", "numpy", TWO)


def test_a_ladder_over_processes_starts_with_the_most(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = plan_of(
        monkeypatch,
        tmp_path,
        *("overhead", "--problem", "mlp-width:512", "--processes", "1,2", "--quick"),
    )
    assert plan.backends[:3] == (TWO, DDP, "torch-cpu")


def test_advice_and_maps_take_each_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # fmt: off
    shape = (
        "advise", "--rows", "60000", "--features", "784", "--hidden", "128", "--classes", "10", "--batch", "1024", "--processes", "1,2",  # noqa: E501
    )
    # fmt: on
    assert on_cpu(plan_of(monkeypatch, tmp_path, *shape).backends)[-2:] == (DDP, TWO)
    mapped = plan_of(monkeypatch, tmp_path, "map", "--backends", DDP, "--processes", "1,2")
    assert mapped.backends == (DDP, TWO)


def test_two_processes_are_measured_beside_one(perceptron: Perceptron, tmp_path: Path) -> None:
    """For real: rows of 2 × 1 beside 1 × 2 on two sizes, their crossover, and their lines."""
    model = (ROOT / "docs" / "examples" / "points-width.toml").read_text(encoding="utf-8")
    (tmp_path / "little.toml").write_text(model.replace("[4, 16, 64, 256]", "[4, 8]"))
    process = perceptron(
        *("bench", "--quick", "--rounds", "1", "--problem", "little.toml", "--machine", "box"),
        *("--processes", "2", "--threads", "2", "--json", *AMPLE),
    )
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    lines = (tmp_path / document["results"] / "measurements.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    over_two = [row for row in rows if row["backend"] == TWO]
    assert {row["status"] for row in over_two} == {"ok"}, over_two
    assert {(row["processes"], row["threads"]) for row in over_two} == {(2, 1)}
    assert {row["family"] for row in over_two} == {"little"}
    pairs = {(pair["incumbent"], pair["challenger"]): pair for pair in document["crossovers"]}
    assert pairs["torch-cpu", TWO]["sizes_measured"] == [4, 8]
    assert pairs["torch-cpu", TWO]["threads"] == 2
    assert TWO not in {row["backend"] for row in document["finding"]}
    drawn = "".join(file.read_text() for file in (tmp_path / "html" / "data").rglob("*.js"))
    assert "2 processes (torch-ddp@2)" in drawn or "1 process" in drawn
