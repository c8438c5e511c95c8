from __future__ import annotations

import os
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.files.read import must_be_a_file


def test_a_regular_file_and_a_link_to_one_may_be_read(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch()
    link.symlink_to(file)
    must_be_a_file(file)
    must_be_a_file(link)


def test_a_folder_a_pipe_and_a_device_are_refused(tmp_path: Path) -> None:
    """Reading a pipe waits for ever, and a device never ends."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file in (tmp_path, pipe, Path(os.devnull)):
        with pytest.raises(UserError, match=f"{file}: no ordinary file; move it away"):
            must_be_a_file(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no: cannot be read: No such file or directory"):
        must_be_a_file(tmp_path / "no")
