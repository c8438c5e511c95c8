"""A user's own problem: ``model.toml``, or ``model.toml:512`` for one size of it.

A problem's reference carries everything that finds it again in another process: the file's absolute
path, and the size where the file has a size axis. Its name is the same on every machine: the file's
name, a digest of its contents and the size, as in ``model.toml@1a2b3c4d:512``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from perceptron.errors import UserError
from perceptron.problems.csv_data import CsvData
from perceptron.problems.datasets import Dataset
from perceptron.problems.folds import Folds
from perceptron.problems.held_out import HeldOut
from perceptron.problems.model_file import read_model
from perceptron.problems.model_keys import AnyModel, SizeKeys
from perceptron.problems.model_problem import dataset_of, problem_of, resized
from perceptron.problems.model_rules import check_size
from perceptron.problems.problem import Problem

# The last colon counts: a path may hold others.
_REFERENCE = re.compile(r"(?P<file>.*\.toml)(:(?P<size>[^:]*))?", re.DOTALL)


def is_file(reference: str) -> bool:
    """Return whether a reference is one to a file: ``….toml`` or ``….toml:SIZE``."""
    return _REFERENCE.fullmatch(reference) is not None


def references(word: str) -> tuple[str, ...]:
    """Return a reference for each size that the file lists; one with a size stands for itself.

    Paths become absolute. Raises `UserError` for a word that names no file of a model.
    """
    file, size = _split(word)
    model = read_model(file)
    if size is None and model.size is not None:
        return tuple(f"{file}:{value}" for value in sorted(model.size.values))
    return (find(word).reference,)


def find(reference: str) -> Problem:
    """Read the problem in a file; its family is the file's name without folder and ending.

    Raises `UserError` naming the file and the field, line or column that is wrong.
    """
    file, size = _split(reference)
    model = read_model(file)
    if model.size is not None:
        number = _number(file, size, model.size)
        return _problem(file, resized(model, model.size.axis, number), number)
    if size is not None:
        raise UserError(f"{file}: has one size, for lack of a [size] table: leave out ':{size}'")
    return _problem(file, model)


def refuse_namesakes(problems: Iterable[str]) -> None:
    """Raise `UserError` where two files have one name: their rows would look like one family."""
    files: dict[str, Path] = {}
    for reference in problems:
        file, _ = _split(reference)
        first = files.setdefault(file.stem, file)
        if first != file:
            raise UserError(f"{file}: has the same name as {first}: rename one of them")


def fingerprints(problems: Iterable[str]) -> dict[str, str]:
    """Digest the files behind some references: 12 hexadecimal digits by path."""
    digests = {}
    for reference in problems:
        dataset = find(reference).dataset
        file, _ = _split(reference)
        digests[str(file)] = _digest(file, dataset)
    return digests


def _digest(file: Path, dataset: Dataset) -> str:
    digest = hashlib.sha256(file.read_bytes())
    whole = dataset
    while isinstance(whole, (Folds, HeldOut)):
        whole = whole.whole
    if isinstance(whole, CsvData):
        digest.update(whole.digest.encode())
    return digest.hexdigest()[:12]


def _split(reference: str) -> tuple[Path, str | None]:
    """Return the file, as an absolute path, and the size as it was typed."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UserError(f"{reference!r} is no model of your own: name a file that ends in .toml")
    return Path(os.path.abspath(match["file"])), match["size"]


def _number(file: Path, size: str | None, keys: SizeKeys) -> int:
    example = f"such as {file.name}:{keys.values[len(keys.values) // 2]}"
    if size is None:
        raise UserError(f"{file}: needs a size, its {keys.axis}, {example}")
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", size):
        raise UserError(
            f"{file}: {size!r} is no {keys.axis}: give a whole number from 1, {example}"
        )
    try:
        check_size(int(size), keys.axis)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    return int(size)


def _problem(file: Path, model: AnyModel, size: int | None = None) -> Problem:
    ending = "" if size is None else f":{size}"
    dataset = dataset_of(file, model)
    name = f"{file.name}@{_digest(file, dataset)[:8]}{ending}"
    try:
        return problem_of(model, dataset, name, f"{file}{ending}", file.stem, size)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
