"""A child is listened to and ended, whatever becomes of it. Time-outs are guards, in minutes."""

from __future__ import annotations

import os
import signal
import sys
import time
import tracemalloc

import pytest

from perceptron.processes.supervision import ChildProcess, describe_exit, end_all

GUARD_SECONDS = 300.0


def child(program: str, own_group: bool = False) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", program], os.environ, own_group)


def alive(process: int) -> bool:
    """Whether it still runs; one that has ended and nobody has waited for does not."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_child_process_exchanges_lines() -> None:
    process = child("print(input()[::-1]); print('more')")
    process.send(b"abc")
    assert process.read_line(GUARD_SECONDS) == b"cba\n"
    assert process.read_line(GUARD_SECONDS) == b"more\n"
    assert process.read_line(GUARD_SECONDS) is None
    assert process.wait(GUARD_SECONDS) == 0
    assert process.has_ended
    process.end()


def test_child_process_silence_is_a_timeout() -> None:
    process = child("input()")
    with pytest.raises(TimeoutError, match=r"no answer within 0.01 s"):
        process.read_line(0.01)
    assert not process.has_ended
    process.end()
    assert process.has_ended


def test_child_process_last_message_explains_exit() -> None:
    process = child("import sys; print('one\\ntwo', file=sys.stderr); sys.exit(3)")
    assert process.read_line(GUARD_SECONDS) is None
    assert describe_exit(process.wait(GUARD_SECONDS)) == "exited with 3"
    assert process.last_message() == "two"
    process.send(b"too late")
    process.end()


def test_child_process_reads_only_end_of_messages() -> None:
    process = child(
        "import os\nfor _ in range(100): os.write(2, b'x' * 1_000_000)\nos.write(2, b'\\nend')"
    )
    assert process.wait(GUARD_SECONDS) == 0
    tracemalloc.start()
    assert process.last_message() == "end"
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    process.end()


def test_exit_description_names_signal() -> None:
    assert describe_exit(-signal.SIGTERM) == "was ended by SIGTERM"
    assert describe_exit(-signal.SIGKILL) == "was ended by SIGKILL (out of memory?)"


def test_child_process_that_exits_is_not_killed() -> None:
    process = child("import sys; sys.stdin.read(); sys.exit(7)")
    process.end(GUARD_SECONDS)
    assert process.wait() == 7


def test_several_that_stay_are_waited_for_once() -> None:
    """Forty that ignore the end of their input take one patience, not forty."""
    stubborn = [ChildProcess(["sleep", "1000"], os.environ) for _ in range(40)]
    begin = time.monotonic()
    end_all(stubborn, 1.0)
    assert 1.0 <= time.monotonic() - begin < 39.0
    assert all(process.has_ended for process in stubborn)


def test_child_process_ends_its_group() -> None:
    """Also when the leader itself has gone before."""
    process = child(
        "import os, subprocess, sys\n"
        "sleeper = [sys.executable, '-c', 'import time; time.sleep(1000)']\n"
        "print(subprocess.Popen(sleeper, stdout=subprocess.DEVNULL).pid, flush=True)\n"
        "os._exit(0)",
        own_group=True,
    )
    started = int(process.read_line(GUARD_SECONDS) or 0)
    assert process.wait(GUARD_SECONDS) == 0
    assert alive(started)
    process.end()
    deadline = time.monotonic() + GUARD_SECONDS
    while alive(started):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="not Linux")
def test_child_process_ends_descendants_in_other_sessions() -> None:
    """Also where its own parent has gone, as that of a daemon has."""
    sleeps = "[sys.executable, '-c', 'import time; time.sleep(1000)']"
    daemon = (
        f"import subprocess, sys; print(subprocess.Popen({sleeps}, start_new_session=True).pid)"
    )
    other = child(f"import sys, os; os.execv(sys.executable, {sleeps})")
    process = child(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {daemon!r}])")
    started = int(process.read_line(GUARD_SECONDS) or 0)
    assert process.wait(GUARD_SECONDS) == 0
    assert alive(started)
    process.end()
    assert not alive(started)
    assert alive(other.pid)
    other.end()
