"""`perceptron bench` as a process: its document, its words, its files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perceptron.backends import registry
from perceptron.report.numbers import duration_interval
from perceptron.studies.shared.sweep import SWEEP
from tests.commands.conftest import AMPLE, CROSSOVER_KEYS, QUICK
from tests.conftest import ROOT, Perceptron

# Against a hang, on however busy a machine.
_GUARD_SECONDS = 600.0


@pytest.mark.parametrize(
    "swept",
    [
        pytest.param(("mlp-depth",), id="one family"),
        pytest.param(SWEEP, id="all", marks=pytest.mark.slow),
    ],
)
def test_bench_prints_the_contract_and_names_page_and_results(
    perceptron: Perceptron, tmp_path: Path, swept: tuple[str, ...]
) -> None:
    """One document on standard output, progress on standard error, rows and page on disk.

    A quick run with its default backends, in as few processes as give intervals, each with one
    thread, which waits for no other one's core.
    """
    short = ("--rounds", "2", "--threads", "1", "--families", ",".join(swept), *AMPLE)
    process = perceptron("bench", "--quick", "--machine", "box", "--json", *short)
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert document["machine"] == "box"
    assert document["budget"]["seconds"] == 1800
    assert 0 < document["budget"]["spent_seconds"] < 1800
    finding = {row["backend"]: row for row in document["finding"]}
    assert finding["numpy"]["ratio_to_numpy"] == 1.0
    if finding["torch-cpu"]["seconds"] is not None:
        assert finding["torch-cpu"]["ratio_to_numpy"] > 2
    if registry.reason_unavailable("torch-cuda") is not None:
        assert finding["torch-cuda"]["seconds"] is None
        assert finding["torch-cuda"]["reason"] == registry.reason_unavailable("torch-cuda")
    families = {crossover["family"] for crossover in document["crossovers"]}
    assert families == set(swept)
    assert len(document["crossovers"]) == 3 * len(families)
    assert all(set(row) == CROSSOVER_KEYS for row in document["crossovers"])
    assert document["dashboard"] == "html/index.html"
    page = " ".join((tmp_path / document["dashboard"]).read_text(encoding="utf-8").split())
    assert '<p class="lead">On <a href="machines.html">box</a>' in page
    numpy = finding["numpy"]
    assert duration_interval(numpy["seconds"], numpy["low"], numpy["high"]) in page
    assert (tmp_path / document["results"] / "measurements.jsonl").is_file()
    assert "measuring:" in process.stderr


def test_killed_half_way_and_started_again_nothing_is_lost_or_measured_twice(
    perceptron: Perceptron, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL at a row in the middle; the second run keeps every line and adds the rest.

    It clears what the first left in the temporary folder, too.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    process = subprocess.Popen(
        [sys.executable, "-m", "perceptron", *QUICK, "--backends", "numpy"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    before: list[str] = []
    deadline = time.monotonic() + _GUARD_SECONDS
    while len(before) < 7 and time.monotonic() < deadline:
        files = list(tmp_path.glob("results/runs/box/*/measurements.jsonl"))
        before = files[0].read_text().splitlines() if files else []
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (file,) = tmp_path.glob("results/runs/box/*/measurements.jsonl")
    kept = file.read_text()
    kept = kept[: kept.rfind("\n") + 1]
    assert list(temporary.iterdir())
    assert perceptron(*QUICK, "--backends", "numpy").returncode == 0
    assert list(temporary.iterdir()) == []
    (file,) = tmp_path.glob("results/runs/box/*/measurements.jsonl")
    assert file.read_text().startswith(kept)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    keys = [(row["problem"], row["backend"], row["process"]) for row in rows]
    assert len(keys) == len(set(keys))
    # depths 2, 8 and 32 and two trainings of the OR gate, in four processes
    assert len(keys) == 4 * (3 + 2)
    assert len(kept.splitlines()) < len(keys)


_KILLED = """
import os, signal
from perceptron.backends.numpy_backend import NumpyBackend

class Killed(NumpyBackend):
    name, summary = "killed", "its worker is killed where memory is short"

    def prepare(self, problem, dtype):
        if problem.name == "mlp-depth:8" and os.path.exists("full"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().prepare(problem, dtype)

BACKEND = Killed()
"""


def test_a_killed_worker_is_told_and_the_same_command_tries_only_its_rows_again(
    perceptron: Perceptron, tmp_path: Path
) -> None:
    """Inconclusive, though nothing else is missing in the sweep of one backend."""
    installed = tmp_path / "killed-0.dist-info"
    installed.mkdir()
    (tmp_path / "killed.py").write_text(_KILLED)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: killed\nVersion: 0\n")
    (installed / "entry_points.txt").write_text("[perceptron.backends]\nkilled = killed:BACKEND\n")
    (tmp_path / "full").touch()
    command = (*QUICK, "--backends", "killed", "--rounds", "2", "--html", "")
    process = perceptron(*command)
    assert process.returncode == 3
    assert "killed has no time at mlp-depth:8" in process.stderr
    assert "SIGKILL" in process.stderr
    (file,) = tmp_path.glob("results/runs/box/*/measurements.jsonl")
    kept = file.read_text()
    (tmp_path / "full").unlink()
    process = perceptron(*command, "--json")
    assert process.returncode == 0
    assert "killed" not in {warning["code"] for warning in json.loads(process.stdout)["warnings"]}
    assert file.read_text().startswith(kept)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    lost = [row for row in rows if row["status"] == "failed"]
    assert {row["problem"] for row in lost} == {"mlp-depth:8"}
    timed = [(r["problem"], r["backend"], r["process"]) for r in rows if r["status"] == "ok"]
    assert len(timed) == len(set(timed)) == 2 * (3 + 2)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_is_one_line_and_keeps_what_was_measured(
    tmp_path: Path, how: signal.Signals
) -> None:
    """By ctrl-C and by who tells it to end; it leaves no temporary file."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "perceptron", *QUICK, "--backends", "numpy"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests may ignore it, and a child would inherit that.
        preexec_fn=lambda: signal.signal(how, signal.SIG_DFL),
    )
    deadline = time.monotonic() + _GUARD_SECONDS
    rows = ""
    while not rows and time.monotonic() < deadline:
        time.sleep(0.05)
        files = list(tmp_path.glob("results/runs/box/*/measurements.jsonl"))
        rows = files[0].read_text() if files else ""
    assert list(temporary.iterdir())
    process.send_signal(how)
    _, errors = process.communicate(timeout=_GUARD_SECONDS)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith("error: interrupted; rows already measured are kept")
    assert "Traceback" not in errors
    assert files[0].read_text().startswith(rows)
    assert list(temporary.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder))
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("a full disk: this user may not mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_ends_the_run_with_one_line_and_keeps_its_rows(
    perceptron: Perceptron, small_disk: Path
) -> None:
    """What was measured before is still read; nothing is half a row."""
    options = (*QUICK, "--backends", "numpy", "--results", str(small_disk))
    (small_disk / "ballast").write_bytes(b"x" * 48 * 1024)
    process = perceptron(*options)
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1].startswith("error: ")
    assert "cannot write results: No space left on device" in process.stderr.splitlines()[-1]
    import perceptron as package

    kept = len(package.load_results(small_disk))
    (small_disk / "ballast").unlink()
    assert perceptron(*options).returncode == 0
    assert len(package.load_results(small_disk)) == 4 * (3 + 2) >= kept
