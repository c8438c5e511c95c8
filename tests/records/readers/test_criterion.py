from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.readers.table import load_measurements
from tests.foreign_documents import CRITERION_BENCHMARK, DOCUMENTS, estimate


def keep(criterion: Path, function: str | None, value: str | None, nanoseconds: float) -> Path:
    """Keep a benchmark as criterion does, with what else lies beside it; return its estimates."""
    parts = [part for part in (function, value) if part is not None]
    identity = {"function_id": function, "value_str": value, "full_id": "/".join(["Sum", *parts])}
    folder = criterion.joinpath("Sum", *parts)
    for name, factor in (("base", 2.0), ("new", 1.0)):
        (folder / name).mkdir(parents=True)
        estimates = DOCUMENTS["criterion"] | {"median": estimate(nanoseconds * factor, 1.0)}
        (folder / name / "estimates.json").write_text(json.dumps(estimates))
        benchmark = json.dumps(CRITERION_BENCHMARK | identity)
        (folder / name / "benchmark.json").write_text(benchmark)
        (folder / name / "sample.json").write_text('{"iters": [1.0], "times": [2.0]}')
        (folder / name / "tukey.json").write_text("[1.0, 2.0, 3.0, 4.0]")
    return folder / "new" / "estimates.json"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("source", [".", "target/criterion"])
def test_the_newest_estimates_of_a_project_are_read(tmp_path: Path, source: str) -> None:
    for function, value, nanoseconds in (
        ("fold", "64", 500),
        ("fold", "512", 900),
        ("max", "64", 7),
    ):
        keep(tmp_path / "target" / "criterion", function, value, nanoseconds)
    rows = load_measurements(tmp_path / source)
    times = {(row.family, row.backend, row.size): row.seconds for row in rows}
    assert len(rows) == 3
    assert times == {
        ("Sum", "fold", 64): pytest.approx(500e-9),
        ("Sum", "fold", 512): pytest.approx(900e-9),
        ("Sum", "max", 64): pytest.approx(7e-9),
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("source", "nanoseconds"), [(".", 500), ("new", 500), ("base", 1000)])
def test_of_one_benchmark_the_newest_counts_unless_another_is_named(
    tmp_path: Path, source: str, nanoseconds: float
) -> None:
    keep(tmp_path, "fold", "64", 500)
    (row,) = load_measurements(tmp_path / "Sum" / "fold" / "64" / source)
    assert row.seconds == pytest.approx(nanoseconds * 1e-9)


@pytest.mark.parametrize("name", ["new", "base"])
def test_folders_of_such_names_may_hold_other_results(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "times.csv").write_text("case,size,backend,seconds\nf,1,b,0.5\n")
    (row,) = load_measurements(tmp_path)
    assert row.source == "csv"


def test_the_interval_is_one_of_99_percent(tmp_path: Path) -> None:
    """The file's own is of 95 %; the standard error is 1 ns."""
    (row,) = load_measurements(keep(tmp_path, "fold", "64", 500.0))
    assert (row.low, row.high) == (pytest.approx(497.424e-9), pytest.approx(502.576e-9))
    assert row.stdev == pytest.approx(8e-9)


def test_without_a_value_the_size_is_found_in_the_name(tmp_path: Path) -> None:
    (row,) = load_measurements(keep(tmp_path, "fold_64", None, 500.0))
    assert (row.size, row.backend) == (64, "Sum/fold")


def test_a_value_that_is_no_number_is_warned_of(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'small' is not a size above 0"):
        load_measurements(keep(tmp_path, "fold", "small", 500.0))


def test_estimates_without_their_benchmark_are_refused(tmp_path: Path) -> None:
    file = keep(tmp_path, "fold", "64", 500.0)
    (file.parent / "benchmark.json").unlink()
    with pytest.raises(UserError, match=r"estimates.json: .*keep benchmark.json beside it"):
        load_measurements(file)
