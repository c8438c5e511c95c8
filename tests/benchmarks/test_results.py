"""Results of record, with a runner that measures nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.code_state import code_state, last_changes, same_code
from benchmarks.steps import ProgressFile, steps
from perceptron.errors import UserError

GIT = ("git", "-c", "user.name=tester", "-c", "user.email=tester@example.org")


def git(folder: Path, *words: str) -> str:
    command = [*GIT, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, name: str, text: str) -> str:
    """Change one file; return the commit."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    git(folder, "add", "--force", name)
    git(folder, "commit", "--quiet", "--message", name)
    return git(folder, "rev-parse", "--short=12", "HEAD").strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, ".gitignore", "/results/\n")
    commit(folder, "perceptron/code.py", "1\n")
    return folder


class Typed:
    """Commands that were run; each takes a minute, and writes a run of its own."""

    def __init__(self, checkout: Path, failing: str = "", cut: str = "") -> None:
        self.checkout, self.failing, self.cut = checkout, failing, cut
        self.commands: list[str] = []
        self.environments: list[Mapping[str, str]] = []
        self.now = 0.0

    def __call__(
        self, command: Sequence[str], environment: Mapping[str, str], output: Path | None
    ) -> int:
        words = " ".join(command)
        self.commands.append(words)
        self.environments.append(environment)
        self.now += 60.0
        if self.cut and self.cut in words:
            raise KeyboardInterrupt
        if self.failing and self.failing in words:
            return 2
        if output is not None:
            number = len(list(self.checkout.glob("results/runs/box/*/"))) + 1
            run = f"results/runs/box/{number}"
            stored(self.checkout, run, code_state(self.checkout))
            output.write_text(json.dumps({"results": run}))
        return 0

    def clock(self) -> float:
        return self.now


def stored(checkout: Path, run: str, commit: str, **fields: object) -> None:
    folder = checkout / run
    folder.mkdir(parents=True)
    document = {
        "plan": {"study": folder.name},
        "machine": folder.parent.name,
        "environment": "e0",
        "commit": commit,
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:01:00Z",
        **fields,
    }
    (folder / "run.json").write_text(json.dumps(document))
    (folder.parent / f"environment-{document['environment']}.json").write_text("{}")


def taken(checkout: Path, typed: Typed, only: str | None = None) -> tuple[int, str]:
    """Run `make results`; return its exit code and what it said."""
    folder = checkout / "results" / ".record" / "box"
    progress = ProgressFile(folder, code_state(checkout))
    planned = steps("box", folder / "commits")
    said: list[str] = []
    todo = results.chosen(planned, only, progress)
    code = results.measure(checkout, todo, planned, progress, typed, said.append, typed.clock)
    return code, "\n".join(said)


def test_every_step_is_a_command_of_ours_on_one_machine(checkout: Path) -> None:
    """And asv is told which commits: the last that changed the package, the newest first."""
    newest = commit(checkout, "perceptron/code.py", "2\n")
    commit(checkout, "notes.md", "nothing measured\n")
    typed = Typed(checkout)
    code, said = taken(checkout, typed)
    assert code == 0
    assert [words.split()[2:4] for words in typed.commands] == [
        ["perceptron", "bench"],
        ["perceptron", "map"],
        ["perceptron", "overhead"],
        ["perceptron", "overhead"],
        ["perceptron", "overhead"],
        ["perceptron", "advise"],
        ["perceptron", "crossover"],
        ["perceptron", "race"],
        ["perceptron", "crossover"],
        ["perceptron", "crossover"],
        ["perceptron", "crossover"],
        ["asv", "machine"],
        ["asv", "run"],
        ["benchmarks.validation", "fastest"],
        ["benchmarks.validation", "truth"],
    ]
    assert all("--machine box" in words for words in typed.commands[:-1])
    commits = (checkout / "results/.record/box/commits").read_text().split()
    assert commits[0].startswith(newest)
    assert len(commits) == 2
    (run,) = (words for words in typed.commands if " asv run" in words)
    threads = [environment.get("OMP_NUM_THREADS") for environment in typed.environments]
    assert threads[typed.commands.index(run)] == "1"
    assert "13 of 13 steps to take, about 89 min" in said
    assert "bench: finished, 1.0 min" in said


def test_a_finished_step_is_not_measured_again_and_a_cut_one_resumes(checkout: Path) -> None:
    """Ctrl-C keeps what is done; the minutes of a step are those of all its starts."""
    code, said = taken(checkout, Typed(checkout, cut="perceptron map"))
    assert code == 130
    assert "map: cut after 1.0 min; the same command resumes" in said
    again = Typed(checkout)
    code, said = taken(checkout, again)
    assert code == 0
    assert again.commands[0].split()[3] == "map"
    assert "bench: finished, 1.0 min" in said
    assert "map: finished, 2.0 min" in said
    assert not taken(checkout, Typed(checkout), None)[0]
    rest = Typed(checkout)
    taken(checkout, rest)
    assert rest.commands == []


def test_other_code_is_measured_and_other_pages_are_not(checkout: Path) -> None:
    """To commit results or docs changes nothing that is measured; a changed package does."""
    taken(checkout, Typed(checkout))
    commit(checkout, "docs/truth.md", "# Truth\n")
    (checkout / "docs/truth.md").write_text("# More truth\n")
    same = Typed(checkout)
    taken(checkout, same)
    assert same.commands == []
    (checkout / "perceptron/code.py").write_text("3\n")
    other = Typed(checkout)
    _, said = taken(checkout, other)
    assert len(other.commands) == 15
    assert "The package differs from its last commit" in said


def test_a_step_that_fails_is_named_and_the_others_are_measured(checkout: Path) -> None:
    """It is taken again by the next start; only then is it said what to add."""
    typed = Typed(checkout, failing="asv run")
    code, said = taken(checkout, typed)
    assert code == 1
    assert "history: FAILED, exit code 2" in said
    assert said.endswith("Failed: history. The same command takes them again.")
    assert "truth" in typed.commands[-1]
    again = Typed(checkout)
    assert "git add" in taken(checkout, again)[1]
    assert all(" asv " in words for words in again.commands)


def test_the_end_says_what_to_add_and_what_is_superseded(checkout: Path) -> None:
    """Runs of code that is gone, and those that were measured again; nothing else."""
    here = code_state(checkout)
    stored(checkout, "results/runs/old/gone", "0123456789ab")
    stored(checkout, "results/runs/old/mine", "0123456789ab")  # not committed: the user's own
    stored(checkout, "results/runs/other/kept", here, environment="e1")
    stored(checkout, "results/runs/box/before", here, plan={"study": "2"}, started="2025")
    stored(checkout, "results/runs/lent/gpu", "0123456789ab", environment="e2")
    lent = checkout / "results/runs/lent/environment-e2.json"
    lent.write_text(json.dumps({"gpus": [{"name": "Slide Rule"}]}))
    for run in ("old/gone", "other/kept", "box/before", "lent/gpu", "lent/environment-e2.json"):
        git(checkout, "add", "--force", f"results/runs/{run}")
    git(checkout, "commit", "--quiet", "--message", "results")
    (checkout / "results/speeds").mkdir()
    _, said = taken(checkout, Typed(checkout))
    (added,) = (line for line in said.splitlines() if "git add" in line)
    assert "results/runs/box/2 results/runs/box/environment-e0.json results/runs/box/3" in added
    assert added.endswith(" results/speeds")
    assert "results/asv" not in added, "asv was not run"
    assert "results/runs/old/gone: its code is gone: 0123456789ab" in said
    assert "results/runs/box/before: measured again: 2" in said
    assert "--machine box --clean " in said
    assert "old/mine" not in said
    assert "other/kept" not in said
    assert "lent/gpu" not in said, "a GPU that was lent is not at hand to measure it again"
    assert said.index("git add") < said.index("make readme") < said.index("make shots")
    assert git(checkout, "status", "--porcelain") == ""


def test_clean_deletes_files_only_once_all_is_measured(checkout: Path) -> None:
    """The rows that the pages show are there before those that they showed go."""
    stored(checkout, "results/runs/old/gone", "0123456789ab")
    stored(checkout, "results/runs/box/before", "0123456789ab", environment="e9")
    git(checkout, "add", "--force", "results/runs")
    git(checkout, "commit", "--quiet", "--message", "results")
    folder = checkout / "results" / ".record" / "box"
    planned = steps("box", folder / "commits")

    def clean() -> list[str]:
        said: list[str] = []
        progress = ProgressFile(folder, code_state(checkout))
        assert results.clean(checkout, planned, progress, said.append) == 0
        return said

    taken(checkout, Typed(checkout, failing="perceptron map"))
    with pytest.raises(UserError, match="--clean: measure map first"):
        clean()
    taken(checkout, Typed(checkout))
    assert "deleted results/runs/box/environment-e9.json" in clean()
    assert not (checkout / "results/runs/old").exists()
    assert (checkout / "results/runs/box/environment-e0.json").is_file()
    assert (checkout / "results/runs/box/2/run.json").is_file()
    assert clean() == ["Nothing to delete"]
    assert len(git(checkout, "status", "--porcelain").splitlines()) == 4


def test_code_is_the_same_where_the_package_is(checkout: Path) -> None:
    before = code_state(checkout)
    commit(checkout, "README.md", "words\n")
    assert code_state(checkout) == before
    assert same_code(checkout, before)
    assert not same_code(checkout, f"{before}-dirty-01234567")
    assert not same_code(checkout, None)
    commit(checkout, "perceptron/more.py", "\n")
    assert not same_code(checkout, before)
    (checkout / "perceptron/new.py").write_text("\n")
    assert code_state(checkout).startswith(
        f"{git(checkout, 'rev-parse', '--short=12', 'HEAD').strip()}-dirty-"
    )
    new = code_state(checkout)
    (checkout / "perceptron/new.py").write_text("changed\n")
    assert code_state(checkout) != new
    (checkout / "perceptron/new.py").write_text("\n")
    assert code_state(checkout) == new
    assert code_state(checkout.parent) == ""
    assert last_changes(checkout.parent, 3) == []
