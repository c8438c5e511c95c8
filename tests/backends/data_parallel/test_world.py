"""What becomes of a training when a rank of it does not go on: in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Client
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


def two() -> tuple[Trainer, Distributed]:
    backend: Any = registry.load("torch-ddp@2")
    return backend.prepare(OR_GATE, "float32"), backend


def family(numbers: list[int]) -> list[psutil.Process]:
    """Return the ranks and the launchers that started them."""
    ranks = [psutil.Process(number) for number in numbers]
    return [*ranks, *{rank.parent() for rank in ranks}]  # type: ignore[list-item]


def assert_gone(processes: list[psutil.Process], seconds: float = 20.0) -> None:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    zombies = [process for process in alive if process.status() == psutil.STATUS_ZOMBIE]
    assert alive == zombies


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("is killed", r"^rank 1 of 2 was ended by SIGKILL \(out of memory\?\): the last line$"),
        pytest.param(
            "stops",
            r"^rank 1 of 2 did not answer within 10 s; its last line: the last line$",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_rank_that_fails_is_named_and_nothing_is_left(
    way: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the third step of a training, where the other waits for it; the next world is fresh."""
    if way == "stops":
        world.end_worlds()
        monkeypatch.setattr(world, "EXCHANGE_SECONDS", 10.0)
    trainer, ranks = two()
    processes = family(ranks.process_ids())
    ranks.call(inside.fail_at_step, 1, way, 3)
    with pytest.raises(RankFailed, match=reason):
        trainer.train(10)
    assert_gone(processes)
    with pytest.raises(RankFailed, match="the 2 processes have ended"):
        trainer.train(1)
    assert ranks.call_running(inside.thread_count) == []


@pytest.mark.slow
def test_a_rank_that_ends_while_it_starts_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last line says why, as an import that fails does."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'RANK' in os.environ:\n"
        "    print('no such luck', file=sys.stderr, flush=True)\n"
        "    os._exit(7)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RankFailed, match=r"^rank 0 of 1 exited with 7: no such luck$"):
        world.World(1, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("with_launcher", [False, True])
def test_whoever_is_left_by_its_leader_leaves_even_if_it_is_stopped(with_launcher: bool) -> None:
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
    )
    with leader:
        assert leader.stdout is not None
        numbers = [int(word) for word in leader.stdout.readline().split()]
        processes = family(numbers)
        time.sleep(0.2)
        os.kill(numbers[1], signal.SIGSTOP)
        if with_launcher:
            processes[-1].kill()
        leader.kill()
    assert_gone(processes)


def answering(monkeypatch: pytest.MonkeyPatch, *answers: object) -> world.World:
    """Return a world whose ranks join and answer once, without a process."""

    def serve(folder: Path, rank: int, answer: object) -> None:
        with Client(str(folder / "leader"), "AF_UNIX") as leader:
            leader.send((rank, os.getpid()))
            with suppress(EOFError):
                for one in (("done", None), answer):  # joined; and silent after the next
                    leader.recv()
                    leader.send(one)
                leader.recv()
                leader.recv()

    def launch(processes: int, device: str, folder: Path) -> SimpleNamespace:
        for number, answer in enumerate(answers):
            threading.Thread(target=serve, args=(folder, number, answer), daemon=True).start()
        return SimpleNamespace(has_ended=False, end=lambda seconds: None)

    monkeypatch.setattr(world, "launch", launch)
    return world.World(len(answers), "cpu")


def test_a_rank_that_is_silent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = answering(monkeypatch, ("done", "a"), ("done", "b"))
    ranks.ask("anything")
    monkeypatch.setattr(world, "ANSWER_SECONDS", 0.1)
    with pytest.raises(RankFailed, match=r"^rank 0 of 2 did not answer within 0\.1 s; its last li"):
        ranks.ask("anything")


def test_what_no_rank_supports_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    no = ("unsupported", "not that")
    both = answering(monkeypatch, no, no)
    with pytest.raises(Unsupported, match=r"^not that$"):
        both.ask("prepare")
    assert not both.has_ended
    both.end()


def test_the_rank_that_others_waited_for_is_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = ("raised", "RuntimeError: [gloo/transport/tcp/pair.cc] Connection closed by peer")
    ranks = answering(monkeypatch, lost, ("raised", "MemoryError: "), lost)
    with pytest.raises(RankFailed, match=r"^rank 1 of 3: MemoryError"):
        ranks.ask("train")
    assert ranks.has_ended
