"""Which backends train several models at once: the page about them names those, and no others."""

from __future__ import annotations

import re

import pytest

from perceptron.backends import registry
from perceptron.backends.ladder import rungs
from perceptron.backends.protocol import Unsupported
from perceptron.problems import catalogue
from tests.conftest import ROOT

THREE = "mlp:8x3x4:3m"


def section(title: str) -> str:
    """A section of the page of many models."""
    page = (ROOT / "docs" / "many-models.md").read_text(encoding="utf-8")
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named(text: str) -> list[str]:
    return re.findall(r"`([a-z][a-z-]*)`", text)


def in_the_table() -> set[str]:
    rows = [line for line in section("The backends").splitlines() if line.startswith("| `")]
    return {name for row in rows for name in named(row.split("|")[1])}


def test_the_table_names_backends_that_there_are() -> None:
    assert in_the_table() <= registry.BUILT_IN.keys()


@pytest.mark.usefixtures("traced_not_compiled")
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_the_table_has_those_that_take_several(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU in the place of devices that are not here."""
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    if reason := registry.reason_unavailable(name):
        pytest.skip(f"{name}: {reason}")
    takes_several = True
    try:
        registry.load(name).prepare(catalogue.find(THREE), "float32")
    except Unsupported:
        takes_several = False
    assert (name in in_the_table()) == takes_several


def test_the_ladders_of_the_page_are_those_of_several_models() -> None:
    """From the first rung to the last."""
    lines = [line for line in section("Where the time goes").split("\n\n") if "` →" in line]
    assert [named(line) for line in lines] == [
        list(rungs(device, batches=False, models=True)) for device in ("cpu", "cuda")
    ]
