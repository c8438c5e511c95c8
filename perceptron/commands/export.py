"""`perceptron export`: every row as Parquet, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron import optional
from perceptron.commands.shared.arguments import Json, Results


def export(
    parquet: Annotated[
        Path,
        typer.Option(
            metavar="FILE.parquet|DIR",
            help="Write one file, or a folder with a part for each machine.",
        ),
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is no export.")
    ] = False,
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Write every row as Parquet, for DuckDB, pandas and others."""
    optional.require("parquet")
    from perceptron.records.parquet import export as write
    from perceptron.report import documents
    from perceptron.report.tables import terminal

    written = write(results, parquet, force)
    if json:
        documents.write(written)
        return
    terminal.show_warnings(written.warnings)
    terminal.line(f"{written.rows:,} rows in {written.parquet}")
