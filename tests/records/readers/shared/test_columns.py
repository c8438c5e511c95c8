from __future__ import annotations

import numpy as np

from perceptron.records.readers.shared.columns import Packer, Repeated
from perceptron.records.readers.shared.processes import ProcessNumbers
from tests.conftest import MakeRow


def test_what_all_rows_say_is_there_once(row: MakeRow) -> None:
    columns = Packer().pack([row(size=1), row(size=2)])
    machine = columns["machine"]
    assert isinstance(machine, Repeated)
    assert (machine.value, list(machine), len(machine)) == ("box", ["box", "box"], 2)
    assert list(columns["size"]) == [1, 2]


def test_equal_texts_of_several_runs_are_one_object(row: MakeRow) -> None:
    """Each line of a file has its own; a million of them would fill a gigabyte."""
    packer = Packer()
    texts = ["".join(["na", end]) for end in ("me", "mo", "me", "mo")]
    first = packer.pack([row(backend=texts[0]), row(backend=texts[1])])
    second = packer.pack([row(backend=texts[2]), row(backend=texts[3])])
    assert texts[0] is not texts[2]
    assert all(one is other for one, other in zip(first["backend"], second["backend"], strict=True))


def test_fractions_are_numbers_with_nan_for_none(row: MakeRow) -> None:
    seconds = Packer().pack([row(seconds=1.5), row(seconds=None)])["seconds"]
    assert isinstance(seconds, np.ndarray)
    assert seconds[0] == 1.5
    assert np.isnan(seconds[1])


def test_rows_are_ours_where_nobody_else_measured_one(row: MakeRow) -> None:
    ours = row(source="perceptron")
    assert Packer().pack([ours, ours]).are_ours
    assert Packer().pack([]).are_ours
    assert not Packer().pack([ours, row(source="csv")]).are_ours
    assert not Packer().pack([ours, row(source="perceptron", file="x.json")]).are_ours


def test_columns_are_numbered_as_rows_are(row: MakeRow) -> None:
    """Of ours and of others' runs alike, one after the other."""
    runs = [[row(backend=name, process=k) for name in "ab" for k in (0, 1)] for _ in range(3)]
    of_rows, of_columns, packer = ProcessNumbers(), ProcessNumbers(), Packer()
    for run in runs:
        numbered = of_columns.number_columns(packer.pack(run))
        assert list(numbered["process"]) == [one.process for one in of_rows.number(run)]
