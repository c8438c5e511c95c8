"""Which code measures and judges: blocks of another are no part of the same comparison or proof."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from perceptron.code_digest import code_digest

_PACKAGE = Path(__file__).parents[1]
# Of this package: what decides which number comes out of which process, and what is made of it.
PARTS = (
    "gate/checkout/worktrees.py",
    "gate/counting",
    "gate/runner",
    "gate/sampling",
    "gate/stages.py",
    "gate/verdict",
    "grouping.py",
    "records/block.py",
    "supervision.py",
    "trimmed_mean.py",
    "waiting.py",
)

# Modules among these that a comparison of asv's usual benchmarks runs nothing of: a proof by such
# comparisons says nothing of them, and holds whatever they do.
BESIDE = (
    "gate/runner/pytest_measurements.py",
    "gate/runner/pytest_suite.py",
    "gate/runner/tracing.py",
)


def digest(without: Collection[str] = frozenset()) -> str:
    """Return the digest of these folders and files of the package, some files apart.

    Whole folders count, so that a module added to one is part of it without being named.
    """
    return code_digest(_PACKAGE, PARTS, without)
