"""Rows of several files are named and numbered by what tells them apart, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.records.measurement import Measurement
from perceptron.records.readers.naming import name_rows, number_processes
from perceptron.records.readers.reading import ForeignRow
from tests.conftest import MakeRow
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


def test_a_family_has_its_full_name_where_one_run_has_two_of_that_name() -> None:
    """Two files that each have a ``test_add``; in another run there is but one of them."""
    rows = [
        ForeignRow(row=foreign(1, "a", {}).row, name=name) for name in ("one.py::f", "two.py::f")
    ]
    together = name_rows([rows, rows[:1]])
    assert [[one.row.family for one in run] for run in together] == [
        ["one.py::f", "two.py::f"],
        ["one.py::f"],
    ]
    apart = name_rows([rows[:1], rows[1:]])
    assert [[one.row.family for one in run] for run in apart] == [["f"], ["f"]]


RUNS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from([1, 2]),
            st.integers(0, 3),
            st.sampled_from(["float32", "float64"]),
        )
    ),
    max_size=6,
)


def plainly_numbered(runs: list[list[Measurement]]) -> list[int]:
    """Return the numbers, each run's k-th values of its subjects moved up by one until all fit."""
    used = set()
    numbers = []
    for run in runs:
        passes: dict[tuple[str | None, int], list[int]] = {}
        subjects = [(row.dtype, row.size, row.backend) for row in run]
        same = [(subject, row.repeat) for subject, row in zip(subjects, run, strict=True)]
        for index, row in enumerate(run):
            passes.setdefault((row.dtype, same[:index].count(same[index])), []).append(index)
        numbered = {}
        for indices in passes.values():
            offset = 0
            while any((subjects[i], run[i].repeat + offset) in used for i in indices):
                offset += 1
            numbered |= {i: run[i].repeat + offset for i in indices}
            used |= {(subjects[i], numbered[i]) for i in indices}
        numbers += [numbered[index] for index in range(len(run))]
    return numbers


@given(RUNS)
def test_numbers_are_the_smallest_that_fit(
    runs: list[list[tuple[str, int, int, str]]],
) -> None:
    """Gaps in what earlier runs use are filled where all of a run fits in; else rows stay."""
    rows = [
        [
            measured(backend=backend, size=size, repeat=process, dtype=dtype)
            for backend, size, process, dtype in run
        ]
        for run in runs
    ]
    numbers = plainly_numbered(rows)
    together = [row for run in rows for row in run]
    assert number_processes(rows) == [
        replace(row, repeat=number) for row, number in zip(together, numbers, strict=True)
    ]


def test_many_values_of_one_process_get_numbers_in_a_row(row: MakeRow) -> None:
    """A table that says process 7 in every line, and another like it."""
    table = [row(repeat=7)] * 5_000
    numbers = [one.repeat for one in number_processes([table, table])]
    assert numbers == list(range(7, 10_007))
