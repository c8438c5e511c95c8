"""The user's request for a comparison, and the revisions and suite that it names."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from perceptron.errors import UserError
from perceptron.gate.checkout.python import find_python
from perceptron.gate.checkout.revisions import Revision, changes, repository, resolve
from perceptron.gate.checkout.snapshot import Snapshot
from perceptron.gate.checkout.suite import Suite, code_repository, read_pytest_suite, read_suite
from perceptron.gate.checkout.worktrees import with_tilde
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Side
from perceptron.records.comparison import ComparedRevision, Counting, GateRule
from perceptron.records.warning import MeasurementWarning

SUITE = Path("asv.conf.json")
BUDGET_MINUTES = 10.0


@dataclass(frozen=True)
class CompareRequest:
    """The request. A seed of None is drawn; a side's Python of None is that of both; a share of
    None is the rule's."""

    base: str
    head: str
    suite: Path = SUITE
    benchmarks: str | None = None
    budget_minutes: float = BUDGET_MINUTES
    base_python: str | None = None
    head_python: str | None = None
    seed: int | None = None
    results: Path = Path("results")
    count: Counting = "auto"
    """Whether instructions are counted; ``auto``: if valgrind is found."""
    least_judged: float | None = None
    """Share of the benchmarks that must have been judged for a run to be clean."""
    pytest: str | None = None
    """Folder, file or id of the tests whose benchmarks are the suite; instead of an asv suite."""
    installed: bool = False
    """Whether the packages installed in ``base_python`` and ``head_python`` are compared."""
    build: bool = False
    """Whether an environment is built for each revision, to compare their installed code."""
    always: bool = False
    """Whether revisions are measured even if they run the same code."""
    allow_removed: bool = False
    """Whether benchmarks of BASE may be gone on HEAD."""
    strict: bool = False
    """Whether a run is inconclusive if times could hide a slowdown of more than 10%, even with
    equal instructions; BASE's pyproject.toml may require it too."""
    python: str | None = None
    """The Python for the benchmarks, in the form that `find_python` takes."""
    reasons: bool = True
    """Whether changes are explained; this changes no verdict."""


@dataclass
class Case:
    """The resolved revisions and suite, the rules that compare them, and warnings for every
    outcome."""

    request: CompareRequest
    repository: Path
    base: Revision
    head: Revision
    suite: Suite
    pythons: dict[Side, str]
    installed: bool = False
    """Whether the packages installed in these Pythons are compared, instead of trees."""
    rule: Rule = field(default_factory=Rule)
    limits: list[GateRule] = field(default_factory=list)
    strict: bool = False
    warnings: list[MeasurementWarning] = field(default_factory=list)
    environments: dict[Side, tuple[Path, Snapshot]] = field(default_factory=dict)
    """The built environments, as they were before any of their code ran."""
    other_suite: bool = False
    """Whether BASE may have benchmarks that HEAD lacks."""


def resolve_request(request: CompareRequest, rule: Rule | None = None) -> Case:
    """Resolve the request in the suite's repository. Raises `UserError` for anything missing."""
    if request.installed and None in {request.base_python, request.head_python}:
        raise UserError(
            "--installed compares what is installed in two environments: name their interpreters "
            "by --base-python and --head-python"
        )
    folder = Path.cwd()
    root = repository(folder) if request.pytest else code_repository(request.suite, folder)
    base = resolve(root, request.base)
    head = resolve(root, request.head)
    _check("--base-python", request.base_python)
    _check("--head-python", request.head_python)
    base_python, head_python = request.base_python, request.head_python
    if base_python is None or head_python is None:
        python = find_python(request.python)
        base_python, head_python = base_python or python, head_python or python
    pythons: dict[Side, str] = {"base": base_python, "head": head_python, "control": base_python}
    rule = rule or Rule()
    if request.least_judged is not None:
        rule = replace(rule, least_judged=request.least_judged)
    return Case(
        request,
        root,
        base,
        head,
        _suite(request, root),
        pythons,
        request.installed,
        rule,
        warnings=_not_committed(request, root),
    )


def _check(option: str, named: str | None) -> None:
    if named is not None and shutil.which(named) is None:
        raise UserError(f"{option} {named}: no such program: name an interpreter of Python")


def _suite(request: CompareRequest, root: Path) -> Suite:
    if request.pytest is None:
        return read_suite(request.suite, root)
    if request.suite != SUITE:
        raise UserError(f"--pytest {request.pytest}: not with --suite: name one suite")
    return read_pytest_suite(request.pytest, root)


def compared(revision: Revision, python: str) -> ComparedRevision:
    """Return a revision as the document names it."""
    return ComparedRevision(
        name=revision.name,
        commit=revision.commit,
        changes=revision.digest,
        python=with_tilde(python),
    )


def _not_committed(request: CompareRequest, root: Path) -> list[MeasurementWarning]:
    """Warn of uncommitted changes that a user may have overlooked."""
    dirty = () if "." in {request.base, request.head} else changes(root)
    if not dirty:
        return []
    return [
        MeasurementWarning(
            code="not committed",
            message=f"{dirty[0]} {f'and {len(dirty) - 1} more ' if dirty[1:] else ''}"
            "differ from the last commit and are not compared",
            advice=f"perceptron compare {shlex.quote(request.base)} . compares them",
        )
    ]


def command(case: Case, seed: int) -> str:
    """Return the command that repeats the comparison, with commits in place of names."""
    request = case.request
    arguments = ["perceptron", "compare"]
    arguments += [
        revision.name if revision.digest else revision.commit[:12]
        for revision in (case.base, case.head)
    ]
    options = {
        "--suite": None if request.suite == SUITE else str(request.suite),
        "--pytest": request.pytest,
        "--benchmarks": request.benchmarks,
        "--budget": None
        if request.budget_minutes == BUDGET_MINUTES
        else f"{request.budget_minutes:g}",
        "--python": request.python,
        "--base-python": request.base_python,
        "--head-python": request.head_python,
        "--seed": str(seed),
        "--count": None if request.count == "auto" else request.count,
        "--least-judged": None
        if request.least_judged is None
        else f"{100 * request.least_judged:g}",
    }
    flags = {
        "--installed": request.installed,
        "--build": request.build,
        "--always": request.always,
        "--allow-removed": request.allow_removed,
        "--strict": request.strict,
    }
    for option, value in options.items():
        arguments += [] if value is None else [option, value]
    return shlex.join([*arguments, *(flag for flag, is_set in flags.items() if is_set)])
