"""A comparison described: what the goldens, of few benchmarks with few functions, do not show."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from perceptron.numbers import cell_text
from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    Control,
    ControlRow,
    GateRule,
    LeftOut,
    Row,
)
from perceptron.report.comparison import Described, describe
from perceptron.report.comparison_notes import grouped
from perceptron.report.comparison_row import times
from perceptron.report.tables import terminal
from perceptron.report.tables.comparison import show
from tests.made_comparison import broken, comparison, growth, harder, instructions, row, slower


def noted(described: Described, about: str) -> list[str]:
    return [text for word, text in described.notes if word == about]


def cell(described: Described, column: str) -> str:
    """Return the cell of the only row in a column."""
    table = described.changed if described.changed.rows else described.others
    (cells,) = table.texts
    return cells[table.columns.index(column)]


# --- the verdict ----------------------------------------------------------------------------------


def red(*rows: Any, **fields: Any) -> Comparison:
    return comparison(*rows, verdict="regression", **fields)


def undecided(*rows: Any, **fields: Any) -> Comparison:
    return comparison(*rows, verdict="inconclusive", reason="too noisy", **fields)


def open_row(**fields: Any) -> Row:
    return harder(verdict="inconclusive", probably_slower=True, **fields)


def counted(**fields: Any) -> Row:
    """Decided by its instructions; the clock, too, saw that it became slower."""
    clock = {"change": 2.01, "low": 0.86, "high": 3.87, "p_adjusted": None}
    return slower(**clock | {"instructions": instructions(1.05), "evidence": "both"} | fields)


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (
            red(
                slower(benchmark="a", params=[], change=0.18, low=0.15, high=0.21), slower(), row()
            ),
            "slower: a takes 18% longer [15, 21]; 2 of 3 benchmarks slower",
        ),
        (
            undecided(
                open_row(benchmark="a", params=[], instructions=instructions(0.182)),
                *(row() for _ in range(39)),
            ),
            "probably slower: a executes 18% more instructions; 1 of 40 benchmarks probably slower",
        ),
        (
            red(counted(benchmark="a", params=[]), row()),
            "slower: a executes 105% more instructions; 1 of 2 benchmarks slower",
        ),
        (
            red(slower(benchmark="a", params=[]), *[open_row()] * 2, row()),
            "slower: a takes 8.1% longer [7.0, 9.3]; 1 of 4 benchmarks slower, 2 probably slower",
        ),
        (
            red(slower(benchmark="a", params=[]), row(), row(verdict="inconclusive")),
            "slower: a takes 8.1% longer [7.0, 9.3]; 1 of 3 benchmarks slower, 2 judged",
        ),
        (
            red(broken(benchmark="a", params=[]), open_row()),
            "broken: a fails on HEAD; 1 of 2 benchmarks broken, 1 probably slower",
        ),
        (
            comparison(row(), slower(verdict="faster"), row(muted="flaky")),
            "clean: none of 2 benchmarks became slower, 1 faster, 1 muted",
        ),
        (
            comparison(
                row(),
                row(verdict="invalid"),
                plan={
                    "left_out": [
                        LeftOut(benchmark="a", reason="one block takes 14 s"),
                        LeftOut(benchmark="b", reason="skipped: no GPU"),
                    ]
                },
            ),
            "clean: 1 of 3 benchmarks judged, none slower",
        ),
        (
            comparison(reason="the same code: no file differs"),
            "clean: the same code: no file differs",
        ),
    ],
)
def test_comparison_verdict_line_names_worst(made: Comparison, line: str) -> None:
    described = describe(made)
    assert f"{described.verdict}: {described.said}" == line


def unseen(share: float | None = 0.48, **fields: Any) -> Row:
    return row(
        clock_undecided=True, smallest_detectable=share, instructions=instructions(), **fields
    )


UNTIMED: dict[str, Any] = {"change": None, "low": None, "high": None, "share": None}


@pytest.mark.parametrize(
    ("rows", "rest", "beside"),
    [
        (
            [unseen(0.2, benchmark="a", params=[]), unseen(benchmark="b", params=[]), row()],
            "none of 3 benchmarks slower by instructions; the clock saw nothing below 48% in 2",
            "b below 48% and a below 20%; next: --budget 20, or an idle machine",
        ),
        (
            [unseen(benchmark="a", params=[], screen_blocks=30), slower(verdict="faster")],
            "none of 2 benchmarks slower by instructions, 1 faster; "
            "the clock saw nothing below 48% in 1",
            "a below 48%; next: an idle machine",
        ),
        (
            [unseen(benchmark="a", params=[]), unseen(None, muted="flaky"), row(verdict="invalid")],
            "1 of 2 benchmarks judged, none slower by instructions, 1 muted; "
            "the clock saw nothing below 48% in 1",
            "a below 48%; next: --budget 20, or an idle machine",
        ),
        (
            [unseen(**UNTIMED, benchmark="a", params=[]), unseen(1.3, benchmark="b", params=[])],
            "none of 2 benchmarks slower by instructions; the clock saw nothing in 2",
            "a and b; next: --budget 20, or an idle machine",
        ),
        (
            [unseen(**UNTIMED, benchmark="a", params=[]), row()],
            "none of 2 benchmarks slower by instructions; the clock did not time 1",
            "a; next: --budget 20, or an idle machine",
        ),
        (
            [unseen(**UNTIMED, benchmark="a", params=[])],
            "none of 1 benchmark slower by instructions; nothing was timed",
            "a; next: --budget 20, or an idle machine",
        ),
    ],
)
def test_comparison_undecided_clock_is_in_first_two_lines(
    rows: list[Row], rest: str, beside: str
) -> None:
    """More blocks than a screen can have are no matter of the budget."""
    described = describe(comparison(*rows, plan={"rule": {"most_screen": 30}}))
    assert (described.verdict, described.said) == ("clean", rest)
    assert described.lines == [f"undecided by the clock: {beside}"]


def test_comparison_worst_is_chosen_by_evidence() -> None:
    """Not by what a noisy clock saw beside the instructions."""
    noisy = harder(
        benchmark="noisy",
        params=[],
        change=0.36,
        low=-0.1,
        high=1.0,
        instructions=instructions(0.08),
    )
    worst = harder(benchmark="worst", params=[], change=0.02, instructions=instructions(0.19))
    assert describe(red(noisy, worst)).said.startswith("worst executes 19% more")


def test_comparison_clock_comes_second_after_instructions() -> None:
    """It saw 105% as 201%; what it confirmed by itself, or knows more narrowly, it tells."""
    assert describe(red(counted())).lines == ["by the clock: +201.0% [+86.0, +387.0]"]
    worst = counted(benchmark="worst", change=1.5, instructions=instructions(1.2))
    assert describe(red(counted(), worst)).subject.startswith("worst")
    narrow = instructions(0.08, noise=0.02)
    for changed_row in (
        counted(p_adjusted=0.0001),
        counted(change=0.081, low=0.08, high=0.09, instructions=narrow),
    ):
        described = describe(red(changed_row))
        assert ("instructions" in described.sentence, described.lines) == (False, [])


def test_comparison_line_has_100_characters() -> None:
    """How many are like it goes to the next line where there is no room for both."""
    name = "benchmarks.graphs.TimePagerank.time_pagerank_weighted(10000)"
    assert len(name) == 60
    described = describe(red(slower(benchmark=name, params=[]), row()))
    assert (
        f"{described.verdict}: {described.said}" == f"slower: {name} takes 8.1% longer [7.0, 9.3]"
    )
    assert described.lines == ["1 of 2 benchmarks slower"]


def test_comparison_long_name_is_cut_in_the_middle() -> None:
    """Names of one class differ at their ends."""
    name = "benchmarks.graphs.algorithms.centrality.TimePagerank.time_pagerank_weighted"
    described = describe(red(slower(benchmark=name, params=["100000", "'csr'"]), row()))
    line = f"{described.verdict}: {described.said}"
    assert len(line) == 100
    assert "(100000, 'csr') takes 8.1% longer" in line


def test_comparison_long_reason_continues_in_next_line() -> None:
    """Nothing of it is lost, and nothing said twice."""
    reason = "compiled code changed (src/fast/_core.c and 2 more) and was not built: compare with "
    described = describe(
        comparison(verdict="inconclusive", reason=f"{reason}--build or --installed")
    )
    assert len(f"{described.verdict}: {described.said}") <= 100
    assert described.sentence.endswith("was not built")
    assert described.lines[0] == "compare with --build or --installed"
    # What it advises is not torn from the word before it, where the line ends there.
    reason = f"{'a' * 40}: {'b' * 35}; next: --build, or an interpreter for each side"
    described = describe(comparison(verdict="inconclusive", reason=reason))
    assert (described.sentence, described.lines[0]) == tuple(reason.split("; "))


def test_comparison_muted_benchmark_is_not_missing() -> None:
    """The total is that of the run's reason."""
    out = [LeftOut(benchmark="flaky", reason="too long"), LeftOut(benchmark="b", reason="too long")]
    rules = [GateRule(match="flaky", mute="#1234")]
    (line,) = describe(undecided(plan={"left_out": out, "gate_rules": rules})).lines
    assert line.startswith("judged: 0 of 1 benchmark; undecided: b; ")


LINUX = ComparisonEnvironment(
    machine={"system": "Linux"}, base={}, head={}, variables={}, counter="valgrind-3.24.0"
)
UNCOUNTED = replace(LINUX, counter=None)
ALARM = ControlRow(benchmark="b", change=0.1, low=0.1, high=0.1, p_adjusted=0.0, alarm=True)
ALARMED = Control(alarmed=True, rows=[ALARM])
NOISY = "too noisy here: measure on an idle machine or raise --budget"
WAITS = "waited 70% of its time for a core: measure on an idle machine or raise --budget"


@pytest.mark.parametrize(
    ("why", "fields", "line"),
    [
        (
            NOISY,
            {},
            "judged: 1 of 3 benchmarks, none slower; undecided: b and c; next: --budget 20",
        ),
        (NOISY, {"environment": UNCOUNTED}, "next: apt install valgrind, to count instructions"),
        (NOISY, {"environment": UNCOUNTED, "plan": {"count": "never"}}, "next: --count auto"),
        (NOISY, {"reason": "a.c changed and was not built: compare with --build"}, "next: --build"),
        (NOISY, {"control": ALARMED}, "next: an idle machine"),
        (WAITS, {}, "next: an idle machine, or --budget 20"),
        ("fails now and then on HEAD: KeyError", {}, "next: see the reasons below"),
    ],
)
def test_comparison_inconclusive_counts_judged_and_advises(
    why: str, fields: dict[str, Any], line: str
) -> None:
    """A benchmark that skips itself is not missing."""
    left_out = [("d", "skipped: no GPU"), ("c", "one block takes 14 s")]
    plan = {
        "count": "auto",
        "left_out": [LeftOut(benchmark=name, reason=reason) for name, reason in left_out],
    }
    made = comparison(
        row(),
        row(benchmark="b", params=[], verdict="inconclusive", reason=why),
        verdict="inconclusive",
        **{"reason": "too noisy", "environment": LINUX}
        | fields
        | {"plan": plan | fields.get("plan", {})},
    )
    (sentence,) = describe(made).lines
    assert sentence.endswith(line)


# --- rows -----------------------------------------------------------------------------------------


@given(
    base=st.floats(1e-9, 1e4),
    head=st.floats(1e-9, 1e4),
    change=st.floats(-0.9, 3.0),
    unit=st.sampled_from(["seconds", "bytes"]),
)
def test_whoever_divides_head_by_base_gets_the_change(
    base: float, head: float, change: float, unit: str
) -> None:
    """To the digits that are shown, whatever the medians of both were."""
    made = row(base=base, head=head, change=change, low=change, high=change, unit=unit)
    shown = re.fullmatch(r"([\d,.]+) → ([\d,.]+) \S+", cell_text(times(made)))
    assert shown is not None, times(made)
    before, after = (float(text.replace(",", "")) for text in shown.groups())
    assert after / before - 1 == pytest.approx(change, abs=0.0012 * (1 + change) + 0.001)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"change": 0.041, "low": 0.03, "high": 0.05}, "+4.1% [+3.0, +5.0]"),
        (
            {"change": 0.041, "low": 0.03, "high": 0.05, "limit": 0.1},
            "+4.1% [+3.0, +5.0], limit 10%",
        ),
        ({"change": 0.7, "low": -0.5, "high": 1.0}, "+70.0% [-50.0, +100.0]"),
        ({"change": 0.7, "low": -0.5, "high": 1.1}, "cannot tell"),
        ({"change": 0.7, "low": float("nan"), "high": 6.32}, "cannot tell"),
    ],
)
def test_comparison_uninformative_interval_is_hidden(fields: dict[str, Any], shown: str) -> None:
    assert cell(describe(comparison(row(**fields))), "change [99%]>") == shown


@pytest.mark.parametrize("size", [None, 1.01, float("nan")])
def test_comparison_unreachable_detectable_size_is_no_number(size: float | None) -> None:
    """Beside a measured change; it said 7.2e+09 %."""
    for now, shown in ((size, "cannot tell"), (1.0, "100.0%")):
        described = describe(comparison(row(smallest_detectable=now)))
        assert cell(described, "detectable>") == shown


@pytest.mark.parametrize(
    ("change", "noise", "shown"), [(-0.004, 0.0042, "same"), (0.004, 0.0002, "+0.4%")]
)
def test_instructions_are_the_same_only_within_the_noise_of_counting(
    change: float, noise: float, shown: str
) -> None:
    described = describe(
        comparison(row(instructions=instructions(change, noise=noise), evidence="both"))
    )
    assert cell(described, "instructions>") == shown


def test_comparison_broken_row_has_no_limit() -> None:
    """Also where it is muted, in whose row there is no room for the reason."""
    lost = broken(params=[], limit=0.5, reason="broke: KeyError", not_counted="KeyError")
    described = describe(red(lost))
    assert "change [99%]>" not in described.changed.columns
    assert cell(described, "why") == "broke: KeyError"
    assert noted(described, "not counted") == []
    muted = describe(comparison(replace(lost, muted="flaky")))
    assert noted(muted, "broken") == ["sums.time_sum: broke: KeyError"]


# --- functions ------------------------------------------------------------------------------------


def test_comparison_row_names_function_that_grew() -> None:
    """Not one that does less: that explains nothing."""
    less = growth(function="less", head=1.0)
    described = describe(red(slower(why=[less, growth()])))
    assert cell(described, "why") == "Vector.add in toy/vector.py:30"
    described = describe(comparison(slower(verdict="faster", why=[growth(), less])))
    assert cell(described, "why") == "less in toy/vector.py:30"
    edited = growth(function="edited", head=1000.0, edited=True)
    described = describe(red(slower(why=[edited, growth()])))
    assert cell(described, "why") == "edited in toy/vector.py:30"


def test_functions_of_python_and_compiled_ones_share_five_lines() -> None:
    """Whichever there are; those of Python first, because they say where to look."""
    python, compiled = [growth()] * 5, [growth(level="c", function="list_sort")] * 5
    for why, shown in (
        ([*python, *compiled], ["Vector.add"] * 3 + ["list_sort"] * 2),
        (python, ["Vector.add"] * 5),
        (compiled, ["list_sort"] * 5),
    ):
        notes = noted(describe(comparison(slower(benchmark="x", params=[], why=why))), "why")
        assert [line.split()[1] for line in notes] == shown


def test_comparison_shared_function_is_stated_once() -> None:
    """With the numbers of the one that changed most; another function has lines of its own."""
    same = [slower(benchmark=name, params=[], change=size) for name, size in (("a", 0.1), ("b", 1))]
    rows = [replace(changed, why=[growth(), growth(function="list_sort")]) for changed in same]
    other = slower(benchmark="c", params=[], why=[growth(function="other")])
    notes = noted(describe(red(*rows, other)), "why")
    starts = ["b: Vector.add in ", "b: list_sort in ", "c: other in "]
    assert [line[: len(start)] for line, start in zip(notes, starts, strict=True)] == starts


# --- the run --------------------------------------------------------------------------------------


def test_comparison_states_when_times_decide_nothing() -> None:
    described = describe(red(harder(), control=ALARMED))
    assert [line[:27] for line in described.lines] == ["times decide nothing here: "]


# --- what is said once ----------------------------------------------------------------------------


def test_comparison_equal_texts_are_grouped_with_names() -> None:
    """In the order in which the texts come."""
    reasons = [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x"), ("e", "x"), ("f", "y")]
    left_out = [LeftOut(benchmark=name, reason=text) for name, text in reasons]
    described = describe(comparison(plan={"left_out": left_out}))
    assert noted(described, "left out") == ["a, c and 2 more: x", "b and f: y"]


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (
            ["waited 31 % of 5 s: wait", "waited 9 % of 5 s: wait"],
            ["waited 9 to 31 % of 5 s: wait"],
        ),
        (["differ by 0.7%", "differ by 10.2%"], ["differ by 0.7 to 10.2%"]),
        # Two numbers belong together, and no range of each would say so.
        (["+5.0 %, clock -0.3 %", "+6.0 %, clock -0.1 %"], None),
        (["KeyError: 'x1'", "KeyError: 'x2'"], None),
        (["cores 1.2.3", "cores 1.2.4"], None),
    ],
)
def test_texts_that_differ_in_one_number_are_one(texts: list[str], shown: list[str] | None) -> None:
    result = grouped(zip("abc", texts, strict=False))
    assert [text for _, text in result] == (texts if shown is None else shown)
    assert sorted(name for names, _ in result for name in names) == ["a", "b"]


@given(st.lists(st.text(st.sampled_from("a1.,-+ %²9"), max_size=6), max_size=4))
def test_comparison_grouping_loses_no_text(texts: list[str]) -> None:
    """Reasons hold what others wrote: no text is lost, and none is made up without a number."""
    result = grouped((str(index), text) for index, text in enumerate(texts))
    assert len(result) <= len(set(texts))
    assert all(text in texts or " to " in text for _, text in result)


# --- in a terminal --------------------------------------------------------------------------------


def test_comparison_terminal_shows_ten_or_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that changed come first; the others are counted."""
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=screen, width=80, highlight=False))
    rows = [row(benchmark="b") for _ in range(50)] + [slower(benchmark="b") for _ in range(60)]
    show(comparison(*rows))
    assert screen.getvalue().count("b(10, ") == 10
    assert "100 more benchmarks" in screen.getvalue()
    screen.truncate(0)
    show(comparison(*rows), verbose=True)
    assert screen.getvalue().count("b(10, ") >= 110
