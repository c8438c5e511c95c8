from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.stored.hardware import CPU
from perceptron.analysis.stored.runs import judge_advice
from perceptron.errors import UserError
from perceptron.records.environment import Gpu
from perceptron.report.finished_runs import FinishedRuns
from tests.made import (
    ADVICE,
    BENCH,
    GPU_FACTS,
    GPU_NAME,
    WHOLE,
    advice_rows,
    bench_rows,
    gpu_rows,
    keep,
)

GPU_BOX: dict[str, Any] = {"machine": "gpu-box", "folder": "gpu-box", "facts": GPU_FACTS}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A whole run of a CPU."""
    results = tmp_path / "results"
    keep(results, WHOLE, bench_rows(), started="2026-01-01T03:00:00Z")
    return results


def test_each_gpu_has_its_newest_whole_run(results: Path) -> None:
    other = replace(GPU_FACTS, gpus=[Gpu(name="Difference Engine")])
    keep(results, WHOLE, gpu_rows(), started="2026-03-01T00:00:00Z", **GPU_BOX)
    keep(results, WHOLE, gpu_rows(), started="2026-03-02T00:00:00Z", **GPU_BOX)
    keep(results, BENCH, gpu_rows(), started="2026-03-03T00:00:00Z", **GPU_BOX)
    keep(results, WHOLE, gpu_rows(), started="2026-03-04T00:00:00Z", **GPU_BOX | {"facts": other})
    whole = FinishedRuns(results).whole
    assert [(name, loaded.run.started[:10]) for name, loaded in whole.items()] == [
        ("Difference Engine", "2026-03-04"),
        (GPU_NAME, "2026-03-02"),
        (CPU, "2026-01-01"),
    ]


def test_the_machine_of_the_whole_run_comes_first(results: Path) -> None:
    """However new that of another machine is, which is better than none where that will do."""
    far = {"machine": "far", "folder": "far"}
    keep(results, ADVICE, advice_rows(), started="2026-02-02T00:00:00Z", **far)
    runs = FinishedRuns(results)
    assert runs.newest("advise", judge_advice, CPU) is None
    anywhere = runs.newest_anywhere("advise", judge_advice, CPU)
    assert anywhere is not None
    assert anywhere.results == Path("results/runs/far/2026-02-02T000000Z")
    keep(results, ADVICE, advice_rows(), started="2026-02-01T00:00:00Z")
    runs = FinishedRuns(results)
    own = runs.newest("advise", judge_advice, CPU)
    assert own is not None
    assert own.results == Path("results/runs/box/2026-02-01T000000Z")
    assert runs.newest_anywhere("advise", judge_advice, CPU) == own


def test_a_run_that_cannot_be_read_is_an_error(results: Path) -> None:
    """Whichever it is: a page must not silently show an older one."""
    run = keep(results, WHOLE, bench_rows(), started="2026-02-01T00:00:00Z")
    (run / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run\.json"):
        _ = FinishedRuns(results).whole
