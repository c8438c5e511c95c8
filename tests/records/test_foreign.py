from __future__ import annotations

import json
from pathlib import Path

import pytest

import perceptron
from perceptron.errors import UserError

BENCHMARKS = {
    "train.Width.time_train": {
        "type": "time",
        "param_names": ["size", "backend"],
        "params": [["2", "8"], ["'numpy'", "'torch-cuda'"]],
        "pretty_name": "width",
    },
    "memory.track_bytes": {"type": "track", "param_names": ["size", "backend"]},
    "train.time_import": {"type": "time", "param_names": []},
    "version": 2,
}
RESULTS = {
    "commit_hash": "0123456789abcdef",
    "params": {"machine": "box"},
    "result_columns": ["result", "params", "version", "started_at", "duration", "stats_q_25"],
    "results": {
        "train.Width.time_train": [
            [2e-5, float("nan"), 3e-5, None],
            [["2", "8"], ["'numpy'", "'torch-cuda'"]],
            "1",
            1795537135833,
            9.0,
            [1.9e-5, None, None, None],
        ],
        "memory.track_bytes": [[1.0], [["2"], ["'numpy'"]]],
        "train.time_import": [[0.1], []],
    },
    "version": 2,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks.json").write_text(json.dumps(BENCHMARKS))
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "machine.json").write_text("{}")
    (tmp_path / "box" / "0123-env.json").write_text(json.dumps(RESULTS))
    return tmp_path


def test_asv_times_become_rows(folder: Path) -> None:
    """Lower quartile where asv keeps one, else the median; NaN was skipped, null failed."""
    table = perceptron.load_results(folder)
    assert table.family.tolist() == ["width"] * 4
    assert table["size"].tolist() == [2, 2, 8, 8]
    assert table.backend.tolist() == ["numpy", "torch-cuda"] * 2
    assert table.seconds.tolist()[0] == 1.9e-5
    assert table.seconds.tolist()[2] == 3e-5
    assert table.status.tolist() == ["ok", "skipped", "ok", "failed"]
    assert table.when.tolist()[0].startswith("2026-11-")


def test_our_results_folder_brings_asvs_along(folder: Path, tmp_path: Path) -> None:
    """results/asv stands beside results/runs."""
    (tmp_path / "results").mkdir()
    folder.joinpath("box").rename(tmp_path / "box")
    (tmp_path / "results" / "asv").mkdir()
    for name in ("benchmarks.json", "box"):
        (tmp_path / name).rename(tmp_path / "results" / "asv" / name)
    assert len(perceptron.load_results(tmp_path / "results")) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "not asv's JSON"),
        ("[1, 2]", "not asv's JSON: no object at the top"),
        ("[" * 100_000, "not asv's JSON"),
        ('{"version": 2}', "not what asv writes: .*commit_hash"),
        (json.dumps({**RESULTS, "version": 1}), "asv's format 1 is not read; run `asv update`"),
    ],
    ids=["text", "list", "deep", "empty", "old"],
)
def test_what_asv_did_not_write_is_named(folder: Path, content: str, message: str) -> None:
    """The file, and the field or what to do."""
    (folder / "box" / "0123-env.json").write_text(content)
    with pytest.raises(UserError, match=rf"0123-env\.json: {message}"):
        perceptron.load_results(folder)


def test_a_parameter_that_is_no_literal_stays_text(folder: Path) -> None:
    """Nothing that a results file holds is ever executed."""
    evil = "__import__('os').abort()"
    text = (folder / "box" / "0123-env.json").read_text().replace("'numpy'", evil)
    (folder / "box" / "0123-env.json").write_text(text)
    assert evil in set(perceptron.load_results(folder).backend)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not what pytest-benchmark writes"),
        ("{}", "not what pytest-benchmark writes: .*benchmarks"),
        (
            '{"datetime": "", "machine_info": {}, "benchmarks": [{"stats": {"q1": 1}, "extra_info":'
            ' {"backend": "x", "size": "big", "iterations": 1, "problem": "", "family": ""}}]}',
            "extra_info: .*size",
        ),
    ],
)
def test_what_pytest_benchmark_did_not_write_is_named(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "benchmark.json"
    file.write_text(content)
    with pytest.raises(UserError, match=rf"benchmark\.json: {message}"):
        perceptron.load_results(file)


def test_a_damaged_row_is_warned_of_and_the_rest_reads(tmp_path: Path) -> None:
    """A notebook keeps what is sound, and is told what is not."""
    run = tmp_path / "runs" / "box" / "one"
    run.mkdir(parents=True)
    good = '{"source":"x","machine":"m","when":"","family":"f","size":1,"backend":"b"}\n'
    (run / "measurements.jsonl").write_text(good + "garbage\n" + good)
    with pytest.warns(UserWarning, match=r"measurements\.jsonl, line 2: not a measurement"):
        assert len(perceptron.load_results(tmp_path)) == 2
