"""Which backends can run here: asked once, and again when their libraries have changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.errors import UserError
from perceptron.measure.library_versions import versions_beneath
from perceptron.processes import fresh_python
from perceptron.questions.fastest.cache import Known, KnownBackend
from perceptron.questions.fastest.measured_shape import NO_ANSWER, NO_WORD

SKLEARN = "scikit-learn"
"""An estimator's own ``fit``: a candidate beside the backends, of which it is none.

It starts and shuffles in its own way, so it cannot be asked to agree with the reference, and no
other question is about it.
"""
SKLEARN_MODULE = "sklearn"
NOT_ASKED = "it was not asked yet whether it can run here, which takes a process"
# A driver that wakes up and a framework with a cold disk cache take most of it.
_MOST_SECONDS = 60.0


def is_known(name: str, known: Known) -> bool:
    """Return whether it was asked already if a backend can run, with the libraries of today."""
    asked = known.backends.get(name)
    return asked is not None and asked.libraries == versions_beneath(asked.modules)


def at_once(name: str) -> KnownBackend | None:
    """Return whether a backend can run here, if it says so at once: one of ours on the CPU does.

    Others import a framework to find their device, or do whatever they like: see `elsewhere`.
    """
    if name == SKLEARN:
        return KnownBackend(
            device="cpu",
            unavailable=optional.missing("sklearn"),
            modules=(SKLEARN_MODULE,),
            libraries=versions_beneath((SKLEARN_MODULE,)),
        )
    is_ours = name in registry.BUILT_IN and accelerator_of(registry.load(name)) is None
    return asked(name) if is_ours else None


def asked(name: str) -> KnownBackend:
    """Ask a backend whether it can run here; of one that cannot be asked say why."""
    backend = registry.load(name)
    modules = tuple(getattr(backend, "imports", ()))
    return KnownBackend(
        device=backend.device,
        unavailable=registry.reason_unavailable(name),
        modules=modules,
        libraries=versions_beneath(modules),
    )


def elsewhere(names: Sequence[str], seconds: float) -> dict[str, KnownBackend]:
    """Return whether these backends can run here, as a process of its own says.

    Raises `UserError` with the reason if it does not within so many seconds.
    """
    from perceptron.measure.launch import printed, worker_environment

    command = fresh_python.command("perceptron.questions.fastest.availability", *names)
    environment = worker_environment(registry.load("numpy"), 1)
    try:
        answer = printed(command, max(0.0, min(seconds, _MOST_SECONDS)), environment)
        return msgspec.json.decode(answer, type=dict[str, KnownBackend])
    except subprocess.TimeoutExpired:
        raise UserError(NO_WORD) from None
    except (OSError, UserError, msgspec.DecodeError):
        raise UserError(NO_ANSWER) from None


def main() -> None:
    """Ask the backends that the arguments name, in a process of their own; answer in JSON."""
    # What libraries print goes to standard error.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    answer.write(msgspec.json.encode({name: asked(name) for name in sys.argv[1:]}))
    answer.flush()
    # At once: unloading frameworks takes up to a second and serves nothing.
    os._exit(0)


if __name__ == "__main__":
    main()
