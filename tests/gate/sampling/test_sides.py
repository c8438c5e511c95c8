"""Programs run one at a time, and none outlives the comparison, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import read_suite
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.sampling import sides as sides_module
from perceptron.gate.sampling.discovery import CannotImport
from perceptron.gate.sampling.processes import UNSEEDED, Answer, Instrument
from perceptron.gate.sampling.sides import Sides
from tests.gate.conftest import Repository


class Program:
    """One that gives these answers and then runs until it is ended."""

    given: tuple[Answer, ...] = (Answer(kind="start"), Answer(kind="end", from_tree=True))
    running: ClassVar[list[Program]] = []

    def __init__(self, *_: object) -> None:
        self.running.append(self)

    def answers(self, _limit: object) -> Iterator[Answer]:
        yield from self.given

    def end(self) -> None:
        if self in self.running:
            self.running.remove(self)


@pytest.fixture
def sides(toy: Repository) -> Iterator[Sides]:
    first = resolve(toy.folder, "first")
    suite = read_suite(Path("asv.conf.json"), toy.folder)
    with working_folder(toy.folder) as home:
        trees = Worktrees(toy.folder, home, first, first, suite)
        yield Sides(trees, suite, toy.folder, dict.fromkeys(("base", "head", "control"), "python"))


def test_sides_run_one_program_at_a_time(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides_module, "Program", Program)
    first, second = (sides.run(side, Instrument("measure"), UNSEEDED) for side in ("base", "head"))
    next(first)
    next(second)
    assert len(Program.running) == 1
    sides.close()
    assert Program.running == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(kind="failed", reason="SyntaxError"),
        Answer(kind="no runner", reason="gone"),
        Answer(kind="end", foreign=["toy from elsewhere"]),
    ],
    ids=lambda answer: answer.kind,
)
def test_sides_end_program_after_error(
    sides: Sides, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    """Its traceback keeps the iteration alive that the error broke off."""
    monkeypatch.setattr(sides_module, "Program", Program)
    monkeypatch.setattr(Program, "given", (answer,))
    with pytest.raises((CannotImport, UserError)) as error, closing(sides):
        sides.discover("head")
    assert (error.value.__traceback__ is None, Program.running) == (False, [])
