from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.report import readme


def test_the_readme_shows_what_the_committed_results_say(results_of_record: Path) -> None:
    """No number in it was typed by hand: `make readme` would change nothing."""
    results = results_of_record
    bench, drawn = readme.newest(results), readme.newest_map(results)
    climbed = readme.newest_ladder(results)
    text = (readme.ROOT / "README.md").read_text(encoding="utf-8")
    content = readme.blocks(bench) | readme.map_blocks(drawn) | readme.ladder_blocks(climbed)
    content |= readme.proof_blocks(readme.ROOT / "docs" / "gate-proof.md")
    assert readme.fill(text, content) == text
    for name in readme.pictures(bench, drawn, climbed):
        assert f"](docs/{name})" in text
        assert (readme.ROOT / "docs" / name).is_file()


def test_a_missing_place_is_named() -> None:
    with pytest.raises(UserError, match=r"README\.md: no place for 'finding'"):
        readme.fill("nothing", {"finding": "x"})


def test_no_run_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`perceptron bench` makes one"):
        readme.newest(tmp_path)
    with pytest.raises(UserError, match="`perceptron map` makes one"):
        readme.newest_map(tmp_path)
    with pytest.raises(UserError, match="`perceptron overhead` makes one"):
        readme.newest_ladder(tmp_path)
    page = tmp_path / "gate-proof.md"
    with pytest.raises(UserError, match="`make proof` writes it"):
        readme.proof_blocks(page)
    page.write_text("# Nothing yet\n")
    with pytest.raises(UserError, match="holds no table"):
        readme.proof_blocks(page)


def test_the_gate_is_told_by_the_first_table_of_its_proof(tmp_path: Path) -> None:
    page = tmp_path / "gate-proof.md"
    page.write_text("# Title\n\n| a |\n|---|\n| 1 |\n\ntext\n\n| b |\n|---|\n")
    assert readme.proof_blocks(page) == {"proof": "| a |\n|---|\n| 1 |"}
