from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover
from perceptron.answer import ReadFromFiles
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.studies.crossover import CrossoverPlan, CrossoverStudy
from perceptron.studies.crossover_from_files import split_pair
from tests.made import BENCH, keep, line

BOTH = ("numpy", "torch-cpu")
KNOWN = ("numpy", "torch", "torch:cpu", "torch:cuda", "jax:gpu:0")


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("numpy:torch", ("numpy", "torch")),
        ("torch:cpu:torch:cuda", ("torch:cpu", "torch:cuda")),
        ("torch:jax:gpu:0", ("torch", "jax:gpu:0")),
    ],
)
def test_a_pair_is_split_where_it_leaves_two_names(text: str, pair: tuple[str, str]) -> None:
    """A backend's own name may hold colons."""
    assert split_pair(text, KNOWN) == pair


def table(tmp_path: Path, rows: list[str], header: str = "case,size,backend,seconds") -> str:
    file = tmp_path / "times.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return str(file)


def judge(source: object, **asked: Any) -> ReadFromFiles:
    plan = CrossoverPlan(sources=(str(source),), **asked).resolved()
    return CrossoverStudy().read(plan)


def pairs(read: ReadFromFiles) -> list[Crossover]:
    found: list[Crossover] = read.answer.data["crossovers"]
    return found


def only(read: ReadFromFiles) -> Crossover:
    (crossover,) = pairs(read)
    return crossover


SIZES = (1, 10, 100, 1000, 10_000, 100_000)
CROSSES = [
    line
    for case in ("svd", "qr")
    for size in SIZES
    for line in (f"{case},{size},numpy,{1 + size}", f"{case},{size},jax-gpu,{30 + size / 100}")
]


def test_families_and_pairs_are_picked(tmp_path: Path) -> None:
    read = judge(table(tmp_path, CROSSES), pair=("jax-gpu:numpy",), families=("svd",))
    crossover = only(read)
    assert (crossover.family, crossover.incumbent) == ("svd", "jax-gpu")
    assert {row.family for row in read.rows} == {"svd"}


def test_backends_without_common_ground_are_told_so(tmp_path: Path) -> None:
    """What stands in the way is the ground, and not the sizes."""
    rows = [
        f"svd,{size},{name},1,{machine}"
        for size in SIZES
        for name, machine in (("numpy", "one"), ("torch", "other"))
    ]
    with pytest.raises(UserError, match="no two backends were measured at several sizes"):
        judge(table(tmp_path, rows, "case,size,backend,seconds,machine"))


def history(folder: Path) -> Path:
    """Write asv's results of two commits; the older one was measured last, as asv fills in."""
    (folder / "box").mkdir(parents=True)
    (folder / "box" / "machine.json").write_text("{}")
    listed = {"bench.time_sum": {"type": "time", "param_names": ["size", "backend"]}}
    (folder / "benchmarks.json").write_text(json.dumps(listed))
    params = [["1", "10"], ["'a'", "'b'"]]
    for commit, date, started, times in (
        ("a" * 40, 1_700_000_000_000, 1_800_000_000_000, [1.0, 2.0, 1.0, 2.0]),
        ("b" * 40, 1_750_000_000_000, 1_790_000_000_000, [3.0, 1.0, 3.0, 1.0]),
    ):
        content = {
            "commit_hash": commit,
            "env_name": "py3.12",
            "date": date,
            "params": {"machine": "box"},
            "result_columns": ["result", "params", "version", "started_at"],
            "results": {"bench.time_sum": [times, params, "1", started]},
            "version": 2,
        }
        (folder / "box" / f"{commit[:8]}-py3.12.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("commit", ["a", "a" * 40])
def test_another_commit_can_be_chosen(tmp_path: Path, commit: str) -> None:
    assert only(judge(history(tmp_path))).commit == "b" * 12, "else the newest"
    read = judge(tmp_path, commit=commit)
    assert (only(read).status, only(read).commit) == ("never", "a" * 12)
    (source,) = read.answer.data["sources"]
    assert (source.read, source.used, [left.rows for left in source.left_out]) == (8, 4, [4])


@pytest.mark.parametrize("commit", ["a" * 40, f"{'a' * 12}-dirty"])
def test_a_commit_and_what_was_changed_in_it_are_chosen_apart(tmp_path: Path, commit: str) -> None:
    """pytest-benchmark says of a commit that files had changed."""
    for dirty in (False, True):
        content = {
            "commit_info": {"id": "a" * 40, "dirty": dirty},
            "benchmarks": [
                {
                    "name": "test_sum",
                    "params": {"size": size, "backend": backend},
                    "stats": {"median": seconds},
                }
                for size in (1, 10)
                for backend, seconds in (("a", 1.0), ("b", 0.5 if dirty else 2.0))
            ],
        }
        (tmp_path / f"{dirty}.json").write_text(json.dumps(content))
    crossover = only(judge(tmp_path, commit=commit))
    expected = ("always", f"{'a' * 12}-dirty") if "dirty" in commit else ("never", "a" * 12)
    assert (crossover.status, crossover.commit) == expected
    with pytest.raises(UserError, match=r"fits 2 commits: .* have a{12}, a{12}-dirty$"):
        judge(tmp_path, commit="aaaa")


def test_a_benchmarks_name_stands_for_the_families_that_other_parameters_make(
    tmp_path: Path,
) -> None:
    rows = [
        {
            "name": "test_sum",
            "params": {"size": size, "backend": backend, "kind": kind},
            "stats": {"median": 1.0},
        }
        for size in (1, 10)
        for backend in ("a", "b")
        for kind in ("x", "y")
    ]
    file = tmp_path / "times.json"
    file.write_text(json.dumps({"benchmarks": rows}))
    for asked, expected in (("test_sum", "xy"), ("test_sum[kind=y]", "y")):
        families = [crossover.family for crossover in pairs(judge(file, families=(asked,)))]
        assert families == [f"test_sum[kind={kind}]" for kind in expected]
    with pytest.raises(UserError, match=r"'test_sum\[kind=z\]': did you mean 'test_sum\[kind=.\]'"):
        judge(file, families=("test_sum[kind=z]",))


@pytest.mark.parametrize("column", ["commit", "environment", "version"])
def test_a_table_says_what_its_rows_were_measured_of(tmp_path: Path, column: str) -> None:
    """Rows of two states are not put together; without dates each is an answer of its own."""
    rows = [
        f"f,{size},{backend},{seconds},{state}"
        for size in (1, 10)
        for state, costs in (("x", (1, 2)), ("y", (2, 1)))
        for backend, seconds in zip("ab", costs, strict=True)
    ]
    read = judge(table(tmp_path, rows, f"case,size,backend,seconds,{column}"))
    statuses = {getattr(crossover, column): crossover.status for crossover in pairs(read)}
    assert statuses == {"x": "never", "y": "always"}


def test_rows_of_two_optimizers_are_judged_apart(tmp_path: Path) -> None:
    """What one backend alone was trained by is in no answer, and counted."""

    def trained(optimizer: str, backends: Sequence[str], slower: float) -> list[Measurement]:
        """Return a line on which torch-cpu is so much slower than usual."""
        return [
            replace(
                row,
                optimizer=optimizer,
                feed="resident",
                outputs=1,
                seconds=(row.seconds or 0.0) * (slower if row.backend == "torch-cpu" else 1.0),
            )
            for row in line(sizes=(4, 16, 64, 256, 1024, 4096), backends=backends)
        ]

    kinds = (("sgd", BOTH, 1.0), ("adam", BOTH, 1.5), ("adamw", ("numba",), 1.0))
    every = [trained(*kind) for kind in kinds]
    for day, rows in enumerate(every, start=1):
        keep(tmp_path, BENCH, rows, started=f"2026-01-0{day}T00:00:00Z")
    read = judge(tmp_path)
    found = {crossover.optimizer: crossover.size for crossover in pairs(read)}
    assert found == {"sgd": pytest.approx(200, rel=0.1), "adam": pytest.approx(800, rel=0.1)}
    (source,) = read.answer.data["sources"]
    assert source.read == source.used + len(every[2])
    (left_out,) = source.left_out
    assert left_out.reason == "of a family or a backend in no pair that was judged"
    assert left_out.rows == len(every[2])
