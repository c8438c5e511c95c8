"""What the main job and a search say of families for which there was no time."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.answer import Answer
from perceptron.questions.answering import answer_run
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.undecided import SINGLE_SIZE
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from perceptron.statistics.select import NOT_REACHED
from tests.made import BENCH, keep, measured

BACKENDS = ("numpy", "torch-cpu")
FAILED = {"status": "failed", "reason": "out of memory", "seconds": None}


def answered(results: Path, rows: list[Measurement], planned: dict[str, int]) -> Answer:
    plan = BENCH | {"backends": BACKENDS, "families": list(planned), "planned": planned}
    return answer_run(read_run(keep(results, plan, rows))).answer


def crossovers(results: Path, rows: list[Measurement], planned: dict[str, int]) -> list[Crossover]:
    pairs: list[Crossover] = answered(results, rows, planned).data["crossovers"]
    return pairs


@pytest.mark.parametrize("other", [{}, FAILED])
def test_not_reached_family_without_rows_gives_reason(
    other: dict[str, object], tmp_path: Path
) -> None:
    """Also where one of two backends has failed wherever it was tried."""
    rows: list[Measurement] = [
        measured(problem="mlp-width:8", family="mlp-width", size=8, seconds=1e-5),
        measured(
            problem="mlp-width:8",
            family="mlp-width",
            size=8,
            backend="torch-cpu",
            **({"seconds": 1e-5} | other),
        ),
    ]
    pairs = crossovers(tmp_path, rows, {"mlp-width": 1, "mlp-depth": 2})
    (without,) = [pair for pair in pairs if pair.family == "mlp-depth"]
    assert (without.status, without.reason) == ("not measured", NOT_REACHED)
    assert (without.incumbent, without.challenger) == BACKENDS


def test_not_reached_family_with_one_size_is_undecided(tmp_path: Path) -> None:
    rows = [
        measured(
            problem=f"{family}:8", family=family, size=8, backend=name, repeat=n, seconds=seconds
        )
        for family in ("mlp-width", "mine")
        for name, seconds in zip(BACKENDS, (1e-5, 2e-5), strict=True)
        for n in range(7)
    ]
    answer = answered(tmp_path, rows, {"mlp-width": 2, "mine": 1})
    verdicts = {verdict.subject: verdict for verdict in answer.verdicts}
    assert {name: verdict.decided for name, verdict in verdicts.items()} == {
        "mlp-width": "no",
        "mine": "yes",
    }
    assert verdicts["mlp-width"].sentence == "undecided at width 8, the only size"
    assert SINGLE_SIZE in verdicts["mlp-width"].notes[0]
    (short,) = answer.data["crossovers"]  # nor is anything else said of it
    assert (short.family, short.status, short.reason) == ("mlp-width", "not measured", SINGLE_SIZE)
    assert not any("not measured" in note.text for note in answer.notes)


def test_not_reached_pairs_of_search_are_listed_once(tmp_path: Path) -> None:
    """Of a family and of a model file, each pair once; one that was reached has its own answer.

    Where its budget did not end it, nothing is missing.
    """
    rows: list[Measurement] = [
        measured(
            problem=f"mlp-width:{size}",
            family="mlp-width",
            size=size,
            backend=backend,
            seconds=1e-5,
        )
        for size in (8, 64)
        for backend in BACKENDS
    ]
    plan = {
        "study": "crossover",
        "backends": (*BACKENDS, "torch-cuda"),
        "families": ["mlp-width", "mlp-depth"],
        "problems": ["models/mine.toml"],
    }
    loaded = read_run(keep(tmp_path, plan, rows))
    whole = answer_run(loaded).answer.data["crossovers"]
    assert {pair.family for pair in whole} == {"mlp-width"}
    cut_short = replace(loaded, run=replace(loaded.run, cut_short=True))
    answer = answer_run(cut_short).answer
    pairs: list[Crossover] = answer.data["crossovers"]
    reasons = {(pair.family, pair.incumbent, pair.challenger): pair.reason for pair in pairs}
    assert len(pairs) == len(reasons) == 9
    assert {reasons[key] for key in reasons if key[0] != "mlp-width"} == {NOT_REACHED}
    assert NOT_REACHED not in (reasons["mlp-width", name, "torch-cuda"] or "" for name in BACKENDS)
    assert any(f"{NOT_REACHED} (in mlp-depth, mine)" in note.text for note in answer.notes)


def test_not_reached_thread_count_is_open(tmp_path: Path) -> None:
    rows = [
        measured(
            problem=f"mlp-width:{size}",
            family="mlp-width",
            size=size,
            backend=backend,
            repeat=repeat,
            seconds=seconds,
            threads=1,
        )
        for size in (8, 64)
        for backend, seconds in zip(BACKENDS, (1e-5, 9e-5), strict=True)
        for repeat in range(3)
    ]
    plan = {"backends": BACKENDS, "families": ["mlp-width"], "threads": [1, 2]}
    for more in ({"study": "crossover"}, BENCH | {"planned": {"mlp-width": 2}}):
        loaded = read_run(keep(tmp_path / str(more["study"]), more | plan, rows))
        answer = answer_run(replace(loaded, run=replace(loaded.run, cut_short=True))).answer
        statuses = {crossover.threads: crossover.status for crossover in answer.data["crossovers"]}
        assert statuses == {1: "never", 2: "not measured"}
        assert not answer.is_decided


@pytest.mark.parametrize(("sizes", "decided"), [((8,), False), ((8, 64), True)])
def test_not_reached_sizes_leave_family_open(
    sizes: tuple[int, ...], decided: bool, tmp_path: Path
) -> None:
    """Though another family is decided."""
    rows = [
        measured(
            problem=f"{family}:{size}",
            family=family,
            size=size,
            backend=backend,
            repeat=repeat,
            seconds=seconds,
        )
        for family, of_family in (("mlp-width", (8, 64)), ("mlp-depth", sizes))
        for size in of_family
        for backend, seconds in zip(BACKENDS, (1e-5, 9e-5), strict=True)
        for repeat in range(3)
    ]
    plan = {"study": "crossover", "backends": BACKENDS, "families": ["mlp-width", "mlp-depth"]}
    loaded = read_run(keep(tmp_path, plan, rows))
    answer = answer_run(replace(loaded, run=replace(loaded.run, cut_short=True))).answer
    assert {verdict.decided for verdict in answer.verdicts} == {"yes"}
    assert answer.is_decided is decided
