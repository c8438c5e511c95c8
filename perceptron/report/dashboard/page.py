"""What all pages share: their templates, and the folder that they are written to."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from perceptron.errors import UserError
from perceptron.report.dashboard.advice import advice_markup
from perceptron.untrusted_text import shortened

if TYPE_CHECKING:
    from jinja2 import Environment as Templates


@cache  # a template is compiled once, and not for each page
def templates() -> Templates:
    """Return the environment of all templates, with the filters that they use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("perceptron.report.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": shortened, "advice": advice_markup}
    return environment


def reserve(folder: Path) -> None:
    """Make the folder and its first page; called before minutes of measuring.

    Raises `UserError` if the page cannot be written there.
    """
    page = folder / "index.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.touch()
    except OSError as error:
        raise UserError(
            f"{page}: cannot write the page: {error.strerror}; choose another --html"
        ) from None
