"""`perceptron export`: every row as Parquet, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron import optional
from perceptron.commands.shared.arguments import Json, Results


def export(
    parquet: Annotated[
        Path, typer.Option(metavar="FILE", help="Write this file, or replace an older export.")
    ],
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Write every row as Parquet, for DuckDB, pandas and others."""
    optional.require("parquet")
    from perceptron.records.parquet import export as write
    from perceptron.report import documents
    from perceptron.report.tables import terminal

    written = write(results, parquet)
    if json:
        documents.write(written)
        return
    terminal.show_warnings(written.warnings)
    terminal.line(f"{written.rows:,} rows in {written.parquet}")
