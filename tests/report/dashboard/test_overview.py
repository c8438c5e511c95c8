from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.questions.answering import collect
from perceptron.questions.overhead.device_share import kind_of_hardware
from perceptron.report.dashboard.write import write_site
from tests.made import (
    ADVICE,
    BACKENDS,
    BENCH,
    GPU_FACTS,
    GPU_NAME,
    LADDER,
    MANY,
    MAP,
    advice_rows,
    bench_rows,
    everything,
    gpu_rows,
    keep,
    keep_race,
    ladder_rows,
    many_rows,
    map_rows,
    race_rows,
)
from tests.report.reading import read

GPU_BOX: dict[str, Any] = {"machine": "gpu-box", "folder": "gpu-box", "facts": GPU_FACTS}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run of each kind of a machine without a GPU, and newer ones of one that has a GPU."""
    results = everything(tmp_path / "results")
    keep(results, BENCH, gpu_rows(), started="2026-03-01T00:00:00Z", **GPU_BOX)
    keep(results, MAP, map_rows(backends=BACKENDS), started="2026-03-02T00:00:00Z", **GPU_BOX)
    return results


def shown(results: Path, html: Path) -> str:
    write_site(html, collect(results))
    return (html / "index.html").read_text(encoding="utf-8")


def test_each_kind_of_hardware_has_a_block_of_its_own(results: Path, tmp_path: Path) -> None:
    """The newest first, each with its finding, crossovers, map and ground; no run hides another."""
    page = shown(results, tmp_path / "html")
    first, second = page.split('<h2 class="hardware" id="hardware-2">')
    assert f'<h2 class="hardware" id="hardware">{GPU_NAME}</h2>' in first
    assert second.startswith("CPU</h2>")
    for block, cpu, maps in ((first, "Abacus 5000", "gpu-box"), (second, "Abacus 3000", "box")):
        assert f"{cpu}, 2 cores" in block
        assert f"<figcaption>{maps}, 2026" in block
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    own = [name for name in ids if name.partition("-")[0] in ("finding", "crossovers", "map")]
    assert sorted(own) == sorted(
        f"{name}{block}" for name in ("finding", "crossovers", "map") for block in ("", "-2")
    )


def test_one_machine_can_tell_of_both(results: Path, tmp_path: Path) -> None:
    """A run without its GPU is one of a CPU, and the newest of these."""
    keep(results, BENCH, bench_rows(), started="2026-04-01T00:00:00Z", **GPU_BOX)
    collection = collect(results)
    benches = collection.studies["bench"]
    assert [
        (told.run.run.machine, kind_of_hardware(told.run.times, told.run.facts.environment))
        for told in benches
    ] == [("gpu-box", "CPU"), ("gpu-box", GPU_NAME), ("box", "CPU")]
    page = shown(results, tmp_path / "html")
    assert page.count('<h2 class="hardware"') == 2
    assert page.index(">CPU</h2>") < page.index(f">{GPU_NAME}</h2>")


def test_the_newest_answers_are_there_whatever_command_they_came_from(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of this machine first, though others are newer; each leads to where it is shown."""
    early = "2025-01-01T0{}:00:00Z".format
    mine: dict[str, Any] = {"machine": "mine", "folder": "mine"}
    keep(results, ADVICE, advice_rows(), started=early(1), **mine)
    keep(results, MAP, map_rows(), started=early(2), **mine)
    keep(results, MANY, many_rows(), started=early(3), **mine)
    keep(results, LADDER, ladder_rows(), started=early(4), **mine)
    races = [replace(row, machine="mine", when=early(5)) for row in race_rows()]
    keep_race(results, races, started=early(5), **mine)
    keep(results, LADDER, ladder_rows(), started=early(6), finished=False, **mine)
    monkeypatch.setattr(platform, "node", lambda: "mine")
    shown(results, tmp_path / "html")
    page = read(tmp_path / "html" / "index.html")
    text = " ".join(page.text.split())
    answers = text[text.index("Newest answers") : text.index("Abacus")]
    questions = ["race: digits", "overhead of or-gate", "crossover of", "map of", "advise for"]
    assert all(f"{question}" in answers for question in questions)
    places = [answers.index(question) for question in questions]
    assert places == sorted(places)
    assert answers.count("mine, 2025-01-01") == len(questions)
    links = [address for address in page.links if "machine=mine" in address]
    leads_to = [address.partition(".html#")[0] for address in links]
    assert leads_to == ["race", "overhead", "crossover", "map", "advise"]
