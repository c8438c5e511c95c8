"""The dashboard that a measuring command leaves behind, if what draws it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perceptron import optional
from perceptron.errors import UserError

if TYPE_CHECKING:
    from perceptron.analysis.crossover.result import CrossoverResult
    from perceptron.analysis.overhead.ladder import OverheadResult
    from perceptron.analysis.phase_map.phase_map import MapResult
    from perceptron.analysis.stored.collection import Collection


@dataclass(frozen=True)
class Written:
    """The page with a command's own result: its file, and its address with the place on it."""

    file: Path | None = None
    address: str | None = None


@dataclass(frozen=True)
class Pages:
    """Where the dashboard goes; None where it cannot be drawn.

    Every method writes the dashboard of all that is in ``results``. One that cannot be written
    costs the page and not the answer: the reason is one line on standard error.
    """

    html: Path | None

    def write(self, results: Path) -> Path | None:
        """Return the path of the first page, None where none is written."""
        if self.html is None:
            return None
        from perceptron.analysis.stored.collection import collect

        return self._show(self.html, collect(results), "index.html").file

    def write_map(self, results: Path, result: MapResult) -> Written:
        """Show this map first among all maps."""
        if self.html is None:
            return Written()
        from perceptron.analysis.stored.collection import collect
        from perceptron.report.dashboard import answer

        collection = answer.with_map(collect(results), result)
        return self._show(self.html, collection, answer.map_address(result))

    def write_ladder(self, results: Path, result: OverheadResult) -> Written:
        """Show this ladder first among all ladders."""
        if self.html is None:
            return Written()
        from perceptron.analysis.stored.collection import collect
        from perceptron.report.dashboard import answer

        collection = answer.with_ladder(collect(results), result)
        return self._show(self.html, collection, answer.ladder_address(result))

    def write_crossovers(self, results: Path, result: CrossoverResult) -> Written:
        """Show these crossovers on the sweeps, those of rows from files before all others."""
        if self.html is None:
            return Written()
        from perceptron.analysis.stored.collection import collect, collection_of
        from perceptron.report.dashboard import answer

        collection = collect(results)
        if result.results is None:
            collection = answer.with_files(collection, collection_of(result.rows))
        address = answer.sweep_address(collection, result)
        return self._show(self.html, collection, address, result)

    @staticmethod
    def _show(
        html: Path,
        collection: Collection,
        address: str,
        searched: CrossoverResult | None = None,
    ) -> Written:
        from perceptron.report.asv import pages as asv
        from perceptron.report.dashboard.write import write_site

        try:
            write_site(html, collection, asv.absent(html), searched)
        except Exception as error:  # noqa: BLE001 minutes of measuring wait to be shown
            from perceptron.report.tables import terminal

            reason = str(error) if isinstance(error, UserError) else f"a bug: {error!r}"
            terminal.note(f"no page was written: {reason}")
            return Written()
        return Written(html / address.partition("#")[0], f"{html}/{address}")


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
