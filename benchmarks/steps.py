"""What the pages show, and the commands that measure it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.backends.protocol import thread_variables
from perceptron.records.files.write import replace

LADDER_OF_AN_MLP = "mlp-width:512"
LADDER_OF_BATCHES = "digits"
CROSSOVER = ("crossover", "--family", "mlp-width", "--pair", "numpy:torch-cpu")
RACE = (
    *("race", "--problem", "digits", "--target", "accuracy=0.95"),
    *("--dtype", "float32", "float64", "bfloat16"),
)
COMMITS = 10
# Two backends and a few sizes of each family: enough for lines, in half a minute for each commit.
# Not the finding: it has no size, and History draws what has one.
HISTORY = (
    r"^train\.PerceptronRows\.time_train\((4|65536), '(numpy|torch-cpu)'\)",
    r"^train\.PerceptronFeatures\.time_train\((2048), '(numpy|torch-cpu)'\)",
    r"^train\.MlpWidth\.time_train\((128|512|2048), '(numpy|torch-cpu)'\)",
    r"^train\.MlpDepth\.time_train\((16), '(numpy|torch-cpu)'\)",
)
# One process for each case; of bodies of 10 ms that is ten samples, of longer ones a second's.
_ASV_EFFORT = ("-a", "rounds=1", "-a", "repeat=(3, 10, 1.0)")


@dataclass(frozen=True)
class Step:
    """Commands that answer one question; what the last one prints on standard output is kept."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    minutes: float
    """How long it takes on two cores, about."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the environment, for these commands."""


def steps(machine: str, commits: Path) -> list[Step]:
    """Return all steps; ``commits`` is the file that lists what asv measures.

    The pages come last: a changed file would make another commit of the rows measured after it.
    """
    # asv imports every module here.
    from docs.build.shown import ADVISED, MANY, SEVERAL

    named = ("--machine", machine, "--json")
    return [
        Step("bench", (_ours("bench", *named),), 6),
        Step("map", (_ours("map", *named),), 5),
        Step("ladder", (_ours("overhead", *named),), 3),
        Step("ladder-mlp", (_ours("overhead", "--problem", LADDER_OF_AN_MLP, *named),), 3),
        Step("ladder-digits", (_ours("overhead", "--problem", LADDER_OF_BATCHES, *named),), 3),
        Step("advise", (_ours("advise", *ADVISED.split(), *named),), 0.5),
        Step("crossover", (_ours(*CROSSOVER, *named),), 2),
        Step("race", (_ours(*RACE, *named),), 3.5),
        Step("processes", (_ours(*SEVERAL.split(), *named),), 18),
        Step("many", tuple(_ours(*one.split(), "--budget", "7", *named) for one in MANY), 15),
        # One process for each commit: on several threads a neighbour would look like a step.
        Step("history", _asv(machine, commits), 8, thread_variables(1)),
        Step("fastest", (_validation("fastest", "--save", "docs/fastest.md", *named),), 20),
        Step("truth", (_validation("truth", "--save", "docs/truth.md", "--json"),), 2),
    ]


def _ours(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "perceptron", *words)


def _validation(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.validation", *words)


def _asv(machine: str, commits: Path) -> tuple[tuple[str, ...], ...]:
    asv = (sys.executable, "-m", "asv")
    chosen = tuple(word for pattern in HISTORY for word in ("--bench", pattern))
    measured = (f"HASHFILE:{commits}", "--machine", machine, "--skip-existing-commits")
    return (
        (*asv, "machine", "--yes", "--machine", machine),
        (*asv, "run", *measured, *chosen, *_ASV_EFFORT),
    )


def shown(command: Sequence[str]) -> str:
    """Return a command as one would type it, without the patterns of asv's cases."""
    words = [word for word in command[2:] if word not in {"--bench", *HISTORY}]
    return " ".join(f"'{word}'" if " " in word else word for word in words)


class StepDone(Struct, frozen=True):
    """How far a step is. ``seconds`` are of all its starts together."""

    commands: list[list[str]]
    seconds: float = 0.0
    finished: bool = False


class Progress(Struct, frozen=True):
    """The steps of one machine, measured with one state of the code."""

    code: str
    steps: dict[str, StepDone] = {}


class ProgressFile:
    """Keeps the steps of one state of the code; those of another are measured again."""

    def __init__(self, folder: Path, code: str) -> None:
        self.folder = folder
        self._file = folder / "progress.json"
        stored = _read_progress(self._file)
        fresh = stored is None or stored.code != code
        self._progress = Progress(code=code) if stored is None or fresh else stored

    def output(self, name: str) -> Path:
        """Return the file that holds what a step's last command printed."""
        return self.folder / f"{name}.json"

    def done(self, name: str, commands: list[list[str]]) -> StepDone:
        """Return how far a step is; one of other commands has not begun."""
        stored = self._progress.steps.get(name)
        if stored is None or stored.commands != commands:
            return StepDone(commands=commands)
        return stored

    def keep(self, name: str, step: StepDone) -> None:
        """Write at once how far a step is."""
        self._progress = msgspec.structs.replace(
            self._progress, steps={**self._progress.steps, name: step}
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        replace(self._file, self._progress)


def _read_progress(file: Path) -> Progress | None:
    """Return what is stored; nothing that can be used is as nothing stored."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return None
