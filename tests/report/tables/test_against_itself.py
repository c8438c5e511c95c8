from __future__ import annotations

from collections.abc import Sequence

from perceptron.records.measurement import Measurement
from perceptron.records.speeds import SelfRatios, SelfRound, Side, Speeds
from perceptron.report.tables.against_itself import against_itself_lines

FIRST = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01]


def rows(seconds: Sequence[float | None], waited: Sequence[float] = ()) -> list[Measurement]:
    """A process for each; None for one that failed."""
    return [
        Measurement(
            source="perceptron",
            machine="box",
            when="2026-01-02T03:04:05Z",
            process=number,
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

    speeds = Speeds(
        machine="box",
        cpu="",
        cores=2,
        code="",
        when="",
        command="",
        quiet=side(quiet),
        busy=side(busy),
    )
    line = against_itself_lines(speeds)[-1]
    assert line.startswith("| `numpy`, 2 threads |")
    return line.strip("| ").split(" | ")[1:]


def test_an_interval_holds_1_or_does_not() -> None:
    """Of two rounds one has a second side that is slower, which a backend never is than itself."""
    second = FIRST[3:] + FIRST[:3]
    good = SelfRound(first=rows(FIRST), second=rows(second))
    bad = SelfRound(first=rows(FIRST), second=rows([1.2 * value for value in second]))
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
    some = SelfRound(first=rows(FIRST), second=rows(slowed, waits))
    waited = [0.2] * len(FIRST)
    longer = [1.2 * value for value in FIRST]
    everywhere = SelfRound(first=rows(FIRST, waited), second=rows(longer, waited))
    hold, ratio, width, busy, busy_ratio, busy_width = cells([some], [everywhere])
    assert (hold, ratio, width) == ("1 of 1", "1.000", "0.0 %")
    assert (busy, busy_ratio) == ("1 of 1", "1.200")
    assert busy_width == "56.2 %"
    unlike = SelfRound(first=rows(FIRST), second=rows(longer, waited))
    assert cells([unlike], [everywhere, unlike])[::3] == [
        "no interval, 1 too contended to say",
        "1 of 1, 1 too contended to say",
    ]


def test_what_was_lost_is_counted() -> None:
    lost = SelfRound(first=rows([*FIRST[1:], None]), second=rows(FIRST))
    nothing = SelfRound(first=rows([None] * 3), second=rows(FIRST[:3]))
    quiet, busy = cells([lost], [nothing])[::3]
    assert quiet == "1 of 1, 1 without a time"
    assert busy == "no interval, 3 without a time"


def test_without_rounds_there_is_no_table() -> None:
    speeds = Speeds(machine="box", cpu="", cores=2, code="", when="", command="")
    assert against_itself_lines(speeds) == []
