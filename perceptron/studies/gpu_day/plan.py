"""The stages of a day with a GPU, in the order of their worth.

The first call of ten minutes must bring the finding and a crossover whatever follows; what the
second one brings makes them a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.backends.ladder import rungs
from perceptron.problems import catalogue
from perceptron.records.backend import CheckResult
from perceptron.studies.gpu_day.stage import Command, Day, LeftOut, Stage, perceptron

CHECKOUT = Path(__file__).parents[3]
"""Where the package lies, and its tests unless it was installed."""
SURVEY = perceptron("backends", "--json")
"""What can run here: the other stages are made of its answer."""


def _facts(_day: Day, _seconds: float) -> Sequence[Command]:
    return SURVEY, perceptron("doctor", "--json", good=(0, 1))


def _finding(day: Day, seconds: float) -> Sequence[Command]:
    words = ("--families", "none", "--backends", _named(day), *_rounds(day))
    return (day.study(seconds, "bench", *words),)


def _crossover(family: str) -> Callable[[Day, float], Sequence[Command]]:
    def commands(day: Day, seconds: float) -> Sequence[Command]:
        pairs = [f"{name}:{day.challenger}" for name in day.incumbents]
        words = [word for pair in pairs for word in ("--pair", pair)]
        return (day.study(seconds, "crossover", "--family", family, *words),)

    return commands


def _tests(day: Day, _seconds: float) -> Sequence[Command]:
    """Run them on every GPU backend; a warning of another version of a library is no failure."""
    day.challenger  # noqa: B018 raises where there is none
    folder = CHECKOUT / "tests" / "backends"
    if not folder.is_dir():
        raise LeftOut(f"{folder}: no tests here: run from a checkout")
    words = ("-m", "gpu", "-v", "-p", "no:cacheprovider", "-W", "default", "-o", "filterwarnings=")
    # Compiling each problem of the contract takes longer than all else; `check` does it for two.
    chosen = ("-k", "not float64 and not (promise and (compiled or jax))")
    # First the published training on each backend: there may be no time for more. A rehearsal of
    # all tests would take minutes.
    tests = [folder / "test_golden.py", *([] if day.rehearse else [folder])]
    arguments = ("-m", "pytest", *words, *chosen, *map(str, tests))
    return (Command(arguments, document=False, complaint=_failed_tests),)


def _failed_tests(answer: bytes) -> str | None:
    """Return pytest's last line where tests failed, as in ``2 failed, 9 passed in 3.1s``."""
    lines = answer.decode(errors="replace").split("\n")
    summary = next((line.strip("= ") for line in reversed(lines) if line.strip()), "")
    return summary if re.search(r"\b\d+ (failed|errors?)\b", summary) else None


def _check(day: Day, _seconds: float) -> Sequence[Command]:
    """Check each in a process of its own: an error on a device spoils what follows there."""
    day.challenger  # noqa: B018 raises where there is none
    problems = ("or-gate",) if day.rehearse else ("or-gate", "mlp-width:64")
    words = tuple(word for problem in problems for word in ("--problem", problem))
    # 1 also where a backend trains none of these problems.
    return [
        perceptron(
            *("check", name, *words, "--json"),
            good=(0, 1),
            complaint=broken_promises,
            about=name,
        )
        for name in day.gpu_backends
    ]


class _Checked(Struct):
    backends: dict[str, list[CheckResult]]


def broken_promises(answer: bytes) -> str | None:
    """Return the first promise that `perceptron check --json` found broken, for each backend."""
    try:
        checked = msgspec.json.decode(answer, type=_Checked).backends
    except msgspec.DecodeError as error:
        return f"`perceptron check` did not answer: {error}"
    broken = [
        next((f"{name}: {one.name}: {one.broken[0]}" for one in promises if one.broken), None)
        for name, promises in checked.items()
    ]
    return "; ".join(filter(None, broken)) or None


def _ladder(problem: str) -> Callable[[Day, float], Sequence[Command]]:
    def commands(day: Day, seconds: float) -> Sequence[Command]:
        day.challenger  # noqa: B018 raises where there is none
        # Each process that only says that it loads batches would take seconds of the time.
        fitting = rungs("cuda", catalogue.find(problem).batch is not None)
        on_device = [name for name in day.gpu_backends if name in fitting]
        backends = ",".join((*day.incumbents, *on_device, "numba"))
        words = ("--problem", problem, "--backends", backends)
        return (day.study(seconds, "overhead", *words),)

    return commands


def _bench(day: Day, seconds: float) -> Sequence[Command]:
    backends = () if day.has("torch-cuda") else ("--backends", _named(day))
    families = ("--families", "mlp-depth") if day.rehearse else ()
    return (day.study(seconds, "bench", *backends, *families, *_rounds(day)),)


def _rounds(day: Day) -> tuple[str, ...]:
    """Return how many processes `bench` is to take: one in a rehearsal."""
    return ("--rounds", "1") if day.rehearse else ()


def _map(day: Day, seconds: float) -> Sequence[Command]:
    return (day.study(seconds, "map", "--family", "mlp-map", "--backends", _named(day)),)


def _named(day: Day) -> str:
    return ",".join((*day.incumbents, day.challenger))


# Two calls of ten minutes: up to `check` and the rest, each within 9½ minutes.
STAGES = tuple(
    Stage(number, *fields)
    for number, fields in enumerate(
        (
            ("facts", "what can run here, and what makes its timings untrustworthy", 50.0, _facts),
            ("finding", "10,000 iterations on the OR gate: the GPU's bar", 100.0, _finding),
            ("width", "from which hidden width up the GPU wins", 100.0, _crossover("mlp-width")),
            (
                "ladder",
                "the OR gate's rungs, kernels counted and profiled",
                190.0,
                _ladder("or-gate"),
            ),
            ("tests", "the tests that need a GPU: what fails at first contact", 50.0, _tests),
            ("check", "every GPU backend keeps its contract", 60.0, _check),
            ("rows", "from how many rows up the GPU wins", 80.0, _crossover("perceptron-rows")),
            ("batch", "from which batch up the GPU wins", 80.0, _crossover("mlp-batch")),
            ("bench", "a whole run of the main job, for README and the pages", 210.0, _bench),
            ("map", "who wins over rows × width", 100.0, _map),
            ("ladder-digits", "the rungs on mini-batches of digits", 90.0, _ladder("digits")),
        ),
        start=1,
    )
)


def machine_of(gpu: str) -> str:
    """Return the name of the results folder for a GPU: ``h100-80gb-hbm3``."""
    words = re.findall(r"[a-z0-9]+", gpu.lower())
    return "-".join(word for word in words if word != "nvidia")[:64] or "gpu"
