"""An arm that was installed anew belongs to another comparison."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.gate.environments.code import Code
from perceptron.gate.journal import ComparisonRun
from perceptron.gate.own_code import assert_own_code
from tests.gate.conftest import blocks
from tests.made_comparison import comparison


def test_what_was_installed_again_since_is_refused(tmp_path: Path) -> None:
    """A suite that imports late does not tell before."""
    code = {}
    for arm in ("base", "head"):
        place = tmp_path / arm / "toy"
        place.mkdir(parents=True)
        (place / "__init__.py").write_text("")
        code[arm] = Code("toy", "1.0", str(place), editable=False)
    arms = cast(Any, SimpleNamespace(installed=True, code=code, pythons={}, own={}))
    plan = msgspec.structs.replace(comparison().plan, installed=True)
    journal = SimpleNamespace(
        run=ComparisonRun(work={}, plan=plan), blocks=blocks("one", [0.0]), folder=tmp_path
    )
    journal.update_run = lambda run: setattr(journal, "run", run)
    assert_own_code(arms, cast(Any, journal), None)
    assert_own_code(arms, cast(Any, journal), None)
    (tmp_path / "head" / "toy" / "core.so").write_text("")
    code["head"] = Code("toy", "1.0", code["head"].place, editable=False)
    with pytest.raises(UserError, match="what HEAD imports was installed again since"):
        assert_own_code(arms, cast(Any, journal), None)
