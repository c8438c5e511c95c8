"""A repository for asv to clone: the commits to build, what a working tree adds to one included.

The user's repository lends its objects and is not written to: neither its index, nor its refs, nor
its objects, nor its working tree.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from perceptron.gate.checkout.revisions import Revision, git

# Equal content must be an equal commit, whoever makes it and whenever: it is what is cached.
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "perceptron"),
        ("EMAIL", "perceptron@localhost"),
        ("DATE", "2000-01-01T00:00:00Z"),
    )
}


class Source:
    """A bare repository in ``folder`` that borrows the objects of ``repository``.

    It has its tags, which name versions. Raises `UserError` if git fails.
    """

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder
        git(folder.parent, "init", "--quiet", "--bare", "--template=", str(folder))
        (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
        (folder / "objects" / "info" / "alternates").write_text(
            f"{_part(repository, 'objects')}\n", encoding="utf-8"
        )
        shallow = _part(repository, "shallow")
        if shallow.is_file():
            shutil.copyfile(shallow, folder / "shallow")
        tags = git(repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
        (folder / "packed-refs").write_text(tags, encoding="utf-8")

    def add(self, name: str, revision: Revision, tree: Path) -> str:
        """Return the commit of the revision, whose files lie in ``tree``, and name a branch so."""
        commit = self._commit(revision, tree) if revision.changed else revision.commit
        git(self.folder, "update-ref", f"refs/heads/{name}", commit)
        git(self.folder, "symbolic-ref", "HEAD", f"refs/heads/{name}")
        return commit

    def _commit(self, revision: Revision, tree: Path) -> str:
        variables = {
            "GIT_DIR": str(self.folder),
            "GIT_WORK_TREE": str(tree),
            "GIT_INDEX_FILE": str(self.folder / "index-of-changes"),
            **_IDENTITY,
        }
        files = [name for name in revision.changed or () if not _is_folder(tree / name)]
        git(tree, "read-tree", revision.commit, variables=variables)
        git(
            tree,
            *("update-index", "--add", "--remove", "-z", "--stdin"),
            variables=variables,
            given="".join(f"{name}\0" for name in files),
        )
        made = git(tree, "write-tree", variables=variables).strip()
        message = "Changes of the working tree"
        return git(
            tree, "commit-tree", made, "-p", revision.commit, "-m", message, variables=variables
        ).strip()


def _part(repository: Path, name: str) -> Path:
    path = git(repository, "rev-parse", "--path-format=absolute", "--git-path", name)
    return Path(path.rstrip("\n"))


def _is_folder(path: Path) -> bool:
    """Return whether it is a submodule, which no index takes as a file."""
    return path.is_dir() and not path.is_symlink()
