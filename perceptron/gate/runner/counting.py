"""Instructions of a call, counted by valgrind.

Two tools count. massif only adds up, and everything runs about ten times as slowly; callgrind tells
functions apart, and the counted calls run ten times slower again. Requests to valgrind ask for the
count so far, or switch callgrind on and off. A request is a sequence of instructions without effect
on a processor that valgrind recognizes while it translates (see its valgrind.h and callgrind.h),
with the address of six words in a register: the request's number and its arguments.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import repeat, starmap
from typing import Any

from ...processes.timed_loop import uncollected
from .session import Refused
from .timing import Batches

_CALLGRIND = (ord("C") << 24) + (ord("T") << 16)
_DUMP, _START, _STOP = _CALLGRIND, _CALLGRIND + 4, _CALLGRIND + 5
_RUNNING_ON_VALGRIND, _COMMAND = 0x1001, 0x1202
_WORDS = ctypes.c_uint64 * 6

# The first call may compile something, so the second predicts later calls better.
_DOUBTS = (1.5, 1.0)
# Instructions: of a call that is warm by its end, and counted once; of the calls that warm
# interpreters and caches up, and how many these are at most; of the calls that are counted at once.
_LONG_CALL, _WARM_UP, _BATCH = 2e7, 5e7, 3e6
_MOST_CALLS = 20
_COUNTS = 3
# Largest size of the small objects for which malloc keeps memory, and their number of each size.
_SMALL, _ROOM = 512, 1000
Repeated = Callable[[int, Callable[[], Any], Callable[[], Any]], object]
"""Calls a function a number of times between two other calls, as `Batches.repeat` does."""
Seed = Callable[[], object]
# Number of long calls: to warm up, and to count.
_LONG_CALLS = 3.0
# Bytes of massif's output at a request; few of them are used.
_SNAPSHOT = 2**16

# A function of one argument, the address of the words; it returns valgrind's answer, or 0.
_X86_64 = bytes.fromhex(
    "48 89 f8"  # mov rax, rdi: the words
    "31 d2"  # xor edx, edx: the answer without valgrind
    "48 c1 c7 03 48 c1 c7 0d 48 c1 c7 3d 48 c1 c7 33"  # rol rdi, 3; 13; 61; 51
    "48 87 db"  # xchg rbx, rbx
    "48 89 d0"  # mov rax, rdx
    "c3"  # ret
)
_ARM64 = b"".join(
    word.to_bytes(4, "little")
    for word in (
        0xAA0003E4,  # mov x4, x0: the words
        0xD2800003,  # mov x3, #0: the answer without valgrind
        *(0x93CC018C | turn << 10 for turn in (3, 13, 51, 61)),  # ror x12, x12, #…
        0xAA0A014A,  # orr x10, x10, x10
        0xAA0303E0,  # mov x0, x3
        0xD65F03C0,  # ret
    )
)
_CODE = {"x86_64": _X86_64, "AMD64": _X86_64, "aarch64": _ARM64, "arm64": _ARM64}


def _requests() -> Callable[..., Callable[[], int]]:
    """Return a factory of functions that send a request to the valgrind this process runs under.

    The functions are made beforehand, because the code that they run is counted. Raises `Refused`.
    """
    code = _CODE.get(platform.machine())
    if code is None:
        raise Refused("no request to valgrind is known for " + platform.machine())
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=7)  # read, write and execute
    memory.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    function = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(address)
    memory_in_use: list[Any] = [memory]

    def request(*words: int) -> Callable[[], int]:
        memory_in_use.append(_WORDS(*words))
        return partial(function, ctypes.addressof(memory_in_use[-1]))

    if not request(_RUNNING_ON_VALGRIND)():
        raise Refused("this process does not run under valgrind")
    return request


class Counter:
    """Counts instructions of all threads of this process, under massif. Raises `Refused`."""

    def __init__(self) -> None:
        self._request = request = _requests()  # kept: its code is in memory of its own
        self._snapshots = [os.memfd_create("instructions") for _ in range(2)]
        commands = [b"snapshot /proc/self/fd/%d" % file for file in self._snapshots]
        self._texts = list(map(ctypes.create_string_buffer, commands))
        self._before, self._after = (
            request(_COMMAND, ctypes.addressof(text)) for text in self._texts
        )
        self._own = 0
        for _ in range(_COUNTS):  # once the interpreter has adapted to it
            self._own += self.count(_nothing, 0)

    def count(self, repeated: Repeated, calls: int) -> int:
        """Return the instructions of ``calls`` calls, without the loop around them."""
        repeated(calls, self._before, self._after)
        before, after = map(_time, self._snapshots)
        return max(0, after - before - self._own)


def _time(snapshot: int) -> int:
    """Return the instructions executed before massif wrote this snapshot."""
    for line in os.pread(snapshot, _SNAPSHOT, 0).splitlines():
        if line.startswith(b"time="):
            return int(line[len(b"time=") :])
    raise Refused("valgrind did not tell its count")


class Profiler:
    """Has callgrind record the instructions of each function.

    ``dumps`` is the path that callgrind writes to: the process id and the dump's number are
    appended. Raises `Refused`.
    """

    def __init__(self, dumps: str) -> None:
        self._dumps = dumps
        self._request = _requests()
        self._dump, self._start, self._stop = map(self._request, (_DUMP, _START, _STOP))
        # Once here, or callgrind reads every library's symbols in each forked child.
        self._start()
        self._stop()

    def profile(self, call: Callable[[], object], calls: int) -> str:
        """Profile ``calls`` calls, and return the name of callgrind's file on them.

        A compiled function makes the calls: from the running interpreter, valgrind would charge
        them to another function. A dump starts a new profile for all threads; a request to start at
        zero forgets some of them.
        """
        self._start()
        self._dump()
        deque(starmap(call, repeat((), calls)), maxlen=0)
        self._dump()
        before, after = (f"{self._dumps}.{os.getpid()}.{number}" for number in (1, 2))
        with suppress(FileNotFoundError):
            os.unlink(before)
        return os.path.basename(after)


def count_calls(
    batches: Batches, counter: Counter, longest_seconds: float, seed: Seed
) -> dict[str, Any]:
    """Return the ``instructions`` of a call, after calls to warm up.

    The number of calls follows from the instructions of the first ones, not from a clock: so both
    revisions get the same number where their work is equal. Where it is not, ``seed`` makes the
    counted calls draw the same numbers. Short calls are counted several times, and the median
    counts. Where a setup belongs to every sample, it runs uncounted before the counted calls, and
    these are as many as asv makes between two setups. Garbage collection is off meanwhile: its
    timing depends on all that ran before.

    Raises `Refused` if this would take longer than ``longest_seconds``.
    """
    with uncollected():
        _make_room()
        instructions = _warm_up(batches, counter, longest_seconds, seed)
        if instructions <= _LONG_CALL:
            calls = batches.step or calls_at_once(instructions)
            counts = (_count(batches, counter, calls, seed) for _ in range(_COUNTS))
            instructions = statistics.median(counts)
        return {"instructions": instructions}


def profile_calls(batches: Batches, profiler: Profiler, calls: int, seed: Seed) -> dict[str, Any]:
    """Return the name of callgrind's file on ``calls`` calls, after some to warm up."""
    with uncollected():
        batches.run(min(calls, _MOST_CALLS))
        seed()
        batches.refresh()
        calls = batches.step or calls
        return {"dump": profiler.profile(batches.call, calls), "calls": calls}


def _warm_up(batches: Batches, counter: Counter, longest_seconds: float, seed: Seed) -> float:
    """Call the benchmark until it is warm, and return the approximate instructions of a call."""
    step = batches.step or 1
    for doubt in _DOUBTS:
        begin, modules_before = time.perf_counter(), len(sys.modules)
        batches.run(step)
        foreseen = _LONG_CALLS * (time.perf_counter() - begin)
        # The cost of importing a library predicts nothing.
        if foreseen > doubt * longest_seconds and len(sys.modules) == modules_before:
            raise Refused(f"it would take about {foreseen:.0f} s under valgrind")
    instructions = _count(batches, counter, step, seed)
    if instructions <= _LONG_CALL:
        for _ in range(min(_MOST_CALLS, int(_WARM_UP / max(instructions, 1.0)))):
            batches.run(step)
    return instructions


def _make_room() -> None:
    """Have malloc reserve memory for small objects.

    Without it, the cost of finding memory depends on all that ran before.
    """
    objects: list[object] = [object() for _ in range(_ROOM)]
    for size in range(1, _SMALL, 16):
        objects += [bytes(size) for _ in range(_ROOM)]


def calls_at_once(instructions: float) -> int:
    """Return how many calls of about this number of ``instructions`` are counted together."""
    return max(1, int(_BATCH / max(instructions, 1.0)))


def _count(batches: Batches, counter: Counter, calls: int, seed: Seed) -> float:
    """Return the instructions of each of ``calls`` calls."""
    seed()
    batches.refresh()
    return counter.count(batches.repeat, calls) / calls


def _nothing(_calls: int, before: Callable[[], Any], after: Callable[[], Any]) -> None:
    """Call nothing: its count is the cost of counting itself."""
    before()
    after()
