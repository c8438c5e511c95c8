"""Plenty of asv results, made up: what a suite has after years on many machines."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import BACKENDS, SIZES

# As asv's Results.save heads them.
COLUMNS = (
    "result",
    "params",
    "version",
    "started_at",
    "duration",
    "stats_ci_99_a",
    "stats_ci_99_b",
    "stats_q_25",
    "stats_q_75",
    "stats_number",
    "stats_repeat",
)
FIRST = 1_600_000_000_000
"""Milliseconds since 1970: the date of the first commit."""
BETWEEN = 7_200_000
"""Milliseconds from one commit to the next."""
ENVIRONMENT = "virtualenv-py3.11"
_NAME = "train.MlpWidth.time_train"
_SIZES = SIZES["mlp-width"]
_PARAMS = [[repr(size) for size in _SIZES], [repr(name) for name in BACKENDS]]


@dataclass(frozen=True)
class Plenty:
    """What was written: of which commits, in the order of their dates, and what became slower."""

    commits: list[str]
    slower: str = "numpy"


IDENTITY = ("-c", "user.name=tester", "-c", "user.email=tester@example.org")
CONFIG = """{
    // asv takes comments
    "version": 1,
    "project": "made up",
    "repo": ".",
    "branches": ["main"],
    "results_dir": "elsewhere",
    "html_dir": "elsewhere/html",
}
"""


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *IDENTITY, *arguments], cwd=folder, text=True)


def project(folder: Path, machines: int) -> Path:
    """Make a checkout of three commits with asv's configuration and results of each."""
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for message in ("one", "two", "three"):
        git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    hashes = git(folder, "log", "--format=%H", "--reverse").split()
    (folder / "asv.conf.json").write_text(CONFIG)
    plenty(folder / "results" / "asv", machines=machines, commits=3, hashes=hashes)
    return folder


def plenty(
    folder: Path,
    machines: int = 20,
    commits: int = 500,
    noise: float = 0.02,
    steps: dict[int, float] | None = None,
    hashes: list[str] | None = None,
) -> Plenty:
    """Write asv's results in format 2 into a folder such as ``results/asv``.

    Each machine has a file for each commit with the values of ``mlp-width``: four sizes and three
    backends, of which torch-cuda is n/a on every second machine. ``noise`` is the standard
    deviation of the log times. ``steps`` says where NumPy became slower, and by which share; by
    default by a tenth half way. ``hashes`` are those of real commits, in the order of their dates.
    """
    steps = {commits // 2: 0.1} if steps is None else steps
    hashes = hashes or [sha1(f"1 {k}".encode()).hexdigest() for k in range(commits)]  # noqa: S324
    random = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "benchmarks.json", {_NAME: _LISTED, "version": 2})
    for number in range(machines):
        name = f"box-{number:02d}"
        (folder / name).mkdir(exist_ok=True)
        _write(folder / name / "machine.json", _machine(name))
        times = _times(commits, steps, noise, number % 2 == 1, random)
        for index, commit in enumerate(hashes):
            file = folder / name / f"{commit[:8]}-{ENVIRONMENT}.json"
            _write(file, _results(name, commit, index, {_NAME: _values(times[index], index)}))
    return Plenty(commits=hashes)


def _times(
    commits: int,
    steps: dict[int, float],
    noise: float,
    without_gpu: bool,
    random: np.random.Generator,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds per iteration: (commits, sizes × backends), nan where a backend is not there."""
    sizes = np.array(_SIZES, float)
    base = {
        "numpy": 5e-6 + 2e-8 * sizes,
        "torch-cpu": 6e-5 + 1e-8 * sizes,
        "torch-cuda": np.full(len(sizes), np.nan) if without_gpu else 1.5e-4 + 1e-10 * sizes,
    }
    typical = np.stack([base[backend] for backend in BACKENDS], axis=1).ravel()
    factors = np.ones((commits, len(BACKENDS)))
    for index, size in steps.items():
        factors[index:, BACKENDS.index("numpy")] *= 1 + size
    noises = np.exp(noise * random.standard_normal((commits, len(typical))))
    result: np.ndarray[Any, np.dtype[np.float64]] = (
        typical * np.tile(factors, (1, len(sizes))) * noises
    )
    return result


# What asv's own list says of a benchmark, in part.
_LISTED = {
    "code": "",
    "name": _NAME,
    "param_names": ["size", "backend"],
    "params": _PARAMS,
    "pretty_name": "mlp-width",
    "timeout": 120.0,
    "type": "time",
    "unit": "seconds",
    "version": "1",
}


def _machine(name: str) -> dict[str, Any]:
    return {
        "arch": "x86_64",
        "cpu": "Abacus 3000",
        "machine": name,
        "num_cpu": "2",
        "os": "Linux 6",
        "ram": "8000000",
        "version": 1,
    }


def _results(machine: str, commit: str, index: int, result: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        "commit_hash": commit,
        "env_name": ENVIRONMENT,
        "date": FIRST + BETWEEN * index,
        "params": {**_machine(machine), "version": None, "python": "3.11"},
        "python": "3.11",
        "requirements": {},
        "env_vars": {},
        "result_columns": list(COLUMNS),
        "results": result,
        "durations": {},
        "version": 2,
    }


def _values(seconds: np.ndarray[Any, np.dtype[np.float64]], index: int) -> list[Any]:
    typical = [float(value) for value in seconds]
    here = [None if value != value else value for value in typical]

    def times(factor: float) -> list[float | None]:
        return [None if value is None else float(f"{value * factor:.5g}") for value in here]

    one = [None if value is None else 1 for value in here]
    ten = [None if value is None else 10 for value in here]
    return [
        typical,  # nan: n/a, which asv writes as NaN
        _PARAMS,
        "1",
        FIRST + BETWEEN * index + 60_000,
        1.5,
        times(0.97),
        times(1.03),
        times(0.99),
        times(1.01),
        one,
        ten,
    ]


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
