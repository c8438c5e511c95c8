"""asv for real, in a temporary clone: its own environment, its own runner, its own pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import perceptron
from perceptron.backends import registry
from perceptron.backends.protocol import thread_variables
from perceptron.measure.job import Time
from perceptron.measure.launch import run_job
from tests.conftest import ROOT
from tests.plenty import git

pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="asv: needs a git checkout of the project"
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of HEAD with the working tree's code on top, and a second commit to compare with."""
    folder = tmp_path_factory.mktemp("asv") / "project"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    for name in ("perceptron", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "asv.conf.json", folder)
    git(folder, "checkout", "--quiet", "-B", "main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "the working tree")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "nothing changed")
    asv(folder, "machine", "--yes", "--machine", "box")
    return folder


def asv(folder: Path, *arguments: str, home: Path | None = None) -> str:
    """Run asv with its own home, so that nobody's machine file is touched; gives what it said.

    In one thread: two that wait for a core which a neighbour has taken make a time of a hundred.
    What was downloaded before is not downloaded again, and of what is installed only that is
    compiled which is imported: little of PyTorch is.
    """
    own = {"HOME": str(home or folder.parent)}
    pip = {"PIP_CACHE_DIR": pip_cache(), "PIP_COMPILE": "0"}
    environment = {**os.environ, **own, **pip, **thread_variables(1)}
    environment.pop("PYTHONPATH", None)
    process = subprocess.run(
        [sys.executable, "-m", "asv", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def pip_cache() -> str:
    """Where pip keeps what it downloaded, which it would look for below the other home."""
    command = [sys.executable, "-m", "pip", "cache", "dir"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_asv_commands_of_docs_work_in_order(clone: Path, tmp_path: Path) -> None:
    """Where asv knows no machine yet, from a clean clone with asv.conf.json as committed.

    Heavy dependencies are installed once. Of the cases a few are taken.
    """
    page = (ROOT / "docs" / "from-files.md").read_text(encoding="utf-8")
    lines = [line.split(" #")[0] for line in page.splitlines() if line.startswith("$ asv ")]
    assert [line.split()[2] for line in lines] == ["machine", "run", "continuous", "publish"]
    shorter = {
        "run": ("--quick", "--bench", r"MlpWidth.time_train\((2|128), '(numpy|torch-c)"),
        # A factor that no noise reaches: here it matters that two commits are built and compared.
        "continuous": ("--factor", "50", "--quick", "--bench", r"MlpDepth.time_train\(1, 'numpy'"),
    }
    assert "No problems found" in asv(clone, "check", home=tmp_path)
    printed = {}
    for line in lines:
        command, *words = line.split()[2:]
        printed[command] = asv(clone, command, *shorter.get(command, ()), *words, home=tmp_path)
    assert "train.MlpWidth.time_train" in printed["run"]
    assert "NOT SIGNIFICANTLY CHANGED" in printed["continuous"]
    assert (clone / "html" / "asv" / "index.html").is_file()
    assert len(list((clone / ".asv" / "env").iterdir())) == 1, "one environment for all commits"

    (machine,) = json.loads((tmp_path / ".asv-machine.json").read_text()).keys() - {"version"}
    table = perceptron.load_results(clone / "results" / "asv")
    table = table[table.machine == machine]  # beside the results of record
    width = table[table.family == "mlp-width"]
    assert set(width.source) == {"asv"}
    timed = width[width.seconds.notna()]
    assert set(timed["size"]) == {2, 128}
    assert set(timed.backend) >= {"numpy", "torch-cpu"}
    gone = width[width.backend == "torch-cuda"]
    if registry.reason_unavailable("torch-cuda") is not None:
        assert set(gone.status) == {"skipped"}
        assert gone.seconds.isna().all()
    seconds = width[(width.backend == "numpy") & (width["size"] == 128)].seconds.item()
    assert_near_our_own(seconds)


@pytest.mark.slow
def test_asv_quick_form_uses_existing_environment(clone: Path) -> None:
    """No environment to build: a look at one benchmark within seconds."""
    here = ("--environment", f"existing:{sys.executable}", "--quick", "--machine", "box")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True
    ).stdout.strip()
    numpy = r"PeakBytes.*perceptron-features.*'numpy'|Finding.*'numpy'"
    output = asv(clone, "run", *here, "--set-commit-hash", commit, "--bench", numpy)
    assert "finding.Finding.time_train" in output
    assert "memory.PeakBytes.track_peak_bytes" in output


@pytest.mark.slow
def test_pytest_benchmark_measures_the_same_cases(tmp_path: Path) -> None:
    """Its JSON reads into the same table, per iteration, with everything that identifies a row."""
    file = tmp_path / "benchmark.json"
    environment = {**os.environ, **thread_variables(1)}
    environment.pop("PYTEST_XDIST_WORKER", None)  # it measures nothing beside other tests
    only = ("-k", "mlp-width:128 and numpy")
    options = ("-q", "-p", "no:cacheprovider", *only, f"--benchmark-json={file}")
    subprocess.run(
        [sys.executable, "-m", "pytest", "benchmarks/test_train.py", *options],
        cwd=ROOT,
        check=True,
        capture_output=True,
        env=environment,
    )
    table = perceptron.load_results(file)
    numpy = table[table.backend == "numpy"].iloc[0]
    assert (numpy["family"], numpy["size"], numpy["dtype"], numpy["device"]) == (
        "mlp-width",
        128,
        "float32",
        "cpu",
    )
    assert numpy.hidden == (128,)
    assert len(numpy.samples) == 5
    assert_near_our_own(numpy.seconds)


def assert_near_our_own(seconds: float) -> None:
    """The unit and the work are those of `bench`: a mistake would be a factor of 50 iterations.

    A busy machine alone may make a factor of ten between two moments.
    """
    job = Time(
        problem="mlp-width:128",
        backend="numpy",
        dtype="float32",
        threads=1,
        minimum_seconds=0.01,
    )
    ours = run_job(job)
    assert ours.seconds is not None
    assert 1 / 25 < seconds / ours.seconds < 25
