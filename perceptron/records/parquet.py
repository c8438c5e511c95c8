"""Write a results folder as Parquet, machine by machine, so that memory holds one at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec import Struct, inspect

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.any_source import ROWS, closed_folders
from perceptron.records.readers.asv import is_asv_folder
from perceptron.records.readers.columns import data_frame
from perceptron.records.readers.naming import ProcessNumbers
from perceptron.records.readers.reading import ReadRequest
from perceptron.records.readers.sources import load_sources
from perceptron.records.warning import MeasurementWarning
from perceptron.version import __version__

if TYPE_CHECKING:
    import pyarrow

_PARTITION = "machine"
_NO_MACHINE = "__HIVE_DEFAULT_PARTITION__"
_MARK = "_perceptron"
"""An empty file in a folder of ours. Readers of Parquet pass over names that begin like this."""


class Export(Struct, frozen=True, kw_only=True):
    """The written export; ``warnings`` name results that could not be read."""

    parquet: Path
    rows: int
    warnings: list[MeasurementWarning]


_Write = Callable[["pyarrow.Table", int], None]
"""Write the rows of a part of this number."""


def export(results: Path, target: Path, force: bool = False) -> Export:
    """Write every row of a results folder, as `load_results` gives them, and replace an old export.

    A ``target`` that ends in ``.parquet`` is one file, everything else a folder with a part for
    each machine. Raises `UserError` for results that cannot be read or hold no row, for a target
    that cannot be written to, for a file that is no export, unless with ``force``, and for a folder
    that holds anything else.
    """
    if not results.is_dir():
        raise UserError(f"{results}: no such results; `perceptron bench` makes some")
    if target.name in ("", ".."):  # where one stands cannot be replaced
        raise UserError(f"{target}: has no name of its own; name a new file or folder")
    warnings: list[MeasurementWarning] = []
    rows = 0
    is_file = target.suffix == ".parquet"
    try:
        if is_file:
            _must_be_replaceable_file(target, force)
        else:
            _must_be_replaceable_folder(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (_file if is_file else _folder)(target) as write:
            for number, part in enumerate(_parts(results, warnings)):
                table = arrow_table(part)
                write(table, number)
                rows += table.num_rows
            if not rows:
                raise UserError(f"{results}: no rows in it to export")
    except OSError as error:
        name = error.filename or target
        raise UserError(f"{name}: cannot write the export: {error.strerror or error}") from None
    return Export(parquet=target, rows=rows, warnings=warnings)


MADE_BY = b"made by"
"""The key under which every file of an export says what wrote it."""
MAKER = b"perceptron "


def arrow_table(rows: Sequence[Measurement]) -> pyarrow.Table:
    """Return rows as `load_results` has them; what was not measured is null.

    There is one column for each field of a `Measurement`, by its name.
    """
    import pandas
    import pyarrow

    frame = data_frame(rows)
    plain = [None if state is None else msgspec.to_builtins(state) for state in frame["gpu"]]
    frame["gpu"] = pandas.Series(plain, dtype=object)
    schema = pyarrow.schema(_fields(inspect.type_info(Measurement)))
    table = pyarrow.Table.from_pandas(frame, schema, preserve_index=False)
    # Beside what lets pandas read whole numbers as whole where some are absent.
    maker = MAKER + __version__.encode()
    return table.replace_schema_metadata({**(table.schema.metadata or {}), MADE_BY: maker})


def _fields(kind: inspect.Type) -> list[tuple[str, Any]]:
    assert isinstance(kind, inspect.StructType)
    return [(field.name, _arrow(field.type)) for field in kind.fields]


def _arrow(kind: inspect.Type) -> Any:
    """Return Arrow's type of a field; each of its types holds null as well."""
    import pyarrow

    match kind:
        case inspect.UnionType(types=types):
            kinds = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _arrow(kinds[0]) if len(kinds) == 1 else pyarrow.float64()
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return pyarrow.list_(_arrow(item))
        case inspect.TupleType(item_types=(item, *_)):
            return pyarrow.list_(_arrow(item))
        case inspect.StructType():
            return pyarrow.struct(_fields(kind))
    scalars = {
        inspect.BoolType: pyarrow.bool_,
        inspect.IntType: pyarrow.int64,
        inspect.FloatType: pyarrow.float64,
        inspect.StrType: pyarrow.string,
        inspect.LiteralType: pyarrow.string,
    }
    return scalars[type(kind)]()


def _parts(results: Path, warnings: list[MeasurementWarning]) -> Iterator[list[Measurement]]:
    """Yield the rows of each machine, then all of asv's, which are named together."""
    numbers = ProcessNumbers()
    for closed, why in closed_folders(results):
        warnings.append(_not_read(f"{closed}: {why}"))
    machines = dict.fromkeys(
        file.parent.parent for file in sorted(results.glob(f"runs/*/*/{ROWS}"))
    )
    sources = [*machines, *([results / "asv"] if is_asv_folder(results / "asv") else [])]
    for source in sources:
        try:
            # Results of asv that lie here are of this suite's own benchmarks.
            (loaded,) = load_sources([source], ReadRequest(ours=True), numbers)
        except UserError as error:
            warnings.append(_not_read(str(error)))
            continue
        warnings += loaded.warnings
        if loaded.rows:
            yield loaded.rows


def _not_read(what: str) -> MeasurementWarning:
    advice = "the others are exported; repair it or move it away"
    return MeasurementWarning(code="file-not-read", message=what, advice=advice)


@contextmanager
def _file(target: Path) -> Iterator[_Write]:
    """Write one file beside the target and put it in its place when it is whole."""
    from pyarrow import parquet

    draft = _draft(target)
    try:
        with parquet.ParquetWriter(draft, arrow_table([]).schema) as file:
            yield lambda table, _: file.write_table(table)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _folder(target: Path) -> Iterator[_Write]:
    """Write a folder beside the target and put it in its place when it is whole."""
    from pyarrow import compute, parquet

    draft, old = _draft(target), _draft(target, "old")

    # Not with write_to_dataset: pyarrow's threads for datasets abort one process in a hundred as it
    # ends on a busy machine, with "terminate called without an active exception".
    def write(table: pyarrow.Table, number: int) -> None:
        machines = table[_PARTITION]
        columns = table.drop_columns([_PARTITION])
        for machine in machines.unique():
            name = quote(machine.as_py(), safe="") if machine.is_valid else _NO_MACHINE
            own = compute.equal(machines, machine) if machine.is_valid else machines.is_null()
            folder = draft / f"{_PARTITION}={name}"
            folder.mkdir(exist_ok=True)
            parquet.write_table(columns.filter(own), folder / f"{number:05d}-0.parquet")

    try:
        draft.mkdir()
        (draft / _MARK).touch()
        yield write
        if target.exists():
            target.rename(old)
        try:
            draft.rename(target)
        except OSError:
            with suppress(OSError):
                old.rename(target)
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _draft(target: Path, kind: str = "tmp") -> Path:
    return target.with_name(f"{target.name}.{os.getpid()}.{kind}")


def _must_be_replaceable_file(target: Path, force: bool) -> None:
    if not target.exists():
        return
    if target.is_dir():
        raise UserError(f"{target}: a folder; name a file that ends in .parquet, or another folder")
    if not force and not _is_ours(target):
        raise UserError(
            f"{target}: not written by `perceptron export`; choose another name, or overwrite it "
            "with --force"
        )


def _is_ours(file: Path) -> bool:
    import pyarrow
    from pyarrow import parquet

    try:
        metadata = parquet.read_schema(file).metadata or {}
    except (pyarrow.ArrowException, ValueError):
        return False
    return bytes(metadata.get(MADE_BY, b"")).startswith(MAKER)


def _must_be_replaceable_folder(target: Path) -> None:
    # A folder is emptied as a whole: no option makes that safe for what others keep there.
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{target}: a file; name one that ends in .parquet, or a folder")
    names = {entry.name for entry in target.iterdir()}
    foreign = sorted(name for name in names - {_MARK} if not name.startswith(f"{_PARTITION}="))
    if names and (foreign or _MARK not in names):
        what = foreign[0] if foreign else "no mark of an export"
        raise UserError(f"{target}: holds more than an export ({what}); name a new folder")
