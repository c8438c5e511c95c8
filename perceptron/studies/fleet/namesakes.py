"""Names of machines, by their facts: two machines that claim one name get two.

A machine keeps the name that it claims unless results of other hardware stand under it already.
Then it is called after both, its name and a digest of its facts, and so it is the next time.
"""

from __future__ import annotations

from pathlib import Path

from perceptron.errors import UserError
from perceptron.records.hardware_facts import DIGITS, Facts, facts_of
from perceptron.records.store import load_environment_file

_LONGEST = 64


def name_by_facts(runs: Path, claimed: str, facts: Facts) -> str:
    """Return the name under which a machine stands in the folder of all runs.

    It is free where nobody has measured under it, or somebody with the same facts.
    """
    if _is_free(runs / claimed, facts):
        return claimed
    stem = claimed[: _LONGEST - 1 - DIGITS]
    for folder in sorted(runs.glob(f"{stem}-{'[0-9a-f]' * DIGITS}")):
        if any(facts.is_same(known) for known in _known(folder)):
            return folder.name
    return f"{stem}-{facts.digest}"


def _is_free(folder: Path, facts: Facts) -> bool:
    if not any(folder.glob("*/run.json")):
        return True
    return any(facts.is_same(known) for known in _known(folder))


def _known(folder: Path) -> list[Facts]:
    """Return the facts of all that has measured under a name; of what cannot be read, none."""
    known = []
    for file in sorted(folder.glob("environment-*.json")):
        try:
            known.append(facts_of(load_environment_file(file)))
        except UserError:
            continue
    return known
