from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.answer import ReadFromFiles
from perceptron.errors import UserError
from perceptron.questions.collection import collection_of
from perceptron.questions.crossover.from_files import split_pair
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.study import CrossoverPlan, CrossoverStudy
from perceptron.records.measurement import Measurement
from tests import asv_documents
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
def test_split_pair_allows_colons_in_names(text: str, pair: tuple[str, str]) -> None:
    """A backend's own name may hold colons."""
    assert split_pair(text, KNOWN) == pair


def table(tmp_path: Path, rows: list[str], header: str = "case,size,backend,seconds") -> str:
    file = tmp_path / "times.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return str(file)


def judge(source: object, **options: Any) -> ReadFromFiles:
    plan = CrossoverPlan(sources=(str(source),), **options).resolved()
    return CrossoverStudy().read(plan)


def pairs(read: ReadFromFiles) -> list[Crossover]:
    crossovers: list[Crossover] = read.answer.data["crossovers"]
    return crossovers


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


def read_and_left_out(read: ReadFromFiles) -> tuple[int, dict[str, int]]:
    (source,) = read.answer.data["sources"]
    return source.rows, source.skipped


def test_file_rows_left_out_are_counted_by_reason(tmp_path: Path) -> None:
    """For each reason that rows are in no answer."""
    older = judge(history(tmp_path / "asv"), commit="a")
    assert read_and_left_out(older) == (4, {"of another commit": 4})

    beside = [f"{case},{size},tpu,1" for case in ("svd", "qr") for size in SIZES]
    alone = [f"svd,{size + 1},other,1" for size in SIZES]
    file = table(tmp_path, [*CROSSES, *beside, *alone])
    read = judge(file, pair=("numpy:jax-gpu", "numpy:other"))
    assert read_and_left_out(read) == (
        24,
        {
            "of a backend in no pair that was asked for": 12,
            "with nothing to be compared with": 6,
        },
    )

    content = {
        "benchmarks": [
            {
                "name": f"test_sum[{size}-{backend}-{order}]",
                "params": {"size": size, "backend": backend, "order": order},
                "stats": {"median": size},
            }
            for size in (1, 10)
            for backend in ("a", "b")
            for order in ("rows", "columns", "none")
        ]
    }
    (tmp_path / "sum.json").write_text(json.dumps(content))
    case = judge(tmp_path / "sum.json", families=("test_sum[order=rows]",))
    assert read_and_left_out(case) == (4, {"of a family that was not asked for": 8})

    mine = [replace(row, problem_digest="1" * 12) for row in line()]
    others = [replace(row, problem_digest="0" * 12, repeat=4 + row.repeat) for row in mine]
    counted = [replace(row, family="kernels") for row in mine]
    keep(tmp_path / "results", BENCH, [*mine, *others, *counted])
    assert read_and_left_out(judge(tmp_path / "results")) == (
        len(mine),
        {"of another definition": len(others), "of a family or a backend in no pair": len(counted)},
    )


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
    assert only(read).commit == "a" * 12
    assert [at.ratio for at in only(read).ratio_at] == [2.0, 2.0]


@pytest.mark.parametrize("commit", ["a" * 40, f"{'a' * 12}-dirty"])
def test_file_dirty_commit_is_separate_from_clean(tmp_path: Path, commit: str) -> None:
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
    expected = (0.5, f"{'a' * 12}-dirty") if "dirty" in commit else (2.0, "a" * 12)
    assert (crossover.ratio_at[0].ratio, crossover.commit) == expected
    with pytest.raises(UserError, match=r"fits 2 commits: .* have a{12}, a{12}-dirty$"):
        judge(tmp_path, commit="aaaa")


def test_file_benchmark_name_selects_its_parameter_families(
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
    for benchmark, expected in (("test_sum", "xy"), ("test_sum[kind=y]", "y")):
        families = [crossover.family for crossover in pairs(judge(file, families=(benchmark,)))]
        assert families == [f"test_sum[kind={kind}]" for kind in expected]
    with pytest.raises(UserError, match=r"'test_sum\[kind=z\]': did you mean 'test_sum\[kind=.\]'"):
        judge(file, families=("test_sum[kind=z]",))


@pytest.mark.parametrize("column", ["commit", "environment", "version"])
def test_csv_rows_of_two_states_are_separate_answers(tmp_path: Path, column: str) -> None:
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
    sizes = {crossover.optimizer: crossover.size for crossover in pairs(read)}
    assert sizes == {"sgd": pytest.approx(200, rel=0.1), "adam": pytest.approx(800, rel=0.1)}


TRAIN = "train.Width.time_train"
DAY = 86_400_000
MADE = asv_documents.RESULTS["date"]
RAN = asv_documents.RESULTS["results"][TRAIN][3]
OLD, NEW = "5ff0ae94c224", "4ba8de659aba"
# Times of torch-cuda as a share of NumPy's at each of the two.
OLDER, NEWER = 0.5, 0.25
Content = dict[str, Any]


def results(commit: str, ratio: float, day: int) -> Content:
    """Times of two backends at two sizes, of a commit made and run on some day."""
    times, columns = [8.0, 8.0 * ratio] * 2, asv_documents.BENCHMARKS[TRAIN]["params"]
    return {
        **asv_documents.RESULTS,
        "commit_hash": commit + "0" * 28,
        "date": MADE + day * DAY,
        "results": {TRAIN: [times, columns, "1", RAN + day * DAY, 9.0, times]},
    }


@pytest.mark.parametrize(
    ("changed", "commit"),
    [({"date": None}, NEW), ({"commit_hash": "feature/storage-new"}, "feature/storage-new")],
)
def test_asv_newest_commit_needs_no_date_or_hash(
    tmp_path: Path, changed: Content, commit: str
) -> None:
    """Twelve letters of a commit tell it from others; those of a branch do not."""
    old = results(OLD, OLDER, day=0) | {"commit_hash": "feature/storage-old"}
    new = results(NEW, NEWER, day=1) | changed
    listed = {TRAIN: asv_documents.BENCHMARKS[TRAIN], "version": 2}
    crossover = only(judge(asv_documents.write(tmp_path / "results", listed, old, new)))
    assert (crossover.commit, len(crossover.files)) == (commit, 1)
    assert [at.ratio for at in crossover.ratio_at] == pytest.approx([NEWER] * 2)


# Of ten commits; at 8 the two are close, and the newest commit says the opposite of most.
AT_2 = [2.0, 2.02, 1.98, 2.01, 1.99, 2.0, 2.02, 1.98, 2.01, 1.99]
AT_8 = [0.98, 0.92, 0.95, 0.97, 0.93, 0.96, 1.08, 0.94, 0.97, 1.07]


def commits(folder: Path, *times: Sequence[float]) -> Path:
    """Write the times of torch-cuda over NumPy's at 2 and 8, and twice as much at 1."""
    contents = []
    for day, ratios in enumerate(times):
        content = results(f"{day:012x}", 1.0, day)
        values = [time for ratio in (2 * ratios[0], *ratios) for time in (8.0, 8.0 * ratio)]
        content["results"][TRAIN][:2] = [values, [["1", "2", "8"], ["'numpy'", "'torch-cuda'"]]]
        contents.append(content)
    return asv_documents.write(
        folder, {TRAIN: asv_documents.BENCHMARKS[TRAIN], "version": 2}, *contents
    )


def verdict_of(read: ReadFromFiles) -> tuple[str, str, str]:
    """Return the one verdict: whether it is decided, its sentence, and the first line below."""
    (verdict,) = read.answer.verdicts
    return verdict.decided, verdict.sentence, verdict.notes[0]


def test_commits_of_one_level_answer_together(tmp_path: Path) -> None:
    """The newest alone is a single process, which leads at most."""
    folder = commits(tmp_path / "results", *zip(AT_2, AT_8, strict=True))
    newest = judge(folder, commit=f"{9:012x}")
    assert verdict_of(newest) == (
        "no",
        "undecided at every width, 1–8",
        "leaning: numpy leads at width 1–8",
    )
    assert (only(newest).status, only(newest).decided_ranges) == ("undecided", [])
    together = judge(folder)
    assert verdict_of(together)[:2] == (
        "partly",
        "numpy is faster up to width 2; probably a tie above",
    )
    assert verdict_of(together)[2].startswith("probably a tie: estimates within ")
    assert [at.repeats for at in only(together).ratio_at] == [10, 10, 10]
    (source,) = together.answer.data["sources"]
    assert source.rows == 60
    (sweep,) = collection_of(together.rows).sweeps
    assert sweep.crossovers == pairs(together), "pages say the same"


def test_commits_before_a_step_do_not_count(tmp_path: Path) -> None:
    """They measured another code."""
    slower = [2 * ratio for ratio in AT_8[:7]]
    folder = commits(tmp_path / "results", *zip(AT_2, [*slower, 0.9, 0.91, 0.9], strict=True))
    crossover = only(judge(folder))
    assert [at.repeats for at in crossover.ratio_at] == [3, 3, 3]
    assert [round(at.ratio, 1) for at in crossover.ratio_at] == [4.0, 2.0, 0.9]
