"""The day with a GPU, rehearsed as the machine that is lent will run it.

Such a machine has Python 3.12, numpy 2.5, jax 0.11, torch 2.11 with CUDA and much else, but neither
asv nor plotly nor json5, and the checkout that is copied there has no history. Two rehearsals from
a bare checkout stand for it, in each of which the CPU stands in for the GPU:

* The interpreter and the torch of this environment, whatever versions they are, with asv, plotly
  and json5 hidden: one stage of each kind.
* Python 3.12 with numpy 2.5 and jax 0.11, the newest of each, in a fresh environment: what other
  versions could break. torch is not installed there: what PyPI has for Linux is a build for CUDA of
  three gigabytes. jax-cuda takes the place of torch-cuda.

No GPU has met either. `perceptron gpu-day --rehearse` rehearses the whole day, in a quarter of an
hour.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from perceptron.studies.gpu_day import STAGES
from tests.conftest import ROOT
from tests.gate.old_pythons import python

pytestmark = pytest.mark.slow

# A busy CPU leaves a study without a row, or ends a check: the same command tries it again.
_CALLS = 3
_MEASURES_NOTHING = {"facts", "tests", "check", "check-many", "check-ddp"}
# The other stages run the same commands on other families and problems.
_OF_EACH_KIND = [
    *("facts", "finding", "width", "check-many", "many-or-gates", "tests", "check", "ladder"),
    *("race", "check-ddp", "ddp", "map"),
]
_OTHER_VERSIONS = ["facts", "finding", "tests", "check", "ladder"]
ABSENT = ("asv", "asv_runner", "json5", "plotly")
# As on such a machine, in the newest versions that PyPI has: `LIBRARIES` of the core that it lacks
# are not here either.
LIBRARIES = (
    *("numpy>=2.5,<2.6", "jax>=0.11,<0.12"),
    *("contourpy", "filelock", "hypothesis", "nvidia-ml-py", "psutil", "py-cpuinfo", "pytest"),
    *("rich", "scikit-learn", "scipy", "threadpoolctl", "typer"),
    "msgspec",  # the one that is carried
)
# Searching for them finds nothing, as where they are not installed.
HIDING = """
from importlib.machinery import PathFinder

search = PathFinder.find_spec

def find_spec(_finder, name, path=None, target=None):
    return None if name.partition(".")[0] in {absent} else search(name, path, target)

PathFinder.find_spec = classmethod(find_spec)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files of this checkout that make a day, as they are now and without their history."""
    parts = ("perceptron", "tests", "pyproject.toml")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *parts]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    folder = tmp_path / "bare"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def rehearse(
    interpreter: Path | str, checkout: Path, names: Sequence[str], path: str | None = None
) -> None:
    """Rehearse stages of a day from the checkout: each succeeds, and has rows if it measures."""
    unset = ("PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"PERCEPTRON_COMMIT": "0123456789ab"} | ({"PYTHONPATH": path} if path else {})

    def day(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [interpreter, "-m", "perceptron", "gpu-day", *options, "--json"],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    outcomes: dict[str, str] = {}
    measured: set[str] = set()
    for _ in range(_CALLS):
        left = ",".join(
            str(number)
            for number, stage in enumerate(STAGES, start=1)
            if stage.name in names and outcomes.get(stage.name) != "ok"
        )
        done = day("--rehearse", "--results", "day", "--stage", left)
        stages = json.loads(done.stdout)["stages"] if done.returncode in (0, 1) else []
        outcomes |= {one["name"]: one["outcome"] for one in stages}
        measured |= {one["name"] for one in stages if one["rows"]}
        if done.returncode != 1:
            break
    logs = "".join(
        f"\n== {log.name}\n{log.read_text(errors='replace')[-2000:]}"
        for log in sorted((checkout / "day" / "log").glob("*.txt"))
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{logs}"
    document = json.loads(done.stdout)
    assert outcomes == dict.fromkeys(names, "ok"), f"{done.stdout}{logs}"
    measuring = {*names} - _MEASURES_NOTHING
    assert measured == measuring
    assert document["packed"]["left_out"] == []
    archive = document["packed"]["archive"]
    runs = json.loads(day("--unpack", archive, "--results", "home").stdout)["unpacked"]
    assert len(runs) >= len(measuring)
    assert all(run.startswith("runs/rehearsal/") for run in runs)
    for run in runs:
        about = json.loads((checkout / "home" / run / "run.json").read_text())
        assert (about["machine"], about["commit"]) == ("rehearsal", "0123456789ab")


def test_python_3_12_with_numpy_2_5_and_jax_0_11(checkout: Path, tmp_path: Path) -> None:
    """Without torch, msgspec being all that was carried there."""
    environment = tmp_path / "environment"
    subprocess.run([python("3.12"), "-m", "venv", environment], check=True)
    interpreter = environment / "bin" / "python"
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([interpreter, *install, *LIBRARIES], check=True)
    code = "import sys\nfrom importlib.util import find_spec\n"
    code += "print(*(name for name in sys.argv[1:] if find_spec(name)))"
    found = subprocess.run(
        [interpreter, "-c", code, *ABSENT, "torch", "jax"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["jax"]
    rehearse(interpreter, checkout, _OTHER_VERSIONS)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_the_torch_of_this_environment(checkout: Path, tmp_path: Path) -> None:
    """Without asv, plotly and json5, which a finder that comes first says are not there."""
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "sitecustomize.py").write_text(HIDING.format(absent=set(ABSENT)))
    rehearse(sys.executable, checkout, _OF_EACH_KIND, str(hiding))
