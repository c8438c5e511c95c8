from __future__ import annotations

from math import log
from pathlib import Path

import pytest

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.errors import UserError
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.studies.crossover_from_files import judge_files, split_pair


def only(result: CrossoverResult) -> Crossover:
    (crossover,) = result.crossovers
    return crossover


KNOWN = ("numpy", "torch", "torch:cpu", "torch:cuda", "jax:gpu:0")


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("numpy:torch", ("numpy", "torch")),
        ("numpy:torch:cpu", ("numpy", "torch:cpu")),
        ("torch:cpu:torch:cuda", ("torch:cpu", "torch:cuda")),
        ("jax:gpu:0:torch:cpu", ("jax:gpu:0", "torch:cpu")),
        ("torch:jax:gpu:0", ("torch", "jax:gpu:0")),
    ],
)
def test_a_pair_is_split_where_it_leaves_two_names(text: str, pair: tuple[str, str]) -> None:
    """A backend's own name may hold colons."""
    assert split_pair(text, KNOWN) == pair


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("numpy", "--pair takes INCUMBENT:CHALLENGER"),
        ("numpy:numpy", "names one backend twice"),
        ("torch:cpu:torch:cpu", "names one backend twice"),
        ("nunpy:torch", "unknown backend in --pair 'nunpy': did you mean 'numpy'"),
        ("numpy:", "unknown backend in --pair ''"),
        ("a:b:c", "can be read in 2 ways"),
    ],
)
def test_what_is_no_pair_is_refused(text: str, message: str) -> None:
    known = ("a", "b:c", "a:b", "c") if text == "a:b:c" else KNOWN
    with pytest.raises(UserError, match=message):
        split_pair(text, known)


def table(tmp_path: Path, rows: list[str], header: str = "case,size,backend,seconds") -> str:
    file = tmp_path / "times.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return str(file)


def judge(
    source: str, pairs: tuple[str, ...] = (), families: tuple[str, ...] = ()
) -> CrossoverResult:
    return judge_files([source], pairs, families, ParameterRoles(), 10_000)


SIZES = (1, 10, 100, 1000, 10_000, 100_000)
CROSSES = [
    line
    for case in ("svd", "qr")
    for size in SIZES
    for line in (f"{case},{size},numpy,{1 + size}", f"{case},{size},jax-gpu,{30 + size / 100}")
]


def test_an_untrusted_table_is_judged(tmp_path: Path) -> None:
    """The crossover between its sizes, linear in the logarithms, without an interval."""
    result = judge(table(tmp_path, CROSSES))
    assert [crossover.family for crossover in result.crossovers] == ["qr", "svd"]
    for crossover in result.crossovers:
        assert (crossover.incumbent, crossover.challenger, crossover.status) == (
            "numpy",
            "jax-gpu",
            "crosses",
        )
        assert crossover.bracket == (10, 100)
        left, right = log(30.1 / 11), log(31 / 101)
        assert crossover.size == pytest.approx(10 * 10 ** (left / (left - right)))
        assert (crossover.low, crossover.high, crossover.sure) == (None, None, False)
    assert (result.environment, result.results, result.amortisations) == (None, None, [])


def test_families_and_pairs_are_picked(tmp_path: Path) -> None:
    result = judge(table(tmp_path, CROSSES), ("jax-gpu:numpy",), ("svd",))
    crossover = only(result)
    assert (crossover.family, crossover.incumbent) == ("svd", "jax-gpu")
    assert {row.family for row in result.rows} == {"svd"}
    with pytest.raises(UserError, match="unknown family 'sdv': did you mean 'svd'"):
        judge(table(tmp_path, CROSSES), (), ("sdv",))
    with pytest.raises(UserError, match="unknown backend in --pair 'cupy'"):
        judge(table(tmp_path, CROSSES), ("numpy:cupy",))


@pytest.mark.parametrize("shift", [0, 20_000])
def test_a_gpu_that_was_not_waited_for_is_suspect(tmp_path: Path, shift: int) -> None:
    """Equally long at every size, or fast until its queue is full."""
    gpu = [f"svd,{size},torch-cuda,{30 if not shift else 0.5 + size**1.5}" for size in SIZES]
    result = judge(table(tmp_path, [f"svd,{size},numpy,{1 + size}" for size in SIZES] + gpu))
    assert only(result).status == "suspect"
    assert result.crossovers[0].reason


def test_one_backend_on_several_devices_is_several(tmp_path: Path) -> None:
    header = "case,size,backend,seconds,device"
    rows = [
        f"svd,{size},torch,{cost},{device}"
        for size in SIZES
        for device, cost in (("cuda", 30), ("cpu", 1 + size / 100))
    ]
    result = judge(table(tmp_path, rows, header), ("torch:cpu:torch:cuda",))
    assert only(result).status in {"crosses", "suspect"}
    assert (only(result).incumbent, only(result).challenger) == ("torch:cpu", "torch:cuda")


def test_repeated_lines_are_processes_and_make_an_interval(tmp_path: Path) -> None:
    rows = [
        f"svd,{size},{name},{cost * off}"
        for off in (0.98, 1.0, 1.02, 1.01, 0.99)
        for size in SIZES
        for name, cost in (("a", 1 + size), ("b", (30 + size / 100) * off))
    ]
    crossover = only(judge(table(tmp_path, rows)))
    assert crossover.low is not None
    assert crossover.high is not None
    assert crossover.size is not None
    assert crossover.low < crossover.size < crossover.high


def test_with_one_backend_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to compare: there is one backend only"):
        judge(table(tmp_path, [f"svd,{size},numpy,1" for size in SIZES]))


def test_with_one_size_there_is_no_crossover(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to compare: no family has several sizes"):
        judge(table(tmp_path, ["svd,1,numpy,1", "svd,1,torch,2"]))


@pytest.mark.parametrize("column", ["case", "dtype", "machine", "threads"])
def test_backends_without_common_ground_are_told_so(tmp_path: Path, column: str) -> None:
    """What stands in the way is the ground, and not the sizes."""
    cells = {"case": ("svd", "qr"), "dtype": ("float32", "float64")}
    ours, theirs = cells.get(column, ("1", "2"))
    header = "case,size,backend,seconds" + ("" if column == "case" else f",{column}")
    rows = [
        f"{cell},{size},{name},1" if column == "case" else f"svd,{size},{name},1,{cell}"
        for size in SIZES
        for name, cell in (("numpy", ours), ("torch", theirs))
    ]
    with pytest.raises(UserError) as caught:
        judge(table(tmp_path, rows, header))
    assert "no family has several sizes" not in str(caught.value)
