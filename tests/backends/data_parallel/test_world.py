"""What becomes of a training when a rank of it does not go on: in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from perceptron.backends import registry
from perceptron.backends.data_parallel import world
from perceptron.backends.protocol import Distributed, RankFailed, Trainer, Unsupported
from perceptron.problems import catalogue
from tests.backends.conftest import needs
from tests.backends.data_parallel import inside

needs("torch-ddp")

ROOT = Path(world.__file__).parents[3]
OR_GATE = catalogue.find("or-gate")
GUARD_SECONDS = 300.0


def two() -> tuple[Trainer, Distributed]:
    backend: Any = registry.load("torch-ddp@2")
    return backend.prepare(OR_GATE, "float32"), backend


def processes(ranks: Distributed) -> list[psutil.Process]:
    return [psutil.Process(number) for number in ranks.process_ids()]


def assert_gone(ranks: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(ranks, timeout=GUARD_SECONDS)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("is killed", r"^rank 1 of 2 was ended by SIGKILL \(out of memory\?\): the last line$"),
        pytest.param(
            *("stops", r"^rank 1 of 2 did not answer within 30 s; its last line: the last line$"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_world_failing_rank_is_named_and_cleaned_up(
    way: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the third step of a training, where the other waits for it; the next world is fresh."""
    if way == "stops":
        world.end_worlds()
        monkeypatch.setattr(world, "EXCHANGE_SECONDS", 30.0)
    trainer, ranks = two()
    started = processes(ranks)
    ranks.call(inside.fail_at_step, 1, way, 3)
    with pytest.raises(RankFailed, match=reason):
        trainer.train(10)
    assert_gone(started)
    with pytest.raises(RankFailed, match="the 2 processes have ended"):
        trainer.train(1)
    assert ranks.call_running(inside.thread_count) == []


@pytest.mark.slow
def test_world_rank_that_ends_at_start_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last line says why, as an import that fails does."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'perceptron.backends.data_parallel.rank' in sys.orig_argv[:-4]:\n"
        "    if sys.orig_argv[-4] == '1':\n"
        "        print('no such luck', file=sys.stderr, flush=True)\n"
        "        os._exit(7)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RankFailed, match=r"^rank 1 of 2 exited with 7: no such luck$"):
        world.World(2, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("ended_by", ["SIGKILL", "SIGINT"])
def test_ranks_end_with_their_leader_even_if_they_are_stopped(ended_by: str) -> None:
    """A leader that is killed says nothing to anybody, and a rank that is stopped hears nothing."""
    program = (
        "from perceptron.backends import registry\n"
        "from perceptron.problems import catalogue\n"
        "backend = registry.load('torch-ddp@2')\n"
        "trainer = backend.prepare(catalogue.find('or-gate'), 'float32')\n"
        "print(*backend.process_ids(), flush=True)\n"
        "trainer.train(10**9)\n"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with leader:
        assert leader.stdout is not None
        numbers = [int(word) for word in leader.stdout.readline().split()]
        started = [psutil.Process(number) for number in numbers]
        os.kill(numbers[1], signal.SIGSTOP)
        leader.send_signal(signal.Signals[ended_by])
    assert_gone(started)


def answering(
    monkeypatch: pytest.MonkeyPatch, *answers: object, last_line: str = ""
) -> world.World:
    """Return a world whose ranks meet, join, answer once and then are silent, without a process.

    In place of an answer a number is the exit code of a rank that ends; None is silence.
    """

    def serve(leader: Connection, answer: object) -> None:
        with leader, suppress(EOFError, OSError):
            for reply in (("done", 1), ("done", None), answer):
                leader.recv()
                if isinstance(reply, int):
                    return
                if reply is not None:
                    leader.send(reply)
            while True:
                leader.recv()

    def start(rank: int, processes: int, device: str) -> world.Rank:
        ours, theirs = Pipe()
        threading.Thread(target=serve, args=(theirs, answers[rank]), daemon=True).start()
        process: Any = SimpleNamespace(
            pid=rank, wait=lambda seconds: answers[rank], last_message=lambda: last_line
        )
        return world.Rank(process, ours)

    monkeypatch.setattr(world, "start", start)
    monkeypatch.setattr(world, "end_all", lambda processes: None)
    return world.World(len(answers), "cpu")


def test_world_silent_rank_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = answering(monkeypatch, ("done", "a"), ("done", "b"))
    ranks.ask("anything")
    monkeypatch.setattr(world, "ANSWER_SECONDS", 0.1)
    with pytest.raises(RankFailed, match=r"^rank 0 of 2 did not answer within 0\.1 s; its last li"):
        ranks.ask("anything")


def test_world_survives_unsupported_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    no = ("unsupported", "not that")
    both = answering(monkeypatch, no, no)
    with pytest.raises(Unsupported, match=r"^not that$"):
        both.ask("prepare")
    assert not both.has_ended
    both.end()


LOST = ("raised", "RuntimeError: [gloo/transport/tcp/pair.cc] Connection closed by peer")
WARNED = "UserWarning: DistributedDataParallel found unused parameters"


@pytest.mark.parametrize(
    ("answers", "last_line", "reason"),
    [
        ([LOST, ("raised", "MemoryError: "), LOST], "", r"^rank 1 of 3: MemoryError"),
        # NCCL aborts the process that has waited too long.
        ([-signal.SIGABRT, None], "NCCL: timed out", r"^rank 1 of 2 did not answer within 60 s"),
        # The other is silent because it waits for it.
        ([-signal.SIGKILL, None], WARNED, r"^rank 0 of 2 was ended by SIGKILL .*: UserWarning"),
    ],
)
def test_world_blames_rank_that_others_waited_for(
    answers: list[object], last_line: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "_GRACE_SECONDS", 0.1)
    ranks = answering(monkeypatch, *answers, last_line=last_line)
    with pytest.raises(RankFailed, match=reason):
        ranks.ask("train")
    assert ranks.has_ended


def test_world_ranks_share_time_to_die(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "_SECONDS_TO_DIE", 0.2)
    ranks = answering(monkeypatch, 1, 1, 1)
    waited: list[float] = []

    def wait(seconds: float) -> int:
        waited.append(seconds)
        time.sleep(seconds)
        raise subprocess.TimeoutExpired("rank", seconds)

    for rank in ranks._ranks:
        monkeypatch.setattr(rank.process, "wait", wait)
    with pytest.raises(RankFailed, match=r"^rank \d of 3 died"):
        ranks.ask("train")
    assert sum(waited) <= 0.2


def test_world_rank_that_cannot_start_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Pipe()

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(world, "Pipe", lambda: made)
    monkeypatch.setattr(world, "ChildProcess", refuse)
    with pytest.raises(OSError, match="no more processes"):
        world.start(0, 2, "cpu")
    assert [connection.closed for connection in made] == [True, True]
