from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

import perceptron
from perceptron.errors import UserError
from perceptron.records import parquet as module
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement
from perceptron.records.parquet import arrow_table, export
from tests.conftest import MakeRow
from tests.made import BENCH, everything, keep, line
from tests.made_fleet import made_fleet
from tests.plenty import plenty

FIELDS = list(Measurement.__struct_fields__)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three machines of ours, asv's results, a run of a machine that has another's folder."""
    folder = tmp_path_factory.mktemp("fleet") / "results"
    made_fleet(folder, machines=2)
    everything(folder)
    keep(folder, BENCH, line(), machine="box", folder="moved", started="2026-02-01T00:00:00Z")
    plenty(folder / "asv", machines=2, commits=2)
    return folder


def plain(table: pandas.DataFrame) -> list[str]:
    """Each row as text, in which absent is absent whatever it is called."""
    shown = table[[name for name in FIELDS if name not in ("samples", "dropped", "gpu")]]
    texts = shown.astype(object).where(shown.notna(), None)
    for name in ("hidden", "sizes", "axes"):
        # NumPy's arrays, as pandas reads lists, become lists of Python's own.
        texts[name] = [None if some is None else np.array(some).tolist() for some in texts[name]]
    return [repr(list(values)) for values in texts.itertuples(index=False)]


def test_a_file_holds_what_load_results_gives(results: Path, tmp_path: Path) -> None:
    """Row by row in their order, process numbers and types of whole numbers among them."""
    loaded = perceptron.load_results(results)
    done = export(results, tmp_path / "all.parquet")
    read = pandas.read_parquet(tmp_path / "all.parquet")
    assert (done.parquet, done.rows, done.warnings) == (tmp_path / "all.parquet", len(loaded), [])
    assert plain(read) == plain(loaded)
    assert [some.tolist() for some in read["samples"]] == [
        some.tolist() for some in loaded["samples"]
    ]
    assert read["processes"].dtype == loaded["processes"].dtype == "Int64"


def test_one_machine_at_a_time_is_read(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So memory does not grow with the fleet."""
    sizes = []
    real = module.arrow_table

    def table(rows: list[Measurement]) -> object:
        sizes.append(len(rows))
        return real(rows)

    monkeypatch.setattr(module, "arrow_table", table)
    export(results, tmp_path / "all.parquet")
    own = [path for path in (results / "runs").iterdir() if path.is_dir()]
    assert len(sizes) == 1 + len(own) + 1  # the schema's come first and asv's rows last
    assert max(sizes[:-1]) <= 300


def test_an_export_replaces_an_older_one(results: Path, tmp_path: Path) -> None:
    everything(tmp_path / "other")
    target = tmp_path / "all.parquet"
    export(results, target)
    done = export(tmp_path / "other", target)
    assert len(pandas.read_parquet(target)) == done.rows
    assert {path.name for path in tmp_path.iterdir()} == {"other", "all.parquet"}


@pytest.mark.parametrize("content", ["text", "somebody's parquet", "a folder"])
def test_what_somebody_else_wrote_stays(results: Path, tmp_path: Path, content: str) -> None:
    target = tmp_path / "mine.parquet"
    if content == "text":
        target.write_text("x")
    elif content == "a folder":
        target.mkdir()
    else:
        pandas.DataFrame({"a": [1]}).to_parquet(target)
    before = target.stat()
    with pytest.raises(UserError, match=r"mine\.parquet: not written by `perceptron export`"):
        export(results, target)
    assert target.stat() == before


def test_an_export_that_fails_leaves_the_old_one(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no draft beside it."""
    name = "all.parquet"
    rows = export(results, tmp_path / name).rows

    def fail(runs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "arrow_table", fail)
    with pytest.raises(UserError, match="cannot write the export: No space left on device"):
        export(results, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(pandas.read_parquet(tmp_path / name)) == rows


def test_results_without_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results" / "runs").mkdir(parents=True)
    for results, why in ((tmp_path / "results", "no rows in it"), (tmp_path / "x", "no such")):
        with pytest.raises(UserError, match=why):
            export(results, tmp_path / "all.parquet")
    assert not (tmp_path / "all.parquet").exists()


def test_columns_have_types_whatever_is_in_them(row: MakeRow) -> None:
    """Else two machines' parts could not be read together."""
    gpu = GpuState(name="g", sm_mhz=1, slowed_by=["heat"])
    full = row(gpu=gpu, hidden=[8], sizes=(2, 3), axes=("rows", "width"), samples=[1.0], size=6)
    schemas = [arrow_table(part).schema for part in ([], [row()], [full])]
    assert schemas[0].equals(schemas[1])
    assert schemas[0].equals(schemas[2])
    assert tuple(schemas[0].names) == Measurement.__struct_fields__


def test_values_are_those_of_the_row_and_null_where_nothing_was_measured(row: MakeRow) -> None:
    gpu = GpuState(name="g", sm_mhz=1, slowed_by=["heat"], locked=False)
    rows = [row(gpu=gpu, hidden=[8], samples=[1.0, 2.0], seconds=1.5), row(seconds=None)]
    one, other = arrow_table(rows).to_pylist()
    assert one["gpu"]["slowed_by"] == ["heat"]
    assert (one["gpu"]["sm_mhz"], one["gpu"]["locked"]) == (1, False)
    assert (one["hidden"], one["samples"], one["seconds"]) == ([8], [1.0, 2.0], 1.5)
    assert (other["gpu"], other["hidden"], other["seconds"]) == (None, None, None)
