"""The command ``perceptron``, and ``python -m perceptron`` from a bare checkout."""

import sys

from perceptron.processes import fresh_python


def main() -> None:
    """Run a command; ctrl-C while it imports what it needs, too, ends in one line."""
    try:
        fresh_python.without_current_folder()
        from perceptron.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
