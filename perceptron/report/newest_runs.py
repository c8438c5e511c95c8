"""The runs that README and docs show: the newest whole run, and what was measured beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FAMILY
from perceptron.analysis.stored.runs import judge_advice, judge_bench, judge_ladder, judge_map
from perceptron.errors import UserError
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.runs import StoredRun, stored_runs

MAPPED = "mlp-map"
BATCHES = "digits"
"""The problem whose ladder shows what a training by mini-batches is made of."""

Judged = TypeVar("Judged", BenchResult, MapResult, OverheadResult, AdviceResult)


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


def shown_runs(results: Path) -> ShownRuns:
    """Return the newest run of each kind that is finished and no quick look.

    All are of the machine of the newest whole run. Raises `UserError` where one is missing without
    which there would be no page, and for one that cannot be read.
    """
    return ShownRuns(
        bench=newest_bench(results),
        phase_map=newest_map(results),
        ladder=newest_ladder(results),
        batches=_newest(results, "overhead", judge_ladder, problem=BATCHES),
        advice=_newest(results, "advise", judge_advice),
    )


def newest_bench(results: Path) -> BenchResult:
    """Return the newest finished whole run; raises `UserError` if there is none."""
    whole = _newest_whole(results)
    if whole is None:
        raise UserError(f"{results}: no finished whole run; `perceptron bench` makes one")
    return _within(judge_bench(read_run(whole.folder)), results)


def newest_map(results: Path) -> MapResult:
    """Return the newest map of `MAPPED`; raises `UserError` if there is none."""
    newest = _newest(results, "map", judge_map, family=MAPPED)
    if newest is None:
        raise UserError(f"{results}: no finished map; `perceptron map` makes one")
    return newest


def newest_ladder(results: Path) -> OverheadResult:
    """Return the newest ladder of the OR gate; raises `UserError` if there is none."""
    ladder = _newest(results, "overhead", judge_ladder, problem=FAMILY)
    if ladder is None:
        raise UserError(f"{results}: no finished ladder; `perceptron overhead` makes one")
    return ladder


def _newest(
    results: Path, study: str, judge: Callable[[LoadedRun], Judged], **plan: str
) -> Judged | None:
    for stored in _finished(results, study):
        own = stored.run.plan
        wanted = not own.get("quick") and all(own.get(key) == plan[key] for key in plan)
        if wanted and _is_beside(stored, results):
            return _within(judge(read_run(stored.folder)), results)
    return None


def _newest_whole(results: Path) -> StoredRun | None:
    runs = _finished(results, "bench")
    return next((stored for stored in runs if stored.run.plan.get("whole")), None)


def _is_beside(stored: StoredRun, results: Path) -> bool:
    """Return whether a run is of the machine that the pages are about, or there is no such yet."""
    whole = _newest_whole(results)
    return whole is None or stored.run.machine == whole.run.machine


def _finished(results: Path, study: str) -> Iterator[StoredRun]:
    """Yield finished runs of a study, the newest first; one that cannot be read is an error."""
    for stored in stored_runs(results, _refuse):
        if stored.run.finished is not None and stored.run.plan.get("study") == study:
            yield stored


def _refuse(complaint: str) -> None:
    raise UserError(complaint)


def _within(result: Judged, results: Path) -> Judged:
    """Return the result with its folder relative to the repository's root."""
    return replace(result, results=result.results.relative_to(results.parent))
