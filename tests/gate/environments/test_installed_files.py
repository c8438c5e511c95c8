"""Two builds of one version are two builds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perceptron.gate.environments.code import Code
from perceptron.gate.environments.installed_files import digest


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as an installer leaves it, with what it wrote down of it."""
    folder = tmp_path / "the_project"
    folder.mkdir()
    (folder / "__init__.py").write_text("one = 1\n")
    info = tmp_path / "The_Project-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("the_project/__init__.py,sha256=abc,8\n")
    return folder


def known(package: Path, version: str | None = "1.0") -> str:
    return digest("the-project", version, str(package))


def touch(file: Path) -> None:
    os.utime(file, (1, 1))


def test_what_the_installer_wrote_down_tells_builds_apart(package: Path) -> None:
    """The same build, installed again, is the same."""
    before = known(package)
    touch(package / "__init__.py")
    assert known(package) == before
    record = package.parent / "The_Project-1.0.dist-info" / "RECORD"
    record.write_text("the_project/__init__.py,sha256=abd,8\n")
    assert known(package) != before


@pytest.mark.parametrize("without", ["version", "record", "digests"])
def test_where_nothing_was_written_down_files_tell_builds_apart(
    package: Path, without: str
) -> None:
    """As for what is editable; what the project writes beside its code is none of it."""
    record = package.parent / "The_Project-1.0.dist-info" / "RECORD"
    if without == "record":
        record.unlink()
    elif without == "digests":
        record.write_text("the_project/__init__.py,,\n")
    version = None if without == "version" else "1.0"
    before = known(package, version)
    (package / "cache.json").write_text("{}")
    (package / "gone.py").symlink_to(package / "nowhere")
    assert known(package, version) == before
    touch(package / "__init__.py")
    changed = known(package, version)
    assert changed != before
    (package / "core.so").write_text("")
    assert known(package, version) != changed


def test_a_single_module_is_known_too(tmp_path: Path) -> None:
    module = tmp_path / "single.py"
    module.write_text("")
    before = digest("single", None, str(module))
    touch(module)
    assert digest("single", None, str(module)) != before


def test_it_is_part_of_what_a_comparison_is_of(package: Path) -> None:
    before = str(Code("the-project", None, str(package), editable=True))
    touch(package / "__init__.py")
    after = str(Code("the-project", None, str(package), editable=True))
    assert before != after
    assert before.startswith("the-project, of no distribution, from ")
    assert "(editable, files " in before
