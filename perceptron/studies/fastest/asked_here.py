"""The process that asks backends whether they can run here, for `here`; it answers in JSON."""

from __future__ import annotations

import os
import sys

import msgspec

from perceptron.studies.fastest.here import asked


def main() -> None:
    """Ask the backends that the arguments name."""
    # What libraries print goes to standard error.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    answer.write(msgspec.json.encode({name: asked(name) for name in sys.argv[1:]}))
    answer.flush()
    # At once: unloading frameworks takes up to a second and serves nothing.
    os._exit(0)


if __name__ == "__main__":
    main()
