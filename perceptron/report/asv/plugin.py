"""A plug-in of asv: ``asv publish`` puts a link to our pages beside its own.

asv imports it for every command (``plugins`` in asv.conf.json), so it imports little. The bar at
the top of asv's pages is written out in its index.html and has no hook; an index.html in which its
last entry is not found exactly once is one we do not know, and publishing fails.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher
from asv.util import UserError

PLACE = '<li id="nav-li-graphdisplay">'
"""What the link is put before: the entry that shows the title of a graph."""

LINK = (
    '<li id="nav-li-perceptron">'
    '<a href="../index.html">perceptron: which backend, why, from which size</a></li>'
)


class PerceptronLink(OutputPublisher):  # type: ignore[misc]
    """Runs after all others: publishers come in their ``order``, by default infinite."""

    name = "perceptron"
    button_label = "perceptron"
    description = "Which backend, why, from which size"

    @classmethod
    def publish(cls, conf: Any, *_: Any) -> None:
        """Raises asv's UserError, for which asv says one line and exits with 1."""
        file = Path(conf.html_dir) / "index.html"
        try:
            page = file.read_text(encoding="utf-8")
            file.write_text(linked(page, str(file)), encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: no link to our pages can be put into it: {error}") from None


def linked(page: str, name: str) -> str:
    """The page with the link in its bar; as it is if it has the link already.

    Raises asv's UserError that begins with ``name`` if the place is not found exactly once.
    """
    if LINK in page:
        return page
    times = page.count(PLACE)
    if times != 1:
        raise UserError(
            f"{name}: expected {PLACE} once in asv's page and found it {times} times; use the "
            "version of asv in pyproject.toml, or mend PLACE in perceptron/report/asv/plugin.py"
        )
    before, after = page.split(PLACE)
    return f"{before}{LINK}\n        {PLACE}{after}"
