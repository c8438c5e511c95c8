"""Why a benchmark changed, in lines."""

from __future__ import annotations

import msgspec

from perceptron.records.comparison import Growth, Row
from perceptron.report.tables import why
from tests.made_comparison import slower

WORK = Growth(
    function="work",
    level="python",
    unit="bytecodes",
    base=120300,
    head=126315,
    base_calls=100,
    head_calls=105,
    file="toy/__init__.py",
    line=3,
)
SORT = Growth(
    function="list_sort",
    level="c",
    unit="instructions",
    base=0,
    head=2_500_000.4,
    file="libpython3.11.so",
)


def row(*growths: Growth, **fields: object) -> Row:
    return slower(benchmark="suite.time_two", params=[], why=list(growths), **fields)


def test_a_line_names_the_function_how_much_more_and_where() -> None:
    assert why.lines(row(WORK, SORT)) == [
        "work +5.0 % bytecodes (120,300 → 126,315), called 100 → 105 times, toy/__init__.py:3",
        "list_sort new instructions (0 → 2,500,000), libpython3.11.so",
    ]
    assert why.cells(row(SORT)) == [
        ("list_sort", "instructions", "0", "2,500,000", "new", "–", "libpython3.11.so")
    ]


def test_both_levels_have_room_in_five_lines() -> None:
    many = row(*[WORK] * 5, *[SORT] * 5)
    assert [line.split()[0] for line in why.lines(many)] == ["work"] * 3 + ["list_sort"] * 2
    assert len(why.lines(row(*[WORK] * 5))) == 5
    assert len(why.lines(row(*[SORT] * 5))) == 5
    assert len(why.cells(many)) == 10


def test_a_reason_is_said_once_for_all_that_it_is_the_reason_of() -> None:
    rows = [row(why_not="no time"), row(why_not="no time"), row(WORK)]
    rows[1] = msgspec.structs.replace(rows[1], benchmark="suite.time_one")
    first, last = why.notes(rows)
    assert first.startswith("why suite.time_two: work +5.0 %")
    assert last == "why suite.time_two and suite.time_one: no time"


def test_a_function_that_is_called_says_so_once() -> None:
    called = msgspec.structs.replace(WORK, unit="calls", base=7, head=7.5)
    assert why.lines(row(called)) == ["work +7.1 % calls (7 → 7.50), toy/__init__.py:3"]
