from __future__ import annotations

from pathlib import Path

from benchmarks.of_record import export
from tests.plenty import git


def names(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def make(checkout: Path) -> None:
    for name in ("results/runs/box/kept/run.json", "results/runs/box/mine/run.json", "README.md"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(name)


def test_of_record_counts_tracked_files_only(tmp_path: Path) -> None:
    """Only tracked files count, ignored or not, as they are now; one that was deleted does not."""
    checkout = tmp_path / "checkout"
    make(checkout)
    (checkout / ".gitignore").write_text("/results/\n")
    git(checkout, "init", "--quiet")
    (checkout / "results/runs/box/kept/gone.json").write_text("gone")
    git(checkout, "add", "--force", "results/runs/box/kept")
    (checkout / "results/runs/box/kept/run.json").write_text("changed")
    (checkout / "results/runs/box/kept/gone.json").unlink()
    results = export(checkout, tmp_path / "copy")
    assert names(results) == {"runs/box/kept/run.json"}
    assert (results / "runs/box/kept/run.json").read_text() == "changed"


def test_of_record_is_all_that_sdist_exports(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    make(checkout)
    assert names(export(checkout, tmp_path / "copy")) == {
        "runs/box/kept/run.json",
        "runs/box/mine/run.json",
    }


def test_of_record_without_results_is_empty(tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    results = export(tmp_path / "checkout", tmp_path / "copy")
    assert results.is_dir()
    assert names(results) == set()
