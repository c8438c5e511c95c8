from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.validation.locator.record import LocatorRow, LocatorTruth, MapTruth, Truth
from benchmarks.validation.locator.table import grids, save
from benchmarks.validation.share import Share
from perceptron.errors import UserError


def share(hits: int, trials: int, low: float | None, high: float | None) -> Share:
    return Share(hits, trials, hits / trials if trials else None, low, high)


def worlds(name: str, cost: float = 0.125) -> LocatorRow:
    return LocatorRow(
        worlds=name,
        right=share(1962, 2000, 0.974, 0.9867),
        wrong_and_sure=1,
        sure=share(1500, 2000, 0.73, 0.77),
        covered=share(0, 0, None, None),
        width=1.234,
        cost=cost,
    )


@pytest.fixture
def truth() -> Truth:
    return Truth(
        when="2026-03-04T05:06:07Z",
        machine="Abacus 3000",
        version="0.1",
        seconds=81.6,
        locator=LocatorTruth(
            worlds=2000,
            seed=7,
            dense_sizes_per_decade=24,
            rows=[worlds("all"), worlds("clear"), replace(worlds("others"), width=None)],
            measurements=88.0,
            dense_worlds=120,
            dense_width=0.5,
        ),
        map=MapTruth(
            worlds=200,
            seed=7,
            cells=1024,
            measured_median=0.2,
            measured_95th=0.31,
            measured_most=0.4,
            right_overall=0.99961,
            right_median=1.0,
            right_least=0.951,
            right_worlds=0.98,
            right_by_noise={"1 %": 1.0, "10 %": 0.95},
            told_overall=0.97,
        ),
    )


def test_every_line_has_as_many_cells_as_columns(truth: Truth) -> None:
    locator, phases = grids(truth)
    assert [len(grid.rows) for grid in (locator, phases)] == [3, 1]
    for grid in (locator, phases):
        assert {len(line) for line in grid.rows} == {len(grid.columns)}


def test_shares_come_with_their_interval(truth: Truth) -> None:
    """Per cent with 95 %; nothing where nothing was tried, and no 100 % that is none."""
    locator, phases = grids(truth)
    cells = dict(zip(locator.columns, locator.rows[0], strict=True))
    assert cells["number>"] == "2,000"
    assert cells["status right>"] == "98.1 % [97.4, 98.7]"
    assert cells["wrong, sure>"] == "1"
    assert (cells["interval right>"], cells["of>"]) == ("–", "0")
    assert cells["its width>"] == "× 1.23"
    assert cells["cost>"] == "1/8.00"
    assert dict(zip(locator.columns, locator.rows[2], strict=True))["its width>"] == "–"
    cells = dict(zip(phases.columns, phases.rows[0], strict=True))
    assert cells["right>"] == "99.96 %"
    assert cells["measured, median>"] == "20.0 %"
    assert "10 % 95.0 %" in phases.notes[0]
    assert "1 % 100.0 %" in phases.notes[0]


def test_no_dense_sweep_is_no_claim(truth: Truth) -> None:
    without = replace(truth, locator=replace(truth.locator, dense_width=None, dense_worlds=0))
    assert "No dense sweep was tried." in grids(without)[0].notes[-1]


def test_a_dense_sweep_of_equal_certainty_is_reckoned(truth: Truth) -> None:
    """Half as wide takes a quarter of the processes: 1/8 of it becomes 1/2."""
    note = grids(truth)[0].notes[-1]
    assert "0.500 times as wide" in note
    assert "1/2.00 of it" in note


def test_a_dense_sweep_that_is_less_certain_would_cost_more(truth: Truth) -> None:
    """Twice as wide takes four times the processes: 1/8 of it becomes 1/32."""
    wider = replace(truth, locator=replace(truth.locator, dense_width=2.0))
    note = grids(wider)[0].notes[-1]
    assert "1/32.0" in note
    assert "cost less" not in note


def test_the_saved_tables_are_markdown(truth: Truth, tmp_path: Path) -> None:
    """A rule below each head, every line with as many bars, and blank lines around."""
    lines = save(tmp_path / "truth.md", truth).read_text(encoding="utf-8").splitlines()
    tables = re.findall(r"(?:^\|.*\n)+", "\n".join(lines) + "\n", re.MULTILINE)
    assert len(tables) == 2
    for table in tables:
        head, rule, *body = table.splitlines()
        assert set(rule) == {"|", "-", ":"}
        assert body
        assert len({line.count("|") for line in (head, rule, *body)}) == 1
        assert ">" not in head
        assert all(line.startswith("|") and line.endswith("|") for line in (head, rule, *body))
    for index, line in enumerate(lines):
        if line.startswith("|") and not lines[index - 1].startswith("|"):
            assert lines[index - 1] == ""


def test_the_saved_file_says_how_to_repeat_it(truth: Truth, tmp_path: Path) -> None:
    """The command, the version, the day, the machine and how long it took."""
    text = save(tmp_path / "truth.md", truth).read_text(encoding="utf-8")
    assert "`python -m benchmarks.validation truth --worlds 2000 --seed 7`" in text
    assert "version 0.1, 2026-03-04, Abacus 3000, 81.6 s" in text
    for grid in grids(truth):
        assert f"## {grid.title}" in text
        assert all(note in text for note in grid.notes)


def test_a_file_that_cannot_be_written_is_one_line(truth: Truth, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written: .*; choose another"):
        save(tmp_path / "no" / "truth.md", truth)
