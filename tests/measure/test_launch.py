"""Real worker processes, and backends that may do anything."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from perceptron.backends import registry
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.measure import launch
from perceptron.measure.job import Outcome, Time
from perceptron.measure.launch import run_job
from perceptron.problems.datasets import DATA_FOLDER
from perceptron.processes import fresh_python
from perceptron.processes.supervision import ChildProcess
from tests.conftest import install_backend

STRANGE = """
import os, signal, sys, time
from perceptron.backends.numpy_backend import NumpyBackend

class Strange(NumpyBackend):
    name = "strange"

    def prepare(self, problem, dtype):
        print("noise on standard output", flush=True)
        if problem.name == "mlp-width:2":
            {action}
        return super().prepare(problem, dtype)
"""


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Install a backend named `strange` that does ``action`` on mlp-width:2, as a package would."""

    def install(action: str) -> None:
        (tmp_path / "strange.py").write_text(STRANGE.format(action=textwrap.dedent(action)))
        install_backend(tmp_path, "strange", "strange:Strange")
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    sys.modules.pop("strange", None)


PROBLEMS = ("mlp-width:4", "mlp-width:2", "mlp-width:8")


def job(problem: str = "mlp-width:2", **changes: Any) -> Time:
    defaults: dict[str, Any] = {"backend": "numpy", "dtype": "float32", "threads": 1, "samples": 2}
    return Time(problem=problem, minimum_seconds=0.001, **(defaults | changes))


def run(backend: str, problems: Iterable[str] = PROBLEMS, **changes: Any) -> dict[str, Outcome]:
    """Return the outcome of each problem, one after the other in a process that stays."""
    with launch.Workers() as workers:
        return {
            problem: workers.run("", job(problem, backend=backend, **changes))
            for problem in problems
        }


def test_workers_measure_each_problem_that_fits() -> None:
    """Seconds, samples, iterations and the time to prepare, all positive."""
    large = "perceptron-features:999999999"
    outcomes = run("numpy", ["mlp-width:4", large, "mlp-width:8"])
    too_large = outcomes.pop(large)
    assert too_large.status == "skipped"
    assert "needs about" in str(too_large.reason)
    assert "GiB are free" in str(too_large.reason)
    for outcome in outcomes.values():
        assert outcome.status == "ok"
        assert len(outcome.samples) == 2
        assert min(outcome.samples) > 0
        assert outcome.seconds is not None
        assert outcome.iterations is not None
        assert outcome.seconds > 0
        assert outcome.iterations > 0
        assert outcome.prepare_seconds is not None
        assert outcome.prepare_seconds > 0


CRASHES = {
    "mlp-width:2": ("os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
    "mlp-width:5": ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    "mlp-width:6": (
        "import numpy, resource; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); "
        "numpy.ones(2**34)",
        "out of memory",
    ),
    # Two in a row: a worker whose first job ends it is one that could start.
    "mlp-width:7": ("raise SystemExit(3)", "the worker exited with 3"),
    "mlp-width:9": ("raise SystemExit(4)", "the worker exited with 4"),
    # Whatever else such a process asked of the device would fail as well.
    "mlp-width:10": (
        "globals()['is_spoilt'] = True; raise RuntimeError('CUDA error: an illegal memory access')",
        "CUDA error: an illegal memory access",
    ),
}


def test_workers_crash_costs_one_problem(strange) -> None:  # type: ignore[no-untyped-def]
    """The others are measured all the same, by a fresh worker if need be."""
    crashes = "".join(
        f"\n        if problem.name == {name!r}:\n            {action}"
        for name, (action, _) in CRASHES.items()
    )
    spoilt = (
        "\n        if 'is_spoilt' in globals():\n            raise RuntimeError('still spoilt')"
    )
    strange(f"pass{spoilt}{crashes}")
    outcomes = run("strange", ["mlp-width:4", *CRASHES, "mlp-width:8"])
    for name, (_, reason) in CRASHES.items():
        assert outcomes[name].status == "failed"
        assert reason in str(outcomes[name].reason)
    assert outcomes["mlp-width:4"].status == outcomes["mlp-width:8"].status == "ok"


def test_workers_sigterm_is_an_interrupt(strange) -> None:  # type: ignore[no-untyped-def]
    """A scheduler asks all processes of a job: the whole is interrupted, and nothing is noted."""
    strange("os.kill(os.getpid(), signal.SIGTERM)")
    with pytest.raises(KeyboardInterrupt):
        run_job(job(backend="strange"))


def test_workers_hang_costs_one_problem(  # type: ignore[no-untyped-def]
    strange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence beyond the limit ends the worker, and only it.

    The limit holds from where the worker says that it hangs: a busy machine may start it late.
    """
    hanging = tmp_path / "hanging"
    strange(f"open({str(hanging)!r}, 'w').close(); time.sleep(1000)")
    read_line = ChildProcess.read_line

    def patient(process: ChildProcess, timeout_seconds: float) -> bytes | None:
        while not hanging.exists():
            with contextlib.suppress(TimeoutError):
                return read_line(process, 0.05)
        try:
            return read_line(process, timeout_seconds)
        except TimeoutError:
            hanging.unlink()
            raise

    monkeypatch.setattr(ChildProcess, "read_line", patient)
    monkeypatch.setattr(launch, "TIMEOUT_SECONDS", 0.5)
    outcomes = run("strange")
    assert outcomes["mlp-width:2"].reason == "no answer within 0.5 s"
    assert outcomes["mlp-width:4"].status == outcomes["mlp-width:8"].status == "ok"


def test_workers_failed_start_reports_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """All problems fail for the reason that Python gave, once, whenever it was started."""
    monkeypatch.setattr(registry, "load", lambda name: NumpyBackend())
    with launch.Workers() as workers:
        workers.warm({"gone": job(backend="gone")})
        outcomes = [workers.run("gone", job(backend="gone")) for _ in range(2)]
    assert all("unknown backend 'gone'" in str(outcome.reason) for outcome in outcomes)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("1 / 0", "ZeroDivisionError"), ("{'N': 3}", "must give a dict")],
)
def test_workers_invalid_environment_fails_its_backend(
    answer: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method may do anything; the run continues with the others."""

    class Odd(NumpyBackend):
        def environment(self, threads: int) -> dict[str, str]:
            return eval(answer)  # type: ignore[no-any-return]  # noqa: S307

    monkeypatch.setattr(registry, "load", lambda name: Odd())
    outcome = run_job(job())
    assert outcome.status == "failed"
    assert reason in str(outcome.reason)


def test_workers_are_started_together_last_and_are_used_again() -> None:
    """One name is one process; all share a folder while they last; after a crash there is a fresh
    one."""
    one = job()
    with launch.Workers() as workers:
        workers.warm({"a": one, "b": one})
        warmed = processes_of(workers)
        assert set(warmed) == {"a", "b"}
        workers.warm({"a": one, "c": one})
        for problem in ("mlp-width:2", "mlp-width:8"):
            assert workers.run("a", job(problem)).status == "ok"
        processes = processes_of(workers)
        assert set(processes) == {"a", "b", "c"}
        assert processes["a"].pid == warmed["a"].pid
        (folder,) = {
            psutil.Process(process.pid).environ()[DATA_FOLDER] for process in processes.values()
        }
        assert Path(folder).is_dir()
        os.kill(processes["a"].pid, signal.SIGKILL)
        processes["a"].wait()
        assert workers.run("a", one).status == "ok"
    assert all(process.has_ended for process in processes.values())
    assert not Path(folder).exists()


def test_workers_answer_prefetched_job() -> None:
    """Another one that comes first gets its own answer."""
    one, other = job(iterations=7), job(iterations=11)
    with launch.Workers() as workers:
        workers.warm({"worker": one})
        workers.ask("worker", one)
        assert workers.run("worker", other).iterations == 11
        workers.ask("worker", other)
        assert workers.run("worker", other).iterations == 11
        assert workers.run("worker", one).iterations == 7


def processes_of(workers: launch.Workers) -> dict[str, ChildProcess]:
    return {name: worker.process for name, worker in workers._alive.items()}


def test_workers_abandon_job_after_budget(strange) -> None:  # type: ignore[no-untyped-def]
    """Its worker is gone, nothing is said about the problem, and the next job has a fresh one."""
    strange("time.sleep(1000)")
    left = [600.0]
    with launch.Workers(lambda: left[0]) as workers:
        workers.run("a", job("mlp-width:4", backend="strange"))
        worker = workers._alive["a"].process
        left[0] = 0.0
        with pytest.raises(launch.Abandoned):
            workers.run("a", job("mlp-width:2", backend="strange"))
        assert worker.has_ended
        assert not workers._alive
        left[0] = 600.0
        again = workers.run("a", job("mlp-width:8", backend="strange"))
    assert again.status == "ok"


def test_workers_that_are_not_warm_in_time_are_abandoned() -> None:
    """None is left that would answer an old job to the next."""
    one = job()
    with launch.Workers(lambda: 0.0) as workers:
        with pytest.raises(launch.Abandoned) as abandoned:
            workers.warm({"a": one, "b": one})
        assert abandoned.value.workers == ("a", "b")
        assert not workers._alive


def test_workers_disagreeing_backend_fails_check(strange) -> None:  # type: ignore[no-untyped-def]
    """With the difference, so that its author knows where to look; a check times nothing."""
    strange(
        "from dataclasses import replace; optimizer = problem.optimizer; "
        "problem = replace(problem, optimizer=replace(optimizer, rate=optimizer.rate * 1.5))"
    )
    outcomes = run("strange", step="check")
    assert outcomes["mlp-width:2"].status == "failed"
    assert "disagrees with float64 NumPy" in str(outcomes["mlp-width:2"].reason)
    assert outcomes["mlp-width:4"].status == "ok"
    assert outcomes["mlp-width:4"].seconds is None


def test_workers_wrong_thread_count_is_an_error(strange) -> None:  # type: ignore[no-untyped-def]
    """Backends on unequal threads are never compared."""
    strange("import threadpoolctl; threadpoolctl.threadpool_limits(3)")
    outcomes = run("strange", ["mlp-width:2"])
    assert "runs 3 threads instead of 1" in str(outcomes["mlp-width:2"].reason)


def test_worker_ends_with_its_parent() -> None:
    """A killed run must not leave a process that keeps the machine busy."""
    worker = subprocess.Popen(
        fresh_python.command("perceptron.measure.worker"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=launch.worker_environment(registry.load("numpy"), 1),
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    long = msgspec.structs.replace(job(samples=100_000), minimum_seconds=0.1)
    worker.stdin.write(msgspec.json.encode(long) + b"\n")
    worker.stdin.close()
    assert worker.wait(timeout=300) == 0
    worker.stdout.close()
