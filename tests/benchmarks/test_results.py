"""Results of record, with a runner that measures nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import inf
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


class Hours:
    """A clock that only measuring and waiting move; waiting may be interrupted."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.waited = 0.0
        self.patience = inf

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waited += seconds
        if self.waited > self.patience:
            raise KeyboardInterrupt

    def as_stored(self) -> str:
        """Return the present time as a run has it."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Typed:
    """Commands that were run; each writes a run of its own."""

    def __init__(
        self, checkout: Path, failing: str = "", cut: str = "", clock: Hours | None = None
    ) -> None:
        self.checkout, self.failing, self.cut = checkout, failing, cut
        self.clock = clock or Hours()
        self.commands: list[str] = []
        self.begun: list[tuple[float, str]] = []
        self.said: list[str] = []

    def __call__(self, command: Sequence[str], output: Path) -> int:
        words = " ".join(command)
        self.commands.append(words)
        self.begun.append((self.clock.now, words))
        self.clock.now += 300
        if self.cut and self.cut in words:
            raise KeyboardInterrupt
        if self.failing and self.failing in words:
            return 2
        if "--json" not in words:
            output.write_text("asv's")
            return 0
        run = f"results/runs/box/{len(list(self.checkout.glob('results/runs/box/*/'))) + 1}"
        (self.checkout / run).mkdir(parents=True)
        (self.checkout / run / "run.json").write_text(
            json.dumps({"environment": "e0", "finished": self.clock.as_stored()})
        )
        output.write_text(json.dumps({"results": run}))
        return 3

    def take(self, sessions: int = 1) -> int:
        """Run `make results`; return its exit code."""
        return results.measure(self.checkout, "box", self, self.said.append, sessions, self.clock)


def test_results_steps_are_commands_of_one_machine(checkout: Path) -> None:
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


def test_results_finished_step_is_skipped_and_cut_one_resumed(checkout: Path) -> None:
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


def test_results_failed_step_is_named_and_others_run(checkout: Path) -> None:
    """It is taken again by the next start; only then is it said what to add."""
    typed = Typed(checkout, failing="asv run")
    assert typed.take() == 1
    assert typed.said[-1] == "Failed: history. The same command takes them again."
    assert "truth" in typed.commands[-1]
    again = Typed(checkout)
    again.take()
    assert any("git add" in line for line in again.said)
    assert [" asv " in words for words in again.commands] == [True]


def test_results_sessions_are_an_hour_apart(checkout: Path) -> None:
    """What comes out as a page is made once, at the end: it makes another commit of the rows."""
    typed = Typed(checkout)
    assert typed.take(3) == 0
    at = [begun for begun, words in typed.begun if "perceptron bench" in words]
    assert [later - earlier for earlier, later in pairwise(at)] == [3900.0, 3900.0]
    assert len(typed.commands) == 3 * 11 + 4
    assert all("--save docs" not in words for words in typed.commands[:-2])
    (added,) = (line for line in typed.said if "git add" in line)
    assert "results/runs/box/33 " in added


def test_results_sessions_may_span_days(checkout: Path) -> None:
    """Whoever does not wait calls again: an hour counts from the end of the session before."""
    clock = Hours()
    clock.patience = 100.0
    with pytest.raises(KeyboardInterrupt):
        Typed(checkout, clock=clock).take(2)
    assert len(list(checkout.glob("results/runs/box/*/"))) == 11
    clock.now, clock.patience = clock.now + 86_400, clock.waited
    again = Typed(checkout, clock=clock)
    assert again.take(2) == 0
    assert len(again.commands) == 11 + 4
    assert Typed(checkout, clock=clock).take(2) == 0
    assert clock.waited == clock.patience, "a day later nothing is waited for"


@pytest.mark.parametrize("how", ["nothing", "same run", "cut"])
def test_results_session_needs_a_new_run(checkout: Path, how: str) -> None:
    """Nothing measured, the run before resumed, or one that was cut: the step is taken again."""
    typed = Typed(checkout)

    def runner(command: Sequence[str], output: Path) -> int:
        code = typed(command, output)
        is_second = len([words for words in typed.commands if " perceptron bench" in words]) == 2
        if is_second and "bench" in command:
            if how == "nothing":
                output.write_text("")
            elif how == "same run":
                output.write_text(json.dumps({"results": "results/runs/box/1"}))
            else:
                run = checkout / json.loads(output.read_text())["results"]
                (run / "run.json").write_text(json.dumps({"environment": "e0", "finished": None}))
        return code

    messages: list[str] = []
    assert results.measure(checkout, "box", runner, messages.append, 3, typed.clock) == 1
    assert messages[-1].startswith("Failed: bench.")
    assert typed.take(3) == 0
    assert len([words for words in typed.commands if " perceptron bench" in words]) == 4
