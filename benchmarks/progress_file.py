"""What `make results` has done so far, in a file that git ignores."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.records.files.write import replace


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
        stored = _read(self._file)
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


def _read(file: Path) -> Progress | None:
    """Return what is stored; nothing that can be used is as nothing stored."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return None
