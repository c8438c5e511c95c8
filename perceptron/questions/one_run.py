"""Qualify the answer of a single run by the factor between runs on its machine.

The intervals of one run hold in the machine's state during that run. Other runs, of any question,
show how much results differ between states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import combinations
from math import exp, log
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from perceptron.answer import Verdict
from perceptron.errors import UserError
from perceptron.numbers import digits
from perceptron.questions.other_sessions import alike, may_join, measured_as
from perceptron.records.files.read import must_be_a_file
from perceptron.records.row import times
from perceptron.records.run import Run
from perceptron.records.store import ROWS, load_plan, parse_rows
from perceptron.statistics.contention import is_contended
from perceptron.statistics.sessions import intervals_of

# Limits on what is read: 20 runs with 9,000 rows (8 MB) took 0.2 s.
_MOST_RUNS, _MOST_BYTES = 20, 8_000_000
# Least number of uncontended repeats of both backends for a ratio.
_REPEATS = 3


def with_doubt(verdicts: Sequence[Verdict], machine: Path) -> tuple[Verdict, ...]:
    """Return the verdicts, with a note on decided ones that rest on a single run.

    ``machine`` is the folder of the machine's runs. The first such verdict has the note before its
    other notes, the others after theirs. Undecided verdicts get none: their own note matters more.
    """
    alone = [index for index, verdict in enumerate(verdicts) if _is_alone(verdict)]
    if not alone:
        return tuple(verdicts)
    factor = largest_factor(tuple(sorted(machine.absolute().glob("*/run.json"))[-_MOST_RUNS:]))
    line, doubted = "one run", list(verdicts)
    if factor is None:  # the heading says the same: the note must not displace another
        alone = [index for index in alone[:1] if not verdicts[index].notes]
    else:
        line += f"; runs here have differed by up to {digits(factor, 2)}×"
    for index in alone:
        notes_of_run = verdicts[index].notes
        notes = (line, *notes_of_run) if index == alone[0] else (*notes_of_run, line)
        doubted[index] = replace(verdicts[index], notes=notes[:2])
    return tuple(doubted)


def _is_alone(verdict: Verdict) -> bool:
    return verdict.decided == "yes" and verdict.heading.endswith(intervals_of([None]))


@lru_cache(maxsize=64)  # pages ask for every answer
def largest_factor(files: tuple[Path, ...]) -> float | None:
    """Return the largest factor by which a ratio of two backends differs between these runs.

    Only ratios of the same problem, in runs that may be joined, are compared; None if there are no
    two. Large runs are skipped.
    """
    loaded = [(file.parent, run) for file in files if (run := _run(file)) is not None]
    groups: dict[Hashable, list[Path]] = defaultdict(list)
    for folder, run in loaded:
        groups[alike(run)].append(folder)
    ratios: dict[Hashable, list[float]] = defaultdict(list)
    left = _MOST_BYTES
    for folder, run in reversed(loaded):
        file, group = folder / ROWS, alike(run)
        if len(groups[group]) < 2:
            continue
        with suppress(UserError, OSError):
            must_be_a_file(file)
            size = file.stat().st_size
            if size <= left:
                left -= size
                for subject, ratio in _ratios(file):
                    ratios[group, subject].append(ratio)
    spreads = [
        max(log_ratios) - min(log_ratios) for log_ratios in ratios.values() if len(log_ratios) > 1
    ]
    return exp(max(spreads)) if spreads else None


def _run(file: Path) -> Run | None:
    with suppress(UserError):
        return load_plan(file.parent)
    return None


def _ratios(file: Path) -> Iterator[tuple[Hashable, float]]:
    """Yield the log-ratio of every two backends at every problem of a run, each after its key."""
    every = times(parse_rows(file, _lines(file), lambda _: None))
    by_subject: dict[Hashable, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in every:
        if may_join(row) and row.seconds and not is_contended(row):
            backend, what = measured_as(row)
            by_subject[what, row.problem, row.problem_digest][backend][row.repeat] = row.seconds
    for subject, by_backend in by_subject.items():
        for pair in combinations(sorted(by_backend), 2):
            numerator, denominator = (by_backend[name] for name in pair)
            if len(both := numerator.keys() & denominator.keys()) >= _REPEATS:
                yield (subject, pair), median(log(numerator[at] / denominator[at]) for at in both)


def _lines(file: Path) -> Iterable[bytes]:
    return file.read_bytes().splitlines(keepends=True)
