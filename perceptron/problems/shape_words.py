"""The words of a shape's reference: what may stand between its colons, and what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from perceptron.errors import UserError
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import Feed

Axis = Literal["rows", "features", "hidden", "batch", "models"]

PREFIX = "mlp:"
FORM = "mlp:ROWSxFEATURESxHIDDEN"
WORDS: dict[Axis, str] = {
    "rows": "rows",
    "features": "features",
    "hidden": "hidden width",
    "batch": "batch",
    "models": "models",
}
EXAMPLES: dict[str, str] = {
    "": "mlp:1000x20x64",
    "rows": "mlp:*x20x64:1000",
    "features": "mlp:1000x*x64:20",
    "hidden": "mlp:1000x20x*:64",
    "classes": "mlp:1000x20x64:10c",
    "batch": "mlp:1000x20x64:128b",
    "batch size": "mlp:1000x20x64:*b:128",
    "host": "mlp:1000x20x64:128b:host",
    "models": "mlp:1000x20x64:400m",
    "models size": "mlp:1000x20x64:*m:400",
    "all": "mlp:60000x784x128:10c:128b:adam:host:400m",
}

_LARGEST = 999_999_999
_DEEPEST = 64

_COUNT = re.compile(r"(?P<count>[-+.\d]*|\*)(?P<unit>[cbm])")
_ORDER = ("classes", "batch", "optimizer", "feed", "models")
_UNITS = {"c": "classes", "b": "batch", "m": "models"}
_OPTIMIZERS: dict[str, OptimizerName] = {"adam": "adam", "adamw": "adamw"}
_UNWRITTEN = ("sgd", "resident", "1m")


@dataclass(frozen=True)
class Words:
    """A reference taken apart; numbers are as typed, with a star in place of one or none."""

    numbers: tuple[str, ...]
    classes: str | None = None
    batch: str | None = None
    optimizer: OptimizerName = "sgd"
    feed: Feed = "resident"
    models: str | None = None
    size: str | None = None

    def starred(self) -> Axis | None:
        """Return where the star is; raise `UserError` for stars that make no family."""
        rows, features, *hidden = (word == "*" for word in self.numbers)
        if any(hidden) and not all(hidden):
            raise UserError("star every hidden layer or none, such as mlp:1000x20x*x*:64")
        if self.classes == "*":
            raise UserError("classes are not varied: star rows, features, hidden layers, batch, models")
        stars: dict[Axis, bool] = {
            "rows": rows,
            "features": features,
            "hidden": any(hidden),
            "batch": self.batch == "*",
            "models": self.models == "*",
        }
        axes = [axis for axis, is_starred in stars.items() if is_starred]
        if len(axes) > 1:
            names = " and ".join(WORDS[axis] for axis in axes)
            raise UserError(f"stars at {names}: star one of them, such as {_example(axes[0])}")
        return axes[0] if axes else None

    def with_size(self, axis: Axis | None) -> Words:
        """Return these words with the size in place of the star."""
        if axis is None:
            if self.size is not None:
                raise UserError(f"a size needs a star in its place, such as {EXAMPLES['rows']}")
            return self
        if not self.size:
            raise UserError(f"needs a size, its {WORDS[axis]}, such as {_example(axis)}")
        size = self.size
        return replace(
            self,
            numbers=tuple(size if word == "*" else word for word in self.numbers),
            batch=size if self.batch == "*" else self.batch,
            models=size if self.models == "*" else self.models,
        )

    def counts(self) -> Iterator[int]:
        """Yield rows, features and hidden widths."""
        for index, word in enumerate(self.numbers):
            yield number(name_of(index), word)

    def count(self, name: Literal["classes", "batch", "models"]) -> int | None:
        """Return the number of classes, of a batch's rows or of models; None if there is none."""
        word = {"classes": self.classes, "batch": self.batch, "models": self.models}[name]
        return None if word is None else number(name, word)


def split(reference: str) -> Words:
    """Take a reference apart; raise `UserError` for a part that is none, or is out of order."""
    first, *parts = reference.removeprefix(PREFIX).split(":")
    numbers = tuple(first.split("x"))
    if not reference.startswith(PREFIX) or len(numbers) < 2:
        raise UserError(
            f"needs rows, features and the width of each hidden layer, such as {EXAMPLES['']}"
        )
    check_depth(len(numbers) - 2)
    named: dict[str, str] = {}
    size = None
    for index, part in enumerate(parts):
        name, value = _named(part)
        if name and part not in _UNWRITTEN:
            _check_order(name, part, named)
            named[name] = value
        elif index == len(parts) - 1 and _is_size(part, "*" in (*numbers, *named.values())):
            size = part
        else:
            raise _not_a_part(part)
    return Words(
        numbers,
        classes=named.get("classes"),
        batch=named.get("batch"),
        optimizer=_OPTIMIZERS.get(named.get("optimizer", ""), "sgd"),
        feed="host" if "feed" in named else "resident",
        models=named.get("models"),
        size=size,
    )


def name_of(index: int) -> str:
    """Name the number at this place of ``ROWSxFEATURESxHIDDEN``."""
    return f"width of hidden layer {index - 1}" if index > 1 else ("rows", "features")[index]


def number(name: str, word: str) -> int:
    """Return the whole number that a word is; raise `UserError` that begins with ``name``."""
    # No leading zeros: a problem has one name.
    if not re.fullmatch(r"[1-9][0-9]{0,8}", word):
        example = EXAMPLES[name if name in ("classes", "batch", "models") else ""]
        raise UserError(
            f"{name}: {word!r} is no whole number from 1 to {_LARGEST:,}, such as {example}"
        )
    return int(word)


def check_depth(depth: int) -> None:
    """Raise `UserError` for more hidden layers than anybody means."""
    if depth > _DEEPEST:
        raise UserError(f"{depth} hidden layers are too many: give at most {_DEEPEST}")


def _named(part: str) -> tuple[str, str]:
    """Return what a part is and its value; empty strings for a size, or what is none."""
    if match := _COUNT.fullmatch(part):
        return _UNITS[match["unit"]], match["count"]
    if part in _OPTIMIZERS:
        return "optimizer", part
    return ("feed", part) if part == "host" else ("", "")


def _is_size(part: str, has_star: bool) -> bool:
    if part in _UNWRITTEN or get_close_matches(part, [*_OPTIMIZERS, "host"]):
        return False
    return has_star or part == "" or part.isdecimal()


def _check_order(name: str, part: str, before: dict[str, str]) -> None:
    if name in before:
        raise UserError(f"{name} given twice, last as {part!r}")
    for other in before:
        if _ORDER.index(other) > _ORDER.index(name):
            raise UserError(f"{part!r} must stand before the {other}: {EXAMPLES['all']}")


def _not_a_part(part: str) -> UserError:
    if part in _UNWRITTEN:
        return UserError(f"{part!r} goes without saying: leave out ':{part}'")
    if part.isdecimal():
        return UserError(f"{part!r}: a size stands last, such as {EXAMPLES['rows']}")
    near = get_close_matches(part, [*_OPTIMIZERS, "host"], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the parts are those of {EXAMPLES['all']}"
    return UserError(f"{part!r} is no part of a shape: {hint}")


def _example(axis: Axis) -> str:
    return EXAMPLES.get(f"{axis} size", EXAMPLES[axis])
