"""The runs that README and docs show, for each kind of hardware.

That is the newest whole run of a CPU and of each GPU, and what was measured beside it.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.race.result import RaceResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FAMILY
from perceptron.analysis.stored.hardware import CPU
from perceptron.analysis.stored.runs import (
    judge_advice,
    judge_bench,
    judge_crossovers,
    judge_map,
    judge_race,
)
from perceptron.errors import UserError
from perceptron.report.finished_runs import FinishedRuns

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
    runs = FinishedRuns(results)
    return ShownRuns(
        bench=_bench(runs),
        phase_map=_map(runs),
        ladder=_ladder(runs),
        batches=runs.newest_ladder(CPU, BATCHES),
        advice=runs.newest("advise", judge_advice, CPU),
        processes=runs.newest_anywhere(
            "crossover",
            judge_crossovers,
            CPU,
            families=list(SEVERAL_FAMILIES),
            pairs=[list(pair) for pair in SEVERAL_PAIRS],
        ),
        many=_newest_of_many(runs, CPU),
        race=runs.newest_anywhere("race", judge_race, CPU, problem=RACED, target=RACED_TO),
        gpus=[
            ShownGpu(
                name=name,
                bench=runs.within(judge_bench(whole)),
                phase_map=runs.newest("map", judge_map, name, family=MAPPED),
                ladder=runs.newest_ladder(name, FAMILY),
                many=_newest_of_many(runs, name),
            )
            for name, whole in runs.whole.items()
            if name != CPU
        ],
    )


def newest_bench(results: Path) -> BenchResult:
    """Return the newest finished whole run of a CPU; raises `UserError` if there is none."""
    return _bench(FinishedRuns(results))


def newest_map(results: Path) -> MapResult:
    """Return the newest map of `MAPPED`; raises `UserError` if there is none."""
    return _map(FinishedRuns(results))


def newest_ladder(results: Path) -> OverheadResult:
    """Return the newest ladder of the OR gate; raises `UserError` if there is none."""
    return _ladder(FinishedRuns(results))


def _bench(runs: FinishedRuns) -> BenchResult:
    if CPU not in runs.whole:
        raise UserError(
            f"{runs.results}: no finished whole run of a CPU; `perceptron bench` makes one"
        )
    return runs.within(judge_bench(runs.whole[CPU]))


def _map(runs: FinishedRuns) -> MapResult:
    newest = runs.newest("map", judge_map, CPU, family=MAPPED)
    if newest is None:
        raise UserError(f"{runs.results}: no finished map; `perceptron map` makes one")
    return newest


def _ladder(runs: FinishedRuns) -> OverheadResult:
    ladder = runs.newest_ladder(CPU, FAMILY)
    if ladder is None:
        raise UserError(f"{runs.results}: no finished ladder; `perceptron overhead` makes one")
    return ladder


def _newest_of_many(runs: FinishedRuns, hardware: str) -> list[CrossoverResult]:
    """Return the newest search along the number of models of each family that has times."""
    searches = (runs.newest_along(family, hardware) for family in MANY_FAMILIES)
    return [search for search in searches if search is not None]
