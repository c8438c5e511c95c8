from __future__ import annotations

from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from perceptron.studies.shared.budget import unlimited
from perceptron.studies.shared.left_out import LeftOut
from perceptron.studies.shared.task import Task


def task(backend: str, size: int, process: int = 0) -> Task:
    problem = catalogue.find(f"many-or-gates:{size}")
    return Task(problem, backend, "float32", 2, process, "g", Effort())


def test_it_is_said_what_did_not_fit_and_by_how_much() -> None:
    left_out = LeftOut()
    left_out.note([task("numpy", 16), task("processes", 16)], 12.34, 3.21)
    assert left_out.reason(task("processes", 16)) == "takes about 12 s, and 3.2 s were left"
    assert left_out.reason(task("processes", 4)) is None
    (warning,) = left_out.warnings(set())
    assert warning.code == "left-out"
    assert (
        "many-or-gates:16 on numpy, processes takes about 12 s, and 3.2 s were left"
        in warning.message
    )


def test_what_another_process_has_measured_is_not_missing() -> None:
    left_out = LeftOut()
    left_out.note([task("numpy", 16, process=3)], 12.0, 3.0)
    assert left_out.warnings({task("numpy", 16).key}) == []


def test_what_was_begun_all_the_same_did_not_end() -> None:
    left_out = LeftOut()
    left_out.note([task("numpy", 16)], 12.0, 11.0)
    left_out.note([task("numpy", 16)], 12.0, 0.0)
    assert str(left_out.reason(task("numpy", 16))).endswith("11 s were left")
    left_out.note_unfinished(task("numpy", 16), 13.0)
    assert left_out.reason(task("numpy", 16)) == "did not end in the 13 s that were left"


def test_of_many_some_are_named() -> None:
    left_out = LeftOut()
    for size in range(2, 12):
        left_out.note([task("numpy", size)], 12.0, 3.0)
    (warning,) = left_out.warnings(set())
    assert "many-or-gates:2 on numpy" in warning.message
    assert "many-or-gates:11" not in warning.message
    assert warning.message.endswith("; 7 more")


def test_parts_of_a_study_share_what_was_left_out() -> None:
    budget = unlimited()
    budget.part(0.5).left_out.note([task("numpy", 2)], 2.0, 1.0)
    assert budget.left_out.warnings(set())
