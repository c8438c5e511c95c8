"""`perceptron bench` as a process: its document, its words, its files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import perceptron as package
from perceptron.backends import registry
from perceptron.numbers import duration_interval
from perceptron.questions.bench import study
from tests.commands.conftest import QUICK
from tests.conftest import ROOT, Perceptron, install_backend
from tests.schemas import valid

# Against a hang, on however busy a machine.
_GUARD_SECONDS = 600.0


def test_bench_prints_the_contract_and_names_page_and_results(
    here: Perceptron, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document on standard output, progress on standard error, rows and page on disk.

    Each process has one thread, which waits for no other's core; two repeats have an interval.
    """
    monkeypatch.setattr(study, "repeats", lambda quick: (2, 2, 2))
    backends = ("numpy", "torch-cuda")
    process = here(*QUICK, "--backends", ",".join(backends), "--json")
    assert process.returncode in (0, 3), process.stderr  # few repeats may decide nothing
    document = valid(process.stdout, "bench")
    assert document["machine"] == "box"
    assert document["budget"]["seconds"] == 1800
    assert 0 < document["budget"]["spent_seconds"] < 1800
    finding = finding_of(document, backends)
    (pair,) = document["crossovers"]
    assert (pair["family"], pair["incumbent"], pair["challenger"]) == ("mlp-depth", *backends)
    numpy = finding["numpy"]
    assert numpy["ratio_to_numpy"] == 1.0
    assert document["dashboard"] == "html/index.html"
    page = " ".join((tmp_path / document["dashboard"]).read_text(encoding="utf-8").split())
    assert '<p class="lead">On <a href="machines.html">box</a>' in page
    assert duration_interval(numpy["seconds"], numpy["low"], numpy["high"]) in page
    assert (tmp_path / document["results"] / "measurements.jsonl").is_file()
    assert "measuring:" in process.stderr


def finding_of(document: dict[str, Any], backends: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the finding by backend, once it is complete."""
    finding = {row["backend"]: row for row in document["finding"]}
    assert set(finding) == {"numpy-published", *backends}
    if registry.reason_unavailable("torch-cuda") is not None:
        assert finding["torch-cuda"]["seconds"] is None
        assert finding["torch-cuda"]["reason"] == registry.reason_unavailable("torch-cuda")
    return finding


_STOPPED = """
import os, signal, time
from pathlib import Path
from perceptron.backends.numpy_backend import NumpyBackend

PARENT = os.getppid()

class Stopped(NumpyBackend):
    name, summary = "stopped", "does in the middle of a sweep what a file says"

    def prepare(self, problem, dtype):
        if problem.name == "mlp-depth:6":  # of the sizes that a search begins with
            if Path("fill").exists():
                self._fill(Path("disk", "ballast"))
            if Path("die").exists():
                os.kill(os.getpid(), signal.SIGKILL)
            while Path("wait").exists() and os.getppid() == PARENT:
                Path("waits").touch()
                time.sleep(0.01)
        return super().prepare(problem, dtype)

    def _fill(self, file):
        with file.open("ab", 0) as ballast:
            try:
                while ballast.write(bytes(4096)):
                    pass
            except OSError:
                pass

BACKEND = Stopped()
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[bool]:
    """A file system of 256 KiB in the folder disk, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    mounted = not subprocess.run(["mount", *options], check=False, capture_output=True).returncode
    yield mounted
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_however_it_is_stopped_the_same_command_goes_on(
    perceptron: Perceptron, tmp_path: Path, disk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sweep: a full disk, SIGKILL, ctrl-C, a worker killed for want of memory.

    After each of them no row is lost or changed, and at the end none is measured twice. It stops
    where the backend says that it is, so it does in the middle on a machine of any speed.
    """
    (tmp_path / "stopped.py").write_text(_STOPPED)
    install_backend(tmp_path, "stopped", "stopped:BACKEND")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    command = (*QUICK, "--backends", "stopped", "--results", "disk", "--html", "")
    earlier = ""

    def rows() -> str:
        """Return the whole lines that are there, which begin with all that there were before."""
        nonlocal earlier
        files = list(tmp_path.glob("disk/runs/box/*/measurements.jsonl"))
        text = files[0].read_text() if files else ""
        text = text[: text.rfind("\n") + 1]
        assert len(files) <= 1
        assert text.startswith(earlier)
        earlier = text
        return text

    def stopped_by(how: signal.Signals) -> tuple[int, list[str]]:
        """Send the signal when the sweep is at its middle."""
        (tmp_path / "waits").unlink(missing_ok=True)
        (tmp_path / "wait").touch()
        process = subprocess.Popen(
            [sys.executable, "-m", "perceptron", *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
            stderr=subprocess.PIPE,
            text=True,
            # Whoever runs the tests may ignore it, and a child would inherit that.
            preexec_fn=lambda: how == signal.SIGKILL or signal.signal(how, signal.SIG_DFL),
        )
        deadline = time.monotonic() + _GUARD_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if (tmp_path / "waits").exists():
                break
            time.sleep(0.02)
        assert list(temporary.iterdir())
        process.send_signal(how)
        _, errors = process.communicate(timeout=_GUARD_SECONDS)
        return process.returncode, errors.splitlines()

    if disk:
        (tmp_path / "fill").touch()
        process = perceptron(*command, path=(ROOT, tmp_path))
        (tmp_path / "fill").unlink()
        (tmp_path / "disk" / "ballast").unlink()
        assert process.returncode == 2
        assert process.stderr.splitlines()[-1].startswith("error: ")
        assert "cannot write results: No space left on device" in process.stderr.splitlines()[-1]
        assert "Traceback" not in process.stderr
        assert len(package.load_results(tmp_path / "disk")) == len(rows().splitlines()) > 0
    # What the full disk kept the sweep has: the next ones stop at the other process.
    assert stopped_by(signal.SIGKILL)[0] == -signal.SIGKILL
    assert len(rows().splitlines()) > 0
    assert list(temporary.iterdir())
    code, errors = stopped_by(signal.SIGINT)
    assert code == 2
    assert errors[-1].startswith("error: interrupted; the rows measured so far are kept")
    assert not any("Traceback" in line for line in errors)
    assert list(temporary.iterdir()) == []
    rows()
    (tmp_path / "wait").unlink()
    (tmp_path / "die").touch()
    process = perceptron(*command, path=(ROOT, tmp_path))
    assert process.returncode == 3
    assert "stopped has no time at mlp-depth:6" in process.stderr
    assert "SIGKILL" in process.stderr
    before = len(rows().splitlines())
    (tmp_path / "die").unlink()
    process = perceptron(*command, "--json", path=(ROOT, tmp_path))
    assert process.returncode in (0, 3)  # a backend alone may decide nothing
    assert "killed" not in {warning["code"] for warning in json.loads(process.stdout)["warnings"]}
    every = [json.loads(line) for line in rows().splitlines()]
    assert {row["problem"] for row in every[before:]} == {"mlp-depth:6"}
    lost = [row for row in every if row["status"] == "failed"]
    assert {row["problem"] for row in lost} == {"mlp-depth:6"}
    timed = [(r["problem"], r["backend"], r["repeat"]) for r in every if r["status"] == "ok"]
    assert len(timed) == len(set(timed))
    # depths 1, 2, 6, 13 and 32, each in two processes
    assert sum(problem.startswith("mlp-depth") for problem, _, _ in timed) == 2 * 5
    if not disk:
        pytest.skip("all but a full disk: this user may not mount a tmpfs")
