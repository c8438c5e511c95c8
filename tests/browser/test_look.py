"""The watch and the audit that the tests of pages rely on, and what no script may hold."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import Audit
from tests.browser.little_site import ASSETS
from tests.browser.watched import Watch, until


def test_watch_detects_script_dialog_error_and_request(watch: Watch, site: Path) -> None:
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


def test_audit_detects_missing_labels(watch: Watch, site: Path, audit: Audit) -> None:
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
