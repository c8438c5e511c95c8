"""What an environment holds beside the project, and what differs between two of them."""

from __future__ import annotations

import json
import sys
import venv
from importlib.metadata import version
from pathlib import Path

from perceptron.gate.environments.dependencies import differences, versions, warning


def test_distributions_are_listed_without_the_project(tmp_path: Path) -> None:
    """It is installed from a file, or known by name; what installs others makes no difference."""
    venv.create(tmp_path, with_pip=False, symlinks=True)
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name, origin in (("numpy", None), ("pip", None), ("The.Project", None), ("local", "file:")):
        info = tmp_path / "lib" / here / "site-packages" / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        if origin is not None:
            (info / "direct_url.json").write_text(json.dumps({"url": f"{origin}///a.whl"}))
    found = versions(str(tmp_path / "bin" / "python"), {"the_project"})
    assert found == {"numpy": "1.0"}


def test_those_of_this_environment_are_found() -> None:
    assert versions(sys.executable)["msgspec"] == version("msgspec")


def test_an_interpreter_that_is_gone_holds_nothing() -> None:
    assert versions("/nowhere/python") == {}


def test_differences_are_named() -> None:
    base = {"numpy": "2.0", "scipy": "1.1", "gone": "3"}
    head = {"numpy": "2.1", "scipy": "1.1", "new": "4"}
    differing = ["gone 3 and none", "new none and 4", "numpy 2.0 and 2.1"]
    assert differences(base, head) == differing
    assert "numpy 2.0 and 2.1" in warning(differing).message
    assert differences(base, base) == []
    assert differences(base, {}) == [], "nobody could tell"


def test_a_long_list_is_cut() -> None:
    message = warning([f"p{number} 1 and 2" for number in range(40)]).message
    assert message.endswith("and 35 more")
