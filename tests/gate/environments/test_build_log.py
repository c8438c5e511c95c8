"""Of a long log, the line that says what went wrong."""

from __future__ import annotations

import pytest

from perceptron.gate.environments.build import problem

# What asv prints of pip, which prints of setuptools, which prints of gcc.
GCC = """
·· Error running /env/bin/python setup.py bdist_wheel (exit status 1)
   STDOUT -------->
   building 'fastsum._core' extension
   gcc -c fastsum/_core.c -o build/_core.o
   STDERR -------->
   fastsum/_core.c: In function ‘work’:
   fastsum/_core.c:9:51: error: ‘missing’ undeclared (first use in this function)
       9 |     for (long turn = 0; turn < amount + missing; turn++) {
         |                                         ^~~~~~~
   error: command '/usr/bin/gcc' failed with exit code 1
   ERROR: Failed building wheel for fastsum
"""
ABSENT = """
   error: subprocess-exited-with-error
   building 'fastsum._core' extension
   error: command 'gcc' failed: No such file or directory
   ERROR: Failed building wheel for fastsum
"""
MESON = """
   ../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]
   error: metadata-generation-failed
"""
NETWORK = """
   ERROR: Could not find a version that satisfies the requirement numpy==9 (from versions: none)
   ERROR: No matching distribution found for numpy==9
"""
EXCEPTION = """
   Traceback (most recent call last):
     File "setup.py", line 3, in <module>
   \x1b[31mModuleNotFoundError: No module named 'Cython'\x1b[0m
   error: subprocess-exited-with-error
"""


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (GCC, "fastsum/_core.c:9:51: error: ‘missing’ undeclared (first use in this function)"),
        (ABSENT, "error: command 'gcc' failed: No such file or directory"),
        (MESON, "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]"),
        (NETWORK, "ERROR: No matching distribution found for numpy==9"),
        (EXCEPTION, "ModuleNotFoundError: No module named 'Cython'"),
        ("ERROR: Failed building wheel for x", "ERROR: Failed building wheel for x"),
        ("one\ntwo\n\n", "two"),
        ("", "it printed nothing"),
    ],
)
def test_the_line_that_tells(log: str, line: str) -> None:
    assert problem(log) == line


def test_what_a_build_prints_steers_no_terminal_and_is_short() -> None:
    said = problem("error: \x07" + "x" * 1000)
    assert said.isprintable()
    assert len(said) == 300
