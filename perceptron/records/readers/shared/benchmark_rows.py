"""Turn the benchmarks of a file into rows, and note why some are none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from perceptron.records.measurement import Measurement, Status
from perceptron.records.readers.shared.foreign_rows import ForeignRow
from perceptron.records.readers.shared.parameter_roles import MACHINE, ParameterRoles
from perceptron.records.readers.shared.reading import (
    NO_SIZE_IN_NAME,
    NO_SUCH_PARAMETERS,
    NOT_ASKED_FOR,
    ReadingNotes,
    ReadRequest,
)
from perceptron.records.readers.shared.values import number
from perceptron.untrusted_text import label, printable, quoted

_USUAL_SIZE = ParameterRoles().size


class StatedTime(Struct, frozen=True, kw_only=True):
    """The fields of a `Measurement` that say how long a benchmark took, or why there is no time."""

    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    stdev: float | None = None
    samples: list[float] = []
    status: Status = "ok"
    reason: str | None = None


class BenchmarkRows:
    """Makes rows of the benchmarks of one file, which share ``facts``."""

    def __init__(
        self, file: Path, tool: str, request: ReadRequest, notes: ReadingNotes, **facts: Any
    ) -> None:
        self._file = file
        self._request = request
        self._roles = request.roles.in_names()
        self._notes = notes
        self._facts = {
            "machine": "unknown",
            "when": "",
            **facts,
            "source": tool,
            "file": printable(file),
        }

    def row(
        self,
        family: str,
        title: str,
        time: StatedTime,
        *,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> ForeignRow | None:
        """Return the row of a benchmark; None where it is left out, which is noted.

        ``title`` is what its tool calls it, in which parameters may stand, ``name`` what is left of
        that without the ``parameters`` that the tool states, and ``fields`` are more of the row's.
        """
        family, title = label(family) or "benchmark", label(title)
        self._notes.families.add(family)
        if not self._request.wants(family):
            self._notes.leave_out(1, NOT_ASKED_FOR)
            return None
        known = self._known(title, title if name is None else label(name), parameters or {})
        if not self._roles.names <= set(known):
            self._note_missing(known)
            return None
        size = self._roles.size_of(known)
        if size is None:
            value = quoted(known[self._roles.size])
            self._notes.complain_of_size(self._file, title, self._roles.size, value, 1)
            return None
        row = Measurement(
            **{**self._facts, **self._roles.ground(known), **asdict(time), **fields},
            family=family,
            size=size,
            backend=self._roles.backend(known),
        )
        return ForeignRow(row=row, others=self._roles.others(known))

    def _known(self, title: str, name: str, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters: a pattern that was typed comes first, then what the tool states.

        Of a tool that states no parameter of the size's usual name, the last number is the size.
        """
        machine = self._facts["machine"]
        if self._request.roles.pattern is None:
            known = {MACHINE: machine, "name": name, **self._with_size(stated)}
            if self._roles.size in known:
                return known
        return {"name": name, **stated, **self._roles.parameters(title, machine)}

    def _with_size(self, stated: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._roles.size != _USUAL_SIZE or _USUAL_SIZE in stated:
            return stated
        numbers = [
            name
            for name, value in stated.items()
            if number(value) is not None and name not in self._roles.backends
        ]
        if not numbers:
            return stated
        others = {name: value for name, value in stated.items() if name != numbers[-1]}
        return {**others, _USUAL_SIZE: stated[numbers[-1]]}

    def _note_missing(self, known: Mapping[str, Any]) -> None:
        if set(known) <= {MACHINE, "name"}:
            self._notes.leave_out(1, NO_SIZE_IN_NAME)
        else:
            self._notes.unused.update(known)
            self._notes.leave_out(1, NO_SUCH_PARAMETERS)
