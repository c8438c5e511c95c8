"""The dashboard that a command leaves behind, or the line that says why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron import optional
from perceptron.commands.shared.pages import prepare


def test_a_folder_that_cannot_be_written_to_is_told_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one note, folded where it is long; the measuring goes on, and nothing follows it."""
    if optional.missing("pages") is not None:
        pytest.skip("no page would be written")
    (tmp_path / "html").write_text("a file")
    pages = prepare(str(tmp_path / "html"))
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("no page will be written:")
    assert "".join(rest).endswith("choose another --html")
    assert all(line.startswith("  ") for line in rest)
    assert pages.write(tmp_path / "results") is None
    assert capsys.readouterr().err == ""


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
    assert [file.name for file in tmp_path.iterdir()] == ([] if site is None else [site])
    assert capsys.readouterr().err == ""
