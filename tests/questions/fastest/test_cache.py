from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from perceptron.questions.fastest.cache import Attempt, Known, alike, load, update
from perceptron.questions.fastest.measured_shape import NO_START, NO_TIME, MeasuredShape
from perceptron.records.run import now
from tests.made_shapes import measured, shape


def known_row(seed: int = 1, origin: str = "", **fields: object) -> MeasuredShape:
    of = {"seconds": 1e-3, "threads": 2, "libraries": {"numpy": "2.0"}} | fields
    return measured(shape(rows=seed), origin=origin, **of)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"format": 999}',
        b"\xff" * 100,
        b'{"rows": ' + b"[" * 5000,
    ],
)
def test_cache_unreadable_file_warns_and_is_rebuilt(cache: Path, content: bytes) -> None:
    cache.parent.mkdir()
    cache.write_bytes(content)
    with pytest.warns(RuntimeWarning, match="made anew") as caught:
        assert load(cache).rows == ()
    assert "\n" not in str(caught[0].message)
    with pytest.warns(RuntimeWarning):
        update(cache, lambda known: known.with_rows([known_row()]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load(cache).rows) == 1


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
@pytest.mark.parametrize("kind", ["pipe", "device", "huge"])
def test_cache_reads_regular_files_only(cache: Path, kind: str) -> None:
    """Reading a pipe would wait for ever, and a device never ends."""
    cache.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(cache)
    elif kind == "device":
        cache.symlink_to("/dev/zero")
    else:
        with cache.open("wb") as file:
            file.truncate(2**40)
    with pytest.warns(RuntimeWarning, match="made anew"):
        assert load(cache).rows == ()
    with pytest.warns(RuntimeWarning, match="made anew"):
        update(cache, lambda known: known.with_rows([known_row()]))
    assert len(load(cache).rows) == 1


def test_cache_keeps_all_concurrent_updates(cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda seed: update(cache, lambda known: known.with_rows([known_row(seed)])),
            range(1, 25),
        ):
            pass
    assert len(load(cache).rows) == 24


def test_full_cache_drops_oldest_runs_before_trainings() -> None:
    """Many runs of one training leave a place to every other; contended runs go first."""
    days = [f"2026-03-{day:02}" for day in range(1, 31)]
    often = [known_row(1, day, when=day, together=day) for day in days]
    busy = known_row(1, "busy", waited=0.9, when="2026-04-04", together="busy")
    once = [known_row(seed, when="2026-01-01") for seed in range(2, 992)]
    for new in ([*often, busy, *once], [*once, busy, *often]):
        known = Known().with_rows(new)
        kept = {row.when for row in known.rows if row.shape.rows == 1}
        assert len(known.rows) == 1000
        assert kept == set(days[-10:])
    assert [row.when for row in Known().with_rows(often).rows] == days[-20:]
    few = Known().with_rows([*often[:2], busy])
    assert {row.when for row in few.rows} == {*days[:2], "2026-04-04"}


@pytest.mark.parametrize("reason", [NO_TIME, NO_START])
def test_cache_attempt_applies_to_its_question_only(reason: str) -> None:
    tried = Attempt(
        backend="numpy",
        shape=shape(rows=1),
        comparison_key=alike("float64", 2),
        seconds=5.0,
        reason=reason,
        when=now(),
    )
    known = Known().with_attempts([tried])
    assert known.given_up("numpy", shape(rows=1), alike("float64", 2)) == tried
    assert known.given_up("numpy", shape(rows=1), alike("float32", 2)) is None
    assert known.given_up("numpy", shape(rows=1), alike("float64", 1)) is None
    assert known.given_up("numpy", shape(rows=2), alike("float64", 2)) is None
