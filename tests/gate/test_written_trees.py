"""A revision's code can write into the other's tree: then nothing was compared."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from perceptron.gate.checkout.snapshot import snapshot
from perceptron.report.comparison import describe
from tests.gate.conftest import COUNTED, Interrupted, Repository, run, until

SLOWER = COUNTED.replace("return amount", "return 2 * amount")
# What it finds beside its own tree becomes as slow as it is.
WRITES = """
import os, pathlib
here = pathlib.Path(__file__)
for other in here.parents[2].glob("*/toy/__init__.py"):
    if other.parent != here.parent:
        times = other.stat()
        other.write_text(here.read_text())
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
"""


def test_written_tree_of_base_makes_run_invalid(toy: Repository) -> None:
    toy.commit("head", "toy/__init__.py", SLOWER + WRITES)
    comparison = run("first", "head")
    assert comparison.verdict == "invalid"
    assert "toy/__init__.py of BASE was written to" in describe(comparison).said
    assert comparison.rows == []


@pytest.mark.slow
def test_written_tree_blocks_are_not_resumed(toy: Repository, tmp_path: Path) -> None:
    """The next start has new trees, which nothing shows if it is not done twice."""
    once = tmp_path / "once"
    writes = f"import os\nif not os.path.exists({str(once)!r}):{indent(WRITES, '    ')}"
    toy.commit("head", "toy/__init__.py", SLOWER + writes + f"    open({str(once)!r}, 'w')\n")
    with pytest.raises(Interrupted):
        run("first", "head", progress=until("screen, block 3"))
    assert once.exists()
    comparison = run("first", "head")
    assert comparison.verdict == "regression"
    assert len([*Path("results/gate").glob("*/run.json")]) == 2


@pytest.mark.parametrize("how", ["edited", "put back", "replaced", "removed", "link"])
def test_whatever_becomes_of_a_file_is_seen(tmp_path: Path, how: str) -> None:
    file, link = tmp_path / "tree" / "code.py", tmp_path / "tree" / "link"
    file.parent.mkdir()
    file.write_text("pass")
    link.symlink_to("code.py")
    before = snapshot(file.parent)
    moved = tmp_path / "moved"
    file.parent.rename(moved)
    assert before.written(moved) is None
    file, link = moved / "code.py", moved / "link"
    if how in {"edited", "put back"}:
        file.write_text("1234")
    if how == "put back":
        file.write_text("pass")
    if how in {"replaced", "removed"}:
        file.unlink()
    if how == "replaced":
        (moved / "other").write_text("pass")
        (moved / "other").rename(file)
    if how == "link":
        link.unlink()
        link.symlink_to("other.py")
    assert before.written(moved) == ("link" if how == "link" else "code.py")
