from __future__ import annotations

import os
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.files.read import must_be_a_file


def test_a_folder_a_pipe_and_a_device_are_refused(tmp_path: Path) -> None:
    """Reading a pipe waits for ever, and a device never ends."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file in (tmp_path, pipe, Path(os.devnull)):
        with pytest.raises(UserError, match=f"{file}: no ordinary file; move it away"):
            must_be_a_file(file)
