from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from docs.build.shown import MANY_FAMILIES, SEARCHED, SEARCHED_PAIR, Shown, crossovers_of, shown
from perceptron.errors import UserError
from perceptron.questions.crossover.verdict import is_measured
from perceptron.questions.shared.published import FAMILY
from perceptron.records.environment import Gpu
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
    gpu_rows,
    keep,
    keep_race,
    ladder_rows,
    line,
    many_rows,
    map_rows,
    race_rows,
    several_rows,
)

SEARCH = SEVERAL | {"families": [SEARCHED], "pairs": [[*SEARCHED_PAIR]]}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """All that the pages show of a CPU."""
    results = tmp_path / "results"
    runs = [
        (WHOLE, bench_rows()),
        (MAP, map_rows()),
        (LADDER, ladder_rows()),
        (LADDER | {"problem": "digits"}, ladder_rows("digits")),
        (ADVICE, advice_rows()),
        (SEARCH, line()),
        (SEVERAL, several_rows()),
        *((MANY | {"families": [family]}, many_rows(family)) for family in MANY_FAMILIES),
    ]
    for hour, (plan, rows) in enumerate(runs):
        keep(results, plan, rows, started=f"2026-01-01T{hour:02}:00:00Z")
    keep_race(results, race_rows(), started="2026-01-01T23:00:00Z")
    return results


def test_shown_missing_run_names_its_command(results: Path, tmp_path: Path) -> None:
    for run in sorted(results.glob("runs/box/*Z")):
        study = json.loads((run / "run.json").read_bytes())["plan"]["study"]
        away = run.rename(tmp_path / "away")
        with pytest.raises(UserError, match=f"no finished .*; `perceptron {study}.*` makes one"):
            shown(results)
        away.rename(run)
    assert shown(results).bench.results == Path("results/runs/box/2026-01-01T000000Z")


def test_shown_unreadable_run_is_an_error(results: Path) -> None:
    """Whichever it is: a page must not silently show an older one."""
    run = keep(results, WHOLE, bench_rows(), started="2026-02-01T00:00:00Z")
    (run / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run\.json"):
        shown(results)


def folders(runs: Shown) -> list[Path]:
    """Return where the runs lie that are shown, of a CPU."""
    several = (getattr(runs, name) for name in runs.__struct_fields__)
    every = (run for some in several for run in (some if isinstance(some, list) else [some]))
    return [run.results for run in every]


def test_shown_run_is_newest_finished_of_its_question(results: Path) -> None:
    """However new others are: of another map, of several processes, quick, unfinished, far away."""
    before = folders(shown(results))
    batches = MAP | {"family": "batch-width", "axes": ["batch", "width"]}
    for day, (plan, rows, about) in enumerate(
        [
            (batches, map_rows("batch-width"), {}),
            (LADDER | {"over_processes": [1, 2]}, ladder_rows(), {}),
            (LADDER | {"quick": True}, ladder_rows(), {}),
            (ADVICE, advice_rows(), {"finished": False}),
            (ADVICE, advice_rows(), {"machine": "far", "folder": "far"}),
            (SEVERAL | {"pairs": []}, several_rows(), {}),
        ],
        start=1,
    ):
        keep(results, plan, rows, started=f"2026-02-0{day}T00:00:00Z", **about)
    assert folders(shown(results)) == before
    keep(results, ADVICE, advice_rows(), started="2026-03-01T00:00:00Z")
    assert shown(results).advice.results == Path("results/runs/box/2026-03-01T000000Z")


GPU_BOX: dict[str, Any] = {"machine": "gpu-box", "folder": "gpu-box", "facts": GPU_FACTS}


def test_shown_gpus_have_newest_whole_run(results: Path) -> None:
    other = replace(GPU_FACTS, gpus=[Gpu(name="Difference Engine")])
    keep(results, WHOLE, gpu_rows(), started="2026-03-01T00:00:00Z", **GPU_BOX)
    keep(results, WHOLE, gpu_rows(), started="2026-03-02T00:00:00Z", **GPU_BOX)
    keep(results, BENCH, gpu_rows(), started="2026-03-03T00:00:00Z", **GPU_BOX)
    keep(results, WHOLE, gpu_rows(), started="2026-03-04T00:00:00Z", **GPU_BOX | {"facts": other})
    assert [(gpu.name, gpu.bench.results.name[:10]) for gpu in shown(results).gpus] == [
        ("Difference Engine", "2026-03-04"),
        (GPU_NAME, "2026-03-02"),
    ]


def test_shown_gpu_falls_back_to_finding_alone(results: Path) -> None:
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
