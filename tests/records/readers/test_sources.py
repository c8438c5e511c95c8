"""Sources as users name them: files, packed ones, folders, projects, several of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.measure.rows import problem_fields
from perceptron.problems import catalogue
from perceptron.records.comparison_key import comparison_key
from perceptron.records.readers.reading import Reading, ReadRequest
from perceptron.records.readers.sources import load_results
from tests.asv_documents import BENCHMARKS, RESULTS, write
from tests.conftest import MakeRow
from tests.foreign_documents import CRITERION_BENCHMARK, DOCUMENTS, estimate
from tests.made import MAP, keep, load_measurements, map_rows
from tests.records.readers.conftest import TABLE

PYTEST = {
    "machine_info": {"node": "box"},
    "benchmarks": [
        {"name": "test_f", "params": {"backend": "c", "size": 1}, "stats": {"median": 1.0}}
    ],
}


# Where results lie


@pytest.mark.parametrize("levels", range(5))
def test_source_accepts_any_folder_of_store(run: Path, levels: int) -> None:
    """The file of a run, its folder, its machine's, that of all runs, and the results."""
    source = [run / "measurements.jsonl", run, *run.parents][levels]
    assert len(load_measurements(source)) == 1


def test_asv_beside_runs_is_ours_whatever_the_parameters_of_others(run: Path) -> None:
    """And each row says which of our problems it was."""
    results = run.parents[2]
    write(results / "asv", BENCHMARKS, RESULTS)
    rows = load_measurements(results, by="lib", size="n")
    assert len(rows) == 5
    assert all(row.problem == f"{row.family}:{row.size}" for row in rows if row.source == "asv")


@pytest.mark.parametrize("source", ["nowhere", "nowhere/times.csv", "bad\0name", "x" * 5000])
def test_source_missing_is_named(tmp_path: Path, source: str) -> None:
    with pytest.raises(UserError) as caught:
        load_measurements(f"{tmp_path}/{source}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("closed", ["", "box", "box/deeper"])
def test_source_unlistable_folder_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """Not: that there is nothing in it. (A superuser may list anything, so this one may not.)"""
    folder = write(tmp_path / "asv", BENCHMARKS, RESULTS)
    (folder / "box" / "deeper").mkdir()
    listed = os.listdir

    def refuse(path: str) -> list[str]:
        if Path(path) == folder / closed:
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "listdir", refuse)
    if closed:
        with pytest.warns(UserWarning, match=rf"{closed}: cannot be read: Permission denied"):
            load_measurements(folder)
    else:
        with pytest.raises(UserError, match="cannot be read: Permission denied"):
            load_measurements(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_source_named_pipe_does_not_hang(tmp_path: Path) -> None:
    """Nobody writes into it: reading would wait for ever."""
    (tmp_path / "times.csv").write_text(TABLE)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.warns(UserWarning, match=r"pipe\.csv: no ordinary file"):
        assert len(load_measurements(tmp_path)) == 1
    folder = write(tmp_path / "asv", BENCHMARKS, RESULTS)
    os.mkfifo(folder / "box" / "9999-pipe.json")
    with pytest.warns(UserWarning, match=r"9999-pipe\.json: no ordinary file"):
        assert len(load_measurements(folder)) == 4
    with pytest.raises(UserError, match=r"pipe\.csv: no ordinary file"):
        load_measurements(tmp_path / "pipe.csv")


def keep_criterion(criterion: Path, function: str, value: str, nanoseconds: float) -> None:
    """Keep a benchmark as criterion does, with what else lies beside it."""
    identity = {"function_id": function, "value_str": value, "full_id": f"Sum/{function}/{value}"}
    for name, factor in (("base", 2.0), ("new", 1.0)):
        folder = criterion / "Sum" / function / value / name
        folder.mkdir(parents=True)
        estimates = DOCUMENTS["criterion"] | {"median": estimate(nanoseconds * factor, 1.0)}
        (folder / "estimates.json").write_text(json.dumps(estimates))
        (folder / "benchmark.json").write_text(json.dumps(CRITERION_BENCHMARK | identity))
        (folder / "sample.json").write_text('{"iters": [1.0], "times": [2.0]}')
        (folder / "tukey.json").write_text("[1.0, 2.0, 3.0, 4.0]")


@pytest.mark.filterwarnings("error")
def test_readers_criterion_uses_newest_estimates(tmp_path: Path) -> None:
    criterion = tmp_path / "target" / "criterion"
    times = {("fold", 64): 500, ("fold", 512): 900, ("max", 64): 7}
    for (function, value), nanoseconds in times.items():
        keep_criterion(criterion, function, str(value), nanoseconds)
    rows = load_measurements(criterion)
    seconds = {(row.backend, row.size): row.seconds for row in rows}
    assert seconds == {case: pytest.approx(time * 1e-9) for case, time in times.items()}
    one = criterion / "Sum" / "fold" / "64"
    for source, nanoseconds in ((one, 500), (one / "new", 500), (one / "base", 1000)):
        (row,) = load_measurements(source)
        assert row.seconds == pytest.approx(nanoseconds * 1e-9)


@pytest.mark.parametrize("problem", ["mlp-batch-host:64", "many-mlps:64"])
def test_our_own_pytest_benchmark_says_everything_of_its_problem(
    tmp_path: Path, row: MakeRow, problem: str
) -> None:
    fields = problem_fields(catalogue.find(problem))
    info = {"problem": "p", "family": "f", "size": 1, "backend": "numpy", "iterations": 2, **fields}
    benchmark = {"name": "t", "extra_info": info, "stats": {"median": 1.0}}
    (tmp_path / "own.json").write_text(json.dumps({"benchmarks": [benchmark]}))
    (measurement,) = load_measurements(tmp_path / "own.json")
    assert {name: getattr(measurement, name) for name in fields} == fields
    assert comparison_key(measurement)[3:] == comparison_key(row(**fields))[3:]


# Several sources


def test_sources_are_named_one_by_one_or_in_a_list_and_read_in_order(
    run: Path, tmp_path: Path
) -> None:
    (tmp_path / "times.csv").write_text(TABLE)
    (tmp_path / "bench.json").write_text(json.dumps(PYTEST))
    table, json_file = tmp_path / "times.csv", str(tmp_path / "bench.json")
    rows = load_measurements(table, run, json_file)
    assert [row.source for row in rows] == ["csv", "x", "pytest-benchmark"]
    assert load_measurements([table, run, json_file]) == rows
    assert load_measurements(name for name in (table, run, json_file)) == rows
    assert load_measurements([table, run], json_file) == rows
    with pytest.raises(UserError, match="no sources in the list"):
        load_measurements([])


def test_source_without_parameters_warns(tmp_path: Path) -> None:
    """Others have them; that one is not passed over in silence."""
    one = write(tmp_path / "one", BENCHMARKS, RESULTS)
    listed = {"time_sum": {"type": "time", "param_names": ["n", "lib"]}}
    sums = RESULTS | {"results": {"time_sum": [[1.0], [["1"], ["'np'"]]]}}
    other = write(tmp_path / "other", listed, sums)
    with pytest.warns(UserWarning, match=r"other, no benchmark has the parameters backend, size"):
        assert len(load_measurements(one, other)) == 4


@pytest.mark.parametrize("kind", ["table", "asv", "own"])
@pytest.mark.parametrize("folder_first", [True, False])
def test_source_file_counts_once(run: Path, tmp_path: Path, kind: str, folder_first: bool) -> None:
    """Twice, its values would be two processes that agree to the last digit."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "times.csv").write_text(TABLE)
    write(tmp_path / "asv", BENCHMARKS, RESULTS)
    folder, file = {
        "table": (tmp_path / "tables", tmp_path / "tables" / "times.csv"),
        "asv": (tmp_path / "asv", tmp_path / "asv" / "box" / "0123-env.json"),
        "own": (tmp_path / "results", run / "measurements.jsonl"),
    }[kind]
    once = load_measurements(folder)
    sources = [folder, file] if folder_first else [file, folder]
    with pytest.warns(UserWarning, match="read already, under this name or another; it counts on"):
        assert load_measurements(sources) == once


def test_load_results_adds_run_and_question(tmp_path: Path) -> None:
    """Rows of other tools, and a file of rows alone, are of no question."""
    run = keep(tmp_path / "results", MAP, map_rows()[:3])
    (tmp_path / "times.csv").write_text(TABLE)
    table = load_results(tmp_path / "results", tmp_path / "times.csv")
    assert table["run"].tolist() == [str(run)] * 3 + [None]
    assert table["question"].tolist() == ["map"] * 3 + [None]
    (run / "run.json").unlink()
    assert load_results(run)["question"].tolist() == [None] * 3


def test_readers_skipped_reasons_are_limited() -> None:
    """Some are words of the file, of which there may be one for each row."""
    reading = Reading(ReadRequest(), "somewhere")
    for number in range(40):
        reading.skip(40 - number, f"in a unit that is no time: 'u{number}'")
    left_out = reading.summary(lambda _: None).skipped
    assert [*left_out.values()] == [*range(40, 28, -1), sum(range(29))]
    assert [*left_out][-1] == "for other reasons"
