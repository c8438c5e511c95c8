"""A revision's files in a repository of their own for the build; the user's is not written to."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from perceptron.gate.checkout.revisions import Revision, add_changes, git

_AS_OURSELVES = (
    *("-c", "user.name=perceptron", "-c", "user.email=perceptron@localhost"),
    *("-c", "commit.gpgsign=false"),
)


@dataclass(frozen=True)
class Source:
    """A revision that lies, with its changes, in a ``tree`` of a repository."""

    repository: Path
    revision: Revision
    tree: Path

    @property
    def key(self) -> str:
        """The identity of its content: the commit, or a digest of it and of the changes."""
        revision = self.revision
        if revision.digest is None:
            return revision.commit
        return hashlib.sha256(f"{revision.commit} {revision.digest}".encode()).hexdigest()

    def check_out(self, folder: Path, branch: str) -> str:
        """Check it out into a new repository, with the history and tags that give versions.

        The repository borrows the user's objects, and changes become a commit. Return the commit
        checked out; raises `UserError` if git fails.
        """
        git_folder, info = folder / ".git", folder / ".git" / "objects" / "info"
        initial = ("--template=", "--initial-branch", branch)
        git(folder.parent, "init", "--quiet", *initial, str(folder))
        info.mkdir(parents=True, exist_ok=True)
        (info / "alternates").write_text(f"{self._part('objects')}\n", encoding="utf-8")
        shallow = self._part("shallow")
        if shallow.is_file():
            shutil.copyfile(shallow, git_folder / "shallow")
        tags = git(
            self.repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags"
        )
        (git_folder / "packed-refs").write_text(tags, encoding="utf-8")
        git(folder, "reset", "--quiet", "--hard", self.revision.commit)
        if self.revision.changed:
            add_changes(self.tree, self.revision, folder)
            git(folder, "add", "--all")
            message = ("--allow-empty", "--message", "Changes of the working tree")
            git(folder, *_AS_OURSELVES, "commit", "--quiet", *message)
        if (folder / ".gitmodules").is_file():
            fetch = ("-c", "protocol.file.allow=always", "submodule", "update")
            no_prompt = {"GIT_TERMINAL_PROMPT": "0"}
            git(folder, *fetch, "--init", "--recursive", variables=no_prompt)
        return git(folder, "rev-parse", "HEAD").strip()

    def _part(self, name: str) -> Path:
        path = git(self.repository, "rev-parse", "--path-format=absolute", "--git-path", name)
        return Path(path.rstrip("\n"))
