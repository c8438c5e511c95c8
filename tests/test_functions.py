"""`perceptron.crossover` and `crossover --functions`, with workers that really call."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from IPython.core.formatters import DisplayFormatter

from perceptron import crossover, load_results
from perceptron.commands.crossover import FunctionCrossover
from perceptron.errors import UserError
from perceptron.questions.crossover import functions as studies_functions
from perceptron.questions.crossover.functions import called
from tests.conftest import ROOT, Perceptron
from tests.notebooks import execute

LOCK = threading.Lock()
# Time enough on however busy a machine: what is asked for ends by itself.
AMPLE = ("--budget", "30")
# Sleeping takes the time that it takes, whatever machine this is.
SLEEPING = """
import time

CANDIDATES = {
    "flat": lambda size: time.sleep(0.002) or size,
    "_slope": lambda size: time.sleep(2e-5 * size) or size,
    "wrong": lambda size: size + 1,
}
SIZES = [5, 400]

def setup(size):
    return size
"""


@pytest.fixture(autouse=True, scope="module")
def _few_repeats() -> Iterator[None]:
    """Each is a process of every candidate, and what sleeps takes 4 times as long as the other."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(studies_functions, "_REPEATS", 3)
        yield


@pytest.fixture(scope="module")
def measured_crossover(tmp_path_factory: pytest.TempPathFactory) -> FunctionCrossover:
    pause = 2e-5
    return crossover(
        {
            "flat": lambda size: time.sleep(100 * pause) or size,
            "_slope": lambda size: time.sleep(pause * size) or size,
        },
        setup=lambda size: size,
        sizes=[5, 400],
        seconds=1800,
        threads=1,
        name="sleeps",
        results=tmp_path_factory.mktemp("results"),
    )


def test_lambdas_and_closures_have_a_crossover(measured_crossover: FunctionCrossover) -> None:
    """Where other programs leave cores for it: else nothing may be decided, never otherwise."""
    assert measured_crossover.pair("_slope", "flat") is measured_crossover.crossovers[0]
    assert measured_crossover.at(400).seconds["_slope"] >= 0.008
    if measured_crossover.decided == "yes":
        assert measured_crossover.status == "reverses"
        assert measured_crossover.size is not None
        assert 20 < measured_crossover.size < 300
        # Nothing is known between the sizes of a list.
        assert (measured_crossover.low, measured_crossover.high) == (5, 400)
    for size, fastest in ((5, "_slope"), (400, "flat")):
        if measured_crossover.at(size).decided == "yes":
            assert measured_crossover.at(size).fastest == fastest
    with pytest.raises(UserError, match="outside of the sizes that were measured, 5 to 400"):
        measured_crossover.at(401)


def test_function_crossover_plot_displays_in_notebook(
    measured_crossover: FunctionCrossover,
) -> None:
    shown, _ = DisplayFormatter().format(measured_crossover.plot())
    assert shown["image/svg+xml"].startswith("<svg")


FAILING = """
import os, sys

def boom(size):
    if size == 2:
        1 / 0
    if size == 3:
        sys.exit(3)
    os.abort()

CANDIDATES = {"boom": boom, "good": lambda size: size, "fine": lambda size: size}
SIZES = [2, 3, 4]

def setup(size):
    return size
"""


@pytest.mark.slow
def test_functions_failing_reference_blames_no_other(
    here: Perceptron, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that raises, exits or crashes; without a check the others are timed."""
    monkeypatch.setattr(studies_functions, "_REPEATS", 1)
    (tmp_path / "own.py").write_text(FAILING)
    (tmp_path / "unchecked.py").write_text(f"{FAILING}\nequal = None\n")
    for name in ("own.py", "unchecked.py"):
        here("crossover", "--functions", name, "--html", "", "--threads", "1", *AMPLE)
    rows = load_results(tmp_path / "results")
    others = {(name, size) for name in ("good", "fine") for size in (2, 3, 4)}
    checked = rows[(rows.family == "own") & (rows.backend != "boom")]
    assert set(zip(checked.backend, checked["size"], strict=True)) == others
    assert checked.reason.str.startswith("cannot be checked: boom, the reference, fails: ").all()
    unchecked = rows[(rows.family == "unchecked") & (rows.status == "ok")]
    assert set(zip(unchecked.backend, unchecked["size"], strict=True)) == others


def test_function_crossover_has_text_table_and_figure(
    measured_crossover: FunctionCrossover,
) -> None:
    assert re.search(r"^sleeps +(?:yes|partly|no) ", repr(measured_crossover), re.M)
    frame = measured_crossover.to_frame()
    assert set(frame.backend) == {"flat", "_slope"}
    assert set(frame["size"]) == {5, 400}
    assert "<svg" in measured_crossover._repr_html_()
    (axes,) = measured_crossover.plot().axes
    legend = axes.get_legend()
    assert legend is not None
    # A name that begins with an underscore, too, which matplotlib leaves out.
    assert {text.get_text().strip() for text in legend.get_texts()} == {"flat", "_slope"}


def test_function_crossover_rule_uses_other_machines(
    measured_crossover: FunctionCrossover,
) -> None:
    if measured_crossover.status == "undecided":  # beside other programs
        with pytest.raises(UserError, match="no rule for"):
            measured_crossover.rule(measured_crossover.folder)
    else:
        assert measured_crossover.rule(measured_crossover.folder).startswith("fastest = ")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"candidates": {"a": len}}, "at least two functions"),
        ({"setup": lambda size, lock=LOCK: size}, "setup cannot be pickled"),
        ({"seconds": 0}, "seconds must be a number above 0"),
        ({"pairs": [("a", "c")]}, "'c' is none of the candidates"),
        ({"threads": 0}, "threads must be a whole number from 1"),
        ({"equal": True}, "equal must be a function"),
        ({"fresh": "no"}, "fresh must be True, False or None"),
        ({"name": "or-gate"}, "rename it"),
    ],
)
def test_wrong_arguments(changed: dict[str, object], reason: str, tmp_path: Path) -> None:
    arguments: dict[str, object] = {
        "candidates": {"a": len, "b": len},
        "setup": range,
        "sizes": (1, 100),
        "results": tmp_path,
    }
    with pytest.raises(UserError, match=reason):
        crossover(**(arguments | changed))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_functions_file_on_command_line(
    here: Perceptron, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one repeat, which decides nothing."""
    monkeypatch.setattr(studies_functions, "_REPEATS", 1)
    (tmp_path / "sleeps.py").write_text(SLEEPING)
    process = here(
        *("crossover", "--functions", "sleeps.py", "--threads", "1", *AMPLE, "--json"),
        *("--pair", "_slope:flat", "--pair", "flat:wrong"),
    )
    assert process.returncode == 3, process.stderr
    by_pair = {
        (crossover["incumbent"], crossover["challenger"]): crossover
        for crossover in json.loads(process.stdout)["crossovers"]
    }
    assert by_pair["_slope", "flat"]["sizes_measured"] == [5, 400]
    wrong = by_pair["flat", "wrong"]
    assert wrong["status"] == "not measured"
    assert "differs from flat: " in wrong["reason"]


MAPPED = """
import time

CANDIDATES = {
    "flat": lambda rows, width: time.sleep(0.002),
    "slope": lambda rows, width: time.sleep(2e-5 * rows * width),
}
SIZES = ((1, 40), (2, 50))
FRESH = False

def setup(rows, width):
    return rows, width
"""


def test_functions_map_of_two_sizes(here: Perceptron, tmp_path: Path) -> None:
    (tmp_path / "areas.py").write_text(MAPPED)
    process = here(
        *("map", "--functions", "areas.py", "--points", "2", "--quick", "--threads", "1"),
        *(*AMPLE, "--json"),
    )
    assert process.returncode in (0, 3), process.stderr
    phase_map = json.loads(process.stdout)["map"]
    assert phase_map["axes"] == ["rows", "width"]
    winners = {(cell["x"], cell["y"]): cell["winner"] for cell in phase_map["cells"]}
    assert winners[1, 2] in ("slope", "undecided")  # beside other programs
    assert winners[40, 50] in ("flat", "undecided")


def test_functions_command_states_number_of_sizes(here: Perceptron, tmp_path: Path) -> None:
    (tmp_path / "areas.py").write_text(MAPPED)
    (tmp_path / "sleeps.py").write_text(SLEEPING)
    assert "two sizes: use `perceptron map`" in here("crossover", "--functions", "areas.py").stderr
    assert "one size: use `perceptron crossover`" in here("map", "--functions", "sleeps.py").stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--size", "n"), "--size is about files: give it with --from"),
        (("--family", "mlp-width"), "--family is about training: leave it out with --functions"),
        (("--pair", "flat:steep"), "steep"),
        (("--from", "times.csv"), "--functions is about measuring: leave it out with --from"),
    ],
)
def test_options_that_functions_do_not_take(
    options: tuple[str, ...], reason: str, here: Perceptron, tmp_path: Path
) -> None:
    (tmp_path / "sleeps.py").write_text(SLEEPING)
    process = here("crossover", "--functions", "sleeps.py", *options)
    assert process.returncode == 2
    assert reason in process.stderr


def test_functions_unloadable_file_is_named(here: Perceptron, tmp_path: Path) -> None:
    process = here("crossover", "--functions", "none.py")
    assert process.returncode == 2
    assert "--functions none.py: there is no such file" in process.stderr
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    process = here("crossover", "--functions", "broken.py")
    assert process.returncode == 2
    assert "--functions broken.py: ModuleNotFoundError: No module named" in process.stderr


def test_functions_of_a_module_are_those_of_the_script_and_edits_are_seen(tmp_path: Path) -> None:
    """Not of one that has the same name and lies in the present folder."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project, elsewhere):
        folder.mkdir()
        (folder / "helper.py").write_text("def same(size):\n    return size\n")
    script = project / "script.py"
    script.write_text(
        "import helper\n"
        "from perceptron.commands.crossover import _write_functions\n"
        "from perceptron.questions.crossover.functions import called\n"
        "file = _write_functions({'a': helper.same, 'b': abs}, helper.same, None, None, [1, 2])\n"
        "found = called(file, 'own')\n"
        "print(found.digest, *found.files)\n"
    )

    def run() -> list[str]:
        done = subprocess.run(
            [sys.executable, script],
            cwd=elsewhere,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    digest, *files = run()
    assert files == [str(project / "helper.py")]
    assert run()[0] == digest
    (project / "helper.py").write_text("def same(size):\n    return size + 0\n")
    assert run()[0] != digest


def test_functions_file_children_do_not_block(tmp_path: Path) -> None:
    """It ends with the process that loaded the file, whose output it holds open."""
    file = tmp_path / "sleeps.py"
    started = "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {!r}])\n"
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()));"
    file.write_text(started.format(f"{child} time.sleep(600)") + SLEEPING)
    begin = time.monotonic()
    assert called(str(file)).names[0] == "flat"
    assert time.monotonic() - begin < 300
    pid = tmp_path / "pid"
    if pid.exists() and pid.read_text():  # else it was ended before it began
        with suppress(psutil.NoSuchProcess):
            assert psutil.Process(int(pid.read_text())).status() == psutil.STATUS_ZOMBIE


def test_functions_of_notebook_cells_are_measured(tmp_path: Path) -> None:
    """Functions and data of a notebook's own cells."""
    notebook = nbformat.v4.new_notebook()
    cells = (
        "import time, perceptron\nfrom perceptron.questions.crossover import functions\n"
        "functions._REPEATS = 1\npause = 2e-5",
        "def slope(size):\n    time.sleep(pause * size)",
        "perceptron.crossover({'flat': lambda size: time.sleep(0.002), 'slope': slope}, "
        "lambda size: size, [5, 40], seconds=1800, threads=1)",
    )
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    execute(notebook, tmp_path)
    shown = [output for output in notebook.cells[-1].outputs if output.output_type != "stream"]
    (answer,) = shown
    assert re.search(r"^functions +(?:yes|partly|no) ", answer.data["text/plain"], re.M)
    assert "<svg" in answer.data["text/html"]


def test_stored_results_never_load_functions(measured_crossover: FunctionCrossover) -> None:
    """What a page is made from may come from outside: nothing in it executes."""
    script = (
        "import sys, pickle, perceptron.questions.answering as a\n"
        "from perceptron.records.readers.stored_runs import read_run\n"
        "from pathlib import Path\n"
        "pickle.loads = None\n"
        f"a.answer_run(read_run(Path({str(measured_crossover.folder)!r})))\n"
        "assert 'cloudpickle' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
