"""The proof's tables say what was reached beside what is to be, and where it comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from benchmarks.validation.gate.record import (
    CountedBenchmark,
    CountedKind,
    GateState,
    Judged,
    LiveKind,
    Proof,
    Spread,
    Spreads,
    Target,
)
from benchmarks.validation.gate.shown import chart
from benchmarks.validation.gate.shown.page import save
from benchmarks.validation.gate.shown.table import grids
from benchmarks.validation.share import Share, share
from perceptron.errors import UserError


def state(**fields: Any) -> GateState:
    """What a gate that did not know of waiting did beside a busy process."""
    defaults: dict[str, Any] = {
        "measured": "m",
        "first": "2026-03-04T05:06:07Z",
        "last": "2026-03-04T07:06:07Z",
        "commits": ["abc"],
        "runs": 40,
        "false_alarms": share(0, 40),
        "inconclusive": 3,
        "seconds": 10.5,
        "spread": 0.021,
        "smallest_detectable": 0.052,
        "waited": None,
        "disturbed": 0,
        "retaken": 0,
    }
    return GateState(**(defaults | fields))


@pytest.fixture
def proof() -> Proof:
    rules = {"gate": share(0, 200), "asv, 1.05": share(61, 200)}
    return Proof(
        machine="box",
        cpu="Abacus 3000",
        cores="2",
        libraries={"python": "CPython 3.12", "numpy": "2.0", "asv_runner": "0.3"},
        first="2026-03-04T05:06:07Z",
        last="2026-03-05T05:06:07Z",
        version="0.1",
        commits=["abc", "def"],
        work="0123abc",
        command="python -m benchmarks.validation proof --runs 200",
        results="results/proof/box",
        again=2,
        left_out=3,
        outdated=False,
        counters=["valgrind-3.24.0"],
        targets=[
            Target(name="no false alarm", reached=share(0, 200), met=True),
            Target(name="finds", reached=share(5, 10), met=None),
            Target(name="keeps promises", reached=share(500, 600), met=False),
        ],
        live=[
            LiveKind(
                name="scalar",
                summary="the loss as a Python number",
                runs=5,
                verdicts={"regression": 4, "clean": 1},
                improvements=0,
                control_alarms=1,
                change=0.113,
                work=0.0912,
                seconds=31.2,
                cpu_seconds=29.0,
            )
        ],
        counted=[
            CountedKind(
                name="102 units for 100",
                rows=16,
                counted=share(15, 16),
                seen=share(15, 15),
                called_slower=share(14, 15),
                on_work=share(13, 15),
                change=0.019996,
                noise=0.00198,
            )
        ],
        counts=[
            CountedBenchmark(
                benchmark="training",
                counted=share(40, 40),
                median=0.0000123,
                largest=0.0019,
                why_not=None,
            ),
            CountedBenchmark(
                benchmark="product",
                counted=share(0, 40),
                median=None,
                largest=None,
                why_not="not repeatable",
            ),
        ],
        more_work=[
            Judged(
                name="2 %", spread="×16", shares={"seen": share(600, 600), "gate": share(598, 600)}
            )
        ],
        same_work=[],
        false_alarms=[Judged(name="together", spread="", shares=rules)],
        found=[Judged(name="scalar", spread="≤ 2.5 %", shares={"gate": share(4, 5)})],
        replayed=[Judged(name="5 %", spread="≤ 1 %", shares={"gate": share(588, 600)})],
        windows=17,
        promised=[],
        calibration=[Judged(name="training", spread="", shares={"p ≤ 10 %": share(9, 80)})],
        choices=[
            Spreads(
                benchmark="bodies.time_training",
                blocks=800,
                spreads={
                    "lower quartile": Spread(0.0181, 0.0172, 0.0190),
                    "mean": Spread(0.031, 0.028, 0.034),
                },
            )
        ],
        states=[state(), state(waited=0.081, disturbed=1214, retaken=9, commits=[])],
    )


def test_targets_come_first_with_what_was_reached(proof: Proof) -> None:
    """The bounds are exact: 0 of 200 is at most 1.8 %."""
    first = grids(proof)[0]
    assert first.rows == [
        ("no false alarm", "yes", "0.0 % [0.0, 1.8]", "200"),
        ("finds", "too few yet", "50.0 % [18.7, 81.3]", "10"),
        ("keeps promises", "no", "83.3 % [80.1, 86.2]", "600"),
    ]


def test_rules_stand_side_by_side(proof: Proof) -> None:
    alarms = next(grid for grid in grids(proof) if grid.title.startswith("False alarms"))
    assert alarms.columns == ("runs", "number>", "gate>", "asv, 1.05>")
    assert alarms.rows == [("together", "200", "0.0 % [0.0, 1.8]", "30.5 % [24.2, 37.4]")]


def test_counted_evidence_stands_before_the_clocks(proof: Proof) -> None:
    titles = [grid.title for grid in grids(proof)]
    counted = [title for title in titles if title.startswith("Counted") or "more work" in title]
    assert titles[2:5] == counted
    kinds, benchmarks, more = grids(proof)[2:5]
    assert kinds.rows == [
        (
            "102 units for 100",
            "16",
            "93.8 % [69.8, 99.8]",
            "+2.00 %",
            "0.1980 %",
            "100.0 % [78.2, 100.0]",
            "93.3 % [68.1, 99.8]",
            "86.7 % [59.5, 98.3]",
        )
    ]
    assert [row[3:] for row in benchmarks.rows] == [
        ("0.0012 %", "0.1900 %", "–"),
        ("–", "–", "not repeatable"),
    ]
    assert more.columns == ("injected", "clock noise", "number>", "seen>", "gate>")
    assert more.rows == [("2 %", "×16", "600", "100.0 % [99.4, 100.0]", "99.7 % [98.8, 100.0]")]


def test_whole_runs_tell_what_the_clock_and_the_counts_measured(proof: Proof) -> None:
    whole = grids(proof)[1]
    assert whole.columns[-4:-2] == ("clock>", "work>")
    assert [row[-4:-2] for row in whole.rows] == [("+11.3 %", "+9.1 %")]


def test_states_of_the_gate_stand_beside_each_other(proof: Proof) -> None:
    """Where waiting was unknown, nothing is said of it."""
    (states,) = [grid for grid in grids(proof) if grid.title.startswith("Beside a busy process")]
    judged = ("40", "0.0 % [0.0, 8.8]", "3", "10.5 s", "2.1 %", "5.2 %")
    assert states.rows == [
        ("2026-03-04, abc", *judged, "–", "–", "–"),
        ("2026-03-04", *judged, "8.1 %", "1,214", "9"),
    ]


def test_other_choices_stand_beside_the_gates(proof: Proof) -> None:
    (row,) = grids(proof)[-1].rows
    assert row == ("training", "800", "1.81 % [1.72, 1.90]", "3.10 % [2.80, 3.40]")


def test_tables_of_earlier_code_say_so(proof: Proof, tmp_path: Path) -> None:
    for outdated in (False, True):
        text = save(tmp_path / "p.md", replace(proof, outdated=outdated)).read_text("utf-8")
        assert ("code has changed since" in text) == outdated


def test_every_row_has_a_cell_for_every_column(proof: Proof) -> None:
    for grid in grids(proof):
        assert all(len(row) == len(grid.columns) for row in grid.rows)


def test_a_part_without_runs_is_left_out(proof: Proof) -> None:
    titles = [grid.title for grid in grids(proof)]
    assert len(titles) == 11
    assert not any("smallest detectable" in title for title in titles)
    assert not any("work is the same" in title for title in titles)


def test_the_saved_file_says_where_it_comes_from(proof: Proof, tmp_path: Path) -> None:
    """Command, days, machine, versions, commits, what was left out, and where the blocks are."""
    text = save(tmp_path / "gate-proof.md", proof).read_text(encoding="utf-8")
    for fact in (
        "`python -m benchmarks.validation proof --runs 200`",
        "2026-03-04 to 2026-03-05",
        "box (Abacus 3000, 2 cores)",
        "CPython 3.12, numpy 2.0, valgrind-3.24.0, perceptron 0.1",
        "commits abc, def, gate `0123abc`",
        "`results/proof/box`",
        "2 runs were judged again",
        "3 runs of another state of the gate are left out",
        "17 have no block in common",
    ):
        assert fact in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == len(grids(proof))
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
        assert ">" not in table.splitlines()[0]


def test_the_picture_lies_beside_and_has_a_place_for_every_rule(
    proof: Proof, tmp_path: Path
) -> None:
    text = save(tmp_path / "gate-proof.md", proof).read_text(encoding="utf-8")
    assert "](gate-proof.svg)" in text
    once = (tmp_path / "gate-proof.svg").read_text(encoding="utf-8")
    assert once.startswith("<svg")
    # A dot with its bar for each share: false alarms of two rules, finds of one.
    assert once.count("LineCollection") == 3


def test_the_pictures_numbers_are_those_of_each_rule(
    proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    """False alarms of all runs together; 5 % slowdowns of the quiet classes together.

    With counts the gate has a line for what it finds with them, on the clock as it was.
    """
    drawn: list[tuple[float, Share]] = []
    monkeypatch.setattr(chart, "_dot", lambda _axes, y, share, *_: drawn.append((round(y), share)))
    replayed = [
        Judged(
            name=name, spread=spread, shares={"gate": share(hits, 10), "asv, 1.05": share(2, 10)}
        )
        for name, spread, hits in (
            ("5 %", "≤ 1 %", 10),
            ("5 %", "≤ 2.5 %", 9),
            ("5 %", "≤ 5 %", 1),
            ("10 %", "≤ 1 %", 1),
        )
    ]
    chart.proof_chart(replace(proof, replayed=replayed))
    others = [(61, 200), (4, 20)]
    alone = [(0, share(0, 200)), (0, share(19, 20))]
    assert drawn == [*alone, *((1, share(*hits)) for hits in others)]
    drawn.clear()
    more = [
        Judged(name="5 %", spread=louder, shares={"gate": share(hits, 10)})
        for louder, hits in (("×1", 10), ("×4", 1))
    ]
    chart.proof_chart(replace(proof, replayed=replayed, more_work=more))
    counted = [(0, share(0, 200)), (0, share(10, 10)), (1, share(19, 20))]
    assert drawn == [*counted, *((2, share(*hits)) for hits in others)]


def test_the_same_proof_is_the_same_picture(proof: Proof, tmp_path: Path) -> None:
    save(tmp_path / "gate-proof.md", proof)
    once = (tmp_path / "gate-proof.svg").read_text(encoding="utf-8")
    save(tmp_path / "gate-proof.md", proof)
    assert (tmp_path / "gate-proof.svg").read_text(encoding="utf-8") == once


def test_without_runs_there_is_no_picture(proof: Proof, tmp_path: Path) -> None:
    text = save(tmp_path / "gate-proof.md", replace(proof, false_alarms=[])).read_text("utf-8")
    assert "svg" not in text
    assert not (tmp_path / "gate-proof.svg").exists()


def test_one_day_is_told_once(proof: Proof, tmp_path: Path) -> None:
    one = replace(proof, last=proof.first, commits=[], left_out=0, again=0)
    text = save(tmp_path / "gate-proof.md", one).read_text(encoding="utf-8")
    assert "2026-03-04, machine box" in text
    assert "no commit, gate `0123abc`. Every block" in text
    assert "left out" not in text
    assert "judged again" not in text


def test_a_file_that_cannot_be_written_is_one_line(proof: Proof, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written: .*; choose another"):
        save(tmp_path / "no" / "gate-proof.md", proof)
