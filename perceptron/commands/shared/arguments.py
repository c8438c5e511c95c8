"""Options that several commands share: their types, as the parser reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Backends = Annotated[
    list[str] | None, typer.Option(metavar="NAME …", help="See `perceptron backends`.")
]
Families = Annotated[
    list[str] | None, typer.Option(metavar="NAME …", help="To sweep, or none: the finding alone.")
]
Problems = Annotated[
    list[str] | None,
    typer.Option("--problem", metavar="FILE.toml …", help="Your own: docs/your-own-model.md."),
]
Threads = Annotated[
    str | None,
    typer.Option(
        metavar="N[,N…]",
        help="Threads for every backend, all processes together. Default: all cores.",
    ),
]
Processes = Annotated[
    str | None,
    typer.Option(
        metavar="N[,N…]", help="Processes that train together, as torch-ddp does. Default: 1."
    ),
]
_DTYPE = typer.Option(metavar="NAME", help="float32 or float64.")
DTypeName = Annotated[str, _DTYPE]
DTypeIfGiven = Annotated[str | None, _DTYPE]
Quick = Annotated[bool, typer.Option("--quick", help="A look: fewer processes.")]
Budget = Annotated[
    float | None,
    typer.Option("--budget", metavar="MINUTES", help="How long it may take, all starts together."),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="S", help="The budget in seconds, not minutes.")
]
Machine = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name for the results. Default: host name.")
]
WhatIf = Annotated[
    str | None,
    typer.Option("--what-if", metavar="DEVICE", help="Estimate for a GPU that is not here: h100…"),
]
Wait = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="[MINUTES]", help="Wait for quiet, 10 minutes at most or as many as given."
    ),
]
WAIT_MINUTES = "10"
"""What ``--wait`` without its value stands for: a build or an update is over in ten minutes."""
Results = Annotated[Path, typer.Option(metavar="DIR", help="Where measurements are kept.")]
Html = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Where the dashboard is written; '' for none. Default: html."),
]
HtmlOfAnswer = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Where the dashboard is written; '' for none. Default: html; with --json none.",
    ),
]
