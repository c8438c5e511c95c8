"""A suite is imported once, and each benchmark runs in a child of that process: whatever becomes of
one costs no other."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import pytest

from perceptron.records.block import SideMeasurement
from tests.gate.conftest import write
from tests.gate.runner.conftest import PROGRAM, measurements, outcomes
from tests.gate.runner.conftest import answers_of as answers
from tests.gate.runner.conftest import program as start

SUITE = """
import __main__ as main
import contextlib, os, signal, sys, time

@contextlib.contextmanager
def meter():
    main.samples += 1
    yield lambda: main.waited

main.samples, main.waited = 0, 0.0
main.timing.waiting_meter = meter

with open({imported!r}, "a") as file:
    file.write("once\\n")
SEEN = []

def remember():
    SEEN.append(len(SEEN))
    return sum(SEEN)

def time_first():
    remember()

def time_second():
    remember()

def time_crashes():
    os.kill(os.getpid(), signal.SIGSEGV)

def time_exits():
    os._exit(7)

def time_leaves():
    sys.exit(3)

def time_hangs(number):
    with open({imported!r} + ".pid", "w") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(0.01)
time_hangs.params = [1]

def time_imports():
    import wave

def time_multiprocessing():
    sys.modules["__mp_main__"] = sys.modules["__main__"]

def time_library():
    import library
    library.work()

def time_waits():
    main.waited += 1.0 if main.samples == 2 else 0.0
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    write(folder / "benchmarks" / "__init__.py", "")
    write(folder / "benchmarks" / "some.py", SUITE.format(imported=str(tmp_path / "imported")))
    return folder


def program(
    tree: Path, kind: str, names: Sequence[str], effort: Mapping[str, int] = {}, **facts: object
) -> AbstractContextManager[subprocess.Popen[str]]:
    """A program that has been told to run these benchmarks."""
    tasks = [(name, "some." + name.replace("(", "-").strip(")")) for name in names]
    suite = {"suite": "asv", "benchmarks": "benchmarks", "seconds": 100.0, "limit_seconds": 60.0}
    return start(tree, kind, tasks, effort, **{**suite, **facts})


def test_forks_isolate_benchmark_failures(tree: Path) -> None:
    names = ["time_first", "time_crashes", "time_exits", "time_leaves", "time_hangs(0)"]
    with program(tree, "trace", [*names, "time_second"], limit_seconds=5.0) as process:
        received = answers(process)
    assert outcomes(received) == {
        "time_first": ("ok", None),
        "time_crashes": ("failed", "its process was ended by SIGSEGV"),
        "time_exits": ("failed", "its process exited with 7"),
        "time_leaves": ("failed", "it ended the process: SystemExit: 3"),
        "time_hangs(0)": ("slow", "no answer within 5 s"),
        "time_second": ("ok", None),
    }
    assert received[-1]["kind"] == "end"
    assert (tree.parent / "imported").read_text() == "once\n"


def test_forks_start_benchmarks_from_same_state(tree: Path) -> None:
    """Whatever another one has left in the module."""
    with program(tree, "trace", ["time_first", "time_second"]) as process:
        traces = measurements(answers(process))
    first, second = (
        [function for function in traces[name]["functions"] if function[0] != name]
        for name in ("time_first", "time_second")
    )
    assert first == second


def test_forks_report_modules_imported_in_child(tree: Path) -> None:
    """It may be another copy of the project. The program is none, whatever multiprocessing says."""
    others = [str(Path(os.__file__).parent), str(PROGRAM.parent)]
    foreign = []
    for names in (["time_first"], ["time_imports", "time_multiprocessing"]):
        with program(tree, "trace", names, others=others) as process:
            foreign.append({module.split()[0] for module in answers(process)[-1]["foreign"]})
    before, after = foreign
    assert "wave" in after - before
    assert not {name for name in after if name.startswith(("__mp_main__", "_perceptron_gate"))}


def test_forks_import_library_of_children_once(tree: Path) -> None:
    """As torch, which takes longer than most of what is counted."""
    library, imported = tree / "library", tree.parent / "processes"
    parts = [f"part{number}" for number in range(100)]
    for part in parts:
        write(library / f"{part}.py", "")
    text = f"import os\nfrom library import {', '.join(parts)}\ndef work(): pass\n"
    log = f"with open({str(imported)!r}, 'a') as file: print(os.getpid(), file=file)\n"
    write(library / "__init__.py", text + log)
    names = ["time_library", "time_first", "time_library"]
    with program(tree, "trace", names) as process:
        assert {status for status, _ in outcomes(answers(process)).values()} == {"ok"}
        assert len(imported.read_text().split()) == 1


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("os._exit(7)", ("failed", "its process exited with 7")),
        ("os.read(os.pipe()[0], 1)", ("slow", "no answer within 4 s")),
    ],
)
def test_forks_broken_library_costs_its_importers_only(
    tree: Path, end: str, outcome: tuple[str, str]
) -> None:
    """As under valgrind, which lacks some instructions."""
    parts = [f"part{number}" for number in range(100)]
    for part in parts:
        write(tree / "library" / f"{part}.py", "")
    text = f"import os\nfrom library import {', '.join(parts)}\n{end}\n"
    write(tree / "library" / "__init__.py", text)
    names = ["time_library", "time_first"]
    with program(tree, "trace", names, limit_seconds=4.0) as process:
        received = outcomes(answers(process))
    assert received == {"time_library": outcome, "time_first": ("ok", None)}
    assert (tree.parent / "imported").read_text() == "once\n"


def test_forks_slow_import_is_not_cut_short(tree: Path) -> None:
    """As under valgrind, where the next one would begin to import it anew."""
    folder = tree / "slow"
    parts = [f"part{number}" for number in range(60)]
    for part in parts:
        write(folder / f"{part}.py", "import time; time.sleep(0.1)")
    write(folder / "__init__.py", f"from slow import {', '.join(parts)}\n")
    write(tree / "benchmarks" / "late.py", "def time_slow():\n    import slow\n")
    tasks = [("slow", "late.time_slow")]
    facts = {"suite": "asv", "benchmarks": "benchmarks", "seconds": 100.0, "limit_seconds": 4.0}
    with start(tree, "trace", tasks, **facts) as process:
        assert outcomes(answers(process)) == {"slow": ("ok", None)}


def test_forks_reset_working_folder(tree: Path) -> None:
    """Here both are in one process. asv has one for each, where setup_cache has its own folder."""
    seen = tree.parent / "seen"
    lines = (
        "import os",
        "def time_goes():",
        "    os.chdir('/')",
        "def time_stays():",
        f"    open({str(seen)!r}, 'w').write(os.getcwd())",
    )
    write(tree / "benchmarks" / "where.py", "\n".join(lines))
    tasks = [(name, f"where.{name}") for name in ("time_goes", "time_stays")]
    facts = {"suite": "asv", "benchmarks": "benchmarks"}
    with start(tree, "measure", tasks, {"calls": 1, "batches": 1}, **facts) as process:
        assert {status for status, _ in outcomes(answers(process)).values()} == {"ok"}
    assert seen.read_text() == str(tree.parent / "work")


def test_forks_contended_sample_is_dropped_and_reported(tree: Path) -> None:
    """In the fields that a block has."""
    with program(tree, "measure", ["time_waits"], {"calls": 1, "batches": 4}) as process:
        (content,) = measurements(answers(process)).values()
    measured = msgspec.convert(content, type=SideMeasurement)
    assert (len(measured.samples), len(measured.dropped), measured.waited) == (4, 1, 0.0)
    assert [bool(share) for share in measured.waits] == [False] * 4 + [True]


def test_children_end_with_the_gate(tree: Path) -> None:
    pid = tree.parent / "imported.pid"
    with program(tree, "trace", ["time_hangs(0)"]) as process:
        end = time.monotonic() + 300
        while not (pid.exists() and pid.read_text()) and time.monotonic() < end:
            time.sleep(0.01)
        child = int(pid.read_text())
        assert process.stdin is not None
        process.stdin.close()  # as when the gate is killed
        assert process.wait(300) == -signal.SIGKILL
    while Path(f"/proc/{child}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
