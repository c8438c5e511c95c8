"""asv.conf.json: its entries, checked, and the repository that it is about: its own, or that which
asv's ``repo`` names."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path, PurePosixPath

from perceptron.config_file import read_asv_json
from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import git, repository


def load(file: Path) -> dict[str, object]:
    """Return its entries. Raises `UserError` naming the file for what is none."""
    if not file.exists():
        raise UserError(f"--suite {file}: no such file; name the asv.conf.json of your suite")
    try:
        content = read_asv_json(file)
    except UserError as error:
        raise UserError(f"--suite {file}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"--suite {file}: must hold one JSON object")
    return content


def text(file: Path, content: dict[str, object], field: str, default: str) -> str:
    """Return an entry that is text; raises `UserError` naming file and field."""
    value = content.get(field, default)
    if not isinstance(value, str):
        raise UserError(f"--suite {file}: {field} must be text, got {value!r}")
    return value


def inside(file: Path, field: str, path: PurePosixPath) -> str:
    """Return it without dots; raises `UserError` if it leads out of the repository."""
    parts: list[str] = []
    for part in path.parts:
        if path.is_absolute() or (part == ".." and not parts):
            raise UserError(f"--suite {file}: {field} leads out of the repository")
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def code_repository(file: Path, folder: Path) -> Path:
    """Return the root of the repository whose revisions are compared.

    A path in ``repo`` is that repository. A URL is the one of ``folder`` if it is a clone, or holds
    the project. Raises `UserError` naming file and field.
    """
    try:
        here = repository(folder)
    except UserError:
        if not file.is_file():
            raise
        here = None
    content = load(file)
    home = root_of(file.resolve().parent)
    named = text(file, content, "repo", "").removeprefix("file://")
    project = text(file, content, "project", "")
    code = text(file, content, "repo_subdir", "")
    if home is not None and here == home and (not named or _is_url(named)):
        if named and project and not (_is_clone(home, named) or _holds(home, project, code)):
            raise UserError(
                f"--suite {file}: its repo is {named}, and {home} is no clone of that and holds no "
                f"{project}: compare in a clone with --suite {file.resolve()}, or set repo to its "
                "path"
            )
        return home
    if not named:
        raise UserError(
            f"--suite {file}: lies outside the repository {here or folder}: set its repo to the "
            "path or URL of the project"
        )
    if not _is_url(named):
        return _at(file, named, home)
    if here is not None and (_is_clone(here, named) or _has_package(here, project, code)):
        return here
    raise UserError(
        f"--suite {file}: its repo is {named}, and {here or folder} is no clone of that: compare "
        "in a clone, or set repo to its path"
    )


def root_of(folder: Path) -> Path | None:
    """Return the root of the working tree that holds the folder, None if there is none."""
    try:
        return repository(folder)
    except UserError:
        return None


def _at(file: Path, named: str, home: Path | None) -> Path:
    """Return the repository at this path, relative to the file, or the suite's own."""
    path = (file.resolve().parent / named).resolve()
    if not path.is_dir():
        raise UserError(f"--suite {file}: its repo {named} is not there: no folder {path}")
    root = root_of(path)
    if root is None or root not in {path, home}:
        raise UserError(
            f"--suite {file}: its repo {named} is no git repository: {path} has no working tree"
        )
    return root


def _is_url(named: str) -> bool:
    return "://" in named or re.match(r"[\w.-]+@[\w.-]+:", named) is not None


def _is_clone(root: Path, url: str) -> bool:
    """Return whether a remote is this URL, or that of a fork: a repository of the same name."""
    try:
        lines = git(root, "config", "--get-regexp", r"^remote\..*\.url$").splitlines()
    except UserError:  # it has no remote
        return False
    wanted = _normalised(url)
    remotes = {_normalised(line.split(maxsplit=1)[1]) for line in lines if " " in line}
    names = {remote.rpartition("/")[2] for remote in remotes}
    return wanted in remotes or wanted.rpartition("/")[2] in names


def _normalised(url: str) -> str:
    """Return host/path, however it is reached: by https, by ssh, with or without ``.git``."""
    bare = url.strip().rstrip("/").removesuffix(".git").lower()
    match = re.match(r"(?:[a-z+]+://)?(?:[^@/]+@)?([^:/]+)(?::\d+(?=/))?[:/]+(.+)$", bare)
    return f"{match[1]}/{match[2]}" if match else bare


def _holds(root: Path, project: str, code: str) -> bool:
    """Return whether it holds the project: its package, or files that build it by this name."""
    name = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", project)))
    named = re.compile(
        rf"\bname\s*=\s*[\"']?{name}[\"']?\s*([,#)]|$)", re.MULTILINE | re.IGNORECASE
    )
    for file in ("pyproject.toml", "setup.cfg", "setup.py"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if named.search((root / code / file).read_text(encoding="utf-8")):
                return True
    return _has_package(root, project, code)


def _has_package(root: Path, project: str, code: str) -> bool:
    """Return whether the last commit holds a package of the project's name."""
    name = project.replace("-", "_")
    if not name:
        return False
    start = f"{code.strip('/')}/" if code.strip("/.") else ""
    places = [f"{start}{folder}{name}{end}" for folder in ("", "src/") for end in ("", ".py")]
    try:
        return bool(git(root, "ls-tree", "--name-only", "HEAD", "--", *places).strip())
    except UserError:  # nothing was committed yet
        return False
