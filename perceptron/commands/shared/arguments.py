"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from perceptron.options import Option

Json = Annotated[bool, Option("Print one JSON document.")]
Budget = Annotated[
    float | None, Option("Stop after this time, earlier starts included.", metavar="MINUTES")
]
Machine = Annotated[
    str | None, Option("Name the machine of the results. Default: host name.", metavar="NAME")
]
# A build or an update ends within ten minutes.
Wait = Annotated[
    float | None,
    Option(
        "Wait for idle cores, at most 10 minutes or as given.",
        metavar="[MINUTES]",
        low=0,
        alone="10",
    ),
]
Results = Annotated[Path, Option("Keep measurements in DIR.", metavar="DIR")]
HTML = Option(
    "Write the dashboard into DIR, '' for none. Default: html.", metavar="DIR", may_be_empty=True
)
Html = Annotated[str | None, HTML]
HtmlOfAnswer = Annotated[
    str | None,
    Option(
        "Write the dashboard into DIR, '' for none. Default: html, or none for --json.",
        metavar="DIR",
        may_be_empty=True,
    ),
]
