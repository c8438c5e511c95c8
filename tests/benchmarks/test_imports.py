"""asv imports every file of benchmarks/ where nothing is installed but what benchmarks need."""

from __future__ import annotations

import subprocess
import sys

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


def test_every_file_is_imported_where_only_benchmarks_can_run() -> None:
    command = [sys.executable, "-c", IMPORT_ALL]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
