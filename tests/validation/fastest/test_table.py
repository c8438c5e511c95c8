from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.validation.fastest import table
from benchmarks.validation.fastest.chart import figure
from benchmarks.validation.fastest.record import FastestTruth
from perceptron.errors import UserError


def test_the_section_stands_between_its_marks(truth: FastestTruth, tmp_path: Path) -> None:
    """Date, machine, aim, a row for each way to answer; the rest of the page stays."""
    page = tmp_path / "fastest.md"
    page.write_text(
        "above\n<!-- begin: regret -->\nin place of this\n<!-- end: regret -->\nbelow\n", "utf-8"
    )
    assert table.save(page, truth) == page
    text = page.read_text(encoding="utf-8")
    assert text.startswith("above\n<!-- begin: regret -->\nMeasured on 2026-01-01 on Abacus 3000")
    assert text.endswith("<!-- end: regret -->\nbelow\n")
    assert "in place of this" not in text
    for name in ('measure="never"', 'measure="cached"', 'measure="now"', "always numpy"):
        assert f"| {name} | " in text
    assert "The aim is a median of 1.00, 1.15 at 95 % and 1.50 at worst." in text
    assert "](fastest-regret.svg)" in text
    assert (tmp_path / "fastest-regret.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_page_is_begun_and_one_without_a_place_is_refused(
    truth: FastestTruth, tmp_path: Path
) -> None:
    text = table.save(tmp_path / "new.md", truth).read_text(encoding="utf-8")
    assert text.startswith("<!-- begin: regret -->")
    (tmp_path / "other.md").write_text("# Other\n", encoding="utf-8")
    with pytest.raises(UserError, match="no place for 'regret'"):
        table.save(tmp_path / "other.md", truth)


def test_the_summary_says_what_misses_the_aim(truth: FastestTruth) -> None:
    never = truth.qualities[0]
    good = replace(never, median=1.0, high=1.1, worst=1.4)
    bad = replace(never, median=1.004, high=1.2, worst=2.0)
    untrained = replace(good, untrainable=2)
    assert 'measure="never": 1.00, 1.10, 1.40, reached.' in _summary(truth, good)
    assert "1.00, 1.20, 2.00, missed by 95 % point and worst." in _summary(truth, bad)
    assert "missed by 2 picks that cannot train it." in _summary(truth, untrained)


def test_wrong_picks_are_listed_the_worst_first(truth: FastestTruth) -> None:
    never = truth.qualities[0]
    regrets = (1.05, 1.2, 3.0, None)
    picks = [replace(one, regret=regret) for one, regret in zip(never.picks, regrets, strict=False)]
    worst = table.grids(replace(truth, qualities=[replace(never, picks=picks)]))[1]
    assert [cells[5] for cells in worst.rows] == ["–", "3.00", "1.20"]


def test_the_figure_has_a_line_for_each_way_to_answer(truth: FastestTruth) -> None:
    """From the largest regret down; always one backend is dotted."""
    lines = figure(truth).lines
    assert [line.label for line in lines][2:] == [
        *('measure="now"', 'measure="now", knowing nothing', "always numpy", "always numba")
    ]
    for line in lines:
        assert list(line.y) == sorted(line.y, reverse=True)
        assert line.x[0] == 1
    assert [line.estimated for line in lines] == [False] * 4 + [True] * 2


def test_a_machine_prints_the_same_as_the_page(
    truth: FastestTruth, capsys: pytest.CaptureFixture[str]
) -> None:
    table.show(truth)
    assert table.summary(truth) in capsys.readouterr().out


def _summary(truth: FastestTruth, never: object) -> str:
    return table.summary(replace(truth, qualities=[never]))
