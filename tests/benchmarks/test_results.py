"""Results of record, with a runner that measures nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import results
from tests.plenty import git


def commit(folder: Path, name: str, text: str) -> str:
    """Change one file; return the commit."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    git(folder, "add", "--force", name)
    git(folder, "commit", "--quiet", "--message", name)
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, "perceptron/code.py", "first = 1\n")
    return folder


class Typed:
    """Commands that were run; each writes a run of its own."""

    def __init__(self, checkout: Path, failing: str = "", cut: str = "") -> None:
        self.checkout, self.failing, self.cut = checkout, failing, cut
        self.commands: list[str] = []
        self.said: list[str] = []

    def __call__(self, command: Sequence[str], output: Path) -> int:
        words = " ".join(command)
        self.commands.append(words)
        if self.cut and self.cut in words:
            raise KeyboardInterrupt
        if self.failing and self.failing in words:
            return 2
        if "--json" not in words:
            output.write_text("asv's")
            return 0
        run = f"results/runs/box/{len(list(self.checkout.glob('results/runs/box/*/'))) + 1}"
        (self.checkout / run).mkdir(parents=True)
        (self.checkout / run / "run.json").write_text('{"environment": "e0"}')
        output.write_text(json.dumps({"results": run}))
        return 3

    def take(self) -> int:
        """Run `make results`; return its exit code."""
        return results.measure(self.checkout, "box", self, self.said.append)


def test_every_step_is_a_command_on_one_machine(checkout: Path) -> None:
    """And asv is told which commits: the last that changed the package, the newest first."""
    newest = commit(checkout, "perceptron/code.py", "second = 2\n")
    commit(checkout, "notes.md", "nothing measured\n")
    typed = Typed(checkout)
    assert typed.take() == 0
    ours = [words.split(" -m ")[1].split() for words in typed.commands]
    assert [words[1] for words in ours] == [
        *("bench", "map", "overhead", "overhead", "overhead", "advise", "crossover", "race"),
        *("crossover", "crossover", "crossover", "machine", "run", "fastest", "truth"),
    ]
    assert all("--machine box" in words for words in typed.commands[:-1])
    (commits,) = checkout.glob("results/.record/box/*/commits")
    assert commits.read_text().split()[0] == newest
    assert len(commits.read_text().split()) == 2
    assert all("OMP_NUM_THREADS=1" in words for words in typed.commands if " asv run" in words)
    (added,) = (line for line in typed.said if "git add" in line)
    assert "results/runs/box/1 results/runs/box/environment-e0.json results/runs/box/2" in added
    assert "results/runs/box/13 " in added


def test_a_finished_step_is_not_measured_again_and_a_cut_one_resumes(checkout: Path) -> None:
    """Unless its file is removed, or the code is other code."""
    with pytest.raises(KeyboardInterrupt):
        Typed(checkout, cut="perceptron map").take()
    again = Typed(checkout)
    assert again.take() == 0
    assert again.commands[0].split()[3] == "map"
    assert "bench: finished" in again.said
    rest = Typed(checkout)
    rest.take()
    assert rest.commands == []
    (race,) = checkout.glob("results/.record/box/*/race.json")
    race.unlink()
    rest.take()
    assert len(rest.commands) == 1
    (checkout / "perceptron/code.py").write_text("third = 3\n")
    other = Typed(checkout)
    other.take()
    assert len(other.commands) == 15


def test_a_step_that_fails_is_named_and_the_others_are_measured(checkout: Path) -> None:
    """It is taken again by the next start; only then is it said what to add."""
    typed = Typed(checkout, failing="asv run")
    assert typed.take() == 1
    assert typed.said[-1] == "Failed: history. The same command takes them again."
    assert "truth" in typed.commands[-1]
    again = Typed(checkout)
    again.take()
    assert any("git add" in line for line in again.said)
    assert [" asv " in words for words in again.commands] == [True]
