"""A plug-in of asv: ``asv publish`` puts a link to our pages beside its own.

asv imports it for every command (``plugins`` in asv.conf.json), so it imports little. The bar at
the top of asv's pages is written out in its index.html and has no hook; publishing
fails where its index.html does not hold the last entry exactly once: then asv changed its page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher
from asv.util import UserError

ANCHOR = '<li id="nav-li-graphdisplay">'
"""The link goes before this: the entry that shows the title of a graph."""

LINK = (
    '<li id="nav-li-perceptron">'
    '<a href="../index.html">perceptron: which backend, why, from which size</a></li>'
)


class PerceptronLink(OutputPublisher):  # type: ignore[misc]
    """A publisher that runs after all others: its ``order`` is the default, infinite."""

    name = "perceptron"
    button_label = "perceptron"
    description = "Which backend, why, from which size"

    @classmethod
    def publish(cls, conf: Any, *_: Any) -> None:
        """Put the link into asv's index.html.

        Raises asv's UserError, for which asv prints one line and exits with 1.
        """
        file = Path(conf.html_dir) / "index.html"
        try:
            page = file.read_text(encoding="utf-8")
            file.write_text(linked(page, str(file)), encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: no link to our pages can be put into it: {error}") from None


def linked(page: str, name: str) -> str:
    """Return the page with the link in its bar; unchanged if it has the link already.

    Raises asv's UserError, which begins with ``name``, if `ANCHOR` is not there exactly once.
    """
    if LINK in page:
        return page
    times = page.count(ANCHOR)
    if times != 1:
        raise UserError(
            f"{name}: expected {ANCHOR} once in asv's page and found it {times} times; use the "
            "version of asv in pyproject.toml, or fix ANCHOR in perceptron/report/asv/plugin.py"
        )
    before, after = page.split(ANCHOR)
    return f"{before}{LINK}\n        {ANCHOR}{after}"
