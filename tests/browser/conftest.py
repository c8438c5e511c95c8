"""A browser for the whole session, pages under watch, an audit of accessibility, screenshots.

Playwright's synchronous interface leaves an event loop running for as long as it lives, so only
these fixtures import it, and a checkout without it still collects.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perceptron.report.dashboard.server import HOST, server
from tests.browser.little_site import build
from tests.browser.watched import Watch, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Audit = Callable[["Page"], list[str]]
Shot = Callable[["Page", str], None]

ARGUMENTS = (
    "--no-sandbox",  # containers have none; the pages are our own
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _missing() -> str | None:
    """Return the name of what is missing and how to install it, or None."""
    wanted = ("playwright", "axe_playwright_python")
    absent = [name for name in wanted if importlib.util.find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed: run `make install`"
    if chromium() is None:
        return "no chromium: install it (Debian: chromium) or name it in PERCEPTRON_CHROMIUM"
    return None


def chromium() -> str | None:
    """Return the browser's program, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    programs = (shutil.which(name) for name in names)
    return os.environ.get("PERCEPTRON_CHROMIUM") or next(filter(None, programs), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without it the tests are skipped, but where CI says that it tests, they fail."""
    missing = _missing()
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"THE PAGES CANNOT BE TESTED: {missing}")
        pytest.skip(f"THE PAGES ARE NOT TESTED IN A BROWSER: {missing}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    """Open pages under watch; whatever troubles them in the end fails the test."""
    with ExitStack() as stack:
        opened: list[Watched] = []

        def open_one(base: str, **options: Any) -> Watched:
            context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}} | options)
            stack.callback(context.close)
            context.set_default_timeout(60_000)  # a guard, however busy the machine is
            opened.append(Watched(context.new_page(), base))
            return opened[-1]

        yield open_one
        troubles = [trouble for watched in opened for trouble in watched.troubles]
        assert troubles == []


@pytest.fixture(scope="session")
def audit() -> Audit:
    """Return the findings of axe-core that are serious or critical, in light and dark colours."""

    def judge(page: Page) -> list[str]:
        from axe_playwright_python.sync_playwright import Axe

        # Preloading would fetch the style sheets once more, which the policy of ours forbids.
        options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
        violations = Axe().run(page, options=options).response["violations"]
        page.emulate_media(color_scheme="dark")
        contrast = options | {"runOnly": ["color-contrast"]}
        violations += Axe().run(page, options=contrast).response["violations"]
        page.emulate_media(color_scheme="light")
        return [
            f"{violation['id']}: {node['html'][:120]} {node.get('failureSummary', '')}"
            for violation in violations
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]

    return judge


@pytest.fixture(scope="session")
def shot() -> Shot:
    """Keep a picture of the whole page, where PERCEPTRON_SCREENSHOTS names a folder for them."""
    folder = os.environ.get("PERCEPTRON_SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return keep


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a little site made by hand."""
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(params=["disk", "server"])
def base(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """Yield the little site opened from disk, then from a server on the loopback.

    Not for a whole session: other tests fork, which a process with threads should not.
    """
    if request.param == "disk":
        yield site.as_uri()
        return
    with server(site, 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://{HOST}:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()
