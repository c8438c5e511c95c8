"""Every study tells the same of the same rows: in its JSON, in a terminal and on its page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from syrupy.assertion import SnapshotAssertion

from perceptron.records.conditions import OtherProcess
from perceptron.records.measurement import Measurement
from tests.conftest import ROOT, Perceptron
from tests.goldens import answers
from tests.goldens.conftest import Type
from tests.goldens.rows import (
    MODELS,
    PROCESSES,
    STATUSES,
    backends,
    keep_batches,
    keep_bench,
    keep_fleet,
    keep_search,
    not_measured,
    over_models,
    over_processes,
    suspect,
)
from tests.goldens.shown import document, golden, tables, text_of, timeless, views
from tests.made import (
    ADVICE,
    FACTS,
    GPU_FACTS,
    GPU_LADDER,
    MAP,
    RACE,
    SOUND,
    TIRED,
    advice_rows,
    diagnosed,
    gpu_ladder_rows,
    keep,
    keep_race,
    map_rows,
    race_row,
    race_rows,
)
from tests.plenty import plenty

# Of a sweep's views. The others show the same crossover over times.
_RATIO = ("ratio",)


def searched(
    typed: Type, folder: Path, source: str = "results", last: tuple[str, ...] = _RATIO
) -> str:
    """Return all that a search for crossovers tells of rows that are there."""
    command = ("crossover", "--from", source)
    text = typed(*command, "--html", "html")
    page = views(folder / "html", "crossover", *last)
    return golden(folder, terminal=text, json=typed(*command, "--json"), page=page)


def golden_of(run: Path, typed: Type, page: str, **more: str) -> str:
    """Return all that the command of its study tells of a run, and its page of the dashboard."""
    printed, text = answers.answer_of(run)
    name = "bench" if page == "index" else page
    folder = run.parents[3]
    typed("dashboard", "--json")
    html = folder / "html"
    shown = (
        text_of(html / "index.html")
        if page == "index"
        else views(html, page, *(_RATIO if page == "crossover" else ()))
    )
    return golden(folder, terminal=text, json=document(printed, name), page=shown, **more)


SEARCHES = {status: backends(status) for status in STATUSES} | {
    "suspect": suspect(),
    "not-measured": not_measured(),
}


@pytest.mark.parametrize("status", SEARCHES)
def test_crossover(
    status: str, results: Path, typed: Type, tmp_path: Path, golden_file: SnapshotAssertion
) -> None:
    keep_search(results, SEARCHES[status])
    last = ("time per iteration", *_RATIO) if status == "crosses" else _RATIO
    assert searched(typed, tmp_path, last=last) == golden_file


def test_crossover_from_cold(
    results: Path, typed: Type, tmp_path: Path, golden_file: SnapshotAssertion
) -> None:
    """One that takes half a second to prepare pays for it, later or never."""
    slow_start = {"numpy": 0.001, "torch-cpu": 0.5}
    rows = [row for row in backends("crosses") if row.size > 16]
    rows = [replace(row, prepare_seconds=slow_start[row.backend]) for row in rows]
    keep_search(results, rows)
    assert searched(typed, tmp_path, last=("cold start",)) == golden_file


@pytest.mark.parametrize(
    ("rows", "pair"),
    [
        pytest.param(over_processes, PROCESSES, id="processes"),
        pytest.param(over_models, MODELS, id="models"),
    ],
)
def test_crossover_over(
    rows: Callable[..., list[Measurement]],
    pair: tuple[str, str],
    results: Path,
    typed: Type,
    tmp_path: Path,
    golden_file: SnapshotAssertion,
) -> None:
    """One search in full, and what a terminal shows of every status."""
    every = [row for status in STATUSES for row in rows(status, family=status)]
    keep_search(tmp_path / "every", every)
    parts = typed("crossover", "--from", "every", "--html", "").split("\n\n")
    table = "\n\n".join(part for part in parts if part.startswith("box, "))
    run = keep_search(results, rows("crosses"), pair)
    assert golden_of(run, typed, "crossover", every=table) == golden_file


def test_from_csv(typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    lines = [
        f"sort,{row.size},{row.backend},{row.seconds!r}"
        for row in backends("crosses", ("list", "array"))
    ]
    (tmp_path / "times.csv").write_text("\n".join(["case,size,backend,seconds", *lines]))
    assert searched(typed, tmp_path, source="times.csv") == golden_file


def test_from_published(
    typed: Type, here: Perceptron, tmp_path: Path, golden_file: SnapshotAssertion
) -> None:
    """Published GPU results: every table has its answers, or why there is none."""
    tables = shutil.copytree(ROOT / "results" / "published", tmp_path / "published")
    command = ("crossover", "--from", "published")
    assert golden(tmp_path, terminal=typed(*command, "--html", "")) == golden_file
    crossovers = json.loads(here(*command, "--json").stdout)["crossovers"]
    answered = {file for crossover in crossovers for file in crossover["files"]}
    families = {
        crossover["family"] for crossover in crossovers if crossover["status"] == "not measured"
    }
    for table in tables.iterdir():
        rows = table.read_text(encoding="utf-8")
        assert f"published/{table.name}" in answered or any(name in rows for name in families)


def test_bench(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert golden_of(keep_bench(results), typed, "index") == golden_file


def test_batches(
    results: Path, typed: Type, tmp_path: Path, golden_file: SnapshotAssertion
) -> None:
    """Mini-batches on two machines with a GPU, both of them busy: every page that tells of it."""
    run = keep_batches(results, started="2026-01-02T00:00:00Z")
    keep_batches(results, machine="far", folder="far")
    keep(results, GPU_LADDER, gpu_ladder_rows(), facts=GPU_FACTS)
    plenty(results / "asv", machines=1, commits=8, noise=0.0, steps={4: 0.5})
    _, text = answers.answer_of(run)
    typed("dashboard", "--json")
    html = tmp_path / "html"
    shown = golden(
        tmp_path,
        terminal=text,
        sweeps=views(html, "crossover", "time per iteration").split("\n[")[0],
        machine_by_machine=views(html, "crossover", "torch-cuda: time"),
        machines=text_of(html / "machines.html"),
        questions=tables(html, "machines"),
        raw=tables(html, "raw"),
    )
    assert shown == golden_file


def test_map(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert golden_of(keep(results, MAP, map_rows()), typed, "map") == golden_file


def test_overhead(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    run = keep(results, GPU_LADDER, gpu_ladder_rows())
    assert golden_of(run, typed, "overhead") == golden_file


def test_race(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert golden_of(keep_race(results, race_rows()), typed, "race") == golden_file


def test_race_undecided(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    """Two may be the first, one is late with most seeds, one was prepared on disk; then nobody."""
    rows = [
        race_row(
            seed,
            name,
            train=0.1 + 0.01 * ((seed + shift) % 7),
            dtype=dtype,
            accuracies=(0.7, 0.9, 0.96) if name != "numba" or seed == 6 else (0.5,),
            prepared_from_cache=seed > 0 if name == "numba" else None,
        )
        for seed in range(7)
        for name, dtype, shift in (
            ("numpy", "float32", 0),
            ("torch-cpu", "float32", 3),
            ("numpy", "float64", 20),
            ("numba", "float32", 0),
        )
    ]
    plan = RACE | {"dtypes": ["float32", "float64"]}
    _, open_still = answers.answer_of(keep_race(results, rows, plan=plan))
    late = [race_row(seed, accuracies=(0.5,)) for seed in range(7)]
    run = keep_race(results, late, started="2026-01-02T00:00:00Z")
    _, nobody = answers.answer_of(run)
    assert golden(results, undecided=open_still, nobody=nobody) == golden_file


def test_advise(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert golden_of(keep(results, ADVICE, advice_rows()), typed, "advise") == golden_file


def test_walkthrough(typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    command = ("walkthrough", "or-gate", "--backend", "numpy")
    terminal, whole = typed(*command), typed(*command, "--verbose")
    shown = golden(tmp_path, terminal=terminal, verbose=whole, json=typed(*command, "--json"))
    assert timeless(shown) == golden_file


def test_walkthrough_digits(typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    command = ("walkthrough", "digits", "--backend", "numpy")
    terminal, whole = typed(*command), typed(*command, "--verbose")
    shown = golden(tmp_path, terminal=terminal, verbose=whole, json=typed(*command, "--json"))
    assert timeless(shown) == golden_file


def test_doctor(tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    printed, text = answers.doctor(diagnosed(FACTS, TIRED))
    assert golden(tmp_path, terminal=text, json=document(printed, "doctor")) == golden_file


def test_doctor_ill(tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    """A machine on which everything is wrong; then a calm one whose clock is locked."""
    ill = replace(
        TIRED,
        governors=["powersave"],
        quota_cores=0.5,
        loop=replace(SOUND.loop, variation=0.5),
        steal_share=0.5,
        swapped_bytes=2**30,
        clock_tick_seconds=0.01,
        gpus=[replace(SOUND.gpus[0], slowed_by=["heat"])],
        other_processes=[OtherProcess(name="chromium", pid=1234, share=0.93)],
        other_cores=1.1,
        threads_waited=0.3,
    )
    pinned = replace(GPU_FACTS, variables={"OPENBLAS_CORETYPE": "Haswell"})
    locked = [replace(SOUND.gpus[0], locked=True)]
    seen = {"load": 13.06, "other_processes": [], "other_cores": 0.02, "threads_waited": 0.001}
    calm = replace(SOUND, gpus=locked, **seen)
    texts = [
        answers.doctor(diagnosed(facts, conditions, threads))[1]
        for facts, conditions, threads in ((pinned, ill, 9), (GPU_FACTS, calm, 2))
    ]
    assert golden(tmp_path, ill=texts[0], calm=texts[1]) == golden_file


def test_fleet(results: Path, typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    """A fleet of three on another host: one is done, one was never submitted, one runs."""
    keep_fleet(results)
    for name in ("abacus-1", "abacus-2"):
        keep_bench(tmp_path / "copied", machine=name, folder=name)
    collect = ("fleet", "collect", "copied")
    shown = golden(
        tmp_path,
        status=typed("fleet", "status"),
        status_json=typed("fleet", "status", "--json"),
        collect=typed(*collect, "--html", "html"),
        collect_json=typed(*collect, "--json"),
        page=text_of(tmp_path / "html" / "machines.html"),
    )
    assert shown == golden_file
