"""Write a results folder as Parquet, machine by machine, so that memory holds one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, inspect

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv import is_asv_folder
from perceptron.records.readers.columns import data_frame
from perceptron.records.readers.naming import ProcessNumbers
from perceptron.records.readers.reading import ReadRequest
from perceptron.records.readers.sources import load_sources
from perceptron.records.warning import MeasurementWarning
from perceptron.version import __version__

if TYPE_CHECKING:
    import pyarrow


class Export(Struct, frozen=True, kw_only=True):
    """The written export; ``warnings`` name results that could not be read."""

    parquet: Path
    rows: int
    warnings: list[MeasurementWarning]


def export(results: Path, target: Path) -> Export:
    """Write every row of a results folder, as `load_results` gives them, and replace an old export.

    Raises `UserError` for results that cannot be read or hold no row, for a target that cannot be
    written to, and for one that is no export.
    """
    from pyarrow import parquet

    if not results.is_dir():
        raise UserError(f"{results}: no such results; `perceptron bench` makes some")
    warnings: list[MeasurementWarning] = []
    rows = 0
    draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        if target.exists() and (target.is_dir() or not _is_ours(target)):
            raise UserError(f"{target}: not written by `perceptron export`; choose another name")
        target.parent.mkdir(parents=True, exist_ok=True)
        with parquet.ParquetWriter(draft, arrow_table([]).schema) as file:
            for part in _parts(results, warnings):
                file.write_table(arrow_table(part))
                rows += len(part)
        if not rows:
            raise UserError(f"{results}: no rows in it to export")
        os.replace(draft, target)
    except OSError as error:
        name = error.filename or target
        raise UserError(f"{name}: cannot write the export: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
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

    frame = data_frame(list(rows))
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
    machines = sorted(folder for folder in results.glob("runs/*") if folder.is_dir())
    for source in [*machines, *([results / "asv"] if is_asv_folder(results / "asv") else [])]:
        try:
            # Results of asv that lie here are of this suite's own benchmarks.
            (loaded,) = load_sources([source], ReadRequest(ours=True), numbers)
        except UserError as error:
            advice = "the others are exported; repair it or move it away"
            warnings.append(
                MeasurementWarning(code="file-not-read", message=str(error), advice=advice)
            )
            continue
        warnings += loaded.warnings
        if loaded.rows:
            yield loaded.rows


def _is_ours(file: Path) -> bool:
    import pyarrow
    from pyarrow import parquet

    try:
        metadata = parquet.read_schema(file).metadata or {}
    except (pyarrow.ArrowException, ValueError):
        return False
    return bytes(metadata.get(MADE_BY, b"")).startswith(MAKER)
