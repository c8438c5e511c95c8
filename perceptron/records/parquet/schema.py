"""What the columns of an export hold: the same types whatever is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from perceptron.records.measurement import Measurement
from perceptron.records.readers.columns import Columns, data_frame
from perceptron.version import __version__

if TYPE_CHECKING:
    import pyarrow


MADE_BY = b"made by"
"""The key under which every file of an export says what wrote it."""
MAKER = b"perceptron "


def arrow_table(runs: Sequence[Columns]) -> pyarrow.Table:
    """Return the rows of the runs as `load_results` has them; what was not measured is null.

    There is one column for each field of a `Measurement`, by its name.
    """
    import pandas
    import pyarrow

    frame = data_frame(runs)
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
        case inspect.BoolType():
            return pyarrow.bool_()
        case inspect.IntType():
            return pyarrow.int64()
        case inspect.FloatType():
            return pyarrow.float64()
        case inspect.StrType() | inspect.LiteralType():
            return pyarrow.string()
    raise TypeError(f"no column for {kind}")
