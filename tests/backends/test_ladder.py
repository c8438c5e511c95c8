from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.ladder import STARTS, variants
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.protocol import Backend, LadderStep

OURS: dict[str, Backend] = {name: registry.load(name) for name in registry.BUILT_IN}


class Foreign(NumpyBackend):
    def __init__(self, name: str, variant: object) -> None:
        self.name = name
        self.ladder_step = variant  # type: ignore[assignment]


def install(monkeypatch: pytest.MonkeyPatch, *backends: NumpyBackend) -> None:
    known = OURS | {backend.name: backend for backend in backends}
    monkeypatch.setattr(registry, "names", lambda: list(known))
    monkeypatch.setattr(registry, "load", lambda name: known[name])


def test_ladder_variants_follow_what_they_remove() -> None:
    """From torch as its tutorials write it down to the arithmetic, whatever else is added."""
    published = [
        *("torch-cpu-dataloader", "torch-cpu", "torch-cpu-fused", "torch-cpu-functional"),
        "torch-cpu-manual",
        *("numpy-published", "numpy", "numpy-inplace", "torch-cpu-compiled"),
        *("python", "jax-cpu", "numba"),
    ]
    assert [name for name in variants("cpu") if name in published] == published
    assert next(iter(variants("cpu"))) == "torch-cpu-dataloader"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_ladder_dataloader_needs_batches(device: str) -> None:
    """Without batches there is nothing to load: the ladder starts with torch itself."""
    loader = f"torch-{device}-dataloader"
    assert list(variants(device)) == [loader, *variants(device, batches=False)]
    name, removes = next(iter(variants(device, batches=False).items()))
    assert (name, removes) == (f"torch-{device}", STARTS)
    assert variants(device)[name] != STARTS


def test_ladder_of_gpu_is_separate() -> None:
    published = [
        *("torch-cuda-dataloader", "torch-cuda", "torch-cuda-fused", "torch-cuda-manual"),
        "torch-cuda-manual-graph",
        *("cupy", "torch-cuda-compiled", "torch-cuda-graph", "torch-cuda-persistent", "jax-cuda"),
    ]
    assert [name for name in variants("cuda") if name in published] == published
    assert not set(variants("cuda")) & set(variants("cpu"))


def test_ladder_includes_every_builtin_variant() -> None:
    """A chain that is broken by a wrong name would drop all variants after it."""
    backends = [registry.load(name) for name in registry.BUILT_IN]
    devices = {backend.device for backend in backends}
    for attribute, models in (("ladder_step", False), ("ladder_step_of_models", True)):
        with_variant = {
            backend.name
            for backend in backends
            if (vars(type(backend)) | vars(backend)).get(attribute) is not None
        }
        assert with_variant == {
            name for device in devices for name in variants(device, models=models)
        }


def test_ladder_accepts_foreign_backend_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a variant changes nothing, nor do two that follow each other in a circle."""
    before = variants("cpu")
    for variant in (None, "numpy", LadderStep("all", after="nobody"), 3):
        install(monkeypatch, Foreign("theirs", variant))
        assert variants("cpu") == before
    one, two = LadderStep("x", after="two"), LadderStep("y", after="one")
    install(monkeypatch, Foreign("one", one), Foreign("two", two))
    assert variants("cpu") == before
    install(monkeypatch, Foreign("theirs", LadderStep("one copy", after="numpy")))
    names = list(variants("cpu"))
    assert variants("cpu")["theirs"] == "one copy"
    assert names.index("theirs") > names.index("numpy")
    assert names[-1] == "theirs"


DDP, TWO = "torch-ddp", "torch-ddp@2"


@pytest.mark.parametrize("batches", [False, True])
def test_over_processes_the_ladder_starts_with_the_most(batches: bool) -> None:
    """Down to torch in one process, then on as ever; a loader is no part of that."""
    ladder = variants("cpu", batches, (1, 2))
    assert list(ladder) == [TWO, DDP, *variants("cpu", batches=False)]
    assert ladder[TWO] == f"{STARTS}, over 2 processes"
    assert "all-reduce" in ladder[DDP]
    assert "DDP" in ladder["torch-cpu"]
    below = list(variants("cpu", batches=False).items())[1:]
    assert list(ladder.items())[3:] == below
