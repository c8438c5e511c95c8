from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from perceptron.backends import registry
from perceptron.errors import UserError


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def install(name: str, value: str) -> None:
        entry = EntryPoint(name, value, registry.GROUP)
        monkeypatch.setattr(registry, "entry_points", lambda group: [entry])

    return install


def test_registry_unknown_backend_suggests_nearest() -> None:
    with pytest.raises(UserError, match="unknown backend 'troch-cpu': did you mean 'torch-cpu'"):
        registry.load("troch-cpu")


def test_registry_lists_and_loads_foreign_backend(foreign) -> None:  # type: ignore[no-untyped-def]
    """Another package's class or instance is a backend like ours."""
    foreign("theirs", "perceptron.backends.numpy_backend:NumpyBackend")
    assert "theirs" in registry.names()
    assert registry.reason_unavailable("theirs") is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module:BACKEND", "cannot be loaded: ModuleNotFoundError"),
        ("perceptron:__version__", "is not a backend: it has no name, device"),
    ],
)
def test_registry_broken_foreign_backend_is_unavailable(foreign, value: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    """It is unavailable, for the reason that it is broken."""
    foreign("theirs", value)
    shown = registry.reason_unavailable("theirs")
    assert shown is not None
    assert reason in shown
    assert registry.reason_unavailable("numpy") is None


def test_looking_at_a_backend_imports_no_framework() -> None:
    """That costs milliseconds; only where there is a device's driver is torch asked further."""
    code = (
        "import sys\n"
        "from perceptron.backends import registry\n"
        "from perceptron.backends.accelerators.torch_accelerator import device_unavailable\n"
        "frameworks = {'cupy', 'jax', 'jaxlib', 'numba', 'scipy', 'torch', 'triton'}\n"
        "backends = [registry.load(name) for name in registry.BUILT_IN]\n"
        "for backend in sorted(backends, key=lambda backend: backend.device != 'cpu'):\n"
        "    before = set(sys.modules)\n"
        "    backend.unavailable(), backend.environment(2)\n"
        "    imported = frameworks & (set(sys.modules) - before)\n"
        "    if backend.device != 'cpu' and not device_unavailable(backend.device):\n"
        "        imported -= {'torch', 'scipy'}\n"
        "    assert not imported, f'{backend.name} imports {imported}'\n"
    )
    root = Path(registry.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_ours_cannot_be_replaced(foreign) -> None:  # type: ignore[no-untyped-def]
    """A package that calls its backend `numpy` must not change what `numpy` means."""
    foreign("numpy", "no_such_module:BACKEND")
    assert registry.load("numpy").summary.startswith("NumPy, fast")
    assert registry.names().count("numpy") == 1


def test_registry_data_parallel_backends_need_devices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That of the CPU always, so that its row says what is missing."""
    monkeypatch.setattr(registry, "reason_unavailable", lambda name: "not here")
    assert registry.data_parallel() == ("torch-ddp",)
    monkeypatch.setattr(registry, "reason_unavailable", lambda name: None)
    assert registry.data_parallel()[0] == "torch-ddp"
