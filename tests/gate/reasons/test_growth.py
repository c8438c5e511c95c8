"""What callgrind writes is read as it means it, from where it may lie; what grew most is found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.gate.reasons.growth import (
    MOST,
    UNKNOWN,
    Cost,
    FunctionId,
    TraceError,
    growths,
    parse,
    read_dump,
)

# Cut out of what valgrind 3.24 wrote about Python 3.11.
DUMP = """# callgrind format
version: 1
cmd:  python s.py

positions: line
events: Ir
summary: 18446744073709549295

ob=(3) ???
fl=(1) ???
fn=(648) 0x0000000004939788
0 9
cob=(1) /root/lib/libpython3.11.so.1.0
cfi=(19) /tmp/Python-3.11.7/Objects/obmalloc.c
cfn=(650) PyMem_RawFree
calls=9 608
0 1755

ob=(1)
fl=(47) /tmp/Python-3.11.7/Objects/clinic/listobject.c.h
fn=(612) list_sort
167 21
+5 6
+22 9
cfi=(42) /tmp/Python-3.11.7/Objects/listobject.c
cfn=(614) list_sort_impl
calls=3 2270
* 309573
+4 15
-22 15
-3 3
+1 6

fl=(42)
fn=(614)
2270 100
fi=(13) /tmp/Python-3.11.7/./Include/object.h
+8 20
fe=(42)
cfn=(650)
calls=2 608
* 400
-14 30

fn=(89) _PyObject_MakeTpCall'2
0 7
cfn=(612)
calls=1 167
* 103323

ob=(7) /x/numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so
fn=(90) array_sort
12 50

totals: 291
""".splitlines()


def test_self_cost_and_calls_of_each_function() -> None:
    """What a function calls is not its own, wherever its code was inlined from."""
    python, numpy = "libpython3.11.so", "_multiarray_umath.so"
    table = parse(DUMP)
    assert table == {
        (UNKNOWN, None): Cost(9, 0),
        ("PyMem_RawFree", python): Cost(0, 11),
        ("list_sort", python): Cost(75, 1),
        ("list_sort_impl", python): Cost(150, 3),
        ("_PyObject_MakeTpCall", python): Cost(7, 0),
        ("array_sort", numpy): Cost(50, 0),
    }
    assert sum(cost.own for cost in table.values()) == 291, "the total of the dump"
    per_call = parse(DUMP, calls=3)
    assert per_call["list_sort", python] == Cost(25, 1 / 3)


SHORT = "fn=(1) work\n0 300\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With what leads elsewhere, and a pipe, which would wait for a writer."""
    made = tmp_path / "work"
    made.mkdir()
    (made / "counts.1").write_text(SHORT)
    (tmp_path / "outside").write_text(SHORT)
    (made / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(made / "pipe")
    return made


@pytest.mark.parametrize(
    "content",
    [
        {},
        *({"dump": "counts.1", "calls": calls} for calls in (0, 10**400, "1")),
        *({"dump": name, "calls": 1} for name in ("", "..", "../outside", "no such", "a\0b")),
        *({"dump": name, "calls": 1} for name in (os.path.abspath(__file__), "link", "pipe")),
    ],
)
def test_growth_refuses_dump_outside_folder(folder: Path, content: dict[str, Any]) -> None:
    """What names it is code that is compared."""
    with pytest.raises(TraceError, match="no dump of callgrind") as caught:
        read_dump(folder, content)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text", ["", "no dump at all", "fn=(1) a\n0 x\n", "fn=(1) a\n0 9" + "9" * 400, "calls=\n"]
)
def test_growth_refuses_invalid_dump(folder: Path, text: str) -> None:
    assert read_dump(folder, {"dump": "counts.1", "calls": 3}) == {("work", None): Cost(100, 0)}
    (folder / "counts.1").write_text(text)
    with pytest.raises(TraceError):
        read_dump(folder, {"dump": "counts.1", "calls": 1})


COUNT = st.integers(0, 10**9).map(float)
TABLE = st.dictionaries(
    st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from([None, "x.py"])),
    st.builds(Cost, COUNT, COUNT, st.none() | st.integers(1, 99)),
    max_size=12,
)


@given(TABLE, TABLE)
def test_they_are_the_largest_changes_in_their_order(
    base: dict[FunctionId, Cost], head: dict[FunctionId, Cost]
) -> None:
    listed = growths(base, head, "python", "bytecodes")
    changes = {
        key: abs((head[key].own if key in head else 0) - (base[key].own if key in base else 0))
        for key in base.keys() | head.keys()
    }
    total = max(sum(cost.own for cost in table.values()) for table in (base, head))
    worth = sorted((change for change in changes.values() if change >= total / 1000), reverse=True)
    assert [abs(growth.head - growth.base) for growth in listed] == [
        change for change in worth if change
    ][:MOST]
    for growth in listed:
        function = growth.function, growth.file
        assert growth.base == (base[function].own if function in base else 0)
        assert growth.head == (head[function].own if function in head else 0)


def test_growth_ignores_less_than_a_thousandth() -> None:
    small, large = ("small", None), ("large", None)
    base = {small: Cost(0.0, 1.0), large: Cost(10_000.0, 1.0)}
    assert growths(base, {**base, small: Cost(9.0, 1.0)}, "c", "instructions") == []
    assert growths(base, {**base, small: Cost(11.0, 1.0)}, "c", "instructions")


def test_growth_lists_edited_functions_first() -> None:
    """If it ran: what it calls may be where the work went."""
    caller, library, other = ("caller", "toy.py"), ("sort", "lib.py"), ("other", "toy.py")
    base = {caller: Cost(10.0, 1.0), library: Cost(1e6, 1.0)}
    head = {caller: Cost(10.0, 1.0), library: Cost(2e6, 1.0)}
    listed = growths(base, head, "python", "bytecodes", {caller, other})
    assert [(growth.function, growth.edited) for growth in listed] == [
        ("caller", True),
        ("sort", False),
    ]
