"""Which backends can run here: asked once, and again when their libraries have changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence

import msgspec

from perceptron.analysis.fastest import BackendHere
from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.library_versions import versions_beneath
from perceptron.rehearsal import device_label
from perceptron.studies.fastest.cache import Known, KnownBackend

NOT_ASKED = "it was not asked yet whether it can run here, which takes a process"
# A driver that wakes up and a framework with a cold disk cache take most of it.
_SECONDS = 60.0


def is_known(name: str, known: Known) -> bool:
    """Return whether it was asked already if a backend can run, with the libraries of today."""
    asked = known.backends.get(name)
    return asked is not None and asked.libraries == versions_beneath(asked.modules)


def here(name: str, known: Known) -> BackendHere | None:
    """Return what is known of a backend; None if nothing is."""
    asked = known.backends.get(name)
    if asked is None:
        return None
    return BackendHere(name=name, device=asked.device, unavailable=asked.unavailable)


def ask(names: Iterable[str], may_start: bool) -> dict[str, KnownBackend]:
    """Return whether these backends can run here.

    One of ours on the CPU says so without importing anything. Others import a framework to find
    their device, or do whatever they like: a process of its own asks them, if one ``may_start``;
    without they are left out.
    """
    known, others = {}, []
    for name in names:
        if _is_asked_at_once(name):
            known[name] = asked(name)
        else:
            others.append(name)
    return known | (_asked_elsewhere(others) if may_start and others else {})


def _is_asked_at_once(name: str) -> bool:
    return name in registry.BUILT_IN and accelerator_of(registry.load(name)) is None


def asked(name: str) -> KnownBackend:
    """Ask a backend whether it can run here; of one that cannot be asked say why."""
    backend = registry.load(name)
    modules = tuple(getattr(backend, "imports", ()))
    return KnownBackend(
        device=device_label(backend.device),
        unavailable=registry.reason_unavailable(name),
        modules=modules,
        libraries=versions_beneath(modules),
    )


def _asked_elsewhere(names: Sequence[str]) -> dict[str, KnownBackend]:
    from perceptron.measure.launch import worker_environment

    command = [sys.executable, "-m", "perceptron.studies.fastest.asked_here", *names]
    try:
        process = subprocess.run(
            command,
            env=worker_environment(registry.load("numpy"), 1),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
        return msgspec.json.decode(process.stdout, type=dict[str, KnownBackend])
    except subprocess.TimeoutExpired:
        reason = f"did not say within {_SECONDS:.0f} s whether it can run here"
    except (OSError, msgspec.DecodeError):
        reason = "the process that was asked whether it can run here did not answer"
    return {
        name: KnownBackend(device="unknown", unavailable=reason, modules=(), libraries={})
        for name in names
    }
