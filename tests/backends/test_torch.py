"""PyTorch of one model: by hand, loaded, compiled and fed, in what the contract does not say."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perceptron.backends import registry, torch_compiled, torch_manual
from perceptron.backends.shared.compilers import inductor_wrote
from perceptron.backends.shared.gradient import activations_of
from perceptron.backends.shared.torch_backend import BUFFERS, TrainingData
from perceptron.backends.torch_compiled import BACKEND
from perceptron.problems import catalogue
from tests.backends.conftest import PROBLEMS, SHORT_LAST

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

from tests.backends.fake_cuda import OnMetaAlone

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.mark.usefixtures("traced_not_compiled")
def test_torch_compiled_reports_cache_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    """On disk, or in the process, where a problem had these shapes before."""
    for on_disk in (False, True):
        monkeypatch.setattr(torch_compiled, "inductor_wrote", lambda since, it=on_disk: not it)
        torch_compiled.compiled.cache_clear()
        BACKEND.prepare(catalogue.find("or-gate"), "float64")
        assert BACKEND.prepared_from_cache() == on_disk
        BACKEND.prepare(catalogue.find("xor"), "float64")
        assert BACKEND.prepared_from_cache()


def test_inductor_compiled_if_it_wrote_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Triton writes each under another name first: it is gone between being listed and read."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    (tmp_path / "tmp.cubin").symlink_to(tmp_path / "gone")
    assert not inductor_wrote(since=0.0)
    (tmp_path / "ab").mkdir()
    for name, written in (("source.cpp", 300.0), ("library.so", 200.0)):
        (tmp_path / "ab" / name).write_text("")
        os.utime(tmp_path / "ab" / name, (written, written))
    assert inductor_wrote(since=100.0)
    assert not inductor_wrote(since=250.0)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        *(("or-gate", 10), ("xor-hidden", 5), ("mlp-width:512", 1), ("mlp-depth:64", 1)),
        *(("mlp-batch:1", 5), ("digits", 1), ("batches-adam", 2)),
    ],
)
def test_torch_compiled_unrolls_short_steps_only(name: str, steps: int) -> None:
    """Unrolling pays where a step is short, and costs compilation where it is long."""
    assert torch_compiled.unrolled(PROBLEMS.get(name) or catalogue.find(name)) == steps


@pytest.mark.parametrize("kind", [torch_manual.ManualTrainer, torch_manual.BmmTrainer])
def test_products_by_hand_are_in_full_precision(kind: Any) -> None:
    torch.set_float32_matmul_precision("high")
    kind(SHORT_LAST, "float32", "cpu")
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("name", ["or-gate", "digits"])
def test_torch_traced_data_stay_on_device(name: str) -> None:
    """A number left on the host would be read there by every step."""
    problem = catalogue.find(name)
    trainer = torch_manual.ManualTrainer(problem, "float32", "meta")
    model = torch_compiled.Model(
        problem.widths, activations_of(problem), problem.loss, problem.optimizer
    )
    steps, batch = 2, problem.batch
    rows = trainer.data.orders[: steps * (batch or 0)]
    factors = trainer._start.new_ones((steps, 2))
    arrays = (trainer._parameters, *trainer._state)
    with OnMetaAlone():  # type: ignore[no-untyped-call]
        torch_compiled.train_steps(
            model, steps, batch, trainer.data.inputs, trainer.data.targets, rows, factors, *arrays
        )


def test_torch_host_buffer_waits_for_its_last_copy() -> None:
    """Buffers take turns, each waits for its own copy, and none has the memory of another.

    On a CPU a copy is the buffer itself: what was given stays until its buffer is next.
    """
    log: list[str] = []
    numbers = iter(range(BUFFERS))

    def event() -> SimpleNamespace:
        """Stand in for a GPU's event: note what it is asked."""
        number = next(numbers)
        return SimpleNamespace(
            record=lambda: log.append(f"copied from {number}"),
            synchronize=lambda: log.append(f"waited for {number}"),
        )

    data = TrainingData(SHORT_LAST, torch.float64, torch.device("cpu"), classes=True)
    assert data.batches is not None
    feed = data.from_host(data.batches.size, event, pin=False)
    spans = list(data.batches.spans(0, BUFFERS + 2))
    given = [feed(begin, end) for begin, end in spans]
    turns = [0, 1, 2, 0, 1]
    assert log == [
        word for number in turns for word in (f"waited for {number}", f"copied from {number}")
    ]
    for (begin, end), (inputs, targets) in list(zip(spans, given, strict=True))[-BUFFERS:]:
        rows = data.orders[begin:end]
        assert torch.equal(inputs, data.inputs[rows])
        assert torch.equal(targets, data.targets[rows])
