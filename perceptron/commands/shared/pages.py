"""Write the dashboard of a command, if the libraries for it are installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from perceptron import optional
from perceptron.errors import UserError

if TYPE_CHECKING:
    from perceptron.answer import Answered, ReadFromFiles
    from perceptron.records.comparison import Comparison

_DEFAULT = "html"
Written = tuple[Path | None, Path | str | None]
"""The page with a command's result: its file, and the URL of a view in it, else the file."""
_WRITES_PAGES = ("questions.answering", "report.asv_pages", "report.dashboard.write")


@dataclass(frozen=True)
class Pages:
    """The folder of the dashboard; None if no pages are wanted or they cannot be written.

    If writing fails the answer is still printed; the reason is one line on standard error.
    """

    html: Path | None

    def load(self) -> None:
        """Import the modules that write the pages, so that this takes no time after measuring."""
        if self.html is not None:
            for module in _WRITES_PAGES:
                import_module(f"perceptron.{module}")

    def write(self, results: Path, answered: Answered | ReadFromFiles | None = None) -> Written:
        """Write the dashboard of ``results``, with an answer before all others; return its page."""
        if self.html is None:
            return None, None
        from perceptron.questions.answering import collect
        from perceptron.report import asv_pages
        from perceptron.report.dashboard.write import with_answer, write_site

        try:
            collection, address = collect(results), "index.html"
            if answered is not None:
                collection, address = with_answer(collection, answered)
            write_site(self.html, collection, asv_pages.absent(self.html))
        except Exception as error:  # noqa: BLE001 the answer took minutes: print it in any case
            _not_written(error)
            return None, None
        file, _, view = address.partition("#")
        page = self.html / file
        return page, f"{page.absolute().as_uri()}#{view}" if view else page

    def write_comparison(self, comparison: Comparison) -> Comparison:
        """Write only the page of a comparison; return the comparison with the page's address."""
        if self.html is None:
            return comparison
        from msgspec.structs import replace

        from perceptron.report.comparison_address import address
        from perceptron.report.dashboard.comparisons import write_comparison

        with_page = replace(comparison, page=address(comparison.plan))
        try:
            if with_page.page is not None:
                write_comparison(self.html, with_page)
        except Exception as error:  # noqa: BLE001 the answer took minutes: print it in any case
            _not_written(error)
            return comparison
        return with_page


def folder(html: str | None) -> Path | None:
    """Return the folder that ``--html`` names: by default ``html``, None for ''."""
    name = _DEFAULT if html is None else html
    return Path(name) if name.strip() else None


def prepare(html: str | None, by_default: bool = True) -> Pages:
    """Reserve the dashboard's folder, or print on standard error why there will be no page.

    Call it before measuring. ``html`` is the option's value; if it is None, pages are written only
    ``by_default``.
    """
    if html is None and not by_default:
        return Pages(None)
    return _reserved(html, optional.missing("pages"))


def prepare_comparison(html: str | None) -> Pages:
    """Reserve the folder of comparisons as `prepare` does; their pages need fewer libraries."""
    from perceptron.report.comparison_address import FOLDER

    return _reserved(html, optional.missing("pages", "jinja2"), FOLDER)


def _reserved(html: str | None, reason: str | None, subfolder: str = "") -> Pages:
    """Return the pages in ``html``, or none if there is a ``reason``; reserve the ``subfolder``."""
    site = folder(html)
    if site is None:
        return Pages(None)
    if reason is None:
        from perceptron.report.dashboard import page

        try:
            if subfolder:
                from perceptron.gate.checkout.revisions import make_ignored_folder

                make_ignored_folder(site, subfolder)
            page.reserve(site / subfolder)
        except UserError as error:
            reason = str(error)
    if reason is None:
        return Pages(site)
    _note(f"no page will be written: {reason}")
    return Pages(None)


def _not_written(error: Exception) -> None:
    reason = str(error) if isinstance(error, UserError) else f"a bug: {error!r}"
    _note(f"no page was written: {reason}")


def _note(text: str) -> None:
    from perceptron.report.tables import terminal

    terminal.note(text)
