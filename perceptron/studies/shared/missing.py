"""Which jobs of a sweep have no row yet, and which pairs of backends had no turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.finding import FAMILY
from perceptron.analysis.select import NOT_REACHED, is_measured
from perceptron.backends import registry
from perceptron.grouping import grouped
from perceptron.measure.job import Time
from perceptron.problems import catalogue
from perceptron.problems.problem import DType
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.pairs import Pair

# Repeats whose processes last, in which sizes that are asked for later are measured too. Each holds
# its libraries, and with a device a context there.
LASTING, _LASTING_ON_DEVICE = 8, 3


def lasts(backend: str, repeat: int) -> bool:
    """Return whether the process of a repeat stays until the study ends."""
    on_device = registry.load(backend).device != "cpu"
    return repeat < (_LASTING_ON_DEVICE if on_device else LASTING)


def sample_seconds(quick: bool) -> float:
    """Return the least seconds of a sample."""
    return 0.005 if quick else 0.01


def size_job(
    problem: str, backend: str, dtype: DType, threads: int, repeat: int, quick: bool
) -> Time:
    """Return one repeat of a backend at one size of a sweep."""
    return Time(
        problem=problem,
        backend=backend,
        dtype=dtype,
        threads=threads,
        repeat=repeat,
        minimum_seconds=sample_seconds(quick),
        lasts=lasts(backend, repeat),
    )


def missing(jobs: Iterable[Time], rows: Iterable[Measurement]) -> list[Time]:
    """Return the jobs without a row whose problem the backend has not failed or skipped."""
    measured, given_up = set(), set()
    for row in rows:
        if row.phase is not None:  # of a part of an iteration
            continue
        key = (row.problem, row.backend, row.dtype, row.all_threads)
        measured.add((key, row.repeat))
        if row.status != "ok":
            given_up.add(key)

    @cache
    def name(reference: str) -> str:
        return catalogue.look_up(reference).name

    found = []
    for job in jobs:
        key = (name(job.problem), job.backend, job.dtype, job.threads)
        if (key, job.repeat) not in measured and key not in given_up:
            found.append(job)
    return found


def not_reached(
    found: Iterable[Crossover],
    rows: Sequence[Measurement],
    pairs: Iterable[Pair],
    planned: Mapping[str, int],
) -> Iterator[Crossover]:
    """Yield a crossover that was not measured for each pair that had no turn in a family.

    That is one of which a backend has no row of the family, not even one that says why, or both at
    one size alone, though more are ``planned``. Of a family without any row that is every pair,
    also where only one backend has a time elsewhere. Those already ``found`` are left out.
    """
    if not rows:
        return
    pairs = list(pairs)
    every = set(map(attrgetter("backend"), rows))
    runs = {name for pair in pairs for name in pair if name not in every or is_measured(rows, name)}
    told = {(one.family, one.threads, one.incumbent, one.challenger) for one in found}
    alike = grouped(rows, attrgetter("family", "threads", "processes", "backend", "size"))
    one_of_each = [own[0] for own in alike.values()]
    reached = {(row.family, row.all_threads, row.backend) for row in one_of_each}
    ground = next((row for row in rows if row.family != FAMILY), rows[0])
    for threads in sorted({row.all_threads for row in one_of_each if row.all_threads is not None}):
        for family, sizes_planned in planned.items():
            sizes = {
                row.size
                for row in one_of_each
                if (row.family, row.all_threads) == (family, threads)
            }
            for pair in pairs:
                has_both = all((family, threads, name) in reached for name in pair)
                is_over = has_both and len(sizes) >= min(2, sizes_planned)
                if is_over or (family, threads, *pair) in told:
                    continue
                if not sizes or runs.issuperset(pair):
                    yield Crossover(
                        family=family,
                        incumbent=pair[0],
                        challenger=pair[1],
                        status="not measured",
                        machine=ground.machine,
                        dtype=ground.dtype,
                        threads=threads,
                        reason=NOT_REACHED,
                    )
