"""The comment on a run of several jobs, such as those of a matrix: a row for each."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.records.comparison import Comparison
from perceptron.report.comparison import describe
from perceptron.report.pull_request.comment import (
    MOST_BYTES,
    TAG,
    PullRequest,
    Room,
    code,
    comment,
    line,
    nothing,
    part,
    unreadable,
)
from perceptron.report.tables import markdown as table

Result = Comparison | str | None
"""A job's result: a comparison, the reason why it cannot be shown, or None without a result."""

_COLUMNS = ("job", "verdict", "answer")
_NOT_COMPARED, _NOT_SHOWN = "not compared", "not shown"
# The worst first.
_ORDER = ("regression", "invalid", _NOT_COMPARED, _NOT_SHOWN, "inconclusive", "clean")
# Bytes for titles, and for the lines with the number of omitted jobs.
_RESERVE = 1024


def of_jobs(
    results: Sequence[tuple[str, Result]], pull: PullRequest, published: str | None = None
) -> str:
    """Return the comment on these jobs by name, or the usual comment on a single one.

    For several, the worst verdict comes first, then a row for each job, then the comment on each
    job that is not clean. Their pages are not linked: all of them may have the same address.
    """
    if len(results) == 1:
        return _of_job(results[0][1], pull, published, MOST_BYTES)
    ordered = sorted(results, key=lambda job: (_ORDER.index(_verdict(job[1])), job[0]))
    verdicts = [_verdict(result) for _, result in ordered]
    many = verdicts.count(verdicts[0])
    room = Room(MOST_BYTES - _RESERVE)
    rows = [table.line([code(name), *_row(result)]) for name, result in ordered]
    parts = part(table.head(_COLUMNS), rows, room, "job")
    worse = [(name, result) for name, result in ordered if _verdict(result) != "clean"]
    sections: list[str] = []
    for index, (name, result) in enumerate(worse):
        job_comment = _of_job(result, pull, None, room.left // (len(worse) - index))
        text = job_comment.removeprefix(f"{TAG}\n\n").rstrip("\n")
        sections += part([], [f"#### {code(name)}\n\n{text}"], room, "job")
    return "\n".join(
        [TAG, "", f"**{verdicts[0]}** in {many:,} of {len(results):,} jobs", *parts, *sections, ""]
    )


def _verdict(result: Result) -> str:
    if isinstance(result, Comparison):
        return result.verdict
    return _NOT_COMPARED if result is None else _NOT_SHOWN


def _row(result: Result) -> tuple[str, str]:
    """Return the verdict of a job and its sentence."""
    if isinstance(result, Comparison):
        described = describe(result)
        subject = f"{code(described.subject)} " if described.subject else ""
        return described.verdict, f"{subject}{line(described.sentence)}"
    return _verdict(result), "see the log of its run" if result is None else code(result)


def _of_job(result: Result, pull: PullRequest, published: str | None, most: int) -> str:
    """Return the comment on one job alone."""
    if isinstance(result, Comparison):
        return comment(result, pull, published, most=most)
    return nothing(pull) if result is None else unreadable(pull, result)
