"""What counting at a commit tells, what is kept of it, and what the next start tries again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import Revision
from perceptron.gate.reasons.commits import Step
from perceptron.gate.reasons.probes import Probes
from perceptron.gate.reasons.search import Hunt
from perceptron.records.block import Benchmark, Reading
from tests.gate.conftest import benchmark

OLD, NEW = (Reading(status="ok", instructions=number) for number in (100.0, 110.0))
FAILED = Reading(status="failed", reason="ValueError: no")
SLOW = Reading(status="slow", reason="no answer within 10 s")
SKIPPED = Reading(status="skipped", reason="it would take about 90 s under valgrind")
UNTRIED = Reading(status="untried", reason="no time")
ONE = "suite.time_one"


class Told(Probes):
    """Is told what a benchmark gives at each step; a step may break."""

    def __init__(
        self,
        folder: Path,
        readings: Sequence[Mapping[str, Reading] | Exception],
        left: Callable[[], float] = lambda: 100.0,
    ) -> None:
        self.asked: list[tuple[int, int]] = []
        self._told = readings
        found = [Step(Revision(f"c{own}", f"c{own}"), "") for own in range(1, len(readings) + 1)]
        nothing = cast(Any, None)
        journal = SimpleNamespace(folder=folder, run=SimpleNamespace(plan=None))
        super().__init__(nothing, nothing, cast(Any, journal), nothing, found, left)

    def _readings(
        self, pair: tuple[int, int], benchmarks: Sequence[Benchmark]
    ) -> Generator[tuple[str, tuple[Reading, Reading]], None, None]:
        self.asked.append(pair)
        sides: list[Mapping[str, Reading]] = []
        for number in pair:
            told = self._told[number - 1]
            if isinstance(told, Exception):
                raise told
            sides.append(told)
        for own in benchmarks:
            yield own.key, (sides[0][own.key], sides[1][own.key])


def hunts(last: int) -> dict[str, Hunt]:
    return {ONE: Hunt(100.0, 110.0, last)}


def count(probes: Told, pair: tuple[int, int], own: dict[str, Hunt]) -> bool:
    return probes.count(pair, [benchmark(ONE)], own)


def recalled(folder: Path, steps: int) -> tuple[Told, Hunt]:
    """Return what the next start knows."""
    probes, own = Told(folder, [{}] * steps), hunts(steps)
    probes.recall(own)
    return probes, own[ONE]


def test_counts_are_kept(tmp_path: Path) -> None:
    probes, own = Told(tmp_path, [{ONE: OLD}, {ONE: NEW}, {ONE: NEW}]), hunts(3)
    assert count(probes, (1, 2), own)
    assert own[ONE].found == 2
    assert recalled(tmp_path, 3)[1].found == 2


def test_what_fails_is_kept_with_its_reason(tmp_path: Path) -> None:
    probes, own = Told(tmp_path, [{ONE: FAILED}, {ONE: NEW}, {ONE: NEW}]), hunts(3)
    assert count(probes, (1, 2), own)
    again, hunt = recalled(tmp_path, 3)
    for known, told in ((own[ONE], probes), (hunt, again)):
        assert (known.bounds, known.candidates) == ((0, 2), [])
        assert told.reason(1, ONE) == "ValueError: no"


@pytest.mark.parametrize("reading", [SLOW, SKIPPED])
def test_what_cannot_be_counted_now_is_tried_by_the_next_start(
    tmp_path: Path, reading: Reading
) -> None:
    """This one does not try it for ever."""
    probes, own = Told(tmp_path, [{ONE: reading}, {ONE: NEW}, {ONE: NEW}]), hunts(3)
    assert count(probes, (1, 2), own)
    assert own[ONE].candidates == []
    assert probes.reason(1, ONE) == reading.reason
    assert recalled(tmp_path, 3)[1].candidates == [1]


@pytest.mark.parametrize("reading", [SLOW, UNTRIED])
def test_what_the_end_of_the_time_cut_off_tells_nothing(tmp_path: Path, reading: Reading) -> None:
    probes = Told(tmp_path, [{ONE: reading}, {ONE: NEW}], left=lambda: 0.0)
    own = hunts(2)
    assert not count(probes, (1, 1), own)
    assert own[ONE].candidates == [1]
    assert probes.reason(1, ONE) is None


@pytest.mark.parametrize("broken", [UserError("HEAD imported another"), OSError(28, "disk full")])
def test_a_step_that_cannot_be_checked_out_costs_no_other(
    tmp_path: Path, broken: Exception
) -> None:
    steps: list[Mapping[str, Reading] | Exception] = [{ONE: OLD}, broken, {ONE: NEW}]
    probes, own = Told(tmp_path, steps), hunts(3)
    assert count(probes, (1, 2), own)
    assert probes.asked == [(1, 2), (1, 1), (2, 2)]
    assert own[ONE].bounds == (1, 3)
    assert own[ONE].candidates == []
    assert "another" in (probes.reason(2, ONE) or "") or "full" in (probes.reason(2, ONE) or "")
    assert recalled(tmp_path, 3)[1].candidates == [2], "it may work another time"


@pytest.mark.parametrize("instructions", [0.0, -1.0, None])
def test_a_count_that_is_none_is_no_count(tmp_path: Path, instructions: float | None) -> None:
    none = Reading(status="ok", instructions=instructions)
    probes, own = Told(tmp_path, [{ONE: none}, {ONE: NEW}]), hunts(2)
    assert count(probes, (1, 1), own)
    assert own[ONE].candidates == []


@pytest.mark.parametrize("line", [b"{", b"\xff", b"[]", b'{"commit": "c1"}', b""])
def test_a_damaged_line_is_counted_again(tmp_path: Path, line: bytes) -> None:
    probes, own = Told(tmp_path, [{ONE: OLD}, {ONE: OLD}, {ONE: NEW}]), hunts(3)
    assert count(probes, (1, 2), own)
    file = tmp_path / "bisect.jsonl"
    first, second = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([line, second, b""]))
    assert recalled(tmp_path, 3)[1].bounds == (2, 3)
    file.write_bytes(b"\n".join([first, line, b""]))
    assert recalled(tmp_path, 3)[1].candidates == [2]


def test_a_folder_that_cannot_be_written_to_costs_nothing_found(tmp_path: Path) -> None:
    probes, own = Told(tmp_path / "gone", [{ONE: OLD}, {ONE: NEW}]), hunts(2)
    assert count(probes, (1, 1), own)
    assert own[ONE].found == 2
