"""What is installed only when asked for: found without being imported, named in one line."""

from __future__ import annotations

import re
import tomllib

from perceptron import optional
from tests.conftest import ROOT


def test_extras_are_those_of_the_package() -> None:
    """Each library of an extra is looked for, and the command names an extra that there is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert extras.keys() - {"all", "dev"} == optional.EXTRAS.keys()
    for name, modules in optional.EXTRAS.items():
        wanted = {re.split(r"[>=]", requirement)[0] for requirement in extras[name]}
        assert wanted <= set(modules.values())
        core = {re.split(r"[>=]", requirement)[0] for requirement in project["dependencies"]}
        assert not core & set(modules.values())


def test_all_brings_every_extra_but_that_of_a_gpu_alone_and_dev_brings_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert f"perceptron[{','.join(sorted(optional.EXTRAS.keys() - {'cupy'}))}]" in extras["all"]
    assert "perceptron[all]" in extras["dev"]
