"""Notebooks run as a reader runs them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from nbformat import NotebookNode

from tests.conftest import ROOT


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in a kernel of their own, in this folder; their outputs are in the cells."""
    from nbclient import NotebookClient  # imports IPython

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder)}
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)


def text_of(cell: NotebookNode) -> str:
    """Return the output below a cell as text, without colours and overwritten progress."""
    shown = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    ]
    text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", "".join(shown)).replace("\r\n", "\n")
    return re.sub(r"^.*\r", "", text, flags=re.M)
