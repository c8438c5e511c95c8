"""What is installed only when asked for: found without being imported, named in one line."""

from __future__ import annotations

import re
import tomllib

from perceptron import optional
from tests.conftest import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[>=]", requirement)[0] for requirement in requirements}


def test_extras_are_those_of_the_package() -> None:
    """Each library of an extra is looked for, and the command names an extra that there is."""
    assert EXTRAS.keys() - {"all"} == optional.EXTRAS.keys()
    for name, modules in optional.EXTRAS.items():
        assert names(EXTRAS[name]) <= set(modules.values())
        assert not names(PROJECT["dependencies"]) & set(modules.values())


def test_extra_all_has_everything_but_cupy() -> None:
    extras = ",".join(sorted(optional.EXTRAS.keys() - {"cupy"}))
    assert f"{PROJECT['name']}[{extras}]" in EXTRAS["all"]
