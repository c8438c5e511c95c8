from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.analysis.stored.runs import judge_ladder
from perceptron.records.readers.stored_runs import read_run
from perceptron.report import documents
from tests.made import GPU_LADDER, gpu_ladder_rows, keep


def test_a_ladder_names_the_ceilings_of_each_device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`ceilings` stays the CPU's, as readers of older documents know it."""
    result = judge_ladder(read_run(keep(tmp_path, GPU_LADDER, gpu_ladder_rows())))
    documents.write(documents.overhead(result, None))
    document = json.loads(capsys.readouterr().out)
    assert document["ceilings"]["gflops"] == pytest.approx(50)
    assert {(one["device"], one["backend"]) for one in document["ceilings_by_device"]} == {
        ("cpu", "numpy"),
        ("cuda", "torch-cuda"),
        ("cuda", "jax-cuda"),
    }
    rung = document["rungs"][-1]
    assert (rung["backend"], rung["bound"]) == ("torch-cuda", "launches")
    assert rung["ceiling"] == "torch-cuda and jax-cuda (cuda)"
    assert document["device"][0]["name"] == "context"
    assert document["gpus"][0]["locked"] is False
