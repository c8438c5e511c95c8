from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.analysis.advice import AdviceResult, advise
from perceptron.analysis.data_parallel.estimate import (
    NetworkWhatIf,
    NotEstimated,
    what_if_network,
)
from perceptron.analysis.data_parallel.fit import Compute, Sending
from perceptron.analysis.data_parallel.networks import network
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.analysis.training_length import TrainingLength
from perceptron.records.readers.stored_runs import read_run
from perceptron.report import documents
from tests.conftest import MakeRow
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


def advised(row: MakeRow, estimate: NetworkWhatIf | NotEstimated | None) -> AdviceResult:
    rows = [row(problem="line:1", seconds=1e-5, prepare_seconds=0.1, rows=4)]
    judged = advise(rows, ["numpy"], "line:1", TrainingLength(iterations=100), [])
    return AdviceResult(
        advice=judged, rows=rows, results=Path("here"), warnings=[], network=estimate
    )


def test_what_a_network_might_do_is_a_part_of_advice_of_its_own(
    row: MakeRow, capsys: pytest.CaptureFixture[str]
) -> None:
    """None where it was not asked for, and a sentence that says why where there is none."""
    compute = Compute(fixed=1e-4, per_row=1e-5, hooks=5e-5, spread=0.05)
    sending = Sending(per_step=5e-5, per_byte=1e-9, spread=0.05)
    found = what_if_network("line:1", 8, "float32", 2, (40,), compute, sending, network("10GbE"))
    for estimate in (None, NotEstimated(network="10GbE", reason="no time"), found):
        documents.write(documents.advice(advised(row, estimate)))
    asked = capsys.readouterr().out.split("\n}\n")
    nothing, missing, told = (json.loads(text + "}")["what_if_network"] for text in asked[:3])
    assert nothing is None
    assert missing["sentence"] == "Nothing could be estimated for 10GbE: no time."
    assert [one["machines"] for one in told["estimates"]] == [2, 4, 8]
    assert told["sentence"].startswith("Estimated, not measured, over 10GbE: ")
    assert set(told["second_pays_from"]) == {"rows", "low", "high"}
