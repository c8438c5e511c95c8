"""The command ``perceptron``, and ``python -m perceptron`` from a bare checkout."""

from __future__ import annotations

import sys

import perceptron


def main() -> None:
    """Run the command line, if it is ours.

    Another distribution is named ``perceptron`` and has files of the same names, also ``cli.py``:
    the one that was installed last is there. It has no ``__main__.py``.
    """
    if "fastest" not in getattr(perceptron, "__all__", ()):
        print(
            "error: the distribution perceptron is another project, and its files replaced ours: "
            "pip uninstall perceptron, then pip install --force-reinstall perceptron-bench",
            file=sys.stderr,
        )
        sys.exit(2)
    from perceptron.cli import main

    main()


if __name__ == "__main__":
    main()
