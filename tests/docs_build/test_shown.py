from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from docs.build.shown import crossovers_of, shown
from perceptron.analysis.crossover.words import is_measured
from perceptron.analysis.finding import FAMILY
from perceptron.errors import UserError
from perceptron.records.environment import Gpu
from perceptron.rehearsal import VARIABLE
from tests.made import (
    ADVICE,
    BENCH,
    GPU_FACTS,
    GPU_NAME,
    LADDER,
    MANY,
    MAP,
    SEVERAL,
    WHOLE,
    advice_rows,
    bench_rows,
    everything,
    gpu_rows,
    keep,
    ladder_rows,
    many_rows,
    map_rows,
    several_rows,
)

NEWER = "2026-03-01T00:00:00Z"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A whole run, a map and a ladder of the OR gate."""
    results = everything(tmp_path / "results")
    keep(results, WHOLE, bench_rows(), started="2026-01-01T03:00:00Z")
    return results


def test_no_run_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    keep(tmp_path, WHOLE, gpu_rows(), facts=GPU_FACTS)
    with pytest.raises(UserError, match="no finished whole run of a CPU; `perceptron bench` makes"):
        shown(tmp_path)
    keep(tmp_path, WHOLE, bench_rows(), started="2026-01-02T00:00:00Z")
    with pytest.raises(UserError, match="`perceptron map` makes one"):
        shown(tmp_path)
    keep(tmp_path, MAP, map_rows(), started="2026-01-03T00:00:00Z")
    with pytest.raises(UserError, match="`perceptron overhead` makes one"):
        shown(tmp_path)


def test_a_run_that_cannot_be_read_is_an_error(results: Path) -> None:
    """Whichever it is: a page must not silently show an older one."""
    run = keep(results, WHOLE, bench_rows(), started="2026-02-01T00:00:00Z")
    (run / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run\.json"):
        shown(results)


def test_a_map_and_a_ladder_of_something_else_are_not_the_default_s(results: Path) -> None:
    """However new they are; those of batches are there by themselves."""
    assert shown(results).batches is None
    keep(
        results,
        MAP | {"family": "batch-width", "axes": ["batch", "width"]},
        map_rows("batch-width"),
        started="2026-02-01T00:00:00Z",
    )
    digits = LADDER | {"problem": "digits"}
    keep(results, digits, ladder_rows("digits"), started="2026-02-02T00:00:00Z")
    runs = shown(results)
    assert runs.phase_map.answer.data["map"].family == "mlp-map"
    assert runs.ladder.answer.data["problem"] == "or-gate"
    assert runs.batches is not None
    assert runs.batches.answer.data["problem"] == "digits"


@pytest.mark.parametrize(
    ("name", "plan", "rows", "anywhere"),
    [("advice", ADVICE, advice_rows, False), ("processes", SEVERAL, several_rows, True)],
)
def test_a_study_is_shown_as_soon_as_there_is_one(
    results: Path, name: str, plan: dict[str, Any], rows: Callable[[], Any], anywhere: bool
) -> None:
    """The newest finished run of the same machine; with its machine told, another's will do."""
    keep(results, plan, rows(), started="2026-02-01T00:00:00Z", finished=False)
    keep(results, plan | {"study": "crossover", "pairs": []}, rows(), started=NEWER)
    assert getattr(shown(results), name) is None
    keep(results, plan, rows(), started=NEWER, machine="far", folder="far")
    found = getattr(shown(results), name)
    assert found.run.run.machine == "far" if anywhere else found is None
    keep(results, plan, rows(), started="2026-02-03T00:00:00Z")
    found = getattr(shown(results), name)
    assert found.results == Path("results/runs/box/2026-02-03T000000Z")


GPU_BOX: dict[str, Any] = {"machine": "gpu-box", "folder": "gpu-box", "facts": GPU_FACTS}


def test_each_gpu_has_its_newest_whole_run_and_the_newest_comes_first(results: Path) -> None:
    other = replace(GPU_FACTS, gpus=[Gpu(name="Difference Engine")])
    keep(results, WHOLE, gpu_rows(), started="2026-03-01T00:00:00Z", **GPU_BOX)
    keep(results, WHOLE, gpu_rows(), started="2026-03-02T00:00:00Z", **GPU_BOX)
    keep(results, BENCH, gpu_rows(), started="2026-03-03T00:00:00Z", **GPU_BOX)
    keep(results, WHOLE, gpu_rows(), started="2026-03-04T00:00:00Z", **GPU_BOX | {"facts": other})
    assert [(gpu.name, gpu.bench.results.name[:10]) for gpu in shown(results).gpus] == [
        ("Difference Engine", "2026-03-04"),
        (GPU_NAME, "2026-03-02"),
    ]


def test_of_a_gpu_the_finding_alone_will_do_until_there_is_more(results: Path) -> None:
    """A day that was cut short brought it first."""
    rows = [row for row in gpu_rows() if row.family == FAMILY]
    keep(results, BENCH, rows, started="2026-03-01T00:00:00Z", **GPU_BOX)
    keep(results, BENCH, rows, started="2026-03-02T00:00:00Z", **GPU_BOX)
    quick = BENCH | {"quick": True}
    keep(results, quick, rows, started="2026-03-03T00:00:00Z", **GPU_BOX)
    (gpu,) = shown(results).gpus
    assert gpu.bench.run.rows[0].when[:10] == "2026-03-02"
    assert not any(map(is_measured, crossovers_of(gpu.bench)))
    keep(results, WHOLE, gpu_rows(), started="2026-02-01T00:00:00Z", **GPU_BOX)
    (gpu,) = shown(results).gpus
    assert gpu.bench.run.rows[0].when[:10] == "2026-02-01"


def test_a_rehearsal_is_not_shown(results: Path) -> None:
    """However new and whole it is, and whatever it calls its machine."""
    before = shown(results)
    rehearsed = replace(GPU_FACTS, variables={VARIABLE: "1"})
    runs = ((WHOLE, gpu_rows()), (MAP, map_rows()), (LADDER, ladder_rows()))
    for day, (plan, rows) in enumerate(runs, start=1):
        keep(results, plan, rows, started=f"2026-03-0{day}T00:00:00Z", facts=rehearsed)
    assert shown(results) == before


def test_the_search_along_models_is_shown_as_soon_as_there_is_one(results: Path) -> None:
    """Of each family the newest with times, of another machine rather than none."""
    keep(results, MANY | {"quick": True}, many_rows(), started="2026-02-01T00:00:00Z")
    assert shown(results).many == []
    far = {"machine": "far", "folder": "far"}
    keep(results, MANY, many_rows(), started="2026-02-04T00:00:00Z", **far)
    (elsewhere,) = shown(results).many
    assert elsewhere.run.run.machine == "far"
    folder = keep(results, MANY, many_rows(), started="2026-02-03T00:00:00Z")
    other = MANY | {"families": ["many-mlps"]}
    keep(results, other, many_rows("many-mlps"), started="2026-02-05T00:00:00Z")
    gates, mlps = shown(results).many
    assert gates.results == folder.relative_to(results.parent)
    assert {one.family for one in crossovers_of(gates)} == {"many-or-gates"}
    assert {row.family for row in mlps.run.times} == {"many-mlps"}


def test_a_ladder_of_several_processes_is_not_the_usual_one(results: Path) -> None:
    over = LADDER | {"over_processes": [1, 2]}
    keep(results, over, ladder_rows(), started="2026-02-02T00:00:00Z")
    assert shown(results).ladder.run.rows[0].when < "2026-02"
