from __future__ import annotations

import os
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from perceptron import machine
from perceptron.analysis.cost_curve import fit
from perceptron.analysis.work import CONTENDED, NO_START, TrainingShape
from perceptron.records.run import now
from perceptron.studies.fastest.cache import (
    Attempt,
    Known,
    KnownCurves,
    KnownRow,
    cache_file,
    clear,
    load,
    update,
)
from tests.made_work import drawn, measured, rows_of_two


def known_row(seed: int = 1, origin: str = "", **fields: object) -> KnownRow:
    return KnownRow(
        row=measured(drawn(seed), **({"seconds": 1e-3} | fields)),
        dtype="float32",
        threads=2,
        libraries={"numpy": "2.0"},
        origin=origin,
    )


def test_what_is_kept_is_there_for_the_next_process(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(cache) == Known(machine=machine.facts_digest())
    kept = update(cache, lambda known: known.with_rows([known_row()]))
    assert load(cache) is not kept
    monkeypatch.setattr("perceptron.studies.fastest.cache._read", {})  # as a new process has it
    assert load(cache) == kept
    assert load(cache) is load(cache)


def test_another_machine_has_another_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 1234)
    assert cache_file() != cache
    assert cache_file().parent == cache.parent


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 999}',
        b'{"format": 1, "machine": "another"}',
        b"\xff" * 100,
        b'{"rows": ' + b"[" * 5000,
    ],
)
def test_a_file_that_is_not_understood_is_a_warning_and_made_anew(
    cache: Path, content: bytes
) -> None:
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


def test_a_row_of_a_wrong_kind_is_no_crash(cache: Path) -> None:
    update(cache, lambda known: known.with_rows([known_row()]))
    cache.write_bytes(cache.read_bytes().replace(b",0.001,", b',"fast",'))
    with pytest.warns(RuntimeWarning, match="made anew"):
        assert load(cache).rows == ()


@pytest.mark.parametrize("number", ["-1.0", "1e308", "1e999"])
@pytest.mark.parametrize("replaced", [r"(?<=,)0\.001(?=,)", r'(?<="reach":)[0-9.]+'])
def test_absurd_numbers_are_not_believed(cache: Path, number: str, replaced: str) -> None:
    """Neither those of a row nor those of a curve: there is nothing then, and it is measured."""
    rows = [KnownRow(row=row, dtype="float32", threads=2, libraries={}) for row in rows_of_two(6)]
    curves = KnownCurves(dtype="float32", threads=2, curves=fit(row.row for row in rows))
    update(cache, lambda known: known.with_rows([known_row()]).with_curves(curves))
    absurd, found = re.subn(replaced, number, cache.read_text())
    assert found
    cache.write_text(absurd)
    with pytest.warns(RuntimeWarning, match="made anew"):
        assert load(cache) == Known(machine=machine.facts_digest())


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
@pytest.mark.parametrize("kind", ["pipe", "device", "huge"])
def test_what_is_no_ordinary_file_is_not_read(cache: Path, kind: str) -> None:
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


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_costs_nothing_but_the_memory(cache: Path) -> None:
    cache.parent.mkdir(mode=0o500)
    with pytest.warns(RuntimeWarning, match="cannot be written"):
        assert len(update(cache, lambda known: known.with_rows([known_row()])).rows) == 1


def test_a_file_in_place_of_the_folder_costs_nothing_but_the_memory(cache: Path) -> None:
    cache.parent.write_text("")
    with pytest.warns(RuntimeWarning, match="cannot be"):
        assert len(update(cache, lambda known: known.with_rows([known_row()])).rows) == 1


def test_nothing_is_lost_where_many_write_at_once(cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda seed: update(cache, lambda known: known.with_rows([known_row(seed)])),
            range(24),
        ):
            pass
    assert len(load(cache).rows) == len({drawn(seed).shape for seed in range(24)})


def test_a_run_that_is_read_again_replaces_its_rows() -> None:
    known = Known().with_rows([known_row(1, "run"), known_row(2, "run")], {"run": "1"})
    known = known.with_rows([known_row(3)])
    again = known.with_rows([known_row(1, "run", seconds=5.0)], {"run": "2"})
    assert again.runs == {"run": "2"}
    assert sorted(row.row.seconds or 0 for row in again.rows) == [1e-3, 5.0]


def test_one_row_of_a_shape_is_kept_of_what_was_measured_for_answers() -> None:
    known = Known().with_rows([known_row(1)]).with_rows([known_row(1, seconds=2.0)])
    assert [row.row.seconds for row in known.rows] == [2.0]


def test_curves_last_until_there_are_other_rows() -> None:
    rows = [KnownRow(row=row, dtype="float32", threads=2, libraries={}) for row in rows_of_two(6)]
    curves = KnownCurves(dtype="float32", threads=2, curves=fit(row.row for row in rows))
    known = Known().with_rows(rows).with_curves(curves)
    assert known.curves_of("float32", 2) == curves.curves
    assert known.curves_of("float64", 2) is None
    assert known.with_rows([]).curves_of("float32", 2) == curves.curves
    other = replace(known_row(99), threads=1)
    assert known.with_rows([other]).curves_of("float32", 2) == curves.curves
    assert known.with_rows([known_row(99)]).curves_of("float32", 2) is None
    assert msgspec.json.decode(msgspec.json.encode(known), type=Known) == known


def test_what_was_cleared_is_gone(cache: Path) -> None:
    clear()
    update(cache, lambda known: known.with_rows([known_row()]))
    clear()
    assert not cache.exists()
    assert load(cache).rows == ()


WHEN = now()


def attempt(shape: TrainingShape | None, **fields: Any) -> Attempt:
    defaults: dict[str, Any] = {
        "backend": "numpy",
        "dtype": "float32",
        "threads": 2,
        "seconds": 5.0,
        "reason": NO_START,
        "when": WHEN,
    }
    return Attempt(shape=shape, **(defaults | fields))


def test_an_attempt_is_about_its_shape_or_about_all() -> None:
    here, other = drawn(1).shape, drawn(2).shape
    known = Known().with_attempts([attempt(here)])
    assert known.given_up("numpy", here, "float32", 2) is not None
    for question in (
        ("torch-cpu", here, "float32", 2),
        ("numpy", other, "float32", 2),
        ("numpy", here, "float64", 2),
        ("numpy", here, "float32", 1),
    ):
        assert known.given_up(*question) is None  # type: ignore[arg-type]
    known = known.with_attempts([attempt(None, reason="no")])
    about_all = known.given_up("numpy", other, "float32", 2)
    assert about_all is not None
    assert about_all.reason == "no"


def test_an_attempt_is_forgotten_after_a_while() -> None:
    old = attempt(None, when="2026-01-01T00:00:00Z")
    assert Known().with_attempts([old]).attempts == ()
    kept = Known(attempts=(old,))
    assert kept.given_up("numpy", drawn(1).shape, "float32", 2) is None
    assert kept.with_attempts([attempt(None)]).attempts == (attempt(None),)


def test_what_has_started_since_may_be_started_again() -> None:
    """A run that was read says nothing of that: it may be older."""
    known = Known().with_attempts([attempt(None), attempt(drawn(1).shape)])
    assert known.with_rows([known_row(2, "run")]).attempts == known.attempts
    assert known.with_rows([known_row(2)]).attempts == (attempt(drawn(1).shape),)


def test_a_contended_row_gives_way_to_one_that_was_not() -> None:
    """Whichever is newer, and wherever they come from."""
    busy = known_row(1, seconds=9.0, doubt=CONTENDED, when="2026-03-03")
    idle = known_row(1, "run", seconds=1.0)
    for known in (
        Known().with_rows([busy, idle]),
        Known().with_rows([busy]).with_rows([idle]),
        Known().with_rows([idle]).with_rows([busy]),
    ):
        assert known.rows == (idle,)
    assert Known().with_rows([busy]).rows == (busy,)
