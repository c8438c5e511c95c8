"""Choose the runs that README and the docs show, for each kind of hardware.

These are the newest whole run of a CPU and of each GPU, and other studies on the same machine.
Quick runs are never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from perceptron.answer import Answered, Table
from perceptron.errors import UserError
from perceptron.questions.answering import answer_run
from perceptron.questions.bench.finding import FindingRow
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.other_sessions import read_session
from perceptron.questions.overhead.device_share import (
    CPU,
    is_beside_host,
    kind_of_hardware,
    on_devices,
)
from perceptron.questions.shared.published import FAMILY
from perceptron.records.race import has_raced
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import races
from perceptron.records.store import StoredRun, stored_runs

# Options of the commands that README shows.
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
"""The search for the size from which a second process helps."""
MANY_FAMILIES = ("many-or-gates", "many-mlps")
"""The searches along the number of models that are trained at once."""


class ShownGpu(Struct, frozen=True, kw_only=True):
    """The runs of one GPU, as `Shown`."""

    name: str
    bench: Answered
    phase_map: Answered | None
    ladder: Answered | None
    searches: list[Answered]
    """The newest answer to each question of `crossover`, in order of time."""
    race: Answered | None

    @property
    def map_picture(self) -> str:
        """The file of its map's figure, beside the pages."""
        return f"map-{re.sub(r'[^a-z0-9]+', '-', self.name.lower()).strip('-')}.svg"


class Shown(Struct, frozen=True, kw_only=True):
    """All runs that the pages show: those of a CPU, and ``gpus``, newest first.

    Folders are relative to the repository's root.
    """

    bench: Answered
    elsewhere: list[Answered]
    """The newest whole run of each other machine without a GPU."""
    phase_map: Answered
    ladder: Answered
    """Of the OR gate."""
    batches: Answered
    advice: Answered
    search: Answered
    processes: Answered
    many: list[Answered]
    """A search for each of `MANY_FAMILIES`."""
    race: Answered
    gpus: list[ShownGpu] = []


def crossovers_of(answered: Answered) -> list[Crossover]:
    """Return the crossovers in an answer of `bench` or `crossover`."""
    crossovers: list[Crossover] = answered.answer.data["crossovers"]
    return crossovers


def finding_of(answered: Answered) -> list[FindingRow]:
    """Return the rows of the published finding in an answer of `bench`."""
    rows: list[FindingRow] = answered.answer.data["finding"]
    return rows


def titled(answered: Answered, title: str) -> Table | None:
    """Return the first table of an answer whose title begins with ``title``, or None."""
    return next((table for table in answered.answer.tables if table.title.startswith(title)), None)


def conditions(answered: Answered, how: str = "", commit: bool = False) -> str:
    """Return a sentence with the machine of a run, ``how`` and when it ran, and its folder."""
    facts, first = answered.run.facts.environment, answered.run.rows[0]
    state = f"commit `{first.commit}`, " if commit else ""
    machine = f"{facts.cpu}, {facts.cores} cores"
    return f"{machine}{how}; {first.when[:10]}, {state}rows in `{answered.results}`."


def shown(results: Path) -> Shown:
    """Return the newest finished run of each study that is not quick.

    All runs of a kind of hardware are of the machine of its newest whole run. Raises `UserError` if
    a run cannot be read, or if the CPU lacks one.
    """
    runs = _Runs(results)
    if CPU not in runs.whole:
        raise UserError(f"{results}: no finished whole run of a CPU; `perceptron bench` makes one")

    def of_cpu(command: str, **plan: object) -> Answered:
        newest = runs.newest(CPU, command.partition(" ")[0], **plan)
        if newest is None:
            raise UserError(f"{results}: no finished run of it; `perceptron {command}` makes one")
        return newest

    return Shown(
        bench=runs.answer(runs.whole[CPU]),
        elsewhere=[*map(runs.answer, runs.elsewhere)],
        phase_map=of_cpu("map", family="mlp-map"),
        ladder=of_cpu("overhead", problem=FAMILY, over_processes=None),
        batches=of_cpu(f"overhead --problem {BATCHES}", problem=BATCHES, over_processes=None),
        advice=of_cpu(f"advise {ADVISED}"),
        search=of_cpu(
            f"crossover --family {SEARCHED} --pair {':'.join(SEARCHED_PAIR)}",
            families=[SEARCHED],
            pairs=[[*SEARCHED_PAIR]],
        ),
        processes=of_cpu(
            SEVERAL, families=[*SEVERAL_FAMILIES], pairs=[[*pair] for pair in SEVERAL_PAIRS]
        ),
        many=[
            of_cpu(f"crossover --family {family}", families=[family]) for family in MANY_FAMILIES
        ],
        race=of_cpu(f"race --problem {RACED} --target {RACED_TO}", problem=RACED, target=RACED_TO),
        gpus=[
            ShownGpu(
                name=name,
                bench=runs.answer(whole),
                phase_map=runs.newest(name, "map", family="mlp-map"),
                ladder=runs.newest(name, "overhead", problem=FAMILY, over_processes=None),
                searches=runs.searches(name),
                race=runs.newest(name, "race", problem=RACED, target=RACED_TO),
            )
            for name, whole in runs.whole.items()
            if name != CPU
        ],
    )


class _Runs:
    """The finished runs of a folder; raises `UserError` if one cannot be read."""

    def __init__(self, results: Path) -> None:
        self._root = results.parent
        self._finished = [
            stored for stored in stored_runs(results, _refuse) if stored.run.finished is not None
        ]

    @cached_property
    def whole(self) -> dict[str, LoadedRun]:
        """The newest whole run of each kind of hardware, newest first.

        For a GPU without a whole run it is the newest with the finding, as time on a GPU is short.
        """
        newest: dict[str, LoadedRun] = {}
        findings: dict[str, LoadedRun] = {}
        for stored in self._of("bench"):
            loaded = read_session(stored.folder)
            hardware = _hardware(loaded)
            if hardware is not None and stored.run.plan.get("whole"):
                newest.setdefault(hardware, loaded)
            elif hardware not in (None, CPU) and any(
                row.family == FAMILY for row in on_devices(loaded.times)
            ):
                findings.setdefault(str(hardware), loaded)
        return newest | {name: run for name, run in findings.items() if name not in newest}

    @property
    def elsewhere(self) -> Iterator[LoadedRun]:
        """The newest whole run of each other machine without a GPU than that of `whole`."""
        machines = {self.whole[CPU].run.machine}
        for stored in self._of("bench"):
            if stored.run.plan.get("whole") and stored.run.machine not in machines:
                loaded = read_session(stored.folder)
                if _hardware(loaded) == CPU:
                    machines.add(stored.run.machine)
                    yield loaded

    def newest(self, hardware: str, study: str, **plan: object) -> Answered | None:
        """Return the newest run of a study whose plan has these values, on the shown machine."""
        machine = self.whole[hardware].run.machine
        for stored in self._of(study):
            stored_plan = stored.run.plan
            fits = all((stored_plan.get(name) or None) == value for name, value in plan.items())
            if stored.run.machine == machine and fits:
                loaded = read_session(stored.folder)
                if _hardware(loaded) == hardware:
                    return self.answer(loaded)
        return None

    def searches(self, hardware: str) -> list[Answered]:
        """Return the newest answer to each question of `crossover`, newest last."""
        machine = self.whole[hardware].run.machine
        answers: dict[str, Answered] = {}
        for stored in self._of("crossover"):
            question = str(
                [stored.run.plan.get(name) for name in ("families", "problems", "pairs")]
            )
            if stored.run.machine == machine and question not in answers:
                loaded = read_session(stored.folder)
                if _hardware(loaded) == hardware:
                    answers[question] = self.answer(loaded)
        return list(answers.values())[::-1]

    def answer(self, loaded: LoadedRun) -> Answered:
        """Return the answer of a run, with its folder relative to the repository's root."""
        result, folder = answer_run(loaded), loaded.folder.relative_to(self._root)
        return replace(result, run=replace(result.run, folder=folder))

    def _of(self, study: str) -> Iterator[StoredRun]:
        """Yield the runs of a study that are not quick, newest first."""
        for stored in self._finished:
            if stored.run.plan.get("study") == study and not stored.run.plan.get("quick"):
                yield stored


def _hardware(loaded: LoadedRun) -> str | None:
    kind = kind_of_hardware(loaded.times, loaded.facts.environment)
    raced = [row for row in races(loaded.rows) if has_raced(row) and is_beside_host(row.device)]
    if kind != CPU or not raced:
        return kind
    return next((gpu.name for gpu in loaded.facts.environment.gpus), raced[0].device)


def _refuse(complaint: str) -> None:
    raise UserError(complaint)
