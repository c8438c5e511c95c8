from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.questions.answering import collect
from perceptron.questions.overhead.device_share import kind_of_hardware
from perceptron.questions.shared.axes import SWEEP
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


def test_overview_leads_with_finding_of_first_machine(results: Path, tmp_path: Path) -> None:
    """A picture, a sentence and a card of the first machine; a line for all else."""
    page = shown(results, tmp_path / "html")
    ours, others = page.split('<h2 id="others">')
    assert page.count('role="img"') == 1
    assert ours.index(" as long as numpy") < ours.index('role="img"')
    assert ours.index('role="img"') < ours.index('<ul class="cards">') < ours.index('id="answers"')
    assert "Abacus 5000, 2 cores" in ours
    assert ">box, <time>2026" not in ours
    assert "gpu-box" not in others
    assert others.count(">box, <time>2026") == 4


def test_overview_run_of_some_backends_does_not_lead(results: Path, tmp_path: Path) -> None:
    """However new it is, and whatever it found."""
    usual = BENCH | {"families": list(SWEEP), "problems": [], "backends": list(registry.DEFAULT)}
    keep(results, usual, gpu_rows(), started="2026-03-03T00:00:00Z", **GPU_BOX)
    fewer_backends = usual | {"backends": ["numpy", "numba"]}
    keep(results, fewer_backends, bench_rows(), started="2026-04-01T00:00:00Z", **GPU_BOX)
    page = shown(results, tmp_path / "html")
    assert page.index("2026-03-03") < page.index("2026-04-01")


def test_overview_machine_may_lead_for_cpu_and_gpu(results: Path, tmp_path: Path) -> None:
    """A run without its GPU is one of a CPU, and the newest of these."""
    keep(results, BENCH, bench_rows(), started="2026-04-01T00:00:00Z", **GPU_BOX)
    benches = collect(results).studies["bench"]
    assert [
        (
            answered.run.run.machine,
            kind_of_hardware(answered.run.times, answered.run.facts.environment),
        )
        for answered in benches
    ] == [("gpu-box", "CPU"), ("gpu-box", GPU_NAME), ("box", "CPU")]
    assert shown(results, tmp_path / "html").count(">bench</a>") == 2


def test_overview_lists_newest_answers_of_any_command(
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
    answers = text[text.index("Answers of this machine") : text.index("Answers of other machines")]
    questions = ["race: digits", "overhead of or-gate", "crossover of", "map of", "advise for"]
    assert all(f"{question}" in answers for question in questions)
    places = [answers.index(question) for question in questions]
    assert places == sorted(places)
    assert answers.count("mine, 2025-01-01") == len(questions)
    links = [address for address in page.links if "machine=mine" in address]
    leads_to = [address.partition(".html#")[0] for address in links]
    assert leads_to == ["race", "overhead", "crossover", "map", "advise"]
