"""Several models at once: as each alone, stacked, one by one, in processes, under vmap, by hand."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.ladder import variants
from perceptron.backends.protocol import Unsupported, least_seconds_of
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from tests.backends.conftest import FEW_PARAMETERS, FOLDS
from tests.conftest import ROOT
from tests.stand_in import use_stand_ins

needs_joblib = pytest.mark.skipif(
    optional.missing("joblib") is not None, reason=str(optional.missing("joblib"))
)

NAMES = [name for name in registry.BUILT_IN if name.endswith("-sequential")]
OR_GATES = catalogue.find("many-or-gates:4")


def section(title: str) -> str:
    """A section of the page of many models."""
    page = (ROOT / "docs" / "many-models.md").read_text(encoding="utf-8")
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named(text: str) -> list[str]:
    return re.findall(r"`([a-z][a-z-]*)`", text)


def in_the_table() -> set[str]:
    rows = [line for line in section("The backends").splitlines() if line.startswith("| `")]
    return {name for row in rows for name in named(row.split("|")[1])}


@pytest.mark.slow
@pytest.mark.usefixtures("traced_not_compiled")
def test_several_models_table_lists_capable_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU in the place of devices that are not here."""
    use_stand_ins(monkeypatch)
    table = in_the_table()
    for name in registry.BUILT_IN:
        if registry.reason_unavailable(name):
            continue
        backend, takes_several = registry.load(name), True
        try:
            backend.prepare(FEW_PARAMETERS, "float64" if backend.device == "cpu" else "float32")
        except Unsupported:
            takes_several = False
        assert (name in table) == takes_several, name


def test_several_models_page_has_their_ladders() -> None:
    """From the first variant to the last."""
    lines = [line for line in section("Where the time goes").split("\n\n") if "` →" in line]
    assert [named(line) for line in lines] == [
        list(variants(device, batches=False, models=True)) for device in ("cpu", "cuda")
    ]


def test_several_models_sequential_sample_grows_with_models() -> None:
    """With one model it is the backend itself."""
    backend = registry.load("numpy-sequential")
    least = least_seconds_of(backend, OR_GATES)
    many = catalogue.find("many-or-gates:1000")
    assert least_seconds_of(backend, many) == pytest.approx(250 * least)
    for name, problem in (("numpy-sequential", OR_GATES.single(0)), ("numpy", OR_GATES)):
        assert least_seconds_of(registry.load(name), problem) == 0.0


@needs_joblib
@pytest.mark.parametrize(
    "problem",
    [FOLDS, catalogue.find("or-gate")],
    ids=lambda problem: problem.name,
)
def test_they_train_as_one_process_does_to_the_last_bit(problem: Problem) -> None:
    """Call after call, wherever a share goes; and with one model."""
    in_pool = registry.load("processes").prepare(problem, "float32")
    sequential = registry.load("numpy-sequential").prepare(problem, "float32")
    for trainer in (in_pool, sequential):
        trainer.train(3)
        trainer.reset()
        for iterations in (7, 6):
            trainer.train(iterations)
    for array, same in zip(in_pool.parameters(), sequential.parameters(), strict=True):
        np.testing.assert_array_equal(array, same)
    assert in_pool.evaluate() == sequential.evaluate()


@needs_joblib
def test_workers_end_with_a_process_that_leaves_at_once(tmp_path: Path) -> None:
    """As the workers of a study do: nothing is told to end them."""
    code = (
        "import os\n"
        "from perceptron.backends import registry\n"
        "from perceptron.problems import catalogue\n"
        "backend = registry.load('processes')\n"
        "backend.prepare(catalogue.find('many-or-gates:4'), 'float32')\n"
        "print(*backend.process_ids(), flush=True)\n"
        "os._exit(0)\n"
    )
    root = Path(registry.__file__).parents[2]
    output = tmp_path / "said"
    with output.open("w") as out:  # a pipe would stay open for as long as a worker has it
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            check=True,
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    numbers = [int(word) for word in output.read_text().split()]
    assert len(numbers) >= 2
    until = time.monotonic() + 300.0
    while any(map(psutil.pid_exists, numbers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(psutil.pid_exists, numbers))


def test_several_models_sequential_requires_what_its_backend_does() -> None:
    """The worker asks it what it asks any backend."""
    for name in NAMES:
        backend, own = registry.load(name), registry.load(name.removesuffix("-sequential"))
        assert (backend.device, backend.unavailable()) == (own.device, own.unavailable())
        assert backend.environment(3) == own.environment(3)
        for attribute in ("imports", "compiles", "accelerator", "published_dtype", "unprofiled"):
            assert getattr(backend, attribute, None) == getattr(own, attribute, None)
        # It trains in phases of its own, and dispatches for each model.
        assert not hasattr(backend, "phased")
        assert not hasattr(backend, "kernels")
