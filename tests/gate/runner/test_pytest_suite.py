"""Tests that are benchmarks, run by the program of a side as the gate runs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.gate.conftest import write
from tests.gate.runner.conftest import Answers, answers_of, measurements, outcomes, program

FILE = "tests/bench/test_toy.py"

TOY = """
DONE = 0

def work(amount):
    global DONE
    DONE += amount
    return amount

def clock():
    return DONE * 1e-6
"""
# None of this may matter; the folder of the fixtures is no package, nor is the root's.
CONFIGURATION = """
[project]
name = "toy"
[tool.pytest.ini_options]
addopts = [
    "--benchmark-disable", "-n", "2", "--cov=toy", "-k", "nothing",
    "-pfixtures_of_toy", "--import-mode=importlib", "-p", "pytest_nothing_called_so",
]
required_plugins = ["pytest-nothing-called-so"]
asyncio_mode = "auto"
filterwarnings = ["error"]
timeout = 0.001
strict_markers = true
"""
ROOT_FIXTURES = """
import random
import pytest

@pytest.fixture(scope="session")
def drawn():
    return random.random()

@pytest.fixture(scope="session")
def server():
    raise ConnectionError("no such server")

def pytest_sessionfinish(session):
    # syrupy reads them too.
    assert all(item.obj.__name__ for item in session.items)
"""
FIXTURES = """
import pytest

@pytest.fixture
def left_open():
    yield
    raise OSError("cannot be closed")

@pytest.fixture
def bench(benchmark):
    return benchmark
"""
PLUGIN = """
import pytest
import toy

@pytest.fixture
def left():
    return toy.work(1000)
"""
TESTS = """
import os
import random
import unittest
import pytest
import toy

pytestmark = pytest.mark.benchmark(group="toys", timer=toy.clock)

class Opaque:
    pass

@pytest.mark.parametrize("size", [100, 200])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_work(benchmark, backend, size):
    assert benchmark(toy.work, amount=size) == size
    assert (benchmark.group, benchmark.params["size"]) == ("toys", size)
    assert benchmark.name == f"test_work[{backend}-{size}]"

@pytest.mark.parametrize("thing", [pytest.param(Opaque(), id="big")])
def test_thing(bench, thing):
    bench(toy.work, 100)

class TestMethods:
    def test_method(self, benchmark):
        @benchmark
        def result():
            return toy.work(300)
        assert result == 300

def test_pedantic(benchmark):
    done = []

    def setup():
        done.append("set up")
        return ([3, 1, 2],), {"by": None}

    def sort(values, by):
        assert len(values) == 3, "set up before every call"
        toy.work(100)
        values.sort(key=by)
        values.append(4)
        return values

    def teardown(values, by):
        assert len(values) == 4
        done.append("torn down")

    result = benchmark.pedantic(sort, setup=setup, teardown=teardown, rounds=2, warmup_rounds=1)
    assert result == [1, 2, 3, 4]
    assert done == ["set up", "torn down"] * (len(done) // 2)

def test_iterations(benchmark):
    calls, often = [], []

    def teardown(amount):
        often.append(len(calls))
        calls.clear()

    def work(amount):
        calls.append(amount)
        return toy.work(amount)

    given = {"args": (100,), "teardown": teardown, "iterations": 3}
    assert benchmark.pedantic(work, **given) == 100
    assert often == [3] * (len(often) - 1) + [1]  # the last one gives the result

def test_once(benchmark):
    benchmark.pedantic([1].pop)

def test_rounds(benchmark):
    benchmark.pedantic(toy.work, (100,), rounds=2)

def test_statistics(benchmark):
    benchmark(toy.work, 100)
    assert benchmark.stats.stats.mean < 0

def test_server(benchmark, server):
    benchmark(toy.work, 100)

def test_left_open(benchmark, left_open):
    benchmark(toy.work, 100)

def test_twice(benchmark):
    benchmark(toy.work, 100)
    benchmark(toy.work, 100)

def test_never(benchmark):
    pass

@pytest.mark.skip(reason="not today")
def test_skip(benchmark):
    benchmark(toy.work, 100)

async def work():
    pass

def test_async(benchmark):
    benchmark(work)

def test_import(benchmark):
    pytest.importorskip("nothing_called_so")

def test_wrong(benchmark):
    result = benchmark(toy.work, 100)
    assert result == 0

def test_exit(benchmark):
    raise KeyboardInterrupt

def test_die(benchmark):
    os._exit(7)

@pytest.mark.timeout(0.001)
@pytest.mark.flaky(reruns=2)
def test_marks(benchmark):
    benchmark(toy.work, 100)

def told(name, *drawn):
    with open(os.environ["DRAWN"], "a") as file:
        file.write(f"{name} {drawn}\\n")

@pytest.fixture
def other():
    return random.random()

def test_draw(benchmark, other, drawn):
    told("draw", other, drawn, random.random())
    benchmark(toy.work, 100)

def test_draw_first(benchmark, drawn):
    random.random()
    benchmark(toy.work, 100)

def test_whole():
    toy.work(400)

@pytest.mark.parametrize("size", [500])
class TestWhole:
    def test_method(self, size, left):
        toy.work(size)

class TestCase(unittest.TestCase):
    def setUp(self):
        self.size = toy.work(600)

    def test_case(self):
        toy.work(self.size)

"""
# Without the marks of the file above.
PLAIN = """
import pytest
import toy

def test_no_benchmark():
    raise AssertionError("it is not run")

@pytest.mark.codspeed_benchmark
def test_marked():
    toy.work(100_000)

def test_codspeed(codspeed_benchmark):
    assert codspeed_benchmark(toy.work, 100_000) == 100_000
"""
ONCE = (
    "benchmark.pedantic calls it once, and it may differ when it is called again: give it a setup, "
    "or 2 rounds"
)
OTHERS = {
    "test_gone.py": "import nothing_called_so\n",
    "test_skipping.py": "import pytest\npytest.importorskip('nothing_called_so')\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Plug-ins take half of what a program takes; one test has them.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    monkeypatch.setenv("DRAWN", str(tmp_path / "drawn"))
    folder = tmp_path / "tree"
    files = {
        "toy.py": TOY,
        "pyproject.toml": CONFIGURATION,
        "conftest.py": ROOT_FIXTURES,
        "fixtures_of_toy.py": PLUGIN,
        "tests/bench/conftest.py": FIXTURES,
        FILE: TESTS,
    }
    for name, text in files.items():
        write(folder / name, text)
    return folder


def answers(
    tree: Path,
    kind: str,
    tests: Iterable[str] = (),
    facts: Mapping[str, object] | None = None,
    **effort: int,
) -> Answers:
    """Do a job with the tests, of this file unless they name another; without effort, calibrate.

    ``facts`` are entries of the job that differ.
    """
    ids = [test if "::" in test else f"{FILE}::{test}" for test in tests]
    tasks = [(test.split("::")[-1], test) for test in ids]
    suite = {"suite": "pytest", "benchmarks": "tests", "tests": "tests/bench", **(facts or {})}
    with program(tree, kind, tasks, effort=effort, **suite) as process:
        return answers_of(process)


def test_pytest_suite_benchmark_names_are_test_ids(tree: Path) -> None:
    """Plain values as asv writes them, so that sizes and backends are found.

    What is neither marked nor asks for the fixture is no benchmark, whatever it would need.
    """
    for name, text in {**OTHERS, "test_plain.py": PLAIN}.items():
        write(tree / "tests" / "bench" / name, text)
    received = answers(tree, "discover")
    by_test = {
        answer["test"].removeprefix("tests/bench/").removeprefix("test_toy.py::"): answer
        for answer in received
        if answer["kind"] == "benchmark"
    }
    work = by_test["test_work[numpy-200]"]
    assert work["name"] == f"{FILE}::test_work"
    assert work["param_names"] == ["backend", "size"]
    assert work["params"] == [["'numpy'", "200"]]
    assert (work["group"], work["type"], work["unit"]) == ("toys", "time", "seconds")
    assert (work["file"], work["line"]) == (FILE, 1 + TESTS[: TESTS.index('"size"')].count("\n"))
    assert by_test["TestMethods::test_method"]["params"] == []
    assert {"test_thing[big]", "test_whole", "TestWhole::test_method[500]"} < by_test.keys()
    plain = {key for key in by_test if key.startswith("test_plain.py")}
    assert plain == {"test_plain.py::test_marked", "test_plain.py::test_codspeed"}
    broken = {
        answer["file"].rpartition("/")[2]: answer["reason"]
        for answer in received
        if answer["kind"] == "unloadable"
    }
    assert broken.keys() == OTHERS.keys()
    assert broken["test_gone.py"].startswith("ModuleNotFoundError: No module named 'nothing_")
    assert broken["test_skipping.py"].startswith("Skipped: could not import 'nothing_called_so'")
    assert (received[-1]["kind"], received[-1]["foreign"]) == ("end", [])


@pytest.mark.parametrize("mode", ["importlib", "prepend"])
def test_pytest_suite_fixture_is_timed_with_its_clock(
    tree: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the project's options are: they disable, trace, distribute and select.

    However it imports its tests, each folder has its own conftest.
    """
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    write(tree / "pyproject.toml", CONFIGURATION.replace("importlib", mode))
    seconds = {
        "test_work[numpy-100]": 100e-6,
        "test_work[torch-200]": 200e-6,
        "test_thing[big]": 100e-6,
        "TestMethods::test_method": 300e-6,
        "test_pedantic": 100e-6,
        "test_iterations": 100e-6,
        "test_rounds": 100e-6,
        "test_statistics": 100e-6,
        "test_marks": 100e-6,
        "test_whole": 400e-6,
        "TestWhole::test_method[500]": 500e-6,
        "TestCase::test_case": 600e-6,
    }
    received = answers(tree, "measure", [f"{FILE}::{test}" for test in seconds], calls=6, batches=2)
    assert [measurement["status"] for measurement in measurements(received).values()] == [
        "ok"
    ] * len(seconds)
    for key, expected in seconds.items():
        measurement = measurements(received)[key.rpartition("::")[2]]
        assert measurement["samples"] == pytest.approx([expected] * 2)
    assert (received[-1]["kind"], received[-1]["from_tree"]) == ("end", True)


def test_pytest_suite_outcome_is_one_line(tree: Path) -> None:
    for name, text in OTHERS.items():
        write(tree / "tests" / "bench" / name, text)
    gone = "No module named 'nothing_called_so'"
    expected = {
        "tests/bench/test_gone.py::test_it_in_gone": f"failed: ModuleNotFoundError: {gone}",
        "test_server": "failed: ConnectionError: no such server",
        "test_left_open": "failed: OSError: cannot be closed",
        "test_twice": "failed: RuntimeError: benchmark can be used only once in a test",
        "test_once": f"untried: {ONCE}",
        "test_never": "skipped: it does not call benchmark",
        "test_async": "untried: what benchmark calls is async: have it run its own event loop",
        "test_skip": "skipped: not today",
        "test_import": f"skipped: could not import 'nothing_called_so': {gone}",
        "test_wrong": "failed: AssertionError: assert result == 0",
        "test_renamed": "failed: pytest does not find it here",
    }
    skipping = "tests/bench/test_skipping.py::test_it_in_skipping"
    reasons = {
        key: f"{status}: {reason}"
        for key, (status, reason) in outcomes(
            answers(tree, "measure", [skipping, *expected])
        ).items()
    }
    assert reasons.pop("test_it_in_skipping").startswith("skipped: ")
    assert reasons == {test.rpartition("::")[2]: outcome for test, outcome in expected.items()}


def test_pytest_suite_test_that_exits_is_blamed_rest_is_left(
    tree: Path,
) -> None:
    exited = answers(tree, "measure", ["test_marks", "test_exit", "test_thing[big]"])
    assert outcomes(exited) == {
        "test_marks": ("ok", None),
        "test_exit": ("failed", "it ended the process: KeyboardInterrupt:"),
    }
    assert exited[-1]["kind"] == "end"
    died = answers(tree, "measure", ["test_marks", "test_die", "test_thing[big]"])
    assert outcomes(died) == {"test_marks": ("ok", None)}
    assert (died[-1]["kind"], died[-1]["key"]) == ("loaded", "test_die")


def test_pytest_suite_children_have_fixtures_of_their_own(tree: Path, tmp_path: Path) -> None:
    tests = ["test_die", "test_exit", "test_server", "test_draw_first", "test_marks", "test_draw"]
    limits = {"seconds": 60.0, "limit_seconds": 60.0}
    received = answers(tree, "trace", tests, facts=limits)
    statuses = [status for status, _ in outcomes(received).values()]
    assert statuses == ["failed"] * 3 + ["ok"] * 3
    assert (received[-1]["kind"], received[-1]["from_tree"]) == ("end", True)
    answers(tree, "measure", ["test_draw"])
    answers(tree, "measure", ["test_draw_first", "test_marks", "test_draw"])
    in_child, alone, after = (tmp_path / "drawn").read_text().splitlines()
    assert in_child == alone == after, "whatever ran before"
    other, drawn, own = alone[len("draw (") : -1].split(", ")
    assert len({other, drawn, own}) == 3


def test_pytest_suite_broken_conftest_gives_reason(tree: Path) -> None:
    write(tree / "tests" / "bench" / "conftest.py", "import nothing_called_so\n")
    for kind, tests in (("discover", []), ("measure", ["test_marks"])):
        last = answers(tree, kind, tests)[-1]
        assert last["kind"] == "failed"
        assert "ModuleNotFoundError: No module named 'nothing_called_so'" in last["reason"]


OF_INSTALLED = """
import toy
from toy import _core
from tests.helper import AMOUNT

def test_it(benchmark):
    benchmark(_core.work, AMOUNT)
"""
INSTALLED = {"roots": [], "installed": ["toy"], "project": "", "tests": "tests"}


def test_pytest_suite_tree_does_not_hide_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives the tests with their helpers, and no code: its package lacks what a build makes."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    installed = tmp_path / "environment" / "site-packages"
    monkeypatch.setenv("PYTHONPATH", str(installed))
    write(installed / "toy" / "__init__.py", "")
    write(installed / "toy" / "_core.py", "def work(amount):\n    return amount\n")
    tree = tmp_path / "tree"
    write(tree / "toy" / "__init__.py", "raise OSError('not built')\n")
    write(tree / "tests" / "__init__.py", "")  # so pytest puts the root of the tree into the path
    write(tree / "tests" / "helper.py", "AMOUNT = 3\n")
    write(tree / "tests" / "test_toy.py", OF_INSTALLED)
    received = answers(tree, "measure", ["tests/test_toy.py::test_it"], facts=INSTALLED)
    assert outcomes(received) == {"test_it": ("ok", None)}
    assert (received[-1]["kind"], received[-1]["from_tree"], received[-1]["foreign"]) == (
        "end",
        False,
        [],
    )
    assert received[-1]["code"]["place"] == str(installed / "toy")


INSIDE = """
from toy import _core
from toy.suite.helpers import AMOUNT
from toy.suite.bench.here import MORE

def test_it(benchmark, made):
    benchmark(_core.work, AMOUNT + MORE + made)
"""


@pytest.mark.parametrize("tests_are_built", [True, False])
def test_tests_inside_the_package_measure_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tests_are_built: bool
) -> None:
    """The tree's tests and conftest.py, whether a build has a copy of them or leaves them out."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    installed, tree = tmp_path / "environment" / "site-packages", tmp_path / "tree"
    monkeypatch.setenv("PYTHONPATH", str(installed))
    write(installed / "toy" / "__init__.py", "")
    write(installed / "toy" / "_core.py", "def work(amount):\n    return amount\n")
    write(tree / "toy" / "__init__.py", "raise OSError('not built')\n")
    fixture = "import pytest\n@pytest.fixture\ndef made(): return 1\n"
    files = {
        "__init__.py": "",
        "conftest.py": fixture,
        "helpers.py": "AMOUNT = 3\n",
        "bench/__init__.py": "",
        "bench/here.py": "MORE = 1\n",
        "bench/test_toy.py": INSIDE,
    }
    for name, text in files.items():
        write(tree / "toy" / "suite" / name, text)
        if tests_are_built:
            other = "raise OSError('of another revision')\n"
            stale = name.endswith(("conftest.py", "here.py", "test_toy.py"))
            write(installed / "toy" / "suite" / name, other if stale else text)
    facts = {**INSTALLED, "benchmarks": "toy/suite/bench", "tests": "toy/suite/bench"}
    tests = [
        answer["test"] for answer in answers(tree, "discover", facts=facts) if "test" in answer
    ]
    received = answers(tree, "measure", tests, facts=facts)
    assert outcomes(received) == {"test_it": ("ok", None)}
    assert received[-1]["code"]["place"] == str(installed / "toy")


def test_pytest_suite_resets_working_folder(tree: Path) -> None:
    seen = tree.parent / "seen"
    text = f"""
import os, toy

def test_goes(benchmark):
    benchmark(toy.work, 100)
    os.chdir("/")

def test_stays(benchmark):
    open({str(seen)!r}, "w").write(os.getcwd())
    benchmark(toy.work, 100)
"""
    name = "tests/bench/test_where.py"
    write(tree / name, text)
    tests = [f"{name}::test_goes", f"{name}::test_stays"]
    received = answers(tree, "measure", tests, calls=1, batches=1)
    assert {status for status, _ in outcomes(received).values()} == {"ok"}
    assert seen.read_text() == str(tree.parent / "work")
