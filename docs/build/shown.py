"""The runs that README and the docs show, for each kind of hardware.

That is the newest whole run of a CPU and of each GPU, and what was measured beside it. A quick run
is none of them, nor is a rehearsal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.device_share import CPU, is_beside_host, kind_of_hardware, on_devices
from perceptron.analysis.finding import FAMILY, FindingRow
from perceptron.analysis.race import has_raced
from perceptron.answer import Answered
from perceptron.errors import UserError
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.row import races
from perceptron.records.store import StoredRun, stored_runs
from perceptron.studies.answering import answer_run

Plan = Mapping[str, object]

# What is asked, as typed where README shows it.
ADVISED = (
    "--rows 60000 --features 784 --hidden 128 --classes 10 --batch 128 --optimizer adam --epochs 5"
)
SEARCHED, SEARCHED_PAIR = "mlp-width", ("numpy", "torch-cpu")
BATCHES = "digits"
"""The problem whose ladder shows the parts of a step on a mini-batch."""
RACED, RACED_TO = "digits", "accuracy=0.95"
SEVERAL_FAMILIES = ("mlp-width", "mlp-batch", "perceptron-rows")
SEVERAL_PAIRS = (
    ("torch-cpu", "torch-ddp"),
    ("torch-ddp", "torch-ddp@2"),
    ("torch-cpu", "torch-ddp@2"),
)
SEVERAL = f"crossover --family {','.join(SEVERAL_FAMILIES)} --processes 1,2"
"""The search for the size from which a second process is worth it."""
MANY_FAMILIES = ("many-or-gates", "many-mlps")
MANY = tuple(f"crossover --family {family} --what-if h100" for family in MANY_FAMILIES)
"""The searches along the number of models that are trained at once."""


class ShownGpu(Struct, frozen=True, kw_only=True):
    """The runs of one GPU, as `Shown`."""

    name: str
    bench: Answered
    phase_map: Answered | None
    ladder: Answered | None

    @property
    def map_picture(self) -> str:
        """The file of its map's figure, beside the pages."""
        return f"map-{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}.svg"


class Shown(Struct, frozen=True, kw_only=True):
    """All runs that the pages show; None was not measured yet.

    All is of a CPU but ``gpus``, the newest first. Folders are relative to the repository's root.
    """

    bench: Answered
    phase_map: Answered
    ladder: Answered
    """Of the OR gate."""
    batches: Answered | None
    advice: Answered | None
    search: Answered | None
    processes: Answered | None
    many: list[Answered]
    """A search for each of `MANY_FAMILIES` that was measured."""
    race: Answered | None
    gpus: list[ShownGpu] = []


def crossovers_of(told: Answered) -> list[Crossover]:
    """Return the pairs of an answer of `bench` or `crossover`."""
    found: list[Crossover] = told.answer.data["crossovers"]
    return found


def finding_of(told: Answered) -> list[FindingRow]:
    """Return the whole trainings of an answer of `bench`."""
    found: list[FindingRow] = told.answer.data["finding"]
    return found


def shown(results: Path) -> Shown:
    """Return the newest run of each kind that is finished and not quick.

    All of a kind of hardware are of the machine of its newest whole run, but searches over
    processes and models and races, which are shown with their machine, are of another one rather
    than missing. Raises `UserError` for a run that cannot be read, and where a CPU lacks one of
    those without which there would be no page.
    """
    runs = _Runs(results)
    if CPU not in runs.whole:
        raise UserError(f"{results}: no finished whole run of a CPU; `perceptron bench` makes one")
    return Shown(
        bench=runs.within(answer_run(runs.whole[CPU])),
        phase_map=_there(_map(runs, CPU), results, "map", "map"),
        ladder=_there(_ladder(runs, CPU, FAMILY), results, "ladder", "overhead"),
        batches=_ladder(runs, CPU, BATCHES),
        advice=runs.newest("advise", CPU, _has()),
        search=runs.newest("crossover", CPU, _has(families=[SEARCHED], pairs=[[*SEARCHED_PAIR]])),
        processes=runs.newest(
            "crossover",
            CPU,
            _has(families=[*SEVERAL_FAMILIES], pairs=[[*pair] for pair in SEVERAL_PAIRS]),
            anywhere=True,
        ),
        many=[found for name in MANY_FAMILIES if (found := runs.newest_along(name)) is not None],
        race=runs.newest("race", CPU, _has(problem=RACED, target=RACED_TO), anywhere=True),
        gpus=[
            ShownGpu(
                name=name,
                bench=runs.within(answer_run(whole)),
                phase_map=_map(runs, name),
                ladder=_ladder(runs, name, FAMILY),
            )
            for name, whole in runs.whole.items()
            if name != CPU
        ],
    )


def _map(runs: _Runs, hardware: str) -> Answered | None:
    return runs.newest("map", hardware, _has(family="mlp-map"))


def _ladder(runs: _Runs, hardware: str, problem: str) -> Answered | None:
    def fits(plan: Plan) -> bool:
        return plan.get("problem") == problem and not plan.get("over_processes")

    return runs.newest("overhead", hardware, fits)


def _there(result: Answered | None, results: Path, what: str, command: str) -> Answered:
    if result is None:
        raise UserError(f"{results}: no finished {what}; `perceptron {command}` makes one")
    return result


class _Runs:
    """The finished runs of a folder; one that cannot be read is a `UserError`."""

    def __init__(self, results: Path) -> None:
        self._root = results.parent
        self._finished = [
            stored for stored in stored_runs(results, _refuse) if stored.run.finished is not None
        ]

    @cached_property
    def whole(self) -> dict[str, LoadedRun]:
        """The newest whole run of each kind of hardware, the newest first.

        Of a GPU without one, its newest finding stands in: time with a GPU may end early.
        """
        newest: dict[str, LoadedRun] = {}
        findings: dict[str, LoadedRun] = {}
        for stored in self._of("bench"):
            loaded = read_run(stored.folder)
            hardware = _hardware(loaded)
            if hardware is not None and stored.run.plan.get("whole"):
                newest.setdefault(hardware, loaded)
            elif hardware not in (None, CPU) and any(
                row.family == FAMILY for row in on_devices(loaded.times)
            ):
                findings.setdefault(str(hardware), loaded)
        return newest | {name: run for name, run in findings.items() if name not in newest}

    def newest(
        self,
        study: str,
        hardware: str,
        fits: Callable[[Plan], bool],
        anywhere: bool = False,
    ) -> Answered | None:
        """Return the newest run of a study whose plan fits, on the machine of the whole run.

        Where there is no whole run, or it may be of ``anywhere``, another machine's will do.
        """
        whole = self.whole.get(hardware)
        for loaded in self._fitting(study, hardware, fits):
            if anywhere or whole is None or loaded.run.machine == whole.run.machine:
                return self.within(answer_run(loaded))
        return None

    def newest_along(self, family: str) -> Answered | None:
        """Return what the newest search of a family that has times says of that family."""

        def searched(plan: Plan) -> bool:
            families = plan.get("families")
            return isinstance(families, list) and family in families

        for loaded in self._fitting("crossover", CPU, searched):
            rows = [row for row in loaded.times if row.family == family]
            if any(row.seconds is not None for row in rows):
                return self.within(answer_run(replace(loaded, rows=list(rows))))
        return None

    def within(self, result: Answered) -> Answered:
        """Return the result with its folder relative to the repository's root."""
        folder = result.run.folder.relative_to(self._root)
        return replace(result, run=replace(result.run, folder=folder))

    def _fitting(
        self, study: str, hardware: str, fits: Callable[[Plan], bool]
    ) -> Iterator[LoadedRun]:
        """Yield runs of this hardware: those of the whole run's machine first, then the newest."""
        whole = self.whole.get(hardware)
        fitting = [stored for stored in self._of(study) if fits(stored.run.plan)]
        if whole is not None:
            fitting.sort(key=lambda stored: stored.run.machine != whole.run.machine)
        for stored in fitting:
            loaded = read_run(stored.folder)
            if _hardware(loaded) == hardware:
                yield loaded

    def _of(self, study: str) -> Iterator[StoredRun]:
        """Yield the runs of a study that are not quick, the newest first."""
        for stored in self._finished:
            if stored.run.plan.get("study") == study and not stored.run.plan.get("quick"):
                yield stored


def _has(**wanted: object) -> Callable[[Plan], bool]:
    return lambda plan: all(plan.get(name) == value for name, value in wanted.items())


def _hardware(loaded: LoadedRun) -> str | None:
    kind = kind_of_hardware(loaded.times, loaded.facts.environment)
    raced = [row for row in races(loaded.rows) if has_raced(row) and is_beside_host(row.device)]
    if kind != CPU or not raced:
        return kind
    return next((gpu.name for gpu in loaded.facts.environment.gpus), raced[0].device)


def _refuse(complaint: str) -> None:
    raise UserError(complaint)
