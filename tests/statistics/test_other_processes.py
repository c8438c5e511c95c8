from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.records.conditions import CoreUse, OtherProcess
from perceptron.records.environment import Environment
from perceptron.statistics.other_processes import (
    LARGEST_OTHER_CORES,
    is_known,
    others_need_cores,
    users_in_words,
)
from perceptron.statistics.trust import warnings_about
from tests.made import SOUND

BROWSER = OtherProcess(name="chromium", pid=1234, share=0.93)
BACKUP = OtherProcess(name="backup", pid=9, share=1.5)


def test_others_are_in_the_way_beyond_the_cores_left_over() -> None:
    """Threads that there are no cores for make no room; where CPUs are not counted, names count."""
    for threads, left_over in ((1, 1), (2, 0), (9, 0)):
        most = left_over + LARGEST_OTHER_CORES
        assert not others_need_cores(CoreUse(other_cores=most), 2, threads)
        assert others_need_cores(CoreUse(other_cores=most + 1e-9), 2, threads)
    assert others_need_cores(CoreUse(other_processes=[BROWSER]), 2, 2)
    assert not is_known(CoreUse())
    assert not others_need_cores(CoreUse(), 2, 2)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (CoreUse(other_processes=[BROWSER]), "chromium (pid 1234) uses 0.93 of a core"),
        (
            CoreUse(other_processes=[BACKUP, BROWSER], other_cores=2.83),
            "backup (pid 9) uses 1.50 cores; chromium (pid 1234) uses 0.93 of a core; others 0.40",
        ),
        (
            CoreUse(other_processes=[], other_cores=0.6),
            "short-lived or hidden processes use 0.60 of a core",
        ),
    ],
)
def test_other_processes_are_described_in_one_line(use: CoreUse, words: str) -> None:
    """The largest by name; many small ones add up, and others cannot be seen from here."""
    assert users_in_words(use) == words


def test_other_processes_load_beyond_cores_warns(environment: Environment) -> None:
    """A neighbour explains it without removing it, and a thread that waits says that it goes on."""
    over = replace(SOUND, load=5.77, other_processes=[], other_cores=0.0, threads_waited=0.01)
    assert warnings_about(environment, 2, over) == []
    waits = replace(over, threads_waited=0.3)
    assert [warning.code for warning in warnings_about(environment, 2, waits)] == ["other-load"]
    beside = replace(over, other_cores=1.1)
    assert [warning.code for warning in warnings_about(environment, 1, beside)] == ["other-load"]
    busy = replace(over, other_processes=[BROWSER], other_cores=1.9)
    codes = [warning.code for warning in warnings_about(environment, 2, busy)]
    assert codes == ["busy-neighbour", "other-load"]


def test_other_processes_stored_name_is_printable(environment: Environment) -> None:
    """A file of results is as untrusted as a process."""
    evil = replace(BROWSER, name="\x1b[31mred\nline" + "x" * 100)
    (warning,) = warnings_about(environment, 2, replace(SOUND, other_processes=[evil]))
    assert warning.message.isprintable()
    assert "x" * 50 not in warning.message
