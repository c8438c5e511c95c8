from __future__ import annotations

from benchmarks.wheels import OF_THE_GATE, STAYS_AS_IT_IS, carried, commands
from tests.conftest import ROOT


def test_wheels_are_project_dependencies_for_training() -> None:
    """What the gate alone needs stays at home; what trains there stays as it is there."""
    text = (ROOT / "pyproject.toml").read_text()
    names = {need.partition(">")[0] for need in carried()}
    assert {"msgspec", "filelock", "click"} <= names
    assert not names & (OF_THE_GATE | STAYS_AS_IT_IS)
    for name in OF_THE_GATE | STAYS_AS_IT_IS:
        assert f'"{name}>' in text, "it is one of the core's"


def test_wheels_carry_no_numpy_as_dependency() -> None:
    """contourpy depends on it."""
    others, alone = commands("3.12", "wheels")
    assert not any("contourpy" in word for word in others)
    assert any("contourpy" in word for word in alone)
    assert "--no-deps" in alone
