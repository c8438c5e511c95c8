"""The address of a comparison's page, equal for equal comparisons.

The page and the comment on a pull request both derive it from the plan, so that a comment links
only to the address of such a page, and not to one from a document.
"""

from __future__ import annotations

import hashlib
import re

from perceptron.errors import UserError
from perceptron.records.comparison import ComparedRevision, ComparisonPlan

FOLDER = "gate"
"""The folder of all comparisons, below the folder of pages."""
PAGE = "index.html"
LIST = f"{FOLDER}/{PAGE}"
_NAME = re.compile(
    r"[0-9a-f]{12}(\+[0-9a-f]{1,12})?\.\.[0-9a-f]{12}(\+[0-9a-f]{1,12})?(-[0-9a-f]{8})?"
)
_HEX = re.compile(r"[0-9a-f]+")
_COMMIT, _ID = 12, 8
_URL = re.compile(r"https://[\w.:-]+(/[\w.~%/-]*)?", re.ASCII)
_SUITE = "asv.conf.json"


def address(plan: ComparisonPlan) -> str | None:
    """Return ``gate/<base>..<head>/index.html``; None where these are no commits.

    A digest of its changes follows the commit of a working tree. An id follows for any comparison
    other than the whole asv suite of the repository, from trees with one interpreter: so only the
    same comparison overwrites a page. Built environments have interpreters in one machine's cache,
    which the id ignores.
    """
    base, head = _side(plan.base), _side(plan.head)
    if base is None or head is None:
        return None
    return f"{FOLDER}/{base}..{head}{_request_suffix(plan)}/{PAGE}"


def is_name(folder: str) -> bool:
    """Return whether a folder has the name of a page's folder."""
    return _NAME.fullmatch(folder) is not None


def published(url: str) -> str:
    """Return the address below which pages are published, without a slash at its end.

    Raises `UserError` for an invalid address, because comments show it.
    """
    if _URL.fullmatch(url) is None:
        raise UserError(f"--pages-url {url}: no address of pages: give https://HOST/PATH")
    return url.rstrip("/")


def _side(side: ComparedRevision) -> str | None:
    commit = side.commit[:_COMMIT]
    changes = side.changes and side.changes[:_COMMIT]
    if len(commit) < _COMMIT or not all(map(_HEX.fullmatch, filter(None, (commit, changes)))):
        return None
    return f"{commit}+{changes}" if changes else commit


def _request_suffix(plan: ComparisonPlan) -> str:
    pythons = None
    if plan.base.python != plan.head.python and not plan.build:
        pythons = plan.base.python, plan.head.python
    suite = plan.kind, plan.suite, plan.suite_state, plan.benchmarks
    # A HEAD that does not build is not installed, but was requested.
    code = "build" if plan.build else "installed" if plan.installed else "trees"
    compared = (*suite, code, pythons)
    if compared == ("asv", _SUITE, None, None, "trees", None):
        return ""
    # By ascii(), because texts may hold any characters.
    return f"-{hashlib.sha256(ascii(compared).encode()).hexdigest()[:_ID]}"
