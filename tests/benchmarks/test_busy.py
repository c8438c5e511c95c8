"""The speeds, with parts that measure nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import busy, speed_parts
from benchmarks.code_state import code_state
from benchmarks.progress_file import ProgressFile, StepDone
from benchmarks.speeds import Answer, GateSpeed, Speeds, read_speeds, speeds_file
from benchmarks.steps import steps
from perceptron.errors import UserError

CROSSOVER = {
    "family": "mlp-width",
    "incumbent": "numpy",
    "challenger": "torch-cpu",
    "status": "crosses",
    "sure": True,
    "size": 600.0,
    "low": 500.0,
    "high": 700.0,
    "ratio_at": [
        {"size": 1, "ratio": 1.0, "low": 0.5, "high": 1.0, "processes": 8},
        {"size": 2, "ratio": 1.0, "low": None, "high": None, "processes": 1},
    ],
}
ABSENT = CROSSOVER | {"status": "not measured", "ratio_at": []}


class Bench:
    """A neighbour, and parts that note whether it was there."""

    def __init__(self) -> None:
        self.is_busy = False
        self.taken: list[tuple[str, bool]] = []
        self.kept: list[Speeds] = []
        self.said: list[str] = []

    @contextmanager
    def neighbour(self, wanted: bool) -> Iterator[None]:
        self.is_busy = wanted
        yield
        self.is_busy = False

    def part(self, name: str, value: Any) -> Callable[[], Any]:
        def take() -> Any:
            self.taken.append((name, self.is_busy))
            if isinstance(value, Exception):
                raise value
            return value

        return take


def measured(
    bench: Bench, parts: dict[str, Any], known: dict[str, Any] | None = None, **old: Any
) -> Speeds:
    speeds = Speeds(machine="box", cpu="", cores=2, code="c", when="", command="", **old)
    return busy.measure(
        speeds,
        list(parts),
        known or {},
        bench.kept.append,
        bench.said.append,
        {name: bench.part(name, value) for name, value in parts.items()},
        bench.neighbour,
    )


def test_every_part_is_measured_alone_and_then_beside_the_neighbour() -> None:
    """Each is kept at once, and none that was measured before is lost."""
    bench = Bench()
    gate = GateSpeed([1.0], ["ok"])
    speeds = measured(bench, {"ratios": {"numpy": [0.5]}, "gate": gate})
    assert bench.taken == [("ratios", False), ("ratios", True), ("gate", False), ("gate", True)]
    assert len(bench.kept) == 4
    assert bench.kept[0].quiet.ratios == {"numpy": [0.5]}
    assert bench.kept[0].busy.ratios is None
    assert speeds.quiet.gate == speeds.busy.gate == gate
    assert speeds.busy.ratios == {"numpy": [0.5]}


def test_a_part_that_fails_is_said_and_costs_no_other() -> None:
    bench = Bench()
    speeds = measured(bench, {"crossover": UserError("no room"), "ratios": {"numpy": [0.5]}})
    assert "crossover, busy: no room" in bench.said
    assert speeds.quiet.crossover is None
    assert speeds.quiet.ratios is not None


def test_what_make_results_measured_is_not_measured_again() -> None:
    bench = Bench()
    gate = GateSpeed([2.0], [])
    speeds = measured(bench, {"gate": GateSpeed([9.0], [])}, {"gate": gate})
    assert bench.taken == [("gate", True)]
    assert speeds.quiet.gate == gate


def test_the_document_of_bench_says_answers_and_widths() -> None:
    """What was not measured has neither; the width of a ratio without an interval is open."""
    speed = speed_parts.bench_of(7.0, {"crossovers": [CROSSOVER, ABSENT]})
    assert speed.seconds == 7.0
    assert [(width.size, width.width) for width in speed.widths] == [(1, 1.0), (2, None)]
    assert {(width.family, width.pair) for width in speed.widths} == {
        ("mlp-width", "numpy:torch-cpu")
    }
    assert speed.answers == [
        Answer(
            family="mlp-width",
            pair="numpy:torch-cpu",
            status="crosses",
            sure=True,
            size=600.0,
            low=500.0,
            high=700.0,
        )
    ]


def test_of_record_are_finished_steps_of_this_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy, "ROOT", tmp_path)
    folder = tmp_path / "results" / ".record" / "box"
    progress = ProgressFile(folder, code_state(tmp_path))
    with pytest.raises(UserError, match="make results has not finished bench"):
        busy.of_record("box")
    for step in steps("box", folder / "commits"):
        words = [list(command) for command in step.commands]
        progress.keep(step.name, StepDone(commands=words, seconds=70.0, finished=True))
        progress.output(step.name).write_text(json.dumps({"crossovers": [CROSSOVER]}))
    known = busy.of_record("box")
    assert {name: part.seconds for name, part in known.items()} == {
        "bench": 70.0,
        "crossover": 70.0,
    }
    assert [width.width for width in known["bench"].widths] == [1.0, None]


def test_the_table_goes_into_the_page_and_the_numbers_beside_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second start with other parts keeps those of the first."""
    monkeypatch.setattr(busy, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: speeds -->\nold\n<!-- end: speeds -->\nafter\n")
    monkeypatch.setitem(busy.PARTS, "gate", lambda: GateSpeed([7.0], ["ok"]))
    monkeypatch.setitem(busy.PARTS, "ratios", lambda: {"numpy": [0.5], "numpy-inplace": [0.2]})
    assert busy.main(["--machine", "box", "--only", "gate"]) == 0
    assert busy.main(["--machine", "box", "--only", "ratios", "--save", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n<!-- begin: speeds -->\n`python -m benchmarks.busy`")
    assert text.endswith("<!-- end: speeds -->\nafter\n")
    assert "| ≤ 10 s | 7.00 s |" in text
    assert "0.500" in text
    stored = read_speeds(speeds_file(tmp_path / "results", "box"))
    assert stored is not None
    assert stored.busy.gate == GateSpeed([7.0], ["ok"])
    capsys.readouterr()
    assert busy.main(["--only", "gait"]) == 2
    assert capsys.readouterr().err == "error: unknown --only 'gait': did you mean 'gate'?\n"
