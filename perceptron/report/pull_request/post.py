"""A pull request's comment, from files that the pull request's own code may have written.

The workflow that has the right to comment runs this, and no code of the pull request:

    python -m perceptron.report.pull_request.post FOLDER            prints the pull request's number
    python -m perceptron.report.pull_request.post FOLDER PULL.json [--pages-url URL]
                                                                    prints the comment

FOLDER holds a folder for each job of the run, as the action uploads it: ``gate.json``, output of
`perceptron compare --json`; ``pull-request.txt``, the number; and ``job.json``, the job's name and
matrix. PULL.json is the answer of GitHub's API on the pull request of that number, and
GITHUB_EVENT_PATH names the event, which GitHub wrote. URL is the address of published pages, from a
source that the workflow trusts; it may be empty. A gate.json that is too large or no comparison
becomes a comment that says so: an error would leave the table of an earlier run in place. Numbers
in gate.json are shown as they are: code of a pull request could make up any. The comment is sure
to hold only words, numbers and code spans, and to appear only on the pull request of that run.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.numbers import count
from perceptron.records.block import Block
from perceptron.records.comparison import Comparison
from perceptron.report.comparison_address import published
from perceptron.report.pull_request.comment import PullRequest
from perceptron.report.pull_request.jobs import Result, of_jobs
from perceptron.untrusted_text import label

MOST_BYTES = 64 * 2**20
MOST_ROWS = 5000
MOST_JOBS = 32
_NUMBER = re.compile(rb"([1-9][0-9]{0,9})\n?")
_LONGEST_ERROR = 300

Kind = TypeVar("Kind", bound=Struct)


class _Unreadable(UserError):
    """A file that is too large, or has unexpected contents."""


class _Shown(Comparison, frozen=True, kw_only=True, rename={"blocks": "no blocks"}):
    """The document without its blocks, which fill most of it and are not shown in comments.

    Under another name they are not decoded, however many there are.
    """

    blocks: list[Block] = msgspec.field(default_factory=list)


class _Job(Struct, frozen=True):
    job: str
    matrix: dict[str, Any] | None = None
    """This job's values of the matrix."""

    @property
    def name(self) -> str:
        """Its name, as GitHub writes it: ``gate (3.12, ubuntu-latest)``."""
        values = [
            value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for value in (self.matrix or {}).values()
        ]
        return f"{self.job} ({', '.join(values)})" if values else self.job


class _Repository(Struct, frozen=True):
    full_name: str


class _Run(Struct, frozen=True):
    head_sha: str
    head_branch: str | None
    head_repository: _Repository | None


class _Event(Struct, frozen=True):
    workflow_run: _Run


class _Head(Struct, frozen=True):
    sha: str
    ref: str
    repo: _Repository | None
    """None for a deleted fork."""


class _Pull(Struct, frozen=True):
    number: int
    head: _Head


def number(folder: Path) -> int:
    """Return the number of the pull request that all jobs belong to; raises `UserError`."""
    numbers = {_number(job) for job in _jobs(folder)}
    if len(numbers) > 1:
        raise UserError(f"{folder}: its jobs are of different pull requests: download one run's")
    return numbers.pop()


def _jobs(folder: Path) -> list[Path]:
    """Return the folder of each job; raises `UserError` if there is none, or too many."""
    try:
        jobs = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from None
    if not jobs:
        raise UserError(f"{folder}: no job left a result: give the action comment: true")
    if len(jobs) > MOST_JOBS:
        raise UserError(f"{folder}: {len(jobs)} jobs, at most {MOST_JOBS} are shown: use fewer")
    return jobs


def _number(job: Path) -> int:
    file = job / "pull-request.txt"
    match = _NUMBER.fullmatch(_read(file, 64))
    if match is None:
        raise UserError(f"{file}: not the number of a pull request: write the event's into it")
    return int(match[1])


def post(folder: Path, pull: Path, event: Path, pages_url: str = "") -> str:
    """Return the comment, with a link to the page below ``pages_url`` if that is not empty.

    If the run left no comparison, or none that can be shown, the comment says so and replaces an
    older one. The run's commit, branch and repository must be the head of the pull request, since a
    pull request can write any number into a file. Raises `UserError` for files of another pull
    request, or files that are not plain.
    """
    pages = published(pages_url) if pages_url else None
    request, run = _decode(pull, _Pull), _decode(event, _Event).workflow_run
    if request.number != number(folder):
        raise UserError(f"{pull}: another pull request than {number(folder)}: ask for that one")
    head = request.head
    expected = (run.head_sha, run.head_branch, run.head_repository)
    if not run.head_sha or None in expected or expected != (head.sha, head.ref, head.repo):
        raise UserError(
            f"pull request {request.number} is now at {label(head.sha)[:12]}, and this run was of "
            f"{label(run.head_sha)[:12]}: its own newest run comments"
        )
    pull_request = PullRequest(request.number, run.head_sha)
    return of_jobs([(_name(job), _result(job)) for job in _jobs(folder)], pull_request, pages)


def _name(job: Path) -> str:
    """Return the name of a job, which its row shows."""
    try:
        return _decode(job / "job.json", _Job).name
    except (UserError, RecursionError):
        return job.name


def _result(job: Path) -> Result:
    file = job / "gate.json"
    if not os.path.lexists(file):
        return None
    try:
        return _comparison(file)
    except _Unreadable as error:
        return str(error)


def _comparison(file: Path) -> Comparison:
    comparison = _decode(file, _Shown)
    for noun, many in (("rows", comparison.rows), ("benchmarks", comparison.benchmarks)):
        if len(many) > MOST_ROWS:
            raise _Unreadable(
                f"{file.name}: {len(many)} {noun}, at most {MOST_ROWS} are shown: choose "
                "--benchmarks"
            )
    return comparison


def _decode(file: Path, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(_read(file, MOST_BYTES), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, MemoryError) as error:
        reason = label(str(error)[:_LONGEST_ERROR])
        raise _Unreadable(f"{file.name}: not what is expected: {reason}; run it again") from None


def _read(file: Path, most: int) -> bytes:
    """Read a plain file; raises `UserError` for a link, `_Unreadable` for too many bytes."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UserError(f"{file}: not a plain file")
            content = stream.read(most + 1)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise _Unreadable(f"{file.name}: more than {count(most)} bytes: choose fewer --benchmarks")
    return content


def _event() -> Path:
    """Return the file of the event that GitHub wrote."""
    event = os.environ.get("GITHUB_EVENT_PATH")
    if not event:
        raise UserError("GITHUB_EVENT_PATH is not set: this is for GitHub's workflows")
    return Path(event)


def main() -> None:
    """Run the module as a program; an error is one line, and exit code 2."""
    try:
        match sys.argv[1:]:
            case [folder]:
                print(number(Path(folder)))
            case [folder, pull]:
                print(post(Path(folder), Path(pull), _event()), end="")
            case [folder, pull, "--pages-url", url]:
                print(post(Path(folder), Path(pull), _event(), url), end="")
            case _:
                raise UserError(
                    "usage: python -m perceptron.report.pull_request.post FOLDER "
                    "[PULL.json [--pages-url URL]]"
                )
    except UserError as error:
        # Runners look for commands in this form anywhere in a line.
        print(f"error: {error}".replace("##[", "# #["), file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
