from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.readers.table import load_measurements
from tests.records.readers.conftest import GOOD, TABLE


@pytest.mark.parametrize("levels", range(5))
def test_any_folder_of_the_own_store_reads(run: Path, levels: int) -> None:
    """The file of a run, its folder, its machine's, that of all runs, and the results."""
    source = [run / "measurements.jsonl", run, *run.parents][levels]
    assert len(load_measurements(source)) == 1


def test_the_own_store_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text(GOOD)
    assert load_measurements(tmp_path / "rows.txt")[0].source == "x"


def test_a_table_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "times.dat").write_text(TABLE)
    assert load_measurements(tmp_path / "times.dat")[0].source == "csv"


@pytest.mark.parametrize("source", ["nowhere", "nowhere/times.csv", "bad\0name", "x" * 5000])
def test_a_source_that_is_not_there_is_named(tmp_path: Path, source: str) -> None:
    with pytest.raises(UserError) as caught:
        load_measurements(f"{tmp_path}/{source}")
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_that_holds_no_results_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"a": 1}')
    with pytest.raises(UserError, match="no results in it, of ours, asv or pytest-benchmark"):
        load_measurements(tmp_path)


def test_a_damaged_file_of_a_folder_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(TABLE)
    (tmp_path / "bad.csv").write_text("no table")
    with pytest.warns(UserWarning, match="column") as caught:
        assert len(load_measurements(tmp_path)) == 1
    assert str(caught[0].message).count("bad.csv") == 1


@given(st.binary())
def test_no_file_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("garbage") / "garbage"
    file.write_bytes(content)
    with suppress(UserError):
        assert load_measurements(file)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000], ids=["lists", "objects"])
@pytest.mark.parametrize("name", ["rows.txt", "rows.jsonl", "rows.json", "rows.csv"])
@pytest.mark.filterwarnings("ignore:.*not a measurement")
def test_deep_json_is_a_user_error(tmp_path: Path, name: str, deep: str) -> None:
    """Or a damaged line of ours with a warning; no reader runs out of stack."""
    (tmp_path / name).write_text(f"{deep}\n")
    with suppress(UserError):
        assert load_measurements(tmp_path / name) == []
