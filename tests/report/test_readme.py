from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.report import readme


def test_the_readme_shows_what_the_committed_results_say() -> None:
    """No number in it was typed by hand: `make readme` would change nothing."""
    bench = readme.newest(readme.ROOT / "results")
    text = (readme.ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.fill(text, readme.blocks(bench)) == text
    for name in readme.pictures(bench):
        assert f"](docs/{name})" in text
        assert (readme.ROOT / "docs" / name).is_file()


def test_a_missing_place_is_named() -> None:
    with pytest.raises(UserError, match=r"README\.md: no place for 'finding'"):
        readme.fill("nothing", {"finding": "x"})


def test_no_run_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`perceptron bench` makes one"):
        readme.newest(tmp_path)
