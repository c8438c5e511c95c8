"""Bring the runs of many machines together in one folder of results.

The same rules hold for a job's own folder and for one that was copied here: each machine has its
own name by its facts, and merging again changes nothing. Nothing is ordered by the clocks of two
hosts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.environment import DIGEST_DIGITS, Facts, facts_of
from perceptron.records.files.write import cannot_write
from perceptron.records.fleet import Collected, CollectedRun
from perceptron.records.store import load_environment, load_environment_file, load_plan
from perceptron.studies.fleet.folder import FLEETS
from perceptron.studies.fleet.merge import ROWS, merge_run
from perceptron.untrusted_text import label

# Of a folder of results, of its runs, of a machine among them, and of one run.
_SHAPES = ("runs/*/*/run.json", "*/*/run.json", "*/run.json", "run.json")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
# A name has 64 characters at most, and a job's number or a rehearsal's mark may follow.
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,98}", re.ASCII)

_State = tuple[tuple[int, int], ...]


class Collector:
    """Merges runs into a folder of results, repeatedly; unchanged ones are not read again."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self._merged: dict[Path, tuple[_State, CollectedRun]] = {}

    def collect(self, sources: Iterable[Path]) -> Collected:
        """Merge the runs in these folders; return where they lie now, and complaints about others.

        Several processes may collect into one folder: they take turns. Raises `UserError` if it
        cannot be written to.
        """
        lock = self._results / FLEETS / "collect.lock"
        runs, complaints = [], []
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(lock):
                for source in sources:
                    for folder in run_folders(source):
                        try:
                            runs.append(self._merge(folder))
                        except UserError as error:
                            complaints.append(label(error))
        except OSError as error:
            raise cannot_write(self._results, error) from None
        return Collected(runs=runs, complaints=sorted(complaints))

    def _merge(self, folder: Path) -> CollectedRun:
        state = _state(folder)
        known = self._merged.get(folder)
        if known is not None and known[0] == state:
            return known[1]
        run, machines = load_plan(folder), self._results / "runs"
        if not _MACHINE.fullmatch(run.machine) or not _NAME.fullmatch(folder.name):
            raise UserError(f"{folder / 'run.json'}: its machine is no name for a folder")
        facts = facts_of(load_environment(folder))
        machine = name_by_facts(machines, run.machine, facts)
        merged = merge_run(folder, machines, machine)
        if known is not None:
            merged = replace(merged, added=known[1].added + merged.added)
        self._merged[folder] = (state, merged)
        return merged


def run_folders(source: Path) -> Iterator[Path]:
    """Yield the runs in a folder of results, of machines, of runs, or that is a run itself."""
    for shape in _SHAPES:
        found = sorted(source.glob(shape))
        if found:
            yield from (file.parent for file in found)
            return


def _state(folder: Path) -> _State:
    """Return the sizes and times of a run's files."""
    state = []
    for file in (folder / "run.json", folder / ROWS):
        with suppress(OSError):
            stat = file.stat()
            state.append((stat.st_size, stat.st_mtime_ns))
    return tuple(state)


_LONGEST = 64


def name_by_facts(runs: Path, claimed: str, facts: Facts) -> str:
    """Return the name of a machine in the folder of all runs.

    A claimed name is free without rows, or with rows of a machine of the same facts.
    """
    if _is_free(runs / claimed, facts):
        return claimed
    stem = claimed[: _LONGEST - 1 - DIGEST_DIGITS]
    for folder in sorted(runs.glob(f"{stem}-{'[0-9a-f]' * DIGEST_DIGITS}")):
        if any(facts.is_same(known) for known in _known(folder)):
            return folder.name
    return f"{stem}-{facts.digest}"


def _is_free(folder: Path, facts: Facts) -> bool:
    if not any(folder.glob("*/run.json")):
        return True
    return any(facts.is_same(known) for known in _known(folder))


def _known(folder: Path) -> list[Facts]:
    """Return the facts of the machines with a name; files that cannot be read are left out."""
    known = []
    for file in sorted(folder.glob("environment-*.json")):
        try:
            known.append(facts_of(load_environment_file(file)))
        except UserError:
            continue
    return known
