"""The dashboard that a measuring command leaves behind, if what draws it is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from perceptron import optional
from perceptron.errors import UserError

if TYPE_CHECKING:
    from perceptron.analysis.collection import Collection
    from perceptron.answer import Answered, ReadFromFiles
    from perceptron.records.comparison import Comparison

_DEFAULT = "html"
Written = tuple[Path | None, str | None]
"""The page with a command's own result: its file, and its address with the place on it."""
_WRITES_PAGES = ("studies.answering", "report.asv.pages", "report.dashboard.write")


@dataclass(frozen=True)
class Pages:
    """The folder of the dashboard; None where none is wanted or it cannot be drawn.

    Every method writes the dashboard of all that is in ``results``. One that cannot be written
    costs the page and not the answer: the reason is one line on standard error.
    """

    html: Path | None

    def load(self) -> None:
        """Import what writes the pages, which takes longer than that when the time is over."""
        if self.html is not None:
            for module in _WRITES_PAGES:
                import_module(f"perceptron.{module}")

    def write(self, results: Path) -> Path | None:
        """Return the path of the first page, None where none is written."""
        return self._write(results, lambda collection: (collection, "index.html"))[0]

    def write_answer(self, results: Path, told: Answered) -> Written:
        """Show this answer first among all of its study."""

        def shown(collection: Collection) -> tuple[Collection, str]:
            from perceptron.report.dashboard.answers import address, with_answer

            is_overview = collection.pages[told.study].is_overview
            return with_answer(collection, told), address(told, is_overview)

        return self._write(results, shown)

    def write_rows(self, results: Path, read: ReadFromFiles) -> Written:
        """Show the sweeps of these rows before all others."""

        def shown(collection: Collection) -> tuple[Collection, str]:
            from perceptron.report.dashboard.answers import with_rows
            from perceptron.report.dashboard.sweeps import sweep_address

            collection = with_rows(collection, read)
            return collection, sweep_address(collection)

        return self._write(results, shown)

    def write_comparison(self, comparison: Comparison) -> Comparison:
        """Write the page of a comparison, and no other; return it with the page's address."""
        if self.html is None:
            return comparison
        from msgspec.structs import replace

        from perceptron.report.comparison_address import address
        from perceptron.report.dashboard.comparisons import write_comparison

        shown = replace(comparison, page=address(comparison.plan))
        if shown.page is None:
            return comparison
        try:
            write_comparison(self.html, shown)
        except Exception as error:  # noqa: BLE001 minutes of measuring wait to be shown
            _not_written(error)
            return comparison
        return shown

    def _write(
        self,
        results: Path,
        shown: Callable[[Collection], tuple[Collection, str]],
    ) -> Written:
        if self.html is None:
            return None, None
        from perceptron.report.asv import pages as asv
        from perceptron.report.dashboard.write import write_site
        from perceptron.studies.answering import collect

        try:
            collection, address = shown(collect(results))
            write_site(self.html, collection, asv.absent(self.html))
        except Exception as error:  # noqa: BLE001 minutes of measuring wait to be shown
            _not_written(error)
            return None, None
        return self.html / address.partition("#")[0], f"{self.html}/{address}"


def folder(html: str | None) -> Path | None:
    """Return the folder that ``--html`` names, ``html`` where it was not typed; None for ''."""
    name = _DEFAULT if html is None else html
    return Path(name) if name.strip() else None


def prepare(html: str | None, by_default: bool = True) -> Pages:
    """Reserve the dashboard's folder, or say on standard error why there will be no page.

    Called before minutes of measuring. ``html`` is what was typed; where nothing was, there are
    pages only ``by_default``.
    """
    if html is None and not by_default:
        return Pages(None)

    def reserve(site: Path) -> None:
        from perceptron.report.dashboard import page

        page.reserve(site)

    return _reserved(folder(html), optional.missing("pages"), reserve)


def prepare_comparison(html: str | None) -> Pages:
    """Do the same for the page of a comparison, which needs fewer libraries."""

    def reserve(site: Path) -> None:
        from perceptron.gate.checkout.revisions import make_own
        from perceptron.report.dashboard import comparisons

        make_own(site, "gate")
        comparisons.reserve(site)

    return _reserved(folder(html), optional.missing("pages", "jinja2"), reserve)


def _reserved(site: Path | None, missing: str | None, reserve: Callable[[Path], None]) -> Pages:
    if site is None:
        return Pages(None)
    reason = missing
    if reason is None:
        try:
            reserve(site)
        except UserError as error:
            reason = str(error)
    if reason is not None:
        _note(f"no page will be written: {reason}")
        return Pages(None)
    return Pages(site)


def _not_written(error: Exception) -> None:
    reason = str(error) if isinstance(error, UserError) else f"a bug: {error!r}"
    _note(f"no page was written: {reason}")


def _note(text: str) -> None:
    from perceptron.report.tables import terminal

    terminal.note(text)
