"""The order of measurements: random, seeded and counterbalanced, within the budget."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from perceptron.gate.checkout.worktrees import FOLDERS
from perceptron.gate.sampling.processes import Seeds
from perceptron.records.block import Benchmark, Side, Stage

# Benchmarks of about this many seconds share a process, or of a few times its start: longer
# processes would separate the neighbours of a block in time.
_SECONDS_IN_A_PROCESS = 3.0
_STARTS_IN_A_PROCESS = 3.0


@dataclass(frozen=True)
class Turn:
    """The sides of a block in the order of their processes, and the folder of each side's tree."""

    order: tuple[Side, ...]
    folders: dict[Side, str]


@dataclass(frozen=True)
class Costs:
    """Seconds: the start of a process, and each benchmark in it."""

    start: float
    benchmarks: dict[str, float]
    alone: frozenset[str] = frozenset()
    """Benchmarks that need a process of their own."""

    def process(self, keys: Sequence[str]) -> float:
        """Return one side's share of a block of these benchmarks."""
        shared = sum(self.benchmarks[key] for key in keys if key not in self.alone)
        alone = [self.start + self.benchmarks[key] for key in keys if key in self.alone]
        starts = -(-shared // self.room) if shared else 0
        return starts * self.start + shared + sum(alone)

    @property
    def room(self) -> float:
        """Seconds of benchmarks that share a process."""
        return max(_SECONDS_IN_A_PROCESS, _STARTS_IN_A_PROCESS * self.start)


@dataclass(frozen=True)
class Calibration:
    """Effort of each benchmark, equal in all sides: calls in each batch, and batches.

    Benchmarks that are missing here are calibrated.
    """

    calls: Mapping[str, int]
    batches: Mapping[str, int]
    costs: Costs


CALIBRATING = Calibration({}, {}, Costs(0.0, {}))


def turn(sides: Sequence[Side], seed: int, stage: Stage, number: int) -> Turn:
    """Return the turn of this block: every order and every placing comes equally often.

    Each is dealt from its own shuffled pack of all possibilities, so neither order nor folder can
    favour a side, and no periodic load can coincide with it.
    """
    everyone = list(permutations(range(len(sides))))
    pack, card = divmod(number, len(everyone))
    orders = random.Random(f"{seed} {stage} orders {pack}").sample(everyone, len(everyone))
    placings = random.Random(f"{seed} {stage} places {pack}").sample(everyone, len(everyone))
    return Turn(
        tuple(sides[index] for index in orders[card]),
        {side: FOLDERS[index] for side, index in zip(sides, placings[card], strict=True)},
    )


def groups(
    benchmarks: Sequence[Benchmark], costs: Costs, seed: int, stage: Stage, number: int
) -> list[list[Benchmark]]:
    """Return groups of benchmarks that share a process, in random order, equal for all sides."""
    shuffle = random.Random(f"{seed} {stage} groups {number}")
    processes: list[list[Benchmark]] = []
    seconds = costs.room
    together = [benchmark for benchmark in benchmarks if benchmark.key not in costs.alone]
    for benchmark in shuffle.sample(together, len(together)):
        cost = costs.benchmarks.get(benchmark.key, 0.0)
        if seconds + cost > costs.room:
            processes.append([])
            seconds = 0.0
        processes[-1].append(benchmark)
        seconds += cost
    processes += [[benchmark] for benchmark in benchmarks if benchmark.key in costs.alone]
    shuffle.shuffle(processes)
    return processes


def seeds(seed: int, stage: Stage, number: int) -> Seeds:
    """Return the seeds of a block's processes.

    All sides of a block share its seeds: the layout of dicts and sets is noise that pairs cancel,
    and two draws of an input may need different amounts of work. Each block has other seeds: a
    change must not be judged by a lucky layout or input. Memory addresses cannot be paired like
    this: without address randomization every block would repeat one layout, in which base and head
    differ by chance.
    """
    hashes = random.Random(f"{seed} {stage} hash {number}").randrange(2**32)
    drawn = random.Random(f"{seed} {stage} draw {number}").randrange(2**32)
    return Seeds(hashes, drawn)


def fitting(
    order: Iterable[str], costs: Costs, seconds: float, blocks: int, sides: int
) -> list[str]:
    """Return the benchmarks, most important first, of which ``blocks`` blocks each fit together."""
    chosen: list[str] = []
    for key in order:
        if sides * blocks * costs.process([*chosen, key]) <= seconds:
            chosen.append(key)
    return chosen
