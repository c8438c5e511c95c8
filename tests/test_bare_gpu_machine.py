"""The day with a GPU, rehearsed as the machine that is lent will run it.

Such a machine has Python 3.12, numpy 2.5, jax 0.11, torch 2.11 with CUDA and much else, but neither
msgspec nor asv and json5, and the checkout that is copied there has no history. What is
typed there is one line; between two of them nothing is kept but what came home. Two rehearsals
stand for it, in each of which the CPU stands in for the GPU:

* The interpreter and the torch of this environment, whatever versions they are, with asv
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
from typing import Any

import pytest

from perceptron.studies.gpu_day import LINE, STAGES
from tests.conftest import ROOT
from tests.gate.old_pythons import python

pytestmark = pytest.mark.slow

# A busy CPU leaves a study without a row, or ends a check: the same line tries it again.
_CALLS = 3
_COMMIT = "0123456789ab"
# Of which the first call has time for these.
_FIRST = ["smoke", "facts", "finding"]
_MEASURES_NOTHING = {"smoke", "facts", "check"}
# The other stages run the same commands on other families and problems.
_OF_EACH_KIND = [*_FIRST, "width", "many-or-gates", "ladder", "race", "map", "check"]
_OTHER_VERSIONS = [*_FIRST, "ladder", "check"]
ABSENT = ("asv", "asv_runner", "json5")
# As on such a machine, in the newest versions that PyPI has: `LIBRARIES` of the core that it lacks
# are not here either.
LIBRARIES = (
    *("numpy>=2.5,<2.6", "jax>=0.11,<0.12"),
    *("contourpy", "filelock", "hypothesis", "nvidia-ml-py", "psutil", "py-cpuinfo", "pytest"),
    *("rich", "scikit-learn", "scipy", "threadpoolctl", "typer"),
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


def paste(interpreter: Path, machine: Path, names: Sequence[str], path: str | None) -> Any:
    """Type the line for some stages where there is nothing but what is carried, into ``machine``.

    Return its document; what comes home lies in the folder ``out`` beside.
    """
    stages = [str(place) for place, one in enumerate(STAGES, start=1) if one.name in names]
    unset = ("PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"OUT": str(machine / "out")} | ({"PYTHONPATH": path} if path else {})
    environment["PATH"] = f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"
    (machine / "out").mkdir()
    line = LINE.format(commit=_COMMIT)
    done = subprocess.run(
        ["bash", "-c", f"{line} --rehearse --json --stage {','.join(stages)}"],
        cwd=machine,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return json.loads(done.stdout)


def rehearse(
    interpreter: Path, checkout: Path, names: Sequence[str], path: str | None = None
) -> None:
    """Rehearse stages of a day: each succeeds, has rows if it measures, and runs once.

    Every call finds a machine that keeps nothing of the one before.
    """
    carried = checkout / "carried"
    download = ("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
    subprocess.run([interpreter, *download, "--dest", carried, "msgspec"], check=True)
    ended: dict[str, Any] = {}
    for call in range(_CALLS):
        machine = checkout.with_name(f"machine-{call}")
        shutil.copytree(checkout, machine)
        document = paste(interpreter, machine, _FIRST if call == 0 else names, path)
        archive = shutil.copy(machine / "out" / "gpu-day.tar.gz", carried)
        for one in document["stages"]:
            earlier = ended.get(one["name"])
            assert one == earlier or earlier is None or earlier["outcome"] != "ok"
            ended[one["name"]] = one
        if ended.keys() == {*names} and all(one["outcome"] == "ok" for one in ended.values()):
            break
    logs = "".join(
        f"\n== {log.name}\n{log.read_text(errors='replace')[-2000:]}"
        for log in sorted((machine / "gpu-day" / "log").glob("*.txt"))
    )
    assert {name: one["outcome"] for name, one in ended.items()} == dict.fromkeys(names, "ok"), (
        f"{document}{logs}"
    )
    measuring = {*names} - _MEASURES_NOTHING
    assert {name for name, one in ended.items() if one["rows"]} == measuring
    assert document["packed"]["left_out"] == []
    unpack = ("gpu-day", "--unpack", archive, "--results", "home", "--json")
    home = subprocess.run(
        [sys.executable, "-m", "perceptron", *unpack], cwd=checkout, check=True, capture_output=True
    )
    runs = json.loads(home.stdout)["unpacked"]
    assert len(runs) >= len(measuring)
    for run in runs:
        about = json.loads((checkout / "home" / run / "run.json").read_text())
        assert (about["machine"], about["commit"]) == ("rehearsal", _COMMIT)


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
        [interpreter, "-c", code, *ABSENT, "msgspec", "torch", "jax"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["jax"]
    rehearse(interpreter, checkout, _OTHER_VERSIONS)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_the_torch_of_this_environment(checkout: Path, tmp_path: Path) -> None:
    """Without asv and json5, which a finder that comes first says are not there."""
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "sitecustomize.py").write_text(HIDING.format(absent=set(ABSENT)))
    rehearse(Path(sys.executable), checkout, _OF_EACH_KIND, str(hiding))
