"""What asv and pytest-benchmark need of benchmarks/: files they can import, bodies not too long."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.cases import BACKENDS, SIZES, Case
from tests.conftest import ROOT

# Of what asv.conf.json lists, and what the package itself needs, none of these is.
ABSENT = ("asv", "cosmic_ray", "hypothesis", "jinja2", "matplotlib", "pandas", "playwright", "rich")
IMPORT_ALL = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({ABSENT}))
from pathlib import Path
for file in sorted(Path("benchmarks").glob("*.py")):
    importlib.import_module(f"benchmarks.{{file.stem}}")
"""


def test_cases_import_with_benchmark_dependencies_only() -> None:
    """As asv does, where nothing is installed but what benchmarks need."""
    command = [sys.executable, "-c", IMPORT_ALL]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("family", SIZES)
def test_cases_limit_calls_of_frameworks(family: str) -> None:
    """Each call costs 20 µs at least, and bodies that are too long cost the gate its time."""
    for size in SIZES[family]:
        for backend in BACKENDS:
            if backend != "numpy":
                assert Case(family, size, backend).iterations <= 0.004 / 20e-6
