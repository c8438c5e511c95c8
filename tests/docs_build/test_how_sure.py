from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from benchmarks.speeds import Answer, Asked, GateSpeed, SelfRatios, SelfRound, Side, Speeds, Width
from docs.build.how_sure import MISSED, speeds_lines
from perceptron.records.measurement import Measurement

NEVER = Answer(family="rows", pair="a:b", status="never", sure=True)
CROSSES = Answer(
    family="width", pair="a:b", status="crosses", sure=True, size=600.0, low=500.0, high=700.0
)


def widths(*at: float | None) -> list[Width]:
    """Of sizes 1, 2, 3 …"""
    return [
        Width(family="rows", pair="a:b", size=number, width=width)
        for number, width in enumerate(at, 1)
    ]


QUIET = Side(
    bench=Asked(300.0, [NEVER, CROSSES], widths(0.01, 0.02, 0.5)),
    crossover=Asked(60.0, [CROSSES]),
    ratios={"numpy": [0.60, 0.64, 0.62], "numpy-inplace": [0.3, 0.3, 0.9]},
    gate=GateSpeed([8.0, 9.0, 30.0], ["ok"]),
)
BUSY = Side(
    bench=Asked(
        390.0, [NEVER, replace(CROSSES, sure=False, status="tie")], widths(0.03, 0.03, None, 0.09)
    ),
    crossover=Asked(120.0, [replace(CROSSES, size=710.0, low=690.0, high=800.0)]),
    ratios={"numpy": [0.63], "numpy-inplace": [0.29]},
    gate=GateSpeed([14.0], ["ok"]),
)


def lines(quiet: Side = QUIET, busy: Side = BUSY) -> list[str]:
    return speeds_lines(
        Speeds(
            machine="box",
            cpu="Abacus",
            cores=2,
            code="abc",
            when="2026-01-02T03:04:05Z",
            command="python -m benchmarks.busy",
            quiet=quiet,
            busy=busy,
        )
    )


def row(what: str, quiet: Side = QUIET, busy: Side = BUSY) -> list[str]:
    """The row that begins with these words: its other four cells."""
    (line,) = (line for line in lines(quiet, busy) if line.startswith(f"| {what}"))
    return line.strip("| ").split(" | ")[1:]


@pytest.mark.parametrize(
    ("what", "change", "cell"),
    [
        (
            "a whole `bench`",
            {"bench": Asked(400.0, [NEVER], [])},
            "6.7 min; decided 1 of 2, idle 2 of 2",
        ),
        (
            "a whole `bench`",
            {"bench": Asked(60.0, [replace(NEVER, status="always")], [])},
            "1.0 min; decided 1 of 2, idle 2 of 2; 1 unlike the idle one",
        ),
        (
            "`crossover",
            {"crossover": Asked(9.0, [replace(NEVER, family="width")])},
            "9.00 s; never",
        ),
        ("`numpy` ÷", {"ratios": {"numpy": [0.58]}}, "0.580 (-6.5%)"),
        (
            "width",
            {"bench": Asked(60.0, [], widths(0.05, 0.01, 0.06))},
            "5.0%, 3 sizes (2.46×)",
        ),
        ("a whole A/A", {"gate": GateSpeed([15.1], [])}, "15.1 s"),
    ],
)
def test_a_busy_target_that_is_missed_says_so(what: str, change: dict[str, Any], cell: str) -> None:
    assert row(what, busy=replace(BUSY, **change))[3] == f"{cell}: {MISSED}"


def test_an_answer_that_is_not_sure_contradicts_nothing() -> None:
    """Nor does one that overlaps the idle one."""
    assert MISSED not in "\n".join(lines())
    unsure = replace(CROSSES, size=9000.0, low=8000.0, high=9500.0, sure=False)
    busy = replace(BUSY, crossover=Asked(99.0, [unsure]))
    assert row("`crossover", busy=busy)[3] == "99.0 s; 9,000 [8,000, 9,500], undecided"


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    """Beside a quiet side that is missing there is nothing to compare with."""
    assert row("a whole `bench`", Side(), Side())[1::2] == ["not measured"] * 2
    assert row("a whole `bench`", Side())[3] == "6.5 min"
    assert row("`numpy` ÷", Side())[3] == "0.630"
    assert row("width", Side())[1::2] == ["not measured", "6.0%, 4 sizes, 1 open"]
    assert "against itself" not in "\n".join(lines(Side(), Side()))


FIRST = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01]


def timed(seconds: Sequence[float | None], waited: Sequence[float] = ()) -> list[Measurement]:
    """A process for each; None for one that failed."""
    return [
        Measurement(
            source="perceptron",
            machine="box",
            when="2026-01-02T03:04:05Z",
            repeat=number,
            family="rows",
            size=4,
            backend="numpy",
            seconds=value,
            status="failed" if value is None else "ok",
            waited=waited[number] if waited else 0.0,
        )
        for number, value in enumerate(seconds)
    ]


def cells(quiet: list[SelfRound] | None, busy: list[SelfRound] | None) -> list[str]:
    """The line of numpy without its name."""

    def side(rounds: list[SelfRound] | None) -> Side:
        alike = [SelfRatios(backend="numpy", threads=2, rounds=rounds or [])]
        return Side() if rounds is None else Side(alike=alike)

    line = lines(side(quiet), side(busy))[-1]
    assert line.startswith("| `numpy`, 2 threads |")
    return line.strip("| ").split(" | ")[1:]


def test_an_interval_holds_1_or_does_not() -> None:
    """Of two rounds one has a second side that is slower, which a backend never is than itself."""
    second = FIRST[3:] + FIRST[:3]
    good = SelfRound(first=timed(FIRST), second=timed(second))
    bad = SelfRound(first=timed(FIRST), second=timed([1.2 * value for value in second]))
    hold, ratio, _, *busy = cells([good, bad], None)
    assert hold == "1 of 2"
    assert 1.08 < float(ratio) < 1.11
    assert busy == ["not measured", "–", "–"]


def test_processes_that_waited_do_not_count_where_others_are_enough() -> None:
    """As for two backends; without any, the interval reaches as far as the waiting hides.

    Where one side alone waited, it says nothing.
    """
    slowed = [2.0 * value if index % 2 else value for index, value in enumerate(FIRST)]
    waits = [0.5 * (index % 2) for index in range(len(FIRST))]
    some = SelfRound(first=timed(FIRST), second=timed(slowed, waits))
    waited = [0.2] * len(FIRST)
    longer = [1.2 * value for value in FIRST]
    everywhere = SelfRound(first=timed(FIRST, waited), second=timed(longer, waited))
    hold, ratio, width, busy, busy_ratio, busy_width = cells([some], [everywhere])
    assert (hold, ratio, width) == ("1 of 1", "1.000", "0.0%")
    assert (busy, busy_ratio) == ("1 of 1", "1.200")
    assert busy_width == "56.2%"
    unlike = SelfRound(first=timed(FIRST), second=timed(longer, waited))
    assert cells([unlike], [everywhere, unlike])[::3] == [
        "no interval, 1 too contended to judge",
        "1 of 1, 1 too contended to judge",
    ]
