"""The dashboard that a measuring command leaves behind, if what draws it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perceptron import optional


@dataclass(frozen=True)
class Pages:
    """Where the dashboard goes; None where it cannot be drawn, which costs no answer."""

    html: Path | None

    def write(self, results: Path, page: str = "index.html") -> Path | None:
        """Write the dashboard of everything in ``results`` and return the path of its ``page``.

        ``page`` may end in ``#`` and a place on it. Return None where no page is written. Raises
        `UserError` if the folder cannot be written to.
        """
        if self.html is None:
            return None
        from perceptron.analysis.stored.collection import collect
        from perceptron.report.asv import pages as asv
        from perceptron.report.dashboard.write import write_site

        write_site(self.html, collect(results), asv.absent(self.html))
        return self.html / page


def prepare(html: Path) -> Pages:
    """Reserve the dashboard's folder, or say on standard error why there will be no page.

    Called before minutes of measuring. Raises `UserError` if the folder cannot be written to.
    """
    reason = optional.missing("pages")
    if reason is not None:
        from perceptron.report.tables import terminal

        terminal.note(f"no page will be written: {reason}")
        return Pages(None)
    from perceptron.report.dashboard import page

    page.reserve(html)
    return Pages(html)
