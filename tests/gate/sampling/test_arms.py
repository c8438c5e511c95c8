"""Programs run one at a time, and none outlives the comparison, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import read_suite
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.sampling import arms as arms_module
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.discovery import CannotImport
from perceptron.gate.sampling.processes import UNSEEDED, Answer
from tests.gate.conftest import Repository


class Programs:
    """Programs that give these answers and then run until they are ended."""

    def __init__(self, *given: Answer) -> None:
        self.given = given
        self.running = 0
        self.started = 0

    def __call__(self, *_: object) -> Running:
        self.running += 1
        self.started += 1
        return Running(self)


class Running:
    """One of them."""

    def __init__(self, programs: Programs) -> None:
        self.programs = programs
        self.ended = False

    def answers(self, _limit: object) -> Iterator[Answer]:
        yield from self.programs.given

    def end(self) -> None:
        self.programs.running -= not self.ended
        self.ended = True


@pytest.fixture
def arms(toy: Repository) -> Iterator[Arms]:
    first = resolve(toy.folder, "first", Path("results"))
    suite = read_suite(Path("asv.conf.json"), toy.folder)
    with working_folder(toy.folder) as home:
        trees = Worktrees(toy.folder, home, first, first, suite)
        yield Arms(trees, suite, toy.folder, dict.fromkeys(("base", "head", "control"), "python"))


def test_a_program_ends_before_the_next_one_starts(
    arms: Arms, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = Programs(Answer(kind="start"), Answer(kind="end", own=True))
    monkeypatch.setattr(arms_module, "Program", programs)
    first = arms.run("base", "measure", UNSEEDED)
    next(first)
    second = arms.run("head", "measure", UNSEEDED)
    next(second)
    assert (programs.started, programs.running) == (2, 1)
    arms.close()
    assert programs.running == 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(kind="failed", reason="SyntaxError"),
        Answer(kind="no runner", reason="gone"),
        Answer(kind="end", foreign=["toy from elsewhere"]),
    ],
    ids=lambda answer: answer.kind,
)
def test_no_program_outlives_an_error_that_is_still_known(
    arms: Arms, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    """Its traceback keeps the iteration alive that the error broke off."""
    programs = Programs(answer)
    monkeypatch.setattr(arms_module, "Program", programs)
    with pytest.raises((CannotImport, UserError)) as error, closing(arms):
        arms.discover("head")
    assert error.value.__traceback__ is not None
    assert (programs.started, programs.running) == (1, 0)
