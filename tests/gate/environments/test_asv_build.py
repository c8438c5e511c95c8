"""asv, and whatever it has started, does not outlive the comparison that lets it build."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from perceptron.gate.environments import asv_build
from perceptron.gate.environments.asv_build import install

# In asv's place. It starts a compiler with a process group of its own, as asv does.
BUILDS = """
import os, pathlib, signal, subprocess, sys, time
{first}
compiler = subprocess.Popen(["sleep", "600"], process_group=0)
pids = pathlib.Path(r"{folder}", "pids")
pids.with_name("new").write_text(f"{{os.getpid()}} {{compiler.pid}}")
pids.with_name("new").rename(pids)
time.sleep(600)
"""
STAYS = "signal.signal(signal.SIGINT, signal.SIG_IGN)"


@pytest.fixture
def asv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module that is imported first of an asv that is found before the real one."""
    package = tmp_path / "site" / "asv"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    paths = [str(package.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    return package / "config.py"


def alive(pids: Path) -> list[int]:
    """Return which of these still run; one that has ended and nobody has asked of does not."""
    found = []
    for pid in map(int, pids.read_text().split()):
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            pass
    return found


@pytest.mark.parametrize("first", ["", pytest.param(STAYS, marks=pytest.mark.slow)])
def test_an_interrupted_comparison_leaves_nothing_behind(
    asv: Path, tmp_path: Path, first: str
) -> None:
    """Neither where asv leaves when it is asked to, nor where it has to be ended."""
    asv.write_text(BUILDS.format(first=first, folder=tmp_path))
    pids = tmp_path / "pids"

    def interrupt() -> None:
        while not pids.exists():
            threading.Event().wait(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        install({"folder": str(tmp_path), "config": {}}, tmp_path / "log")
    assert alive(pids) == []


def test_a_build_that_takes_too_long_is_ended_and_says_so(
    asv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asv_build, "LONGEST_SECONDS", 2.0)
    asv.write_text(BUILDS.format(first="", folder=tmp_path))
    assert not install({"folder": str(tmp_path), "config": {}}, tmp_path / "log")
    assert "error: the build took longer" in (tmp_path / "log").read_text()
    if (tmp_path / "pids").exists():  # it was there in time
        assert alive(tmp_path / "pids") == []


def test_a_build_sees_nothing_of_the_job_that_compares(
    asv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ENV", "RUNNER_TEMP", "GATE_LABEL", "ACTIONS_RUNTIME_TOKEN"):
        monkeypatch.setenv(name, "of the job")
    asv.write_text("import os\nprint(dict(os.environ))\nos._exit(1)\n")
    install({"folder": str(tmp_path), "config": {}}, tmp_path / "log")
    log = (tmp_path / "log").read_text()
    assert "'PATH': " in log
    assert "of the job" not in log
