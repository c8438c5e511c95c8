"""`--build`: an environment of each revision, made by asv as asv.conf.json says."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from shutil import which

import msgspec

from perceptron.errors import UserError
from perceptron.gate.checkout.request import Case, CompareRequest
from perceptron.gate.checkout.revisions import Revision, git
from perceptron.gate.checkout.snapshot import snapshot
from perceptron.gate.checkout.suite import load_asv
from perceptron.gate.checkout.worktrees import with_tilde
from perceptron.gate.environments import build_cache, interpreters
from perceptron.gate.environments.asv_build import install
from perceptron.gate.environments.build_cache import Made, Place
from perceptron.gate.environments.metadata import project_names
from perceptron.optional import missing
from perceptron.processes.this_process import variables_set
from perceptron.records.block import PAIR, Side
from perceptron.records.files.write import cannot_write
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label

_DEFAULT_TYPE = "virtualenv"
_LONGEST_LINE = 300
# What a compiler says of a line.
_DIAGNOSTIC = re.compile(r"\S+:\d+(:\d+)?: (fatal )?error: ")
_ERROR = re.compile(r"\b(\w*Error|error|ERROR)\b ?[:\[]|\bERROR\b")
# What only tells that something else went wrong.
_GENERIC = re.compile(
    r"subprocess-exited-with-error|Failed building wheel|Failed to build|metadata-generation-failed"
    r"|failed-wheel-build|CalledProcessError|failed with exit (code|status)|asv\.util"
    r"|Failure creating environment|Error running "
)
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


class HeadDoesNotBuild(Exception):
    """BASE builds and HEAD does not: a finding. Its message is one line."""

    def __init__(self, problem: str, log: Path) -> None:
        super().__init__(f"HEAD does not build: {problem}; its log: {log}")
        self.log = log


def check(request: CompareRequest) -> None:
    """Raise `UserError` for a request that cannot be built, before anything is checked out."""
    absent = missing("pages", "asv")
    if absent is not None:
        raise UserError(f"--build: {absent}")
    if request.base_python or request.head_python or request.installed:
        raise UserError(
            "--build makes environments of its own: leave out --base-python, --head-python and "
            "--installed"
        )
    content = load_asv(request.suite)
    pythons = content.get("pythons") or []
    if content.get("environment_type") == "existing" or pythons == ["same"]:
        raise UserError(
            f"--suite {request.suite}: its environment_type is existing, which builds nothing: set "
            f"it to {_DEFAULT_TYPE}, or leave out --build"
        )


@contextmanager
def built(
    case: Case,
    trees: Mapping[Side, Path],
    home: Path,
    progress: Callable[[int, int, str], None],
) -> Iterator[tuple[dict[Side, str], list[MeasurementWarning]]]:
    """Yield the interpreters of environments that nobody else changes meanwhile, and warnings.

    ``trees`` holds the checkouts, ``home`` is a folder that goes away with them. The matrix's
    variables are those of this process meanwhile, as asv sets them for benchmarks. Raises
    `HeadDoesNotBuild`, and `UserError` if BASE does not build either.
    """
    with ExitStack() as taken:
        builder = _Builder(case, trees, home, progress, taken)
        taken.callback(builder.forget_written)
        made = builder.make()
        build_cache.drop_oldest()
        pythons = {side: own.python for side, own in made.items()}
        warnings = _warnings(made["head"])
        if differing := builder.differing(made):
            warnings.append(interpreters.other_dependencies(differing))
        with variables_set(made["head"].variables):
            yield {**pythons, "control": pythons["base"]}, warnings


class _Builder:
    """Makes one environment after the other."""

    def __init__(
        self,
        case: Case,
        trees: Mapping[Side, Path],
        home: Path,
        progress: Callable[[int, int, str], None],
        taken: ExitStack,
    ) -> None:
        self._results = case.request.results
        self._environments = case.environments
        self._progress = progress
        self._built_now: set[Side] = set()
        self._own = {name for side in PAIR for name in project_names(case.suite, trees[side])}
        self._source = home / "source.git"
        make_source(self._source, case.repository)
        self._commits: dict[Side, str] = {
            "base": add_commit(self._source, "perceptron-base", case.base, trees["base"]),
            "head": add_commit(self._source, "perceptron-head", case.head, trees["head"]),
        }
        # asv stands in the folder of its file: HEAD's, as its benchmarks serve both sides too.
        file = trees["head"] / case.suite.file
        inside = case.suite.kind == "asv" and case.suite.origin is None
        outside = not inside or not file.parent.is_dir()
        self._folder = case.request.suite.resolve().parent if outside else file.parent
        self._tree = trees["head"]
        # Each revision's own: a matrix that pins another version is a change like any other.
        self._contents: dict[Side, dict[str, object]] = {
            side: load_asv(_file(case, trees[side] / case.suite.file if inside else None))
            for side in PAIR
        }
        self._digests = {side: _digest(self._contents[side], self._folder) for side in PAIR}
        self._places: dict[Side, Place] = {}
        for side in PAIR:
            place = build_cache.take(self._digests[side], self._commits[side], side)
            taken.callback(place.lock.close)
            self._places[side] = place

    def make(self) -> dict[Side, Made]:
        """Return the environments, kept from before or built now.

        What was kept is built again where the other one, built now, has other dependencies.
        """
        made = {side: self._kept(side) or self._build(side) for side in PAIR}
        if len(self._built_now) == 1 and self.differing(made):
            (kept,) = set(PAIR) - self._built_now
            made[kept] = self._build(kept, "again, as its dependencies are older, ")
        return made

    def _kept(self, side: Side) -> Made | None:
        """Return what is kept from before, as it lies there before anything of it runs."""
        place = self._places[side]
        made = place.made()
        if made is not None:
            self._environments[side] = place.environment, snapshot(place.environment, linked=True)
        return made

    def forget_written(self) -> None:
        """Keep no environment that something wrote to: the next comparison builds it again."""
        for side, (folder, known) in self._environments.items():
            if known.written(folder) is not None:
                self._places[side].made_file.unlink(missing_ok=True)

    def differing(self, made: Mapping[Side, Made]) -> list[str]:
        """Return which dependencies differ between the environments."""
        base, head = (interpreters.versions(made[side].python, self._own) for side in PAIR)
        return interpreters.differences(base, head)

    def _build(self, side: Side, why: str = "") -> Made:
        """Build it, a second time if that fails: by pip, whose network may have failed it once, and
        which may have settings that uv does not know.

        A BASE of another day is built again where HEAD fails: this machine may have changed.
        """
        made = self._try(side, why, which("uv")) or self._try(side, "again, ", None)
        if made is not None:
            return made
        log, kept = self._read(self._places[side]), self._keep(side, self._places[side])
        if side == "base":
            raise UserError(f"BASE does not build: {problem(log)}: the log: {kept}")
        if "base" not in self._built_now:
            self._build("base", "again, ")
        raise HeadDoesNotBuild(problem(log), kept)

    def _try(self, side: Side, why: str, uv: str | None) -> Made | None:
        message = f"building {side.upper()}, {why}beside the budget; kept for next time"
        self._progress(0, 1, message)
        place = self._places[side]
        place.empty()
        config = {
            "environment_type": _DEFAULT_TYPE,
            **self._contents[side],
            "repo": str(self._source),
            "dvcs": "git",
            "env_dir": str(place.environment),
        }
        job = {
            "folder": str(self._folder),
            "config": config,
            "commit": self._commits[side],
            "made": str(place.folder / "made.json.new"),
            "uv": uv,
        }
        if not install(job, place.log):
            return None
        (place.folder / "made.json.new").rename(place.made_file)
        self._built_now.add(side)
        return self._kept(side)

    def _read(self, place: Place) -> str:
        """Return the log with the project's files named as in its repository."""
        log = place.log.read_text(encoding="utf-8", errors="replace")
        ours = (rf"{re.escape(str(place.folder))}/env/\w+/project/", re.escape(f"{self._tree}/"))
        return with_tilde(re.sub("|".join(ours), "", log))

    def _keep(self, side: Side, place: Place) -> Path:
        """Copy the log to where results are: a place is used again."""
        name = f"{self._commits[side][:12]}-{self._digests[side]}.log"
        kept = self._results / "gate" / "builds" / name
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place.log, kept)
        except OSError as error:
            raise cannot_write(self._results, error) from None
        return kept


def _file(case: Case, own: Path | None) -> Path:
    """Return a revision's own file of asv; what was named where it has none, or lies elsewhere."""
    return own if own is not None and own.is_file() else case.request.suite


def _digest(content: Mapping[str, object], folder: Path) -> str:
    """Return what tells environments apart that are made in different ways."""
    how = [content, sys.version, os.path.realpath(sys.executable), version("asv")]
    # What asv reads beside its own file.
    for name in ("pyproject.toml", content.get("conda_environment_file") or "environment.yml"):
        with suppress(OSError, ValueError):
            how.append((folder / str(name)).read_text(encoding="utf-8"))
    return hashlib.sha256(msgspec.json.encode(how, order="sorted")).hexdigest()[:12]


def _warnings(made: Made) -> list[MeasurementWarning]:
    if not made.others:
        return []
    return [
        MeasurementWarning(
            code="one environment",
            message=f"of {len(made.others) + 1} environments that the suite names, {made.name} was "
            "built",
            advice="put another one first in pythons and matrix to compare in that",
        )
    ]


def problem(log: str) -> str:
    """Return the last line that tells what went wrong, as people read it."""
    lines = [line for line in (_plain(line) for line in log.splitlines()) if line]
    said = [line for line in lines if _ERROR.search(line)]
    telling = [line for line in said if not _GENERIC.search(line)]
    exact = [line for line in said if _DIAGNOSTIC.search(line)]
    last = (exact or telling or said or lines or ["it printed nothing"])[-1]
    return last[:_LONGEST_LINE]


def _plain(line: str) -> str:
    """Return the line without asv's bullets, colours and indentation."""
    return label(re.sub(r"\x1b\[[\d;]*m", "", line)).strip(" ·-")


def make_source(folder: Path, repository: Path) -> None:
    """Make a repository for asv to clone, to which `add_commit` adds what is to be built.

    A bare one with the tags of the user's, which name versions. That lends its objects and is not
    written to. Raises `UserError` if git fails.
    """
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


def add_commit(source: Path, name: str, revision: Revision, tree: Path) -> str:
    """Return the commit of the revision, whose files lie in ``tree``, and name a branch so."""
    commit = _commit_changes(source, revision, tree) if revision.changed else revision.commit
    git(source, "update-ref", f"refs/heads/{name}", commit)
    git(source, "symbolic-ref", "HEAD", f"refs/heads/{name}")
    return commit


def _commit_changes(source: Path, revision: Revision, tree: Path) -> str:
    variables = {
        "GIT_DIR": str(source),
        "GIT_WORK_TREE": str(tree),
        "GIT_INDEX_FILE": str(source / "index-of-changes"),
        **_IDENTITY,
    }
    paths = [tree / name for name in revision.changed or ()]
    # A submodule is a folder, which no index takes as a file.
    names = [path.relative_to(tree) for path in paths if path.is_symlink() or not path.is_dir()]
    given = "".join(f"{name}\0" for name in names)
    update = ("update-index", "--add", "--remove", "-z", "--stdin")
    git(tree, "read-tree", revision.commit, variables=variables)
    git(tree, *update, variables=variables, given=given)
    made = git(tree, "write-tree", variables=variables).strip()
    parent = ("-p", revision.commit, "-m", "Changes of the working tree")
    return git(tree, "commit-tree", made, *parent, variables=variables).strip()


def _part(repository: Path, name: str) -> Path:
    path = git(repository, "rev-parse", "--path-format=absolute", "--git-path", name)
    return Path(path.rstrip("\n"))
