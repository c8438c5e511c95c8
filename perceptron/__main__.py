"""The command ``perceptron``, and ``python -m perceptron`` from a bare checkout."""

from __future__ import annotations

from perceptron.cli import main

if __name__ == "__main__":
    main()
