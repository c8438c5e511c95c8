from __future__ import annotations

import pytest

from perceptron import optional
from perceptron.backends.accelerators import jax_accelerator
from perceptron.backends.accelerators.jax_accelerator import (
    is_accepted,
    repeats_within_a_graph,
    runs,
    with_loops_on_the_device,
)

needs_jax = pytest.mark.skipif(
    optional.missing("jax") is not None, reason=str(optional.missing("jax"))
)


def takes(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Let XLA take flags with one of these words only."""
    monkeypatch.setattr(
        jax_accelerator, "is_accepted", lambda flags: any(word in flags for word in words)
    )


@pytest.mark.parametrize("word", ["+WHILE,", ",WHILE,"])
def test_a_loop_goes_into_a_command_buffer_as_this_xla_says_it(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own flags stay, and come first; who says what is in buffers has the last word."""
    takes(monkeypatch, word)
    for own in ("", "--xla_cpu_enable_fast_math=false"):
        flags = with_loops_on_the_device(own)
        assert flags.startswith(own)
        assert flags == flags.strip()
        assert word in flags
    own = "--xla_gpu_enable_command_buffer= --more"
    assert with_loops_on_the_device(own) == own


def test_an_xla_without_it_gets_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that it does not know would end the worker."""
    takes(monkeypatch)
    assert with_loops_on_the_device("--own") == "--own"


@needs_jax
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", True),
        ("--xla_gpu_graph_min_graph_size=1", True),
        ("--xla_gpu_enable_command_buffer=WHILE,NO_SUCH_COMMAND", False),
        ("--xla_no_such_flag=1", False),
    ],
)
def test_xla_itself_is_asked(flags: str, expected: bool) -> None:
    assert is_accepted(flags) == expected


@pytest.mark.parametrize("works", [True, False])
def test_a_gpu_that_cannot_run_it_gets_no_flag(
    works: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its trainings would end its worker: then the host steers the loop."""
    takes(monkeypatch, "+WHILE,")
    monkeypatch.setattr(jax_accelerator, "cuda_unavailable", lambda: None)
    monkeypatch.setattr(jax_accelerator, "runs", lambda flags: works)
    assert ("WHILE" in with_loops_on_the_device("--own")) == works


@needs_jax
def test_a_loop_is_run_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU here; what does not end, or ends wrongly, does not work."""
    assert runs("", "cpu")
    assert not runs("--xla_no_such_flag=1", "cpu")
    monkeypatch.setattr(jax_accelerator, "_RUN_SECONDS", 0.01)
    assert not runs("", "no such platform")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--xla_gpu_enable_command_buffer=+WHILE,+CONDITIONAL --more", True),
        ("--xla_gpu_enable_command_buffer=FUSION --WHILE", False),
        ("", False),
    ],
)
def test_a_loop_in_a_graph_is_known_by_the_flags(flags: str, expected: bool) -> None:
    assert repeats_within_a_graph(flags) == expected


@needs_jax
def test_the_installed_xla_keeps_loops_on_the_device() -> None:
    assert "WHILE" in with_loops_on_the_device("")
