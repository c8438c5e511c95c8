"""A day with a GPU made up: what can run there, its stages and their commands."""

from __future__ import annotations

from pathlib import Path

from perceptron.records.backend import BackendFacts
from perceptron.studies.gpu_day.plan import STAGES
from perceptron.studies.gpu_day.stage import Command, Day, Stage


def facts(name: str, device: str = "cpu", reason: str | None = None) -> BackendFacts:
    return BackendFacts(
        name=name, device=device, summary="", reason=reason, available=reason is None
    )


HERE = (
    facts("numpy"),
    facts("torch-cpu"),
    facts("torch-cuda", "cuda"),
    facts("torch-cuda-graph", "cuda"),
    facts("torch-ddp-cuda", "cuda"),
    facts("cupy", "cuda", "cupy is not installed"),
    facts("jax-cuda", "cuda"),
    facts("torch-cuda-one-by-one", "cuda"),
)
_NO_TORCH = "torch is not installed"
WITHOUT_TORCH = (
    facts("numpy"),
    *(facts(name, reason=_NO_TORCH) for name in ("torch-cpu", "torch-ddp")),
    *(
        facts(name, "cuda", _NO_TORCH)
        for name in ("torch-cuda", "torch-ddp-cuda", "torch-cuda-one-by-one")
    ),
    facts("jax-cuda", "cuda"),
)


def day(*backends: BackendFacts, rehearse: bool = False, gpus: int = 1) -> Day:
    """Return a day on which `HERE` is known of, unless backends are given."""
    known = {one.name: one for one in backends or HERE}
    return Day(Path("out"), "box", lambda: known, rehearse, gpus)


def stage(name: str) -> Stage:
    (found,) = [one for one in STAGES if one.name == name]
    return found


def only(name: str, a_day: Day, seconds: float = 100.0) -> Command:
    """Return the one command of a stage."""
    (command,) = stage(name).commands(a_day, seconds)
    return command


def value(command: Command, option: str) -> str:
    return command.arguments[command.arguments.index(option) + 1]


def values(command: Command, option: str) -> list[str]:
    """Return what an option is given each time."""
    words = command.arguments
    return [words[at + 1] for at, word in enumerate(words) if word == option]
