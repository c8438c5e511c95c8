"""The stages of a day with a GPU, in the order of their worth.

The first call of ten minutes must bring the finding and from where on the GPU wins, whatever
follows; what the others bring makes that a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from perceptron.backends.ladder import rungs
from perceptron.problems import catalogue
from perceptron.studies.gpu_day import checks
from perceptron.studies.gpu_day.stage import (
    EAGER,
    RECORDED,
    Command,
    Day,
    Stage,
    perceptron,
)

SURVEY = perceptron("backends", "--json")
"""What can run here: the other stages are made of its answer."""

# What `perceptron race` exits with where nobody got to the target: it has raced all the same.
_NOBODY_THERE = 3
# In a rehearsal, on two cores, of what has processes of its own for each seed, or for each partner.
_SECONDS_OF_MANY_STARTS = 40.0


def _facts(_day: Day, _seconds: float) -> Sequence[Command]:
    return SURVEY, perceptron("doctor", "--json", good=(0, 1))


def _finding(day: Day, seconds: float) -> Sequence[Command]:
    words = ("--families", "none", "--backends", _named(day), *_rounds(day))
    return (day.study(seconds, "bench", *words),)


def _crossover(family: str) -> Callable[[Day, float], Sequence[Command]]:
    def commands(day: Day, seconds: float) -> Sequence[Command]:
        pairs = [(name, day.challenger) for name in day.incumbents]
        return (day.study(seconds, "crossover", "--family", family, *_pairs(pairs)),)

    return commands


def _along_models(family: str) -> Callable[[Day, float], Sequence[Command]]:
    """Set all at once on the GPU beside the CPU, and beside one model after the other."""

    def commands(day: Day, seconds: float) -> Sequence[Command]:
        first, *others = day.at_once
        pairs = [(name, first) for name in (*day.incumbents, *day.one_by_one)]
        pairs += [(name, other) for name in day.incumbents[:1] for other in others]
        if day.rehearse:  # two cores need some seconds for each process of a backend
            pairs = pairs[:1]
        return (day.study(seconds, "crossover", "--family", family, *_pairs(pairs)),)

    return commands


def _race(day: Day, seconds: float) -> Sequence[Command]:
    """Have them race in both dtypes: who does not compute in one says so."""
    racing = [*day.incumbents, day.challenger, *filter(day.has, (RECORDED,))]
    if day.rehearse:
        racing = [*day.incumbents[:1], day.challenger]
    words = ("--problem", "digits", "--target", "accuracy=0.95", "--backends", ",".join(racing))
    return (
        day.study(
            *(seconds, "race", *words, "--dtype", "float32", "bfloat16"),
            rehearsed=("--seeds", "2"),
            at_least=_SECONDS_OF_MANY_STARTS,
            # A rehearsal that nobody won had no time to race.
            good=(0,) if day.rehearse else (0, _NOBODY_THERE),
        ),
    )


def _data_parallel(day: Day, seconds: float) -> Sequence[Command]:
    """Search along the batch: what is shared out grows, and what is exchanged does not."""
    alone, *over_two = day.data_parallel
    pairs = [(alone, over) for over in over_two]
    if not day.rehearse or not over_two:
        pairs = [(EAGER, alone), *pairs, *((EAGER, over) for over in over_two)]
    # Processes share threads evenly, and it is GPUs that compute here.
    threads = ("--threads", "2") if over_two else ()
    note = "" if over_two else f"{alone} over one process alone: two need 2 GPUs, and here is 1"
    words = ("--family", "mlp-batch", *_pairs(pairs), *threads)
    return (day.study(seconds, "crossover", *words, at_least=_SECONDS_OF_MANY_STARTS, note=note),)


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [word for pair in pairs for word in ("--pair", ":".join(pair))]


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


# Three calls of ten minutes, each within 9½ minutes: up to `check`, up to `batch`, and the rest.
# All together leave time for the machine to start and for what is between the calls.
STAGES = tuple(
    Stage(number, *fields)
    for number, fields in enumerate(
        (
            ("facts", "what can run here, and what makes its timings untrustworthy", 50.0, _facts),
            ("finding", "10,000 iterations on the OR gate: the GPU's bar", 100.0, _finding),
            ("width", "from which hidden width up the GPU wins", 100.0, _crossover("mlp-width")),
            (
                "check-many",
                "what trains many models at once keeps its contract",
                50.0,
                checks.check_many,
            ),
            (
                "many-or-gates",
                "from how many OR gates at once the GPU wins",
                150.0,
                _along_models("many-or-gates"),
            ),
            ("tests", "the tests that need a GPU: what fails at first contact", 50.0, checks.tests),
            ("check", "every GPU backend keeps its contract", 60.0, checks.check),
            (
                "ladder",
                "the OR gate's rungs, kernels counted and profiled",
                190.0,
                _ladder("or-gate"),
            ),
            ("race", "who has digits trained first, in float32 and bfloat16", 230.0, _race),
            ("rows", "from how many rows up the GPU wins", 70.0, _crossover("perceptron-rows")),
            ("batch", "from which batch up the GPU wins", 70.0, _crossover("mlp-batch")),
            ("bench", "a whole run of the main job, for README and the pages", 180.0, _bench),
            (
                "many-mlps",
                "from how many classifiers at once the GPU wins",
                100.0,
                _along_models("many-mlps"),
            ),
            (
                "check-ddp",
                "what trains over several GPUs keeps its contract",
                40.0,
                checks.check_data_parallel,
            ),
            (
                "ddp",
                "what data-parallel training costs alone, and from which batch a second GPU pays",
                70.0,
                _data_parallel,
            ),
            ("map", "who wins over rows × width", 70.0, _map),
            ("ladder-digits", "the rungs on mini-batches of digits", 60.0, _ladder("digits")),
        ),
        start=1,
    )
)


def machine_of(gpu: str) -> str:
    """Return the name of the results folder for a GPU: ``h100-80gb-hbm3``."""
    words = re.findall(r"[a-z0-9]+", gpu.lower())
    return "-".join(word for word in words if word != "nvidia")[:64] or "gpu"
