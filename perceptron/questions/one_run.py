"""The doubt of an answer of one run: by what factor runs of its machine have differed.

Its intervals hold in the state in which the machine was. Runs of other questions, which answered
together, tell how much that state does here.
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

# What is read at most: all of 20 runs with 9,000 rows (8 MB) took 0.2 s.
_MOST_RUNS, _MOST_BYTES = 20, 8_000_000
# Repeats of both backends that a ratio is of at least, none contended.
_REPEATS = 3


def with_doubt(verdicts: Sequence[Verdict], machine: Path) -> tuple[Verdict, ...]:
    """Return the verdicts; a decided one of one run says so.

    ``machine`` is the folder of its runs. The first of them says it in its first line, others
    behind theirs. What a run leaves undecided is the larger doubt, of which the same command can
    tell more: then that line stands alone.
    """
    alone = [at for at, one in enumerate(verdicts) if _is_alone(one)]
    if not alone:
        return tuple(verdicts)
    factor = largest_factor(tuple(sorted(machine.absolute().glob("*/run.json"))[-_MOST_RUNS:]))
    line, found = "one run", list(verdicts)
    if factor is None:  # the heading says as much: no other line makes room
        alone = [at for at in alone[:1] if not verdicts[at].notes]
    else:
        line += f"; runs here have differed by up to {digits(factor, 2)}×"
    for at in alone:
        own = verdicts[at].notes
        notes = (line, *own) if at == alone[0] else (*own, line)
        found[at] = replace(verdicts[at], notes=notes[:2])
    return tuple(found)


def _is_alone(verdict: Verdict) -> bool:
    return verdict.decided == "yes" and verdict.heading.endswith(intervals_of([None]))


@lru_cache(maxsize=64)  # pages ask for every answer
def largest_factor(files: tuple[Path, ...]) -> float | None:
    """Return by what factor a ratio of two backends differs at most between these runs.

    Of one problem, in runs of which the rows may join; None where no two have measured one. Large
    runs are left out.
    """
    known = [(file.parent, run) for file in files if (run := _run(file)) is not None]
    groups: dict[Hashable, list[Path]] = defaultdict(list)
    for folder, run in known:
        groups[alike(run)].append(folder)
    ratios: dict[Hashable, list[float]] = defaultdict(list)
    left = _MOST_BYTES
    for folder, run in reversed(known):
        file, group = folder / ROWS, alike(run)
        if len(groups[group]) < 2:
            continue
        with suppress(UserError, OSError):
            must_be_a_file(file)
            size = file.stat().st_size
            if size <= left:
                left -= size
                for of, ratio in _ratios(file):
                    ratios[group, of].append(ratio)
    spreads = [max(own) - min(own) for own in ratios.values() if len(own) > 1]
    return exp(max(spreads)) if spreads else None


def _run(file: Path) -> Run | None:
    with suppress(UserError):
        return load_plan(file.parent)
    return None


def _ratios(file: Path) -> Iterator[tuple[Hashable, float]]:
    """Yield the log-ratio of every two backends at every problem of a run, and what it is of."""
    every = times(parse_rows(file, _lines(file), lambda _: None))
    by_subject: dict[Hashable, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in every:
        if may_join(row) and row.seconds and not is_contended(row):
            backend, what = measured_as(row)
            by_subject[what, row.problem, row.problem_digest][backend][row.repeat] = row.seconds
    for subject, by_backend in by_subject.items():
        for pair in combinations(sorted(by_backend), 2):
            one, other = (by_backend[name] for name in pair)
            if len(both := one.keys() & other.keys()) >= _REPEATS:
                yield (subject, pair), median(log(one[at] / other[at]) for at in both)


def _lines(file: Path) -> Iterable[bytes]:
    return file.read_bytes().splitlines(keepends=True)
