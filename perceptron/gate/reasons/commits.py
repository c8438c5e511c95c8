"""The commits between BASE and HEAD, in the order in which they came about."""

from __future__ import annotations

from dataclasses import dataclass

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


def steps(resolved: ResolvedRequest) -> list[Step]:
    """Return HEAD's commits since it parted from BASE by first parents, HEAD last.

    What the working tree adds is a step of its own. Raises `UserError` without a common commit.
    """
    repository, base, head = resolved.repository, resolved.base.commit, resolved.head.commit
    try:
        parted = git(repository, "merge-base", base, head).strip()
    except UserError:
        raise UserError(
            f"--bisect: {resolved.base.name} and {resolved.head.name} have no commit in common"
        ) from None
    shape = ("--first-parent", "--reverse", "--no-show-signature", "--format=%H %s")
    log = git(repository, "log", *shape, f"{parted}..{head}")
    found = [] if parted == base else [Step(Revision(parted, parted), "", inside=False)]
    for line in filter(None, log.split("\n")):
        commit, _, subject = line.partition(" ")
        found.append(Step(Revision(commit, commit), label(subject)))
    if resolved.head.changed:
        found.append(Step(resolved.head, "what the working tree adds to its last commit"))
    return found
