from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perceptron.processes.waiting import stolen_seconds, waiting_meter


def thread(folder: Path, name: str, nanoseconds: int) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "schedstat").write_text(f"5 {nanoseconds} 7\n")


def test_waiting_meter_sums_wait_of_threads(tmp_path: Path) -> None:
    """The second number of each, in seconds; new threads count from the next refresh on."""
    thread(tmp_path, "1", 2_000_000_000)
    thread(tmp_path, "2", 500_000_000)
    with waiting_meter(str(tmp_path)) as meter:
        assert meter() == 2.5
        thread(tmp_path, "2", 700_000_000)
        thread(tmp_path, "3", 1_000_000_000)
        assert meter() == 2.7
        meter.refresh()
        assert meter() == 3.7
        (tmp_path / "2" / "schedstat").write_text("")  # as that of a thread that has ended
        assert meter() == 3.7


def test_idle_threads_are_read_no_more(tmp_path: Path) -> None:
    """What they have waited stays; reading costs a microsecond for each thread."""
    thread(tmp_path, "1", 2_000_000_000)
    thread(tmp_path, "2", 500_000_000)
    with waiting_meter(str(tmp_path)) as meter:
        thread(tmp_path, "1", 3_000_000_000)
        assert meter() == 3.5
        meter.leave_out_idle()
        thread(tmp_path, "1", 4_000_000_000)
        thread(tmp_path, "2", 900_000_000)
        assert meter() == 4.5
        meter.refresh()
        assert meter() == 4.5, "left out for good"


def test_waiting_meter_is_none_without_folder(tmp_path: Path) -> None:
    """Not zero: nobody knows."""
    with waiting_meter(str(tmp_path / "none")) as meter:
        assert meter() is None
    assert stolen_seconds(str(tmp_path / "none")) is None


def test_steal_is_the_eighth_number_of_the_first_line(tmp_path: Path) -> None:
    """In clock ticks, a hundredth of a second on Linux."""
    (tmp_path / "stat").write_text("cpu  1 2 3 4 5 6 7 250 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
    assert stolen_seconds(str(tmp_path / "stat")) == pytest.approx(2.5)
    (tmp_path / "stat").write_text("cpu 1 2\n")
    assert stolen_seconds(str(tmp_path / "stat")) is None


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="no scheduler statistics")
def test_this_process_has_a_meter() -> None:
    """It never goes back."""
    with waiting_meter() as meter:
        first = meter()
        second = meter()
    assert 0 <= first <= second
    assert sys.platform == "linux"
