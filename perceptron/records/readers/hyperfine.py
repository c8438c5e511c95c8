"""Read the file that ``hyperfine --export-json`` writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from perceptron.records.readers.reading import Entry, JsonFormat, Reading
from perceptron.records.readers.values import StatedTime, number, stated_time
from perceptron.untrusted_text import quoted

_WORD = re.compile(r"[\w.]+")


class _Result(Struct):
    command: str
    times: list[Any]
    exit_codes: list[Any] | None = None
    parameters: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The command without its numeric parameters, one of which is the size."""
        values = (self.parameters or {}).values()
        numbers = {str(value) for value in values if number(value) is not None}
        words = _WORD.sub(lambda word: "" if word[0] in numbers else word[0], self.command)
        return " ".join(words.split()) or self.command

    @property
    def processes(self) -> list[StatedTime | None]:
        """The time of each run, or why it has none."""
        codes = [*(self.exit_codes or []), *([0] * len(self.times))]
        return [_of_run(time, code) for time, code in zip(self.times, codes, strict=False)]


class _File(Struct):
    results: list[_Result]


def _of_run(time: Any, code: object) -> StatedTime | None:
    if code not in (0, None):
        return {"status": "failed", "reason": f"ended with exit code {quoted(code)}"}
    return stated_time(time, samples=[time])


def _is_hyperfine(document: Mapping[str, Any]) -> bool:
    results = document.get("results")
    return isinstance(results, list) and all(
        isinstance(result, Mapping) and "command" in result for result in results
    )


def _entries(document: _File, file: Path, _: Reading) -> Iterator[Entry]:
    """Yield an entry for each run of each command; each run is a process of its own.

    The family is the file's name. The file states neither time nor machine.
    """
    # hyperfine finishes one command before the next: runs of two commands do not pair.
    for result in document.results:
        for process, time in enumerate(result.processes):
            yield Entry(
                file.name.partition(".")[0],
                result.command,
                time,
                result.parameters or {},
                result.name,
                fields={"repeat": process},
            )


HYPERFINE = JsonFormat("hyperfine", _is_hyperfine, _File, _entries)
