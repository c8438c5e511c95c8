"""What all pages share: their templates, and being written in one step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perceptron.errors import UserError
from perceptron.untrusted_text import shortened

if TYPE_CHECKING:
    from jinja2 import Environment as Templates


def templates() -> Templates:
    """The templates of all pages, with the ways in which they show numbers."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("perceptron.report.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
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
