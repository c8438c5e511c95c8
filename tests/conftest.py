"""What several tests share: rows made up, problems of every kind, the command line as a process."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from perceptron.backends.accelerators.protocol import cuda_unavailable
from perceptron.backends.protocol import thread_variables
from perceptron.backends.shared.compilers import INTERPRET
from perceptron.cli import main
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from tests import slurm, watching

ROOT = Path(__file__).parents[1]

# Threads that wait for a core which another process of the tests has taken make 38 ms out of
# 0.2 ms. Workers are told their own number; the rest runs in one. Read when NumPy is imported.
os.environ.update(thread_variables(1))

# Without a GPU Triton's kernels are interpreted, in this process and in those that it starts. Read
# when Triton is imported, which PyTorch's compiler may do before a test of ours.
if cuda_unavailable():
    os.environ.setdefault(INTERPRET, "1")

# A shell that starts the tests in the background has them, and all that they start, ignore ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine breaks no test. Of a property thirty examples at each commit are many in a week.
settings.register_profile("any machine", deadline=None, max_examples=30)
settings.load_profile("any machine")

# Beside what is marked slow: tests of half a minute, which would leave the other workers idle if
# they came last.
_FIRST = ("tests/test_asv.py", "tests/commands", "tests/test_docs.py", "tests/test_functions.py")
# What each process that trains by it pays once, in imports and compiling: beside each other these
# tests mostly share one process.
_STARTED_ONCE = ("numba", "jax", "compiled", "ddp", "data_parallel", "persistent")

MakeRow = Callable[..., Measurement]
Perceptron = Callable[..., subprocess.CompletedProcess[str]]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """All of it stays until the end: to look for garbage in it was a tenth of collecting."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes longest first, then backends that start slowly, each's tests together."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    test, last = item.nodeid, len(_STARTED_ONCE) + 1
    if test.startswith("tests/backends"):
        return next((turn for turn, word in enumerate(_STARTED_ONCE, 1) if word in test), last)
    return 0 if item.get_closest_marker("slow") or test.startswith(_FIRST) else last


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Clear up after processes that were killed, before pytest-cov puts together what all wrote."""
    result = yield
    if not hasattr(session.config, "workerinput"):
        watching.remove_unfinished(session.config.rootpath)
    return result


@pytest.fixture(scope="session")
def results_of_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed results, without whatever else was measured in this checkout."""
    from benchmarks.of_record import export  # not copied to where a GPU is

    return export(ROOT, tmp_path_factory.mktemp("record"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[slurm.Cluster]:
    """Slurm for real, of two nodes; where it is not installed the tests are skipped."""
    reason = slurm.unavailable()
    if reason is not None:
        pytest.skip(reason)
    with slurm.running() as running:
        yield running


@pytest.fixture
def row() -> MakeRow:
    """A measurement of another tool; any field can be given."""
    from tests.made import measured

    return partial(
        measured, source="test", environment=None, commit=None, device="cpu", seconds=1e-6
    )


@pytest.fixture
def environment() -> Environment:
    from tests.made import FACTS

    return FACTS


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Perceptron:
    """Run the command line in this process, in an empty folder; workers are processes all the same.

    Importing what a command needs takes two seconds, and here that is paid once.
    """

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["perceptron", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        code = left.value.code
        assert isinstance(code, int), "a code that the shell would see"
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return run


@pytest.fixture
def perceptron(tmp_path: Path) -> Perceptron:
    """Run the command line in a process of its own, in an empty folder."""
    return partial(typed, tmp_path)


def install_backend(folder: Path, name: str, place: str) -> None:
    """Put beside a module what pip notes of a package that has one backend, ``module:object``."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[perceptron.backends]\n{name} = {place}\n")


def typed(
    folder: Path, *arguments: str, path: Sequence[Path] = (ROOT,), **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with modules found on ``path``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-m", "perceptron", *arguments],
        cwd=folder,
        env=environment | options.pop("variables", {}),
        text=True,
        check=False,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
    )
