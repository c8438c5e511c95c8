"""Rows of several files are named by what tells them apart, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perceptron.records.readers.naming import name_rows
from perceptron.records.readers.reading import ForeignRow
from tests.made import measured

Other = tuple[int, str, dict[str, str]]
ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.sampled_from(["a", "b"]),
        st.dictionaries(st.sampled_from(["p", "q", "r", "s"]), st.sampled_from(["x", "y"])),
    ),
    max_size=10,
)


def foreign(size: int, backend: str, others: dict[str, str]) -> ForeignRow:
    row = measured(family="f", size=size, backend=backend)
    return ForeignRow(row=row, name="f", others=others)


def plainly_telling(rows: list[Other]) -> list[str]:
    """Return the parameters that each make more different rows than those before them."""
    rows = [row for row in rows if row[2]]
    chosen: list[str] = []

    def different(names: list[str]) -> int:
        return len({(size, who, *map(others.get, names)) for size, who, others in rows})

    for name in dict.fromkeys(name for _, _, others in rows for name in others):
        if different([*chosen, name]) > different(chosen):
            chosen.append(name)
    return chosen


@given(st.lists(ROWS, max_size=3))
def test_in_brackets_are_the_parameters_that_tell_rows_apart(runs: list[list[Other]]) -> None:
    """In the order in which they are first seen, and of each row those that it has."""
    named = name_rows([[foreign(*row) for row in run] for run in runs])
    telling = plainly_telling([row for run in runs for row in run])
    for run, named_run in zip(runs, named, strict=True):
        for (_, _, others), one in zip(run, named_run, strict=True):
            shown = ", ".join(f"{name}={others[name]}" for name in telling if name in others)
            assert one.row.family == (f"f[{shown}]" if shown else "f")
