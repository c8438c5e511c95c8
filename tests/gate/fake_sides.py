"""Sides on made-up time, in the place of processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from perceptron.gate.sampling.processes import Answer, Instrument, Seeds
from perceptron.records.block import Benchmark, Side

PROCESS_SECONDS = 1.0
Task = dict[str, Any]


@dataclass
class FakeSides:
    """Programs that take a second to start, import the module of each benchmark, and answer.

    A benchmark takes no time, unless ``seconds`` has it, and ``setup_cache`` too. HEAD's value is
    BASE's times its ``ratios``, in turn, and twice that in a process that ``waits``; ``trials`` are
    the ratios of its calls while it is tried. A program ends with what ``happens``: when it starts,
    at the import of a module or at a benchmark.
    """

    home: Path
    seconds: Mapping[str, float] = field(default_factory=dict)
    ratios: Mapping[str, Sequence[float]] = field(default_factory=dict)
    trials: Mapping[str, Sequence[float]] = field(default_factory=dict)
    waits: Callable[[Side, int], float] = lambda *_: 0.0
    """The share, by how many processes the side has had."""
    happens: Callable[[Side, str], Answer | None] = lambda *_: None
    imports: Callable[[Side, str], float] = lambda *_: 0.0
    """The seconds of a module's import; a program is silent for no longer than it may be."""
    instructions: Callable[[Side, str], float] = lambda *_: 1000.0

    def __post_init__(self) -> None:
        self.trees = SimpleNamespace(home=self.home, arrange=lambda _: None)
        self.now = 0.0
        self.started: list[Side] = []
        self.ended: list[Side] = []
        self.asked: list[tuple[Side, str]] = []
        self._measured: Counter[Side] = Counter()
        self._turns = {
            (kind, key): cycle(values)
            for kind, by_key in (("ratios", self.ratios), ("trials", self.trials))
            for key, values in by_key.items()
        }

    def work_folder(self, side: Side) -> Path:
        return self.home / side

    @staticmethod
    def identifier(_side: Side, benchmark: Benchmark) -> str:
        return benchmark.asv_id

    @staticmethod
    def module(benchmark: Benchmark) -> str:
        return benchmark.name.partition(".")[0]

    def discover(self, _side: Side) -> None:
        """Compile nothing."""

    def run(
        self,
        side: Side,
        instrument: Instrument,
        _seeds: Seeds,
        tasks: Sequence[Task],
        limit: Callable[[str], float],
    ) -> Iterator[Answer]:
        self.started.append(side)
        try:
            yield from self._answers(side, instrument, tasks, limit)
        finally:
            self.ended.append(side)

    def _answers(
        self,
        side: Side,
        instrument: Instrument,
        tasks: Sequence[Task],
        limit: Callable[[str], float],
    ) -> Iterator[Answer]:
        kind, longest_import = instrument.kind, instrument.start_seconds
        self.now += PROCESS_SECONDS
        end = self.happens(side, "start")
        imported: set[str] = set()
        for task in tasks if end is None else ():
            key = task["key"]
            module = key.partition(".")[0]
            self.asked.append((side, key))
            yield Answer(kind="start", key=key)
            end = None
            if module not in imported:
                took = self.imports(side, module)
                self.now += min(took, longest_import)
                silent = Answer(kind="silent", reason="late", seconds=longest_import)
                end = silent if took > longest_import else self.happens(side, module)
            if end is None:
                imported.add(module)
                yield Answer(kind="loaded", key=key)
                took, longest = self.seconds.get(_timed(kind, key), 0.0), limit(key)
                self.now += min(took, longest)
                late = Answer(kind="silent", reason="late", seconds=longest)
                end = late if took > longest else self.happens(side, key)
            if end is not None:
                break
            content = {"key": key, "status": "ok", "wall_seconds": took}
            content |= self._content(side, kind, task)
            yield Answer(kind="measurement", key=key, wall_seconds=took, content=content)
        self._measured[side] += any(task["calls"] is not None for task in tasks)
        yield end or Answer(kind="end")

    def _content(self, side: Side, kind: str, task: Task) -> dict[str, Any]:
        key = task["key"]
        if kind == "count":
            return {"instructions": self.instructions(side, key)}
        if task["calls"] is None:
            ratio = self._next("trials", side, key)
            return {"calls": 1, "call_seconds": ratio * self.seconds.get(key, 0.0) / 6}
        waited = self.waits(side, self._measured[side])
        ratio = self._next("ratios", side, key)
        return {"value": ratio * (2.0 if waited else 1.0), "waited": waited}

    def _next(self, kind: str, side: Side, key: str) -> float:
        return next(self._turns.get((kind, key), cycle([1.0]))) if side == "head" else 1.0


def _timed(kind: str, key: str) -> str:
    return "setup_cache" if kind == "cache" else key
