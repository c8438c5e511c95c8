"""Read a TOML file that a user wrote; values are decoded and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

from perceptron.errors import UserError


def read_toml(file: Path) -> dict[str, object]:
    """Return what the file holds.

    Raises `UserError`, one line that says what is wrong and does not name the file: whoever asks
    puts the name before this as before what is wrong with a value.
    """
    try:
        return tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"not UTF-8 text: byte {error.start} is out of place") from None
    except RecursionError:
        raise UserError("not TOML: nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise UserError(f"not TOML: {' '.join(str(error).split())}") from None
