"""One page for one run: the finding, a figure for each family, the crossovers, the machine.

Everything is inside the file, so that it opens from disk and asks nobody for anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from markupsafe import Markup

from perceptron.analysis.finding import FAMILY
from perceptron.analysis.summary import Bench
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.report import text
from perceptron.report.charts import family_axis, family_chart, finding_chart
from perceptron.report.site.words import shortened
from perceptron.report.single import COLUMNS, single_cells


def write_page(folder: Path, bench: Bench) -> Path:
    """Write ``index.html`` into the folder and return its path.

    Raises `UserError` if the folder cannot be written to.
    """
    rows = bench.rows
    singles = single_cells(rows)
    sweeps = [
        {
            "family": family,
            "axis": family_axis(family),
            # Our own drawing, whose texts matplotlib has escaped.
            "chart": Markup(family_chart(bench, family)),  # noqa: S704
            "crossovers": [found for found in bench.crossovers if found.family == family],
            "singles": [cells for cells in singles if cells[0] == family],
            "notes": _notes(rows, family),
        }
        for family in dict.fromkeys(row.family for row in rows)
        if family != FAMILY
    ]
    html = (
        templates()
        .get_template("run.html.j2")
        .render(
            machine=bench.machine,
            environment=bench.environment,
            commit=next((row.commit for row in rows if row.commit), None),
            when=max((row.when for row in rows), default="never"),
            threads=bench.threads,
            processes=len({row.process for row in rows}),
            finding=[text.finding_cells(row) for row in bench.finding],
            finding_columns=text.FINDING_COLUMNS,
            single_columns=COLUMNS,
            finding_chart=Markup(finding_chart(bench.finding)),  # noqa: S704
            sweeps=sweeps,
            warnings=bench.warnings,
        )
    )
    return publish(reserve(folder), html)


def templates() -> Templates:
    """The templates of all pages, with the ways in which they show numbers."""
    found = Templates(
        loader=PackageLoader("perceptron.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "sentence": text.sentence,
        "digits": text.digits,
        "memory": text.memory,
        "short": shortened,
    }
    return found


def publish(page: Path, html: str) -> Path:
    """Write a page in one step and return its path; raises `UserError` if it cannot be written."""
    try:
        draft = page.with_suffix(".tmp")  # a full disk must not leave half a page
        draft.write_text(html, encoding="utf-8")
        draft.replace(page)
    except OSError as error:
        raise _cannot_write(page, error) from None
    return page


def reserve(folder: Path, name: str = "index.html") -> Path:
    """Make the folder and give the page's path; asked before minutes of measuring.

    Raises `UserError` if the page cannot be written there.
    """
    page = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.touch()
    except OSError as error:
        raise _cannot_write(page, error) from None
    return page


def _cannot_write(page: Path, error: OSError) -> UserError:
    return UserError(f"{page}: cannot write the page: {error.strerror}; choose another --html")


def _notes(rows: Sequence[Measurement], family: str) -> list[str]:
    """What was not measured and why, each reason once."""
    sizes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.family == family and row.status != "ok":
            told = (row.backend, f"{row.status}: {row.reason}")
            sizes.setdefault(told, []).append(f"{row.size:,}")
    everything = len({row.size for row in rows if row.family == family})
    return [
        f"{backend} {reason}"
        + ("" if len(missing) == everything else f" (at {', '.join(missing)})")
        for (backend, reason), missing in sizes.items()
    ]
