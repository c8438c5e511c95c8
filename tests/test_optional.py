"""What is installed only when asked for: found without being imported, named in one line."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError

import pytest

from perceptron import optional
from perceptron.errors import UserError
from perceptron.problems import catalogue
from tests.conftest import ROOT

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Pretend that these modules are installed, and no others."""

    def only(*modules: str) -> None:
        def find(name: str) -> ModuleSpec | None:
            return ModuleSpec(name, None, origin=f"{name}.py") if name in modules else None

        monkeypatch.setattr(optional, "find_spec", find)

    return only


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


def test_a_bare_checkout_is_told_to_install_itself(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the package index our name is another project's."""

    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    install()
    monkeypatch.setattr(optional, "version", version)
    reason = 'torch is not installed: pip install ".[torch]" in the checkout'
    assert optional.missing("torch") == reason


def test_what_is_missing_is_one_line_with_the_command(install: Install) -> None:
    """All of it, so that one command is enough; nothing where nothing is missing."""
    install("asv", "itables", "jinja2", "pandas")
    assert optional.missing("torch") == 'torch is not installed: pip install "perceptron[torch]"'
    assert optional.missing("pages") == (
        'matplotlib and plotly are not installed: pip install "perceptron[pages]"'
    )
    assert optional.missing("pages", "pandas") is None
    assert optional.missing("sklearn") == (
        'scikit-learn is not installed: pip install "perceptron[sklearn]"'
    )
    install()
    line = optional.missing("pages")
    assert line is not None
    assert line.startswith(
        "asv, itables, jinja2, matplotlib, pandas and plotly are not installed: "
    )


def test_what_is_required_and_missing_ends_the_command(install: Install) -> None:
    install("torch")
    optional.require("torch")
    with pytest.raises(UserError, match=r"^numba is not installed: pip install"):
        optional.require("numba")


def test_a_folder_of_that_name_is_no_library(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python would import results/asv as a package without content."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "no_library").mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(optional.EXTRAS, "some", {"no_library": "no-library"})  # type: ignore[arg-type]
    assert optional.missing("some") == 'no-library is not installed: pip install "perceptron[some]"'
    assert "no_library" not in sys.modules


def test_a_problem_whose_data_a_library_holds_names_it_at_once(install: Install) -> None:
    """Where the problem is named, not in the process that would measure it."""
    install()
    with pytest.raises(UserError, match=r"problem 'breast-cancer': scikit-learn is not installed"):
        catalogue.find("breast-cancer")
