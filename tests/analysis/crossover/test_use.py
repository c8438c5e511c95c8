from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover, crossovers
from perceptron.analysis.crossover.use import SourceUse, uses
from perceptron.records.measurement import Measurement
from tests.made import loaded, measured

OLD, NEW = "2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z"
TWO = [("numpy", "gpu")]


def made(backend: str, size: float, **fields: Any) -> Measurement:
    of_asv = {"source": "asv", "file": "a.json", "version": "1", "commit": "new", "committed": NEW}
    fields = of_asv | {"seconds": 1.0 if backend == "numpy" else 0.5} | fields
    return measured(backend=backend, size=size, **fields)


def account(rows: list[Measurement], pairs: list[tuple[str, str]] | None = None) -> SourceUse:
    (use,) = uses([loaded(rows)], crossovers(rows, pairs), lambda row: None)
    return use


def reasons(use: SourceUse) -> dict[str, int]:
    return {left.reason: left.rows for left in use.left_out}


SWEEP = [made(name, size) for size in (10, 100) for name in ("numpy", "gpu")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            made("gpu", 10, commit="old", committed=OLD, file="old.json"),
            "of another commit, code, environment or version than was judged",
        ),
        (made("gpu", 1000), "of a size that only one backend has"),
        (
            made("gpu", 10, status="failed", reason="no memory", seconds=None),
            "without a time: no memory",
        ),
        (made("gpu", 10, phase="forward"), "of a part of an iteration"),
        (made("jax", 10), "of a family or a backend in no pair that was judged"),
    ],
)
def test_a_row_that_is_in_no_verdict_is_left_out_with_the_reason(
    row: Measurement, reason: str
) -> None:
    """It comes last, so that the verdict of the others stands."""
    use = account([*SWEEP, row], TWO)
    assert (use.read, use.used, reasons(use)) == (5, 4, {reason: 1})


def test_of_our_own_rows_only_processes_that_measured_both_are_used() -> None:
    """Four processes of one backend and three of the other, of which two are the same."""
    rows = [
        made(name, size, source="perceptron", committed=None, repeat=process)
        for size in (10, 100)
        for name, processes in (("numpy", (0, 1, 2, 3)), ("gpu", (2, 3, 4)))
        for process in processes
    ]
    (crossover,) = crossovers(rows)
    assert [at.repeats for at in crossover.ratio_at] == [2, 2]
    use = account(rows)
    assert (use.read, use.used) == (14, 8)
    assert reasons(use) == {"of a process that did not measure the other backend": 6}


def test_the_most_frequent_reasons_are_named_and_the_others_counted() -> None:
    """Reasons are other people's words: there may be one for each row."""
    failed = [
        made("gpu", 10, status="failed", seconds=None, reason=f"reason {number}")
        for number in range(40)
        for _ in range(40 - number)
    ]
    use = account([*SWEEP, *failed])
    assert len(use.left_out) == 12
    assert [left.rows for left in use.left_out[:11]] == list(range(40, 29, -1))
    assert use.left_out[-1].reason == "for other reasons"
    assert use.read == use.used + sum(left.rows for left in use.left_out) == 4 + len(failed)


drawn = st.builds(
    made,
    st.sampled_from(["numpy", "gpu", "jax"]),
    st.sampled_from([0, 1, 10, 100]),
    commit=st.sampled_from(["new", "old", None]),
    environment=st.sampled_from(["py3.8", "py3.12", None]),
    version=st.sampled_from(["1", "2"]),
    source=st.sampled_from(["asv", "perceptron"]),
    machine=st.sampled_from(["box", "elsewhere"]),
    family=st.sampled_from(["line", "other"]),
    status=st.sampled_from(["ok", "ok", "ok", "ok", "failed"]),
    seconds=st.sampled_from([1.0, 2.0, 0.0, None]),
    phase=st.sampled_from([None, None, None, "forward"]),
    problem=st.sampled_from([None, None, None, "a", "b"]),
)


def numbered(rows: list[Measurement]) -> list[Measurement]:
    """As readers number them: no two rows of one backend at one size share a process."""
    counts: Counter[object] = Counter()
    numbered_rows = []
    for row in rows:
        # The date follows from the commit, as in a repository.
        row = replace(row, committed={"new": NEW, "old": OLD}.get(row.commit or ""))
        subject = row.machine, row.family, row.size, row.backend
        numbered_rows.append(replace(row, repeat=counts[subject]))
        counts[subject] += 1
    return numbered_rows


def behind(crossover: Crossover, rows: list[Measurement]) -> list[Measurement]:
    """Return the rows that a verdict stands on; of our own, processes that measured both."""
    where = crossover.source, crossover.commit, crossover.environment, crossover.version
    pair = crossover.incumbent, crossover.challenger
    fitting = [
        row
        for row in rows
        if row.status == "ok"
        and row.seconds
        and row.phase is None
        and row.size in crossover.sizes_measured
        and row.backend in pair
        and (row.family, row.machine) == (crossover.family, crossover.machine)
        and (row.source, row.commit, row.environment, row.version) == where
    ]
    backends = Counter((row.size, row.repeat) for row in fitting)
    return [
        row for row in fitting if row.source != "perceptron" or backends[row.size, row.repeat] == 2
    ]


@settings(max_examples=300)
@given(
    st.lists(drawn, max_size=40),
    st.sampled_from([None, TWO, [("gpu", "jax"), ("numpy", "jax")]]),
    st.sampled_from([None, "new", "old"]),
)
def test_rows_read_are_those_used_those_joined_and_those_left_out(
    rows: list[Measurement], pairs: list[tuple[str, str]] | None, commit: str | None
) -> None:
    """And the rows used are exactly those behind some verdict, all of them and no others."""
    rows = numbered(rows)
    half = len(rows) // 2
    sources = [loaded(rows[:half], left_out={"unreadable": 3}, joined=5), loaded(rows[half:])]

    def unwanted(row: Measurement) -> str | None:
        return None if commit in (None, row.commit) else "not asked for"

    wanted = [row for row in rows if unwanted(row) is None]
    judged = crossovers(wanted, pairs)
    used = {id(row) for crossover in judged for row in behind(crossover, wanted)}
    for source, use in zip(sources, uses(sources, judged, unwanted), strict=True):
        assert use.read == len(source.rows) + sum(source.left_out.values()) + source.joined
        assert use.read == use.used + use.joined + sum(left.rows for left in use.left_out)
        assert all(left.rows > 0 and left.reason for left in use.left_out)
        assert use.used == sum(id(row) in used for row in source.rows)
    # No verdict says that it had more values than there are.
    for crossover in judged:
        values = Counter((row.size, row.backend) for row in behind(crossover, wanted))
        for at in crossover.ratio_at:
            pair = crossover.incumbent, crossover.challenger
            assert at.repeats == min(values[at.size, backend] for backend in pair)
