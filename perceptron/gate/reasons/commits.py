"""The commits between BASE and HEAD, in the order in which they came about."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from perceptron.errors import UserError
from perceptron.gate.checkout.request import ResolvedRequest
from perceptron.gate.checkout.revisions import Revision, git
from perceptron.untrusted_text import label


@dataclass(frozen=True)
class Step:
    """A revision of the range, and what its author says of it: untrusted text."""

    revision: Revision
    subject: str
    inside: bool = True
    """False for where BASE and HEAD parted, if that is not BASE: it comes first and is compared,
    and what changed before it is none of HEAD's commits."""
    joins: bool = False
    """Whether earlier commits of HEAD, which lack a part of BASE's history, meet that here: they
    are no steps, and what they changed shows first in this merge."""


def steps(resolved: ResolvedRequest) -> list[Step]:
    """Return HEAD's commits since it parted from BASE by first parents, HEAD last.

    Where HEAD itself merges a branch into BASE, the commits of that branch come before it. What the
    working tree adds is a step of its own. Raises `UserError` without a common commit.
    """
    repository, base, head = resolved.repository, resolved.base.commit, resolved.head.commit
    parents = git(repository, "log", "-1", "--no-show-signature", "--format=%P", head).split()
    merged = parents[1] if len(parents) == 2 and parents[0] == base else None
    tip = merged or head
    parted = _parted(resolved, tip)
    found = [] if parted == base else [Step(Revision(parted, parted), "", inside=False)]
    found += _after(repository, parted, tip)
    if merged is not None:
        found.append(_after(repository, base, head)[-1])
    if resolved.head.changed:
        found.append(Step(resolved.head, "what the working tree adds to its last commit"))
    return found


def _parted(resolved: ResolvedRequest, tip: str) -> str:
    try:
        return git(resolved.repository, "merge-base", resolved.base.commit, tip).strip()
    except UserError:
        raise UserError(
            f"--bisect: {resolved.base.name} and {resolved.head.name} have no commit in common "
            "here: fetch the whole history (fetch-depth: 0), or leave --bisect out"
        ) from None


def _after(repository: Path, parted: str, tip: str) -> list[Step]:
    """Return the commits that hold ``parted``, by first parents, ``tip`` last.

    What lacks it lacks a part of BASE: it would differ from BASE by that.
    """
    commits = f"{parted}..{tip}"
    holding = set(git(repository, "rev-list", "--ancestry-path", commits).split())
    shape = ("--first-parent", "--reverse", "--no-show-signature", "--format=%H %s")
    found: list[Step] = []
    lacking = False
    for line in filter(None, git(repository, "log", *shape, commits).split("\n")):
        commit, _, subject = line.partition(" ")
        if commit in holding:
            found.append(Step(Revision(commit, commit), label(subject)))
        else:
            lacking = True
    if found and lacking:
        found[0] = dataclasses.replace(found[0], joins=True)
    return found
