from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import perceptron
from perceptron.errors import UserError
from perceptron.records.readers.shared.name_pattern import name_pattern
from perceptron.records.readers.shared.parameter_roles import ParameterRoles
from perceptron.records.readers.shared.reading import NOT_ASKED_FOR, ReadRequest
from perceptron.records.readers.sources import load_sources
from perceptron.records.readers.table import load_measurements
from tests.asv_documents import BENCHMARKS, RESULTS, suite, write

# The same, as asv wrote it before 0.4.
OLD_RESULTS = {
    "commit_hash": "0123456789abcdef",
    "date": 1395000000000,
    "params": {"machine": "box"},
    "python": "2.7",
    "requirements": {},
    "started_at": {"train.Width.time_train": 1395537135000},
    "ended_at": {"train.Width.time_train": 1395537136000},
    "profiles": {},
    "results": {
        "train.Width.time_train": {
            "params": [["2", "8L"], ["u'numpy'", "'torch-cuda'"]],
            "result": [2e-5, float("nan"), 3e-5, None],
            "stats": [{"q_25": 1.9e-5, "std": 1e-7, "ci_99": [1e-5, 3e-5]}, None, None, None],
        },
        "memory.track_bytes": {"params": [["2"], ["'numpy'"]], "result": [1.0]},
        "train.time_import": 0.1,
    },
    "version": 1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "asv", BENCHMARKS, RESULTS)


@pytest.mark.parametrize("results", [RESULTS, OLD_RESULTS], ids=["format 2", "format 1"])
def test_asv_times_become_rows(tmp_path: Path, results: dict[str, Any]) -> None:
    """asv's median; NaN was skipped, null failed."""
    table = perceptron.load_results(write(tmp_path / "asv", BENCHMARKS, results))
    assert table.family.tolist() == ["width"] * 4
    assert table["size"].tolist() == [2, 2, 8, 8]
    assert table.backend.tolist() == ["numpy", "torch-cuda"] * 2
    assert table.seconds.tolist()[0] == 2e-5
    assert table.seconds.tolist()[2] == 3e-5
    assert table.status.tolist() == ["ok", "skipped", "ok", "failed"]
    assert set(table.machine) == {"box"}


def test_a_row_says_which_state_it_was_measured_of(folder: Path) -> None:
    (row, *_) = load_measurements(folder)
    assert (row.commit, row.environment) == ("0123456789ab", "virtualenv-py3.11")
    assert row.when == "2026-11-24T16:18:55Z"


def test_without_a_start_the_row_is_of_the_commits_date(folder: Path) -> None:
    file = folder / "box" / "0123-env.json"
    file.write_text(file.read_text().replace("1795537135833", "null"))
    assert load_measurements(folder)[0].when == "2026-11-18T11:06:40Z"


def test_commits_do_not_share_processes(tmp_path: Path) -> None:
    """Within a commit the backends still pair."""
    other = {**RESULTS, "commit_hash": "fedcba9876543210"}
    rows = load_measurements(write(tmp_path / "asv", BENCHMARKS, RESULTS, other))
    assert {(row.commit, row.process) for row in rows} == {
        ("0123456789ab", 0),
        ("fedcba987654", 1),
    }


def test_our_results_folder_brings_asvs_along(folder: Path, tmp_path: Path) -> None:
    """results/asv stands beside results/runs, and its parameters are ours."""
    (tmp_path / "results").mkdir()
    shutil.move(folder, tmp_path / "results" / "asv")
    assert len(load_measurements(tmp_path / "results", by=["library"], size="n")) == 4


@pytest.mark.parametrize("path", [".", "box", "box/0123-env.json"])
def test_a_machines_folder_or_a_file_reads_like_the_whole(folder: Path, path: str) -> None:
    assert load_measurements(folder / path) == load_measurements(folder)


def test_parameters_are_named_by_the_user(tmp_path: Path) -> None:
    """Those that hold neither backend nor size tell families apart, where there are several."""
    params = {"n": ["10", "20"], "lib": ["'np'"], "device": ["'cpu'", "'gpu'"], "order": ["'C'"]}
    folder = suite(tmp_path / "asv", params, [1.0, 2.0, 3.0, 4.0])
    rows = load_measurements(folder, by=["lib"], size="n")
    assert [(row.family, row.backend, row.size) for row in rows] == [
        ("bench.Sum.time_sum[device=cpu]", "np", 10),
        ("bench.Sum.time_sum[device=gpu]", "np", 10),
        ("bench.Sum.time_sum[device=cpu]", "np", 20),
        ("bench.Sum.time_sum[device=gpu]", "np", 20),
    ]
    assert [row.device for row in rows] == ["cpu", "gpu"] * 2
    joined = load_measurements(folder, by=["lib", "device"], size="n")
    assert [row.backend for row in joined] == ["np:cpu", "np:gpu"] * 2
    assert {row.family for row in joined} == {"bench.Sum.time_sum"}


def test_a_dtype_keeps_rows_from_being_compared(tmp_path: Path) -> None:
    """Even where each backend has its own, so that it does not tell families apart."""
    params = {"n": ["10"], "lib": ["'np'"], "dtype": ["<class 'numpy.float32'>"]}
    (row,) = load_measurements(suite(tmp_path / "asv", params, [1.0]), by=["lib"], size="n")
    assert (row.dtype, row.family) == ("numpy.float32", "bench.Sum.time_sum")


@pytest.mark.parametrize(
    ("written", "size"), [("1000", 1000), ("1e3", 1000), ("'1000'", 1000), ("np.int64(1000)", 1000)]
)
def test_a_size_is_a_number_however_python_writes_it(
    tmp_path: Path, written: str, size: float
) -> None:
    folder = suite(tmp_path / "asv", {"size": [written], "backend": ["'np'"]}, [1.0])
    assert load_measurements(folder)[0].size == size


@pytest.mark.parametrize("written", ["(1000, 10)", "'big'", "True", "0", "-5", "1e999", "9" * 5000])
def test_a_size_that_is_no_number_is_named(tmp_path: Path, written: str) -> None:
    """File, benchmark and parameter."""
    folder = suite(tmp_path / "asv", {"size": [written], "backend": ["'np'"]}, [1.0])
    with pytest.raises(
        UserError,
        match=r"0123-env\.json, benchmark bench\.Sum\.time_sum, parameter 'size': .* --size",
    ) as caught:
        load_measurements(folder)
    assert len(str(caught.value)) < 400


def test_an_unknown_parameter_is_named_with_those_there_are(folder: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"parameter 'bakend'; did you mean 'backend'\? .*backend, size",
    ):
        load_measurements(folder, by=["bakend"])


def test_a_source_without_the_parameters_is_warned_of(folder: Path, tmp_path: Path) -> None:
    """Others have them; that one is not passed over in silence."""
    other = suite(tmp_path / "other", {"n": ["1"], "lib": ["'np'"]}, [1.0])
    with pytest.warns(UserWarning, match=r"other: no benchmark has a parameter 'backend'"):
        assert len(load_measurements(folder, other)) == 4


def test_without_a_list_of_benchmarks_parameters_have_asvs_names(folder: Path) -> None:
    """Their names stand nowhere else; nor does the kind, which the benchmark's name tells."""
    (folder / "benchmarks.json").unlink()
    rows = load_measurements(folder, by=["param2"], size="param1")
    assert [row.backend for row in rows] == ["numpy", "torch-cuda"] * 2
    assert {row.family for row in rows} == {"train.Width.time_train"}
    with pytest.raises(UserError, match=r"some of param1, param2$"):
        load_measurements(folder)


def test_values_of_another_revision_do_not_take_its_parameters_names(folder: Path) -> None:
    """The list of benchmarks is of the latest revision only."""
    listed = json.loads((folder / "benchmarks.json").read_text())
    listed["train.Width.time_train"]["param_names"] = ["size", "backend", "dtype"]
    (folder / "benchmarks.json").write_text(json.dumps(listed))
    with pytest.raises(UserError, match="param1, param2"):
        load_measurements(folder)


def test_a_benchmark_that_failed_as_a_whole_has_failed_at_every_point(tmp_path: Path) -> None:
    params = {"size": ["1", "2"], "backend": ["'np'"]}
    rows = load_measurements(suite(tmp_path / "asv", params, None))
    assert [(row.size, row.status) for row in rows] == [(1, "failed"), (2, "failed")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "not asv's JSON"),
        ("[1, 2]", "not asv's JSON: no object at the top"),
        ("[" * 100_000, "not asv's JSON"),
        ('{"version": ' + "9" * 5000 + "}", "not asv's JSON"),
        ('{"version": 2}', "not what asv writes: .*commit_hash"),
        (json.dumps({**RESULTS, "version": 3}), "asv's format 3 is not read; 1 and 2 are"),
        (
            json.dumps({**RESULTS, "results": {"train.Width.time_train": [1.0]}}),
            ", benchmark train.Width.time_train: not what asv writes: .*result",
        ),
        (
            json.dumps({**RESULTS, "results": {"train.Width.time_train": "x"}}),
            ", benchmark train.Width.time_train: not what asv writes",
        ),
        (
            json.dumps(
                {**RESULTS, "results": {"train.Width.time_train": [[1.0], [["2", "8"], ["'a'"]]]}}
            ),
            ", benchmark train.Width.time_train: 1 values for 2 combinations",
        ),
        (
            json.dumps({**RESULTS, "results": {"time_huge": [None, [["1"] * 1000] * 5]}}),
            None,
        ),
    ],
)
def test_what_asv_did_not_write_is_named(folder: Path, content: str, message: str | None) -> None:
    """The file, and the field or what to do."""
    (folder / "box" / "0123-env.json").write_text(content)
    with pytest.raises(UserError) as caught:
        load_measurements(folder)
    assert len(str(caught.value).splitlines()) == 1
    if message is not None:
        with pytest.raises(UserError, match=rf"0123-env\.json:? ?{message}"):
            load_measurements(folder)


def test_a_parameter_that_is_no_literal_stays_text(folder: Path) -> None:
    """Nothing that a results file holds is ever executed."""
    evil = "__import__('os').abort()"
    text = (folder / "box" / "0123-env.json").read_text().replace("'numpy'", evil)
    (folder / "box" / "0123-env.json").write_text(text)
    assert evil in {row.backend for row in load_measurements(folder)}


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), "1.5", True])
def test_what_is_no_time_above_zero_is_none(tmp_path: Path, value: object) -> None:
    """Whatever it is instead; the row stays, and says why."""
    folder = suite(tmp_path / "asv", {"size": ["1", "2"], "backend": ["'np'"]}, [value, 2.0])  # type: ignore[list-item]
    rows = load_measurements(folder)
    assert [(row.seconds, row.status) for row in rows] == [(None, "failed"), (2.0, "ok")]
    assert rows[0].reason == "not a time above 0 in asv"


def test_a_family_of_benchmarks_is_asked_for_by_the_name_that_answers_have(tmp_path: Path) -> None:
    """Where a backend is a benchmark's name, the family is the module that they share."""
    listed = {
        f"{module}.time_{name}_{size}": {"type": "time", "param_names": []}
        for module in ("sort", "sum")
        for name in ("a", "b")
        for size in (1, 10)
    }
    results = {name: [[1.0], []] for name in listed}
    folder = write(tmp_path / "asv", listed, {**RESULTS, "results": results})
    roles = ParameterRoles(pattern=name_pattern("--size-regex", r"_(\d+)$"))
    (source,) = load_sources([folder], ReadRequest(roles=roles, families=("sort",)))
    assert {row.family for row in source.rows} == {"sort"}
    assert {row.backend for row in source.rows} == {"sort.time_a", "sort.time_b"}
    assert source.families == ["sort", "sum"]
    assert source.left_out == {NOT_ASKED_FOR: 4}


def test_a_few_bytes_do_not_become_a_million_rows(tmp_path: Path) -> None:
    """A benchmark that failed as a whole says so of any number of combinations."""
    many = {"size": [str(size) for size in range(1, 2001)], "backend": ["'np'"]}
    folder = suite(tmp_path / "asv", many, None)
    with pytest.raises(UserError, match="2,000 of a benchmark that failed as a whole in asv"):
        load_measurements(folder)
