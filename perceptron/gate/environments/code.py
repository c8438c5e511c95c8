"""Where installed code was imported from, as a document says it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from perceptron.gate.checkout.suite import Suite
from perceptron.gate.environments import installed_files, project_files


@dataclass(frozen=True)
class Code:
    """The project that an arm imported: a distribution, or a package of none without a version."""

    name: str
    version: str | None
    place: str
    """The folder of its package."""
    editable: bool

    @cached_property
    def files(self) -> str:
        """A digest that tells one build from another."""
        return installed_files.digest(self.name, self.version, self.place)

    def __str__(self) -> str:
        version = f" {self.version}" if self.version is not None else ", of no distribution,"
        editable = "editable, " if self.editable else ""
        return f"{self.name}{version} from {home(self.place)} ({editable}files {self.files})"


def project_names(suite: Suite, tree: Path) -> list[str]:
    """Return what the project may be installed as: asv may call it otherwise than it is built."""
    project = project_files.read(tree / suite.code)
    names = [project.name if project is not None else None, suite.project]
    return list(dict.fromkeys(name for name in names if name))


def home(text: str) -> str:
    """Return the text with paths below the home folder as people write them."""
    return text.replace(os.path.expanduser("~") + os.sep, "~" + os.sep)
