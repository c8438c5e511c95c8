from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from perceptron.report import asv_pages
from perceptron.report.asv_pages import publish
from tests import plenty
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plenty.project(tmp_path_factory.mktemp("checkout"), machines=2)


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


def test_asvs_pages_lie_beside_ours(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folders given, whatever the config says, and from anywhere.

    They are made again over the old ones, also with relative paths, and without any home.
    """
    assert made(project) is None
    pages = project / "html" / "asv"
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
    (pages / "old").touch()
    monkeypatch.delenv("HOME")
    monkeypatch.chdir(project)
    assert publish(Path("asv.conf.json"), Path("results"), Path("html")) is None
    assert not (pages / "old").exists()


def test_asv_pages_checkout_may_enclose_config(project: Path) -> None:
    (project / "suite").mkdir()
    config = project / "suite" / "asv.conf.json"
    config.write_text(plenty.CONFIG.replace('"repo": "."', '"repo": ".."'))
    assert publish(config, project / "results", project / "html") is None


# The last to run, when all but the index is written.
LATE = """\
from asv.publishing import OutputPublisher
from asv.util import UserError
class Late(OutputPublisher):
    @classmethod
    def publish(cls, *_):
        raise UserError('page.html: \\x1b[31mnot as expected')
"""


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"asv.conf.json": None}, r"no asv\.conf\.json in .*project"),
        ({"asv.conf.json": "{"}, r"asv\.conf\.json: not asv's JSON"),
        ({"asv.conf.json": "{}"}, r"asv\.conf\.json: no repo named in it"),
        (
            {"results/asv/box-0*/*-*.json": None},
            r"no asv results in .*asv: `asv machine --yes`, then `asv run`",
        ),
        ({"results/asv/benchmarks.json": None}, r"no benchmarks\.json in .*just-discover"),
        ({".git": None}, r"project is not a git checkout"),
        # What asv chokes on.
        ({"results/asv/benchmarks.json": "[" * 100_000}, r"asv said: RecursionError"),
        ({"html/asv/thesis.txt": ""}, r"holds what asv did not write: move it away"),
        (
            {
                "late.py": LATE,
                "asv.py": "raise SystemExit('a file beside the config was run')",
                "asv.conf.json": plenty.CONFIG.replace("{", '{"plugins": [".late"],', 1),
            },
            r"asv said: page\.html: .*not as expected",
        ),
        ({"html": ""}, r"html"),
    ],
)
def test_asv_pages_failure_is_one_line(
    project: Path, files: dict[str, str | None], reason: str
) -> None:
    """Nothing is raised; what is not asv's is left, and of its pages there is no half."""
    for name, content in files.items():
        if content is None:
            for file in project.glob(name):
                file.rename(file.with_name(f"{file.name}.old"))
        else:
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(content)
    kept = list(project.glob("html/asv/*"))
    complaint = made(project)
    assert complaint is not None
    assert re.search(reason, complaint), complaint
    assert complaint.isprintable()
    assert len(complaint) <= 300
    assert list(project.glob("html/asv/*")) == kept


def test_asv_pages_time_limit_is_a_reason(project: Path) -> None:
    """So short that asv is not even imported."""
    assert made(project, limit_seconds=0.001) == "asv publish took longer than 0.001 s"


def test_asv_pages_ended_process_takes_children_along() -> None:
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


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_asv_pages_pipe_is_named(project: Path) -> None:
    """asv would wait for it without end."""
    pipe = project / "results" / "asv" / "box-00" / "pipe.json"
    os.mkfifo(pipe)
    assert made(project, limit_seconds=300.0) == f"{pipe}: no ordinary file; move it away"
