from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from perceptron.report.asv import pages as asv_pages
from perceptron.report.asv.pages import publish
from tests.conftest import ROOT
from tests.plenty import CONFIG, git, plenty


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three commits, and results of each."""
    folder = tmp_path_factory.mktemp("checkout")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for message in ("one", "two", "three"):
        git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    hashes = git(folder, "log", "--format=%H", "--reverse").split()
    (folder / "asv.conf.json").write_text(CONFIG)
    plenty(folder / "results" / "asv", machines=2, commits=3, hashes=hashes)
    return folder


@pytest.fixture
def project(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the checkout, and no home."""
    folder = tmp_path / "project"
    shutil.copytree(checkout, folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HOME", str(tmp_path / "no home"))
    return folder


def made(project: Path, limit_seconds: float = 600.0) -> str | None:
    return publish(project / "asv.conf.json", project / "results", project / "html", limit_seconds)


def test_asvs_pages_lie_beside_ours_with_a_link_back(project: Path) -> None:
    """With the folders given, whatever the config says, and from anywhere."""
    assert made(project) is None
    pages = project / "html" / "asv"
    assert "../index.html" in (pages / "index.html").read_text()
    index = json.loads((pages / "index.json").read_text())
    assert set(index["machines"]) == {"box-00", "box-01"}
    assert len(index["revision_to_hash"]) == 3
    assert not (project / "elsewhere").exists()
    assert sorted(file.name for file in project.iterdir()) == [
        ".git",
        "asv.conf.json",
        "html",
        "results",
    ]


def test_they_are_made_again_over_the_old_ones(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with relative paths, and without any home."""
    assert made(project) is None
    (project / "html" / "asv" / "old").touch()
    monkeypatch.delenv("HOME")
    monkeypatch.chdir(project)
    assert publish(Path("asv.conf.json"), Path("results"), Path("html")) is None
    assert not (project / "html" / "asv" / "old").exists()


def test_a_checkout_may_lie_around_the_config(project: Path) -> None:
    (project / "suite").mkdir()
    config = project / "suite" / "asv.conf.json"
    config.write_text(CONFIG.replace('"repo": "."', '"repo": ".."'))
    assert publish(config, project / "results", project / "html") is None


def without_config(project: Path) -> None:
    (project / "asv.conf.json").unlink()


def with_a_broken_config(project: Path) -> None:
    (project / "asv.conf.json").write_text("{")


def with_a_deep_config(project: Path) -> None:
    (project / "asv.conf.json").write_text("[" * 5000)


def without_a_repository_named(project: Path) -> None:
    (project / "asv.conf.json").write_text("{}")


def without_results(project: Path) -> None:
    for file in (project / "results" / "asv").glob("*/*-*.json"):
        file.unlink()


def without_a_list(project: Path) -> None:
    (project / "results" / "asv" / "benchmarks.json").unlink()


def without_git(project: Path) -> None:
    (project / ".git").rename(project / "git")


def with_results_that_asv_chokes_on(project: Path) -> None:
    file = project / "results" / "asv" / "benchmarks.json"
    file.write_text("[" * 100_000)


def with_pages_of_somebody_else(project: Path) -> None:
    (project / "html" / "asv").mkdir(parents=True)
    (project / "html" / "asv" / "thesis.txt").touch()


def with_a_publisher_that_fails(project: Path) -> None:
    """The last to run, when all but the index is written."""
    (project / "late.py").write_text(
        "from asv.publishing import OutputPublisher\n"
        "from asv.util import UserError\n"
        "class Late(OutputPublisher):\n"
        "    @classmethod\n"
        "    def publish(cls, *_):\n"
        "        raise UserError('page.html: \\x1b[31mnot as expected')\n"
    )
    (project / "asv.conf.json").write_text(CONFIG.replace("perceptron.report.asv.plugin", "late"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without_config, r"no asv\.conf\.json in .*project"),
        (with_a_broken_config, r"asv\.conf\.json: not what asv reads"),
        (with_a_deep_config, r"asv\.conf\.json: not what asv reads"),
        (without_a_repository_named, r"asv\.conf\.json: no repo named in it"),
        (
            without_results,
            r"no asv results in .*asv: `asv machine --yes`, then `asv run`",
        ),
        (without_a_list, r"no benchmarks\.json in .*just-discover"),
        (without_git, r"project is not a git checkout"),
        (with_results_that_asv_chokes_on, r"asv said: RecursionError"),
        (with_pages_of_somebody_else, r"holds what asv did not write: move it away"),
        (with_a_publisher_that_fails, r"asv said: page\.html: .*not as expected"),
    ],
)
def test_the_reason_is_one_line(project: Path, spoil: Callable[[Path], None], reason: str) -> None:
    """Nothing is raised; what is not asv's is left, and of its pages there is no half."""
    spoil(project)
    kept = list((project / "html" / "asv").glob("*"))
    complaint = made(project)
    assert complaint is not None
    assert re.search(reason, complaint), complaint
    assert complaint.isprintable()
    assert len(complaint) <= 300
    assert list((project / "html" / "asv").glob("*")) == kept


def test_pages_that_cannot_be_written_are_a_reason(project: Path) -> None:
    (project / "html").write_text("")
    complaint = made(project)
    assert complaint is not None
    assert len(complaint.splitlines()) == 1


def test_a_time_limit_is_a_reason(project: Path) -> None:
    """So short that asv is not even imported."""
    assert made(project, limit_seconds=0.001) == "asv publish took longer than 0.001 s"


def test_what_is_ended_ends_with_all_that_it_started() -> None:
    """asv detects steps in processes of its own: nobody is left to hold a core."""
    code = (
        "import subprocess, sys\n"
        "wait = 'import time; time.sleep(600)'\n"
        "child = subprocess.Popen([sys.executable, '-c', wait])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    asv_pages._end(process)
    assert process.returncode is not None
    psutil.wait_procs([child], timeout=300)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
