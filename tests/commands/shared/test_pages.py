"""The dashboard that a command leaves behind, or the line that says why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron import optional
from perceptron.commands.shared.pages import prepare


@pytest.mark.parametrize(
    ("html", "by_default", "site"),
    [
        (None, True, "html"),
        (None, False, None),
        ("elsewhere", False, "elsewhere"),
        ("", True, None),
    ],
)
def test_pages_go_where_they_were_wanted(
    html: str | None,
    by_default: bool,
    site: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A name that was typed counts; an empty one is none. Nothing is said of what nobody wants."""
    monkeypatch.chdir(tmp_path)
    if site is not None and optional.missing("pages") is not None:
        pytest.skip("no page would be written")
    assert prepare(html, by_default).html == (None if site is None else Path(site))
    assert [file.name for file in tmp_path.rglob("*")] == ([] if site is None else [site])
    assert capsys.readouterr().err == ""
