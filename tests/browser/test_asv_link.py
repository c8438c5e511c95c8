"""asv's page with our link in it, in a browser; its libraries are stubs: tests ask no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perceptron.report.asv.pages import publish
from perceptron.report.dashboard.write import write_site
from perceptron.studies.collected import collect
from tests import plenty
from tests.browser.serving import serve
from tests.browser.watched import Watch
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Route

ELSEWHERE = re.compile("^https://")
# Whatever asv asks of jQuery, it gets something that takes every call.
STUB = """window.$ = window.jQuery ??= (() => {
  const stub = new Proxy(function () {}, {
    get: (own, name) => (name in own ? own[name] : name === Symbol.toPrimitive ? () => '' : stub),
    set: (own, name, value) => { own[name] = value; return true; },
    apply: () => stub,
  });
  return stub;
})();"""
# As bootstrap has it: the bar lies above everything.
BAR = ".navbar-fixed-top { position: fixed; top: 0; left: 0; right: 0; z-index: 1030; }"


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `perceptron dashboard` writes in a project that asv has measured."""
    project = plenty.project(tmp_path_factory.mktemp("project"), machines=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("HOME", str(project / "no home"))
        reason = publish(project / "asv.conf.json", project / "results", project / "html")
    write_site(project / "html", collect(project / "results"), reason)
    return project / "html"


@pytest.fixture
def base(html: Path) -> Iterator[str]:
    with serve(html) as base:
        yield base


def without_integrity(route: Route) -> None:
    """Return the page as asv wrote it, but for the sums that only the true libraries have."""
    answer = route.fetch()
    text, sums = re.subn(r' integrity="[^"]*"', "", answer.text())
    assert sums > 5
    route.fulfill(response=answer, body=text)


def a_stub(route: Route) -> None:
    kind = "text/css" if route.request.url.endswith(".css") else "text/javascript"
    headers = {"Access-Control-Allow-Origin": "*"}
    body = STUB if kind == "text/javascript" else BAR
    route.fulfill(status=200, content_type=kind, headers=headers, body=body)


def test_asvs_page_leads_to_our_overview_and_back(watch: Watch, base: str) -> None:
    """The link is seen, can be reached, and leads to the very pages that lie beside asv's."""
    watched = watch(base)
    page = watched.page
    page.route(ELSEWHERE, a_stub)
    page.route("**/asv/index.html", without_integrity)
    page.goto(f"{base}/asv/index.html")
    assert not page.url.endswith("error.html")
    page.get_by_role("link", name="perceptron: which backend, why, from which size").click()
    page.wait_for_url(f"{base}/index.html")
    assert page.locator("h1").inner_text() == "Which backend trains fastest here?"
    page.get_by_role("link", name="Every benchmark over commits").click()
    page.wait_for_url(f"{base}/asv/index.html**")
    assert page.locator("#nav-li-perceptron").is_visible()
    watched.forgive("asked for https://")


def test_without_its_libraries_asv_says_so_and_ours_stand(watch: Watch, html: Path) -> None:
    """Offline, asv shows its page of errors; ours needs nothing and is one step back."""
    watched = watch(html.as_uri())
    page = watched.page
    page.route(ELSEWHERE, lambda route: route.abort())
    page.goto(f"{html.as_uri()}/index.html")
    page.get_by_role("link", name="Every benchmark over commits").click()
    page.wait_for_url("**/asv/error.html")
    page.goto(f"{html.as_uri()}/history.html")
    page.locator("#view h2").first.wait_for()
    watched.forgive("asked for https://", "Failed to load resource")
