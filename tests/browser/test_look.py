"""Every kind of page, light and dark, wide and on a phone; and the watch that the tests rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import Audit, Shot
from tests.browser.little_site import ASSETS
from tests.browser.watched import Watch, until

PAGES = ("index", "sweeps", "hostile", "raw")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_in_reach_of_everyone(
    watch: Watch, site: Path, audit: Audit, shot: Shot, scheme: str
) -> None:
    """Axe finds nothing serious, and on a phone no page scrolls sideways."""
    watched = watch(site.as_uri(), color_scheme=scheme)
    for name in PAGES:
        page = watched.open(f"{name}.html")
        for width in (1400, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            if name != "hostile":  # ten thousand characters make no picture
                shot(page, f"{name}-{scheme}-{width}")
        assert audit(page) == [], name


def test_the_watch_sees_what_it_is_for(watch: Watch, site: Path) -> None:
    """A script in the page, a dialog, an error and a request elsewhere: each is a trouble."""
    watched = watch(site.as_uri())
    page = watched.open("index.html")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))"
    )
    page.evaluate("setTimeout(() => { window.boomed = true; throw new Error('boom'); })")
    page.evaluate("alert('hello')")
    until(page, "window.boomed === true")
    page.goto((ASSETS / "site.css").as_uri())
    watched.forgive("policy: script-src-elem", "Content Security Policy", "uncaught: boom")
    watched.forgive("a dialog opened", "asked for file://")
    assert watched.troubles == []


def test_the_audit_sees_what_it_is_for(watch: Watch, site: Path, audit: Audit) -> None:
    page = watch(site.as_uri()).open("raw.html")
    page.evaluate("document.querySelectorAll('label').forEach((each) => each.remove())")
    assert any(complaint.startswith(("label", "select-name")) for complaint in audit(page))


def test_scripts_can_make_no_markup_of_text() -> None:
    """Text enters by textContent only: what would read it as markup or code stands nowhere."""
    scripts = sorted(ASSETS.glob("*.js"))
    assert scripts
    for script in scripts:
        content = script.read_text(encoding="utf-8")
        assert content.startswith("'use strict';"), script
        for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
            assert forbidden not in content, script
