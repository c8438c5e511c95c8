"""A project with a C extension, built and judged, from two commits to a verdict.

Its clock counts turns of a loop in C, so nothing here depends on how fast the machine is. It needs
a distribution to run, and to build another that this Python is too new for; nothing is downloaded.
"""

from __future__ import annotations

import json
import shutil
import sysconfig
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.gate.environments import build
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables import comparison as table
from tests.gate.conftest import SHORT, Repository
from tests.gate.conftest import run as compared
from tests.wheels import make_up, offer, pack_installed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("cc") is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
        reason="no C compiler, or no headers of Python",
    ),
]

SOURCE = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static double turns = 0.0;

static PyObject *work(PyObject *self, PyObject *argument) {
    long amount = PyLong_AsLong(argument);
    volatile double total = 0.0;
    for (long turn = 0; turn < amount + EXTRA; turn++) {
        total += 0.5 * turn;
        turns += 1.0;
    }
    return PyFloat_FromDouble(total);
}

static PyObject *clock_(PyObject *self, PyObject *nothing) {
    return PyFloat_FromDouble(turns * 1e-7);
}

static PyMethodDef methods[] = {
    {"work", work, METH_O, ""}, {"clock", clock_, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", "", -1, methods};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
"""
SETUP = """
from setuptools import Extension, setup
setup(
    name="fastsum",
    version="1.0",
    packages=["fastsum"],
    install_requires=["toydep"],
    ext_modules=[Extension("fastsum._core", ["fastsum/_core.c"])],
)
"""
BUILD_SYSTEM = """
[build-system]
requires = ["setuptools", "too-old==1; python_version < '3'"]
build-backend = "setuptools.build_meta"
"""
SUITE = """
import fastsum

class Compiled:
    timer = staticmethod(fastsum.clock)

    def time_one(self):
        fastsum.work(20000)

    def time_two(self):
        fastsum.work(30000)
"""
CONFIG = {"project": "fastsum", "repo": "."}
# A build in the environment itself, without isolation, as suites of asv often have it.
COMMANDS = {
    "build_command": ["python setup.py --quiet bdist_wheel --dist-dir {build_cache_dir}"],
    "install_command": ["in-dir={env_dir} python -m pip install {wheel_file}"],
}
SLOWER = SOURCE.replace("EXTRA", "(amount == 20000 ? 1000 : 0)")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for all of these tests: each commit is built once."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that can be had."""
    folder = tmp_path_factory.mktemp("wheels")
    pack_installed(folder, "setuptools")
    make_up(folder, "toydep", code="")
    for name in ("build", "wheel"):  # with another setuptools they would have code
        make_up(folder, name)
    return folder


@pytest.fixture
def dated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal files are an equal commit in each of these tests."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", "2000-01-01T00:00:00Z")


@pytest.fixture
def compiled(
    dated: None, toy: Repository, kept: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> Repository:
    """A package whose only module is compiled, and its suite; nothing can be downloaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))
    offer(wheels, monkeypatch)
    toy.git("rm", "--quiet", "-r", "toy")
    toy.write(".gitignore", "results/\n__pycache__/\n")
    toy.write(
        "fastsum/__init__.py", SHORT + "import toydep\nfrom fastsum._core import clock, work\n"
    )
    toy.write("fastsum/_core.c", SOURCE.replace("EXTRA", "0"))
    toy.write("setup.py", SETUP)
    toy.write("pyproject.toml", BUILD_SYSTEM)
    toy.write("benchmarks/suite.py", SUITE)
    toy.commit("base", "asv.conf.json", json.dumps(CONFIG))
    return toy


def run(head: str, **options: Any) -> Comparison:
    return compared("base", head, build=True, always=False, **options)


def test_built_compare_comment_is_clean_with_external_suite(
    compiled: Repository, kept: Path, tmp_path: Path
) -> None:
    suite = tmp_path / "fastsum-benchmarks"
    suite.mkdir()
    shutil.move(compiled.folder / "benchmarks", suite / "benchmarks")
    (suite / "asv.conf.json").write_text(
        json.dumps({**CONFIG, **COMMANDS, "repo": "../repository"})
    )
    compiled.commit("head", "fastsum/_core.c", "/* A comment. */\n" + SOURCE.replace("EXTRA", "0"))
    comparison = run("head", suite=Path("../fastsum-benchmarks/asv.conf.json"))
    assert comparison.verdict == "clean", comparison.reason
    assert [row.change for row in comparison.rows] == pytest.approx([0, 0])
    assert "fastsum" in (comparison.environment.head_code or "")
    assert str(kept) in comparison.plan.head.python
    assert len(comparison.plan.head.python) == len(comparison.plan.base.python)
    assert "--build" in comparison.reproduce


def test_five_per_cent_in_c_are_found(compiled: Repository) -> None:
    """By a clock, and by valgrind's count; not committed, and no file of the checkout changes.

    BASE was built by the lines of the workflow in the docs for the default branch: a commit is
    compared with itself, in no time. A pull request builds its HEAD alone.
    """
    compared("base", "base", build=True, budget_minutes=0.05)
    compiled.write("fastsum/_core.c", SLOWER)
    messages: list[str] = []
    comparison = run(
        ".",
        count="auto",
        reasons=False,
        progress=lambda _done, _total, message: messages.append(message),
    )
    assert {message.split()[1] for message in messages if message.startswith("building ")} == {
        "HEAD,"
    }
    assert comparison.verdict == "regression", comparison.reason
    (row,) = [row for row in comparison.rows if row.verdict == "slower"]
    assert row.benchmark == "suite.Compiled.time_one"
    assert row.change == pytest.approx(0.05)
    if comparison.environment.counter is not None:
        assert row.instructions is not None
        assert row.instructions.change == pytest.approx(0.05, abs=0.01)
    assert compiled.git("status", "--porcelain").split() == ["M", "fastsum/_core.c"]


def test_built_compare_compile_error_of_head_is_a_finding(compiled: Repository) -> None:
    """It is in the document and in the comment, with what the compiler said."""
    compiled.commit("head", "fastsum/_core.c", SOURCE.replace("EXTRA", "missing_name"))
    comparison = run("head")
    assert (comparison.verdict, comparison.rows) == ("regression", [])
    assert comparison.reason.startswith("HEAD does not build: fastsum/_core.c:")
    assert "missing_name" in comparison.reason
    assert comparison.plan.build  # its page is not that of the trees
    assert msgspec.convert(msgspec.to_builtins(comparison), type=Comparison) == comparison
    assert "HEAD does not build" in comment(comparison)
    table.show(comparison)


REACHES = """
import glob
for file in glob.glob("../../../*-base/env/venv/lib/python*/site-packages/fastsum/__init__.py"):
    open(file, "a").write("clock = lambda: 0.0\\n")
"""


def test_built_compare_build_writing_to_base_is_invalid(compiled: Repository) -> None:
    compiled.write("fastsum/_core.c", SLOWER)
    compiled.commit("head", "setup.py", REACHES + SETUP)
    comparison = run("head", reasons=False)
    assert comparison.verdict == "invalid"
    assert "site-packages/fastsum/__init__.py of BASE was written to" in comparison.reason
    # HEAD, which reached there while it was built, is not built again.
    again = run("head", reasons=False)
    slower = [row.benchmark for row in again.rows if row.verdict == "slower"]
    assert slower == ["suite.Compiled.time_one"]


OF_ARRAYS = {
    "#include <Python.h>": "#include <Python.h>\n#include <numpy/arrayobject.h>",
    "PyLong_AsLong(argument)": "(long)PyArray_SIZE((PyArrayObject *)argument)",
    "{ return PyModule_Create": "{ import_array(); return PyModule_Create",
}


def of_arrays(source: str) -> str:
    for before, after in OF_ARRAYS.items():
        source = source.replace(before, after)
    return source


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_built_compare_project_with_numpy_build_is_judged(
    compiled: Repository,
    wheels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tool: str,
) -> None:
    """In environments where it is not, and with what the suite's matrix adds."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # nothing of another tool
    uv = shutil.which("uv")
    if tool == "uv" and uv is None:
        pytest.skip("no uv")
    monkeypatch.setattr(build, "which", lambda *_, **__: uv if tool == "uv" else None)
    pack_installed(wheels, "numpy")
    make_up(wheels, "ofsuite", "1.5", code="")
    compiled.write("pyproject.toml", BUILD_SYSTEM.replace('["set', '["numpy", "set'))
    needs = SETUP.replace('["toydep"]', '["toydep", "numpy"]').replace(
        '_core.c"]', '_core.c"], include_dirs=[numpy.get_include()]'
    )
    compiled.write("setup.py", f"import numpy\n{needs}")
    arrays = SUITE.replace("work(", "work(numpy.zeros(").replace("000)", "000))")
    compiled.write("benchmarks/suite.py", f"import numpy, ofsuite\n{arrays}")
    compiled.write("asv.conf.json", json.dumps({**CONFIG, "matrix": {"ofsuite": ["1.5"]}}))
    compiled.commit("base", "fastsum/_core.c", of_arrays(SOURCE.replace("EXTRA", "0")))
    compiled.commit("head", "fastsum/_core.c", of_arrays(SLOWER))
    comparison = run("head", reasons=False)
    assert comparison.verdict == "regression", comparison.reason
    (row,) = [row for row in comparison.rows if row.verdict == "slower"]
    assert row.change == pytest.approx(0.05)
    assert comparison.environment.head["ofsuite"] == "1.5"
