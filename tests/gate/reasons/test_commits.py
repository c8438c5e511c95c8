"""Which commits a change can be blamed on: those that hold all of what HEAD is compared with."""

from __future__ import annotations

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest, resolve_request
from perceptron.gate.reasons.commits import Step, steps
from tests.gate.conftest import Repository

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def merge(toy: Repository, other: str, tag: str) -> None:
    toy.git(*WHO, "merge", "--quiet", "--no-ff", "--message", tag, other)
    toy.git("tag", tag)


def found(base: str, head: str) -> list[Step]:
    return steps(resolve_request(CompareRequest(base, head)))


def subjects(some: list[Step]) -> list[str]:
    return [step.subject for step in some if step.inside]


def commits(toy: Repository, *names: str) -> list[str]:
    return [toy.git("rev-parse", name).strip() for name in names]


@pytest.fixture
def branch(toy: Repository) -> Repository:
    """A branch of two commits, and main one commit further than where it began."""
    toy.git("checkout", "--quiet", "-b", "branch")
    toy.commit("a")
    toy.commit("b")
    toy.git("checkout", "--quiet", "main")
    toy.commit("main-2")
    return toy


def test_a_straight_line_is_each_commit(toy: Repository) -> None:
    for name in ("a", "b", "c"):
        toy.commit(name)
    line = found("first", "c")
    assert subjects(line) == ["a", "b", "c"]
    assert [step.revision.commit for step in line] == commits(toy, "a", "b", "c")
    assert not any(step.joins for step in line)


def test_where_both_parted_comes_first(branch: Repository) -> None:
    parted, *inside = found("main", "branch")
    assert (parted.inside, [parted.revision.commit]) == (False, commits(branch, "first"))
    assert subjects(inside) == ["a", "b"]


def test_what_lacks_a_part_of_base_is_not_blamed(branch: Repository) -> None:
    """A branch that merged main: its first commits differ from BASE by what main did meanwhile."""
    branch.git("checkout", "--quiet", "branch")
    merge(branch, "main", "merged-main")
    branch.commit("c")
    line = found("main", "branch")
    assert subjects(line) == ["merged-main", "c"]
    assert [step.joins for step in line] == [True, False]
    assert all(step.inside for step in line)


def test_a_merge_onto_base_is_stepped_through(branch: Repository) -> None:
    """As a forge makes one to test a pull request; the merge itself is the last step."""
    merge(branch, "branch", "merge")
    parted, *inside = found("main-2", "merge")
    assert [parted.revision.commit] == commits(branch, "first")
    assert not parted.inside
    assert subjects(inside) == ["a", "b", "merge"]
    assert [inside[-1].revision.commit] == commits(branch, "merge")


def test_a_merge_of_a_branch_that_merged_main(branch: Repository) -> None:
    branch.git("checkout", "--quiet", "branch")
    merge(branch, "main", "merged-main")
    branch.commit("c")
    branch.git("checkout", "--quiet", "main")
    merge(branch, "branch", "merge")
    line = found("main-2", "merge")
    assert subjects(line) == ["merged-main", "c", "merge"]
    assert [step.joins for step in line] == [True, False, False]


def test_a_merge_further_on_is_one_step(branch: Repository) -> None:
    merge(branch, "branch", "merge")
    assert subjects(found("first", "merge")) == ["main-2", "merge"]


def test_what_the_working_tree_adds_is_last(toy: Repository) -> None:
    toy.commit("a")
    toy.write("toy/more.py", "")
    *_, last = found("first", ".")
    assert "working tree" in last.subject
    assert last.revision.digest is not None


def test_without_a_common_commit_the_line_says_what_to_fetch(toy: Repository) -> None:
    toy.git("checkout", "--quiet", "--orphan", "other")
    toy.commit("unrelated")
    with pytest.raises(UserError, match=r"^--bisect: first and unrelated have .*fetch-depth: 0"):
        found("first", "unrelated")
