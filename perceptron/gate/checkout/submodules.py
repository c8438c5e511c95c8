"""Submodules of a revision, checked out from the user's clones of them.

Nothing is fetched: the revision names the address, and is not to be trusted.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import git
from perceptron.numbers import enumerated
from perceptron.records.comparison import Comparison
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label

# git's mode of a submodule in a tree.
_MODE = "160000"
_ADVICE = "git submodule update --init --recursive, or submodules: recursive of actions/checkout"
_NAMED = 3


def check_out(repository: Path, commit: str, tree: Path) -> list[str]:
    """Check out a commit's submodules into its tree; return the paths of missing ones.

    They come from the submodules of the ``repository``, if these have the commits.
    """
    missing: list[str] = []
    for entry in git(repository, "ls-tree", "-r", "-z", commit).split("\0"):
        facts, _, name = entry.partition("\t")
        if not facts.startswith(_MODE):
            continue
        ours, wanted = repository / name, facts.split()[2]
        try:
            _check_out(ours, wanted, tree / name)
        except UserError:
            shutil.rmtree(tree / name, ignore_errors=True)  # such as one whose git filter failed
            (tree / name).mkdir()
            missing.append(name)
        else:
            missing += [f"{name}/{inner}" for inner in check_out(ours, wanted, tree / name)]
    return missing


def _check_out(ours: Path, commit: str, folder: Path) -> None:
    """Make the folder a repository that borrows the objects of ``ours``; raises `UserError`."""
    if not (ours / ".git").exists():  # git would look above
        raise UserError(f"{ours} is not checked out")
    git(ours, "cat-file", "-e", commit)
    git(folder.parent, "init", "--quiet", "--template=", str(folder))
    objects, shallow = (
        Path(git(ours, "rev-parse", "--path-format=absolute", "--git-path", name).rstrip("\n"))
        for name in ("objects", "shallow")
    )
    information = folder / ".git" / "objects" / "info"
    information.mkdir(exist_ok=True)
    (information / "alternates").write_text(f"{objects}\n", encoding="utf-8")
    if shallow.is_file():
        shutil.copyfile(shallow, folder / ".git" / "shallow")
    git(folder, "checkout", "--quiet", "--detach", commit)


def warnings(missing: Sequence[str]) -> list[MeasurementWarning]:
    """Return the warning that names the submodules that trees lack, if any."""
    if not missing:
        return []
    more = [f"{len(missing) - _NAMED:,} more"] if missing[_NAMED:] else []
    names = enumerated([*map(label, missing[:_NAMED]), *more])
    message = f"submodules whose commits this clone lacks are not checked out: {names}"
    return [MeasurementWarning(code="submodules", message=message, advice=_ADVICE)]


def without(
    comparison: Comparison, missing: Collection[str], differ: Collection[str]
) -> Comparison:
    """Return the comparison, not clean where submodules differ that trees lack."""
    changed = sorted({*missing}.intersection(differ))
    if not changed or comparison.verdict != "clean":
        return comparison
    reason = f"submodule {label(changed[0])} differs and was not compared: {_ADVICE}"
    return replace(comparison, verdict="inconclusive", reason=reason)
