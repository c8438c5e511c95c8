"""Options that several commands share: their types, as the parser reads them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.options import a_folder

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Print every table, note and warning, as the page does.")
]
Backends = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME …", help="Choose backends; see `perceptron backends`."),
]
Threads = Annotated[
    str | None,
    typer.Option(metavar="N[,N…]", help="Use N threads for every backend. Default: all cores."),
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget", metavar="MINUTES", help="Stop after this time, earlier starts included."
    ),
]
Machine = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name the machine of the results. Default: host name."),
]
Wait = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="[MINUTES]", help="Wait for idle cores, at most 10 minutes or as given."
    ),
]
WAIT_MINUTES = "10"
"""The value of ``--wait`` without one: a build or an update ends within ten minutes."""
Results = Annotated[
    Path,
    typer.Option(
        metavar="DIR", help="Keep measurements in DIR.", parser=partial(a_folder, "--results")
    ),
]
Html = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Write the dashboard into DIR, '' for none. Default: html."),
]
HtmlOfAnswer = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Write the dashboard into DIR, '' for none. Default: html, or none for --json.",
    ),
]
