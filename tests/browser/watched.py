"""A page under watch: whatever it complains about, and whatever it asks for, is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from perceptron.questions.shared.published import SOURCE

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI}`));
"""
OWN = ("data:", "blob:")
"""Schemes of what a page made itself."""


@dataclass
class Watched:
    """A page, the address below which all its requests have to lie, and its troubles so far."""

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)
    _under_way: set[Request] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.add_init_script(VIOLATIONS)
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        self.page.on("dialog", lambda dialog: (self._note("a dialog opened"), dialog.dismiss()))
        self.page.on("request", self._judge)
        for ended in ("requestfinished", "requestfailed"):
            self.page.on(ended, lambda request: self._under_way.discard(request))

    def open(self, path: str) -> Page:
        """Return the page at a path below the base, loaded and without requests under way."""
        self.page.goto(f"{self.base}/{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until no request is under way, and none follows.

        What asks for more does so as soon as it is there: no need for the half second that
        Playwright's ``networkidle`` waits.
        """
        end, quiet = monotonic() + 300, 0
        while quiet < 2:
            assert monotonic() < end, [request.url for request in self._under_way]
            self.page.wait_for_timeout(20)
            quiet = 0 if self._under_way else quiet + 1

    def forgive(self, *needles: str) -> None:
        """Take out what a test provoked; every needle must have been found in some trouble."""
        for needle in needles:
            assert any(needle in trouble for trouble in self.troubles), self.troubles
        self.troubles = [
            trouble for trouble in self.troubles if not any(needle in trouble for needle in needles)
        ]

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self._note(f"console {kind}: {text}")

    def _judge(self, request: Request) -> None:
        self._under_way.add(request)
        if not request.url.startswith((f"{self.base}/", *OWN)):
            self._note(f"asked for {request.url}")

    def _note(self, trouble: str) -> None:
        self.troubles.append(trouble)


def until(page: Page, expression: str) -> None:
    """Wait for a condition; the limit is a guard, however busy the machine is.

    Playwright's own ``wait_for_function`` evaluates a text inside the page, which the policy of
    ours forbids; ``evaluate`` asks from outside.
    """
    end = monotonic() + 300
    while monotonic() < end:
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {expression}")


def is_this_package(page: Page) -> bool:
    """No element or link that only a name could have brought, and no handler on any."""
    return bool(
        page.evaluate(
            "document.querySelectorAll('script:not([src]), img, iframe, main b:not(:empty)').length"
            " === 0 && [...document.querySelectorAll('*')].every(one =>"
            " [...one.attributes].every(own => !own.name.startsWith('on')))"
            " && [...document.links].every(link => /^(file|http|data):/.test(link.protocol)"
            f" || link.href === '{SOURCE.address}')"
        )
    )


Watch = Callable[..., Watched]
"""Opens a page under watch: the base, then what Playwright's ``new_context`` takes."""
