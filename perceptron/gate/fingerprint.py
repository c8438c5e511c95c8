"""The digest of the code that measures and judges: blocks of other code are not comparable."""

from __future__ import annotations

from pathlib import Path

from perceptron.records.code_digest import code_digest

PACKAGE = Path(__file__).parents[1]
# Parts of this package that decide which number a process gives, and which verdict follows.
PARTS = (
    "gate/checkout/snapshot.py",
    "gate/checkout/submodules.py",
    "gate/checkout/worktrees.py",
    "gate/counting",
    "gate/runner",
    "gate/sampling",
    "gate/side_variables.py",
    "gate/stages.py",
    "gate/verdict",
    "records/grouping.py",
    "processes/supervision.py",
    "processes/timed_loop.py",
    "processes/waiting.py",
    "records/block.py",
    "statistics/trimmed_mean.py",
)


def digest() -> str:
    """Return the digest of these folders and files of the package.

    Whole folders count, so that a module added to a folder is included without being named.
    """
    return code_digest(PACKAGE, PARTS)
