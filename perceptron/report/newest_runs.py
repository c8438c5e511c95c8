"""The runs that README and docs show, for each kind of hardware.

That is the newest whole run of a CPU and of each GPU, and what was measured beside it. Time with a
GPU may end early: until there is a whole run of it, the finding alone will do. A rehearsal is of
none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.device_share import is_beside_host
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.race.result import RaceResult, has_raced
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FAMILY
from perceptron.analysis.stored.hardware import CPU, kind_of_hardware, on_devices
from perceptron.analysis.stored.runs import (
    judge_advice,
    judge_bench,
    judge_crossovers,
    judge_ladder,
    judge_map,
    judge_race,
)
from perceptron.errors import UserError
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.runs import StoredRun, stored_runs

MAPPED = "mlp-map"
BATCHES = "digits"
"""The problem whose ladder shows what a training by mini-batches is made of."""
RACED, RACED_TO = "digits", "accuracy=0.95"
"""The problem of the race that is shown, and its target."""

SEVERAL_FAMILIES = ("mlp-width", "mlp-batch", "perceptron-rows")
SEVERAL_PAIRS = (
    ("torch-cpu", "torch-ddp"),
    ("torch-ddp", "torch-ddp@2"),
    ("torch-cpu", "torch-ddp@2"),
)
"""The search that shows from which size up a second process pays."""

MANY_FAMILIES = ("many-or-gates", "many-mlps")
"""The searches that show from how many models on training them at once changes the answer."""

Judged = TypeVar(
    "Judged", BenchResult, CrossoverResult, MapResult, OverheadResult, AdviceResult, RaceResult
)


class ShownGpu(Struct, frozen=True, kw_only=True):
    """The runs of one GPU, as `ShownRuns`."""

    name: str
    bench: BenchResult
    phase_map: MapResult | None
    ladder: OverheadResult | None
    many: list[CrossoverResult] = []

    @property
    def map_picture(self) -> str:
        """The file of its map's figure, beside the pages."""
        return f"map-{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}.svg"


class ShownRuns(Struct, frozen=True, kw_only=True):
    """All runs that the pages show; their folders are relative to the repository's root.

    Those that may be None were not measured yet.
    """

    bench: BenchResult
    phase_map: MapResult
    ladder: OverheadResult
    """Of the OR gate."""
    batches: OverheadResult | None
    """The ladder of `BATCHES`."""
    advice: AdviceResult | None
    processes: CrossoverResult | None = None
    """From which size up a second process pays."""
    many: list[CrossoverResult] = []
    """From how many models at once what changes, a search for each of `MANY_FAMILIES`."""
    race: RaceResult | None = None
    gpus: list[ShownGpu] = []
    """The newest first; all else is of a CPU."""


def shown_runs(results: Path) -> ShownRuns:
    """Return the newest run of each kind that is finished and no quick look.

    All of a kind of hardware are of the machine of its newest whole run. What stands by itself,
    with its machine's name, is shown of another machine rather than not at all. Raises `UserError`
    where one of a CPU is missing without which there would be no page, and for one that cannot be
    read.
    """
    shelf = _Shelf(results)
    return ShownRuns(
        bench=_bench(shelf),
        phase_map=_map(shelf),
        ladder=_ladder(shelf),
        batches=shelf.newest_ladder(CPU, BATCHES),
        advice=shelf.newest("advise", judge_advice, CPU),
        processes=shelf.newest_anywhere(
            "crossover",
            judge_crossovers,
            CPU,
            families=list(SEVERAL_FAMILIES),
            pairs=[list(pair) for pair in SEVERAL_PAIRS],
        ),
        many=shelf.newest_of_many(CPU),
        race=shelf.newest_anywhere("race", judge_race, CPU, problem=RACED, target=RACED_TO),
        gpus=[
            ShownGpu(
                name=name,
                bench=shelf.within(judge_bench(whole)),
                phase_map=shelf.newest("map", judge_map, name, family=MAPPED),
                ladder=shelf.newest_ladder(name, FAMILY),
                many=shelf.newest_of_many(name),
            )
            for name, whole in shelf.whole.items()
            if name != CPU
        ],
    )


def newest_bench(results: Path) -> BenchResult:
    """Return the newest finished whole run of a CPU; raises `UserError` if there is none."""
    return _bench(_Shelf(results))


def newest_map(results: Path) -> MapResult:
    """Return the newest map of `MAPPED`; raises `UserError` if there is none."""
    return _map(_Shelf(results))


def newest_ladder(results: Path) -> OverheadResult:
    """Return the newest ladder of the OR gate; raises `UserError` if there is none."""
    return _ladder(_Shelf(results))


def _bench(shelf: _Shelf) -> BenchResult:
    if CPU not in shelf.whole:
        raise UserError(
            f"{shelf.results}: no finished whole run of a CPU; `perceptron bench` makes one"
        )
    return shelf.within(judge_bench(shelf.whole[CPU]))


def _map(shelf: _Shelf) -> MapResult:
    newest = shelf.newest("map", judge_map, CPU, family=MAPPED)
    if newest is None:
        raise UserError(f"{shelf.results}: no finished map; `perceptron map` makes one")
    return newest


def _ladder(shelf: _Shelf) -> OverheadResult:
    ladder = shelf.newest_ladder(CPU, FAMILY)
    if ladder is None:
        raise UserError(f"{shelf.results}: no finished ladder; `perceptron overhead` makes one")
    return ladder


class _Shelf:
    """A results folder: one run of it that cannot be read is an error."""

    def __init__(self, results: Path) -> None:
        self.results = results

    @cached_property
    def whole(self) -> dict[str, LoadedRun]:
        """The newest finished whole run of each kind of hardware, the newest first.

        Of a GPU without one, its newest finding stands in.
        """
        newest: dict[str, LoadedRun] = {}
        findings: dict[str, LoadedRun] = {}
        for stored in self._finished("bench"):
            plan = stored.run.plan
            if not plan.get("whole") and plan.get("quick"):
                continue
            loaded = read_run(stored.folder)
            hardware = _hardware(loaded)
            if hardware is None:
                continue
            if plan.get("whole"):
                newest.setdefault(hardware, loaded)
            elif hardware != CPU and _has_finding(loaded):
                findings.setdefault(hardware, loaded)
        return newest | {name: run for name, run in findings.items() if name not in newest}

    def newest(
        self, study: str, judge: Callable[[LoadedRun], Judged], hardware: str, **plan: object
    ) -> Judged | None:
        """Return the newest run of a study beside the whole run of this hardware.

        That is of its machine, unless there is no whole run of it yet.
        """
        whole = self.whole.get(hardware)
        for loaded in self._runs(study, hardware, _has(plan)):
            if whole is None or loaded.run.machine == whole.run.machine:
                return self.within(judge(loaded))
        return None

    def newest_anywhere(
        self, study: str, judge: Callable[[LoadedRun], Judged], hardware: str, **plan: object
    ) -> Judged | None:
        """Return what `newest` does, or where there is none the newest of another machine."""
        loaded = next(self._runs(study, hardware, _has(plan)), None)
        return None if loaded is None else self.within(judge(loaded))

    def newest_ladder(self, hardware: str, problem: str) -> OverheadResult | None:
        """Return the newest ladder of a problem in one process."""
        return self.newest("overhead", judge_ladder, hardware, problem=problem, over_processes=None)

    def newest_of_many(self, hardware: str) -> list[CrossoverResult]:
        """Return the newest search along the number of models of each family that has times."""
        searches = (self._newest_along(family, hardware) for family in MANY_FAMILIES)
        return [search for search in searches if search is not None]

    def _newest_along(self, family: str, hardware: str) -> CrossoverResult | None:
        """Return what the newest search of a family says of that family."""

        def searched(plan: Mapping[str, object]) -> bool:
            families = plan.get("families")
            return isinstance(families, list) and family in families

        for loaded in self._runs("crossover", hardware, searched):
            found = judge_crossovers(loaded)
            rows = [row for row in found.rows if row.family == family]
            if any(row.seconds is not None for row in rows):
                own = [one for one in found.crossovers if one.family == family]
                guesses = [guess for guess in found.what_if if guess.family == family]
                return self.within(replace(found, rows=rows, crossovers=own, what_if=guesses))
        return None

    def _runs(
        self, study: str, hardware: str, fits: Callable[[Mapping[str, object]], bool]
    ) -> Iterator[LoadedRun]:
        """Yield finished runs of this hardware whose plan fits.

        Those of the whole run's machine come first, and of each machine the newest.
        """
        whole = self.whole.get(hardware)
        fitting = [
            stored
            for stored in self._finished(study)
            if not stored.run.plan.get("quick") and fits(stored.run.plan)
        ]
        if whole is not None:
            fitting.sort(key=lambda stored: stored.run.machine != whole.run.machine)
        for stored in fitting:
            loaded = read_run(stored.folder)
            if _hardware(loaded) == hardware:
                yield loaded

    def within(self, result: Judged) -> Judged:
        """Return the result with its folder relative to the repository's root."""
        assert result.results is not None, "a run on disk"
        return replace(result, results=result.results.relative_to(self.results.parent))

    def _finished(self, study: str) -> Iterator[StoredRun]:
        """Yield finished runs of a study, the newest first."""
        for stored in self._stored:
            if stored.run.finished is not None and stored.run.plan.get("study") == study:
                yield stored

    @cached_property
    def _stored(self) -> list[StoredRun]:
        return stored_runs(self.results, _refuse)


def _has(wanted: Mapping[str, object]) -> Callable[[Mapping[str, object]], bool]:
    """Return what tells whether a plan holds these values."""
    return lambda plan: all(plan.get(key) == value for key, value in wanted.items())


def _has_finding(loaded: LoadedRun) -> bool:
    """Return whether a GPU trained the OR gate in this run."""
    return any(row.family == FAMILY for row in on_devices(loaded.rows))


def _hardware(loaded: LoadedRun) -> str | None:
    kind = kind_of_hardware(loaded.rows, loaded.facts.environment)
    raced = [row for row in loaded.races if has_raced(row) and is_beside_host(row.device)]
    if kind != CPU or not raced:
        return kind
    return next((gpu.name for gpu in loaded.facts.environment.gpus), raced[0].device)


def _refuse(complaint: str) -> None:
    raise UserError(complaint)
