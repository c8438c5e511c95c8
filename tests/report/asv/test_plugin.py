from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import asv
import pytest
from asv.util import UserError

from perceptron.report.asv.plugin import ANCHOR, PerceptronLink, linked
from tests.conftest import ROOT

PAGE = (Path(asv.__file__).parent / "www" / "index.html").read_text(encoding="utf-8")


def publish(folder: Path) -> str:
    PerceptronLink.publish(SimpleNamespace(html_dir=str(folder)), None, None, None, None)
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_bar_of_asvs_real_page_gets_the_link(tmp_path: Path) -> None:
    """A plain link with words; the rest of the page is as it was."""
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    page = publish(tmp_path)
    start, end = PAGE.split(ANCHOR)
    assert "<nav" in start
    assert "</nav>" in end
    assert page.startswith(start)
    assert page.endswith(end)
    added = page[len(start) : -len(end)]
    assert added.count("<a ") == 1
    link = (
        r'<a [^>]*href="\.\./index\.html"[^>]*>perceptron: which backend, why, from which size</a>'
    )
    assert re.search(link, added)


@pytest.mark.parametrize("page", ["", PAGE.replace(ANCHOR, "<li>"), PAGE + ANCHOR])
def test_a_page_that_we_do_not_know_fails_loudly(tmp_path: Path, page: str) -> None:
    """In one line: the file, what was expected, what to do. The page is as asv wrote it."""
    file = tmp_path / "index.html"
    file.write_text(page, encoding="utf-8")
    with pytest.raises(UserError, match=r"index\.html: expected .* once .* fix ANCHOR") as caught:
        publish(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    assert file.read_text(encoding="utf-8") == page


def test_a_linked_page_is_left_as_it_is() -> None:
    page = linked(PAGE, "index.html")
    assert linked(page, "index.html") is page


def test_asv_imports_it_at_no_cost() -> None:
    """For every command, in a process that may have nothing but asv."""
    code = (
        "import sys, asv; before = set(sys.modules)\n"
        "import perceptron.report.asv.plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    modules = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert set(modules.split()) <= {
        "perceptron",
        "perceptron.report",
        "perceptron.report.asv",
        "perceptron.report.asv.plugin",
        "perceptron.version",
    }


def test_without_a_page_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"index\.html: no link"):
        publish(tmp_path)
