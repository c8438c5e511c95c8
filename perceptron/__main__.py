"""``python -m perceptron``: the command line from a bare checkout."""

from perceptron.cli import main

if __name__ == "__main__":
    main()
