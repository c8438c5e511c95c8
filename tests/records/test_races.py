from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records import races
from perceptron.records.races import open_races, read_races
from tests.made import race_row


def test_rows_are_there_when_the_run_is_opened_again(tmp_path: Path) -> None:
    """A line that was being written is cut off; one that is no row is told, and kept."""
    with open_races(tmp_path) as journal:
        journal.append(race_row(0))
        journal.append(race_row(1))
    file = tmp_path / races.FILE
    file.write_bytes(file.read_bytes() + b"nonsense\n" + b'{"problem": "dig')
    with open_races(tmp_path) as journal:
        assert [row.seed for row in journal.rows] == [0, 1]
        assert len(journal.complaints) == 1
        assert "races.jsonl, line 3: not a row of a race" in journal.complaints[0]
        journal.append(race_row(2))
    assert [row.seed for row in read_races(tmp_path, lambda _: None)] == [0, 1, 2]


def test_a_run_of_another_kind_has_none(tmp_path: Path) -> None:
    assert read_races(tmp_path, pytest.fail) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("import_seconds", -1.0),
        ("import_seconds", 1e300),
        ("threads", 0),
        ("seed", -1),
        ("iterations_per_epoch", 0),
        ("fresh", {"checks": []}),
        ("fresh", {"checks": [[1, 0.1, 1.5, 0.1]]}),
        ("status", "<script>"),
    ],
)
def test_numbers_that_cannot_be_are_no_row(tmp_path: Path, field: str, value: object) -> None:
    """Files of results are untrusted."""
    row = msgspec.to_builtins(race_row()) | {field: value}
    (tmp_path / races.FILE).write_bytes(msgspec.json.encode(row) + b"\n")
    told: list[str] = []
    assert read_races(tmp_path, told.append) == []
    assert len(told) == 1


def test_a_row_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """A loss that is no number too."""
    row = race_row()
    assert row.fresh is not None
    spoilt = replace(row.fresh, checks=[replace(row.fresh.checks[0], loss=None)])
    (tmp_path / races.FILE).write_bytes(msgspec.json.encode(replace(row, fresh=spoilt)) + b"\n")
    assert read_races(tmp_path, pytest.fail) == [replace(row, fresh=spoilt)]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write results"), open_races(tmp_path / "gone"):
        pass
