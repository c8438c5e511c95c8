"""`perceptron compare BASE HEAD`: did this change make anything slower?"""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.checkout import submodules
from perceptron.gate.checkout.gate_config import gate_rules
from perceptron.gate.checkout.python import minor, variables_of, version_of
from perceptron.gate.checkout.request import (
    Case,
    CompareRequest,
    command,
    compared,
    resolve_request,
)
from perceptron.gate.checkout.revisions import make_ignored_folder
from perceptron.gate.checkout.same_code import (
    Inert,
    Trees,
    changed_names,
    differing,
    inert,
    taken_from_head,
    with_taken,
)
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.compiled_code import NotBuilt, not_built, with_warning
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.counting.valgrind import find as find_valgrind
from perceptron.gate.dependencies.changes import Change, changed_requirements, requested_extras
from perceptron.gate.dependencies.extras import with_extras
from perceptron.gate.dependencies.verdict import Environments, are_separate, with_dependencies
from perceptron.gate.environments.build import HeadDoesNotBuild, built
from perceptron.gate.environments.build import check as check_build
from perceptron.gate.journal import ComparisonJournal, ComparisonRun, open_journal
from perceptron.gate.reasons import explain
from perceptron.gate.reasons.edited import edited_functions
from perceptron.gate.reasons.growth import FunctionId
from perceptron.gate.removed import may_differ, removed, with_removed
from perceptron.gate.sampling.discover_both import discover_both, wanted_modules
from perceptron.gate.sampling.discovery import CannotImport, ImportTooLong
from perceptron.gate.sampling.sides import Sides
from perceptron.gate.sampling.unread import seen_by_benchmarks
from perceptron.gate.stages import Progress, Stages
from perceptron.gate.verdict.evidence import no_time
from perceptron.gate.verdict.instructions import NOT_COUNTED, instruction_evidence
from perceptron.gate.verdict.judge import Judgement, judge
from perceptron.gate.verdict.rule import Rule
from perceptron.machine import cpu_name, steering_variables, usable_cores
from perceptron.processes.this_process import variables_set
from perceptron.records.block import PAIR, Benchmark, Side
from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    ComparisonPlan,
    Control,
    LeftOut,
    Verdict,
    rule_of,
)
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label

# Time to check whether a benchmark sees a difference: share of the budget, and at least.
_LOOK, _LEAST_LOOK_SECONDS = 0.1, 10.0


def compare(request: CompareRequest, progress: Progress, rule: Rule | None = None) -> Comparison:
    """Compare two revisions of the repository that contains the current folder.

    Raises `UserError` for errors that the user can fix. An interrupted comparison keeps its
    measurements, and the same request resumes it.
    """
    _pattern(request.benchmarks)
    case = resolve_request(request, rule)
    if request.build:
        check_build(case)
    valgrind, not_counted = find_valgrind(request.count)
    with working_folder(case.repository) as home, ExitStack() as environments:
        environments.enter_context(variables_set(variables_of(case.pythons["head"])))
        progress(0, 1, "checking both revisions out")
        trees = Worktrees(case.repository, home, case.base, case.head, case.suite)
        case.suite = trees.suite
        case.warnings += submodules.warnings(trees.missing)
        case.suite.check(trees.path("head"), request.head)
        pair = trees.path("base"), trees.path("head")
        (case.limits, strict), of_limits = gate_rules(*pair, date.today())
        case.strict = request.strict or strict
        case.warnings += of_limits
        changed = changed_names(case.repository, case.base, case.head)
        differ = differing(changed, pair)
        case.other_suite = may_differ(changed, case.suite)
        from_head = taken_from_head(changed, case.suite, case.repository, case.base, pair[0])
        unused = _inert(case, differ, pair)
        requirements = changed_requirements(
            case.repository, case.base, case.head, case.suite.configuration, case.suite.code
        )
        if unused is not None and not (differ or case.other_suite or requirements):
            return _unmeasured(case, "clean", f"the same code: {unused.reason}")
        if request.build:
            make_ignored_folder(request.results, "gate")
            paths: dict[Side, Path] = dict(zip(PAIR, pair, strict=True))
            building = built(case, paths, progress)
            try:
                case.pythons, warnings = environments.enter_context(building)
            except HeadDoesNotBuild as finding:
                return _unmeasured(case, "regression", str(finding), finding.log.parent)
            case.installed = True
            case.warnings += warnings
        unbuilt = not_built(differ, pair, case)
        started = Sides(trees, case.suite, case.repository, case.pythons, case.installed)
        with closing(started) as sides:
            began, same = time.monotonic(), None
            if unused is not None and not differ:  # no file that a benchmark could read
                same = unused.reason
            elif unused is not None:
                progress(0, 1, "looking whether a benchmark reads what differs")
                limit = max(_LEAST_LOOK_SECONDS, 60 * _LOOK * request.budget_minutes)
                pattern = _pattern(request.benchmarks)
                file_read = seen_by_benchmarks(sides, unused, pattern, case.suite, limit)
                same = unused.reason if file_read is None else None
                if file_read is not None:
                    progress(0, 1, f"to be measured: {file_read}")
            if same is None:
                make_ignored_folder(request.results, "gate")
                case.warnings += not_counted
            comparison = _measured(
                case, sides, unbuilt, requirements, valgrind, progress, began, same
            )
        if not case.installed:
            comparison = submodules.without(comparison, trees.missing, differ)
        return _unless_written(case, with_taken(comparison, from_head), trees)


def _unless_written(case: Case, comparison: Comparison, trees: Worktrees) -> Comparison:
    """Return the comparison, or an invalid one if a side's files have changed since."""
    name = _written(case, trees)
    if name is None:
        return comparison
    reason = (
        f"{name} was written to while benchmarks ran: what was measured is not what was committed; "
        "have the benchmark write elsewhere, or untrack that file"
    )
    return msgspec.structs.replace(comparison, verdict="invalid", reason=reason, rows=[])


def _written(case: Case, trees: Worktrees) -> str | None:
    """Return the first file of a side that was written to, if any, with its side.

    Each revision's code has the permission to write into the other's tree or environment.
    """
    for side, (folder, snapshot) in [*trees.snapshots(), *case.environments.items()]:
        name = snapshot.written(folder)
        if name is not None:
            return f"{label(name)} of {side.upper()}"
    return None


@contextmanager
def _resumable(case: Case, trees: Worktrees, journal: ComparisonJournal) -> Iterator[None]:
    """Restart an interrupted comparison if a side was written to: its trees are new then."""
    try:
        yield
    except BaseException:
        if _written(case, trees) is not None:
            journal.update_run(msgspec.structs.replace(journal.run, finished=True))
        raise


def _measured(
    case: Case,
    sides: Sides,
    unbuilt: NotBuilt,
    requirements: Sequence[Change],
    valgrind: Valgrind | None,
    progress: Progress,
    began: float,
    same: str | None,
) -> Comparison:
    """Measure and judge the benchmarks that both sides load, and explain changes.

    Nothing is measured if both run the ``same`` code.
    """
    request = case.request
    pattern = _pattern(request.benchmarks)
    if same is not None and not (case.other_suite or requirements):
        return _same_code(case, same, began)
    progress(0, 1, "discovering benchmarks")

    def seconds_left() -> float:
        return 60 * request.budget_minutes - (time.monotonic() - began)

    try:
        suites = discover_both(sides, seconds_left)
    except ImportTooLong as finding:
        reason = f"{finding}: raise --budget, or have it import less"
        return _unmeasured(case, "inconclusive", reason, seconds=time.monotonic() - began)
    missing = removed(sides, suites, pattern, case.other_suite, seconds_left)
    is_separate = request.build or are_separate(case.pythons, suites.used)
    used: Mapping[Side, Mapping[str, str]] = suites.used
    if requirements:
        suite_files = case.suite.configuration, case.suite.code
        extras = requested_extras(case.repository, (case.base, case.head), *suite_files)
        used = with_extras(used, case.pythons, extras)
    environments = Environments(used, is_separate, request.build)
    is_compiled = unbuilt[1] is not None
    if same is not None:
        comparison = with_removed(_same_code(case, same, began), missing, request.allow_removed)
        return with_dependencies(comparison, requirements, environments, is_compiled)
    valgrind = _counter(case, sides, valgrind)
    code = {side: str(path) for side, path in sides.code.items()}
    environment = _environment(valgrind, suites.versions, code)
    chosen = suites.choose(pattern, case.suite)
    run = _run(case, environment)
    with (
        open_journal(request.results, run, request.seed is not None) as journal,
        _resumable(case, sides.trees, journal),
    ):
        spent = time.monotonic() - began
        stages = Stages(sides, chosen, journal, case.rule, progress, valgrind, spent=spent)
        stages.count()
        stages.calibrate()
        _assert_own_code(sides, journal, suites.base_error)
        stages.screen()
        stages.confirm()
        environment = _environment(valgrind, suites.versions, journal.run.code)
        comparison = _judged(case, journal, chosen, suites.left_out, environment)
        comparison = with_warning(comparison, unbuilt)
        comparison = with_removed(comparison, missing, request.allow_removed)
        comparison = with_dependencies(comparison, requirements, environments, is_compiled)
        if request.reasons:
            comparison = explain.add(
                comparison,
                stages.sampler,
                journal,
                case.rule,
                valgrind,
                progress,
                lambda: _edited(case, sides),
            )
        journal.update_run(msgspec.structs.replace(journal.run, finished=True))
        return comparison


def _edited(case: Case, sides: Sides) -> frozenset[FunctionId]:
    """Return the functions that the diff changes."""
    trees = sides.trees.path("base"), sides.trees.path("head")
    return edited_functions(changed_names(case.repository, case.base, case.head), trees)


def _same_code(case: Case, reason: str, began: float) -> Comparison:
    seconds = time.monotonic() - began
    return _unmeasured(case, "clean", f"the same code: {reason}", seconds=seconds)


def _assert_own_code(
    sides: Sides, journal: ComparisonJournal, base_error: CannotImport | None
) -> None:
    """Raise `UserError` unless each side has run its own code: else nothing is compared.

    With two interpreters, their installed packages may be compared instead. The journal records
    which sides did: a suite may import late, and a resumed comparison does not run it again.
    """
    sides_run = {
        side for block in journal.blocks for side in PAIR if getattr(block, side).status == "ok"
    }
    if base_error is not None and "base" not in sides_run:
        raise base_error
    if sides.installed:
        _assert_installed(sides, journal, sides_run)
        return
    if sides.pythons["base"] != sides.pythons["head"]:
        return
    own_sides = {*journal.run.own, *(side for side in PAIR if sides.from_tree.get(side, False))}
    journal.update_run(msgspec.structs.replace(journal.run, own=sorted(own_sides)))
    for side in PAIR:
        if side in sides_run and side not in own_sides:
            raise UserError(
                f"{side.upper()}: the benchmarks import no module of its tree, so both revisions "
                "would run the same code: uninstall the project here, or check benchmark_dir"
            )


def _assert_installed(sides: Sides, journal: ComparisonJournal, sides_run: set[Side]) -> None:
    recorded = journal.run.code
    code = {**recorded, **{side: str(path) for side, path in sides.code.items()}}
    for side in recorded:
        if recorded[side] != code[side]:
            raise UserError(
                f"{sides.how}: what {side.upper()} imports was installed again since, and "
                f"{journal.folder} holds blocks of both: remove it to start again"
            )
    journal.update_run(msgspec.structs.replace(journal.run, code=code))
    for side in PAIR:
        if side in sides_run and side not in code:
            raise UserError(
                f"{sides.how}: the benchmarks of {side.upper()} import no installed project: "
                f"install it in {sides.interpreters.where(side)}, or give its name as project"
            )
    places = [sides.code[side].place for side in PAIR if side in sides.code]
    if len(places) > 1 and places[0] == places[1]:
        raise UserError(
            f"--installed: BASE and HEAD import the same files, {code['head']}: install each "
            "version in an environment of its own"
        )


def _inert(case: Case, differ: Sequence[str], trees: Trees) -> Inert | None:
    """Return the files to watch where benchmarks probably use no difference, else None.

    None where installed code is compared, which may be of any revision, and where interpreters
    differ, which may change any benchmark. An interpreter of another version than this one may
    parse a module differently. Files that a build reads are not watched.
    """
    pythons = case.pythons
    if case.request.always or case.installed or pythons["base"] != pythons["head"]:
        return None
    if any(name.endswith(".py") for name in differ) and (
        minor(version_of(pythons["head"])) != minor(sys.version)
    ):
        return None
    if case.request.build and differ:
        return None
    return inert(differ, trees, case.suite)


def _counter(case: Case, sides: Sides, valgrind: Valgrind | None) -> Valgrind | None:
    """Return None where both interpreters would count at different paths, else valgrind.

    Counts depend on these paths. Raises `UserError` if counting is set to ``always``.
    """
    python = sides.interpreters.not_alike
    if valgrind is None or python is None:
        return valgrind
    problem = f"{python} cannot be started through a link to its environment"
    advice = "name the interpreter itself in that environment, no script that starts it"
    if case.request.count == "always":
        raise UserError(f"--count always: {problem}: {advice}")
    message = f"instructions are not counted: {problem}"
    case.warnings.append(MeasurementWarning(code="not counted", message=message, advice=advice))
    return None


def _run(case: Case, environment: ComparisonEnvironment) -> ComparisonRun:
    """Return the run that this comparison starts in the environment."""
    request = case.request
    plan = ComparisonPlan(
        suite=case.suite.file,
        suite_state=case.suite.state,
        kind=case.suite.kind,
        benchmarks=request.benchmarks,
        base=compared(case.base, case.pythons["base"]),
        head=compared(case.head, case.pythons["head"]),
        budget_seconds=60 * request.budget_minutes,
        seed=secrets.randbelow(2**32) if request.seed is None else request.seed,
        rule=dataclasses.asdict(case.rule),
        gate_rules=case.limits,
        strict=case.strict,
        count=request.count,
        seeded=True,
        installed=case.installed,
        build=request.build,
    )
    same = msgspec.structs.replace(plan, seed=0)
    work = {
        "code": fingerprint.digest(),
        "plan": msgspec.json.encode(same, order="sorted").decode(),
        "suite": msgspec.json.encode(case.suite.entries(), order="sorted").decode(),
        "environment": msgspec.json.encode(environment, order="sorted").decode(),
    }
    return ComparisonRun(work=work, plan=plan)


def _unmeasured(
    case: Case,
    verdict: Verdict,
    reason: str,
    results: Path | None = None,
    seconds: float = 0.0,
) -> Comparison:
    """Return a comparison whose verdict needs no rows; its files lie in ``results``."""
    environment = _environment(None)
    return _comparison(
        case,
        Judgement(verdict, reason, [], Control(alarmed=False, rows=[]), []),
        _run(case, environment).plan,
        environment=environment,
        warnings=case.warnings,
        seconds=seconds,
        results=str(results or case.request.results),
        benchmarks=[],
        blocks=[],
    )


def _judged(
    case: Case,
    journal: ComparisonJournal,
    chosen: Sequence[Benchmark],
    not_loaded: Sequence[LeftOut],
    environment: ComparisonEnvironment,
) -> Comparison:
    """Return the comparison, judged from the journal's blocks."""
    plan = journal.run.plan
    # Counted benchmarks are judged, if only by counts.
    counts = instruction_evidence(journal.blocks, case.rule)
    counted = {key for key, evidence in counts.items() if evidence.instructions is not None}
    untimed = [
        msgspec.structs.replace(
            row, reason=no_time(counts.get(row.benchmark, NOT_COUNTED), row.reason)
        )
        for row in plan.left_out
        if row.benchmark not in counted
    ]
    left_out = {row.benchmark for row in untimed}
    judgement = judge(
        [benchmark for benchmark in chosen if benchmark.key not in left_out],
        journal.blocks,
        plan.confirmation_blocks,
        case.rule,
        left_out=sum(rule_of(key, plan.gate_rules).mute is None for key in left_out)
        + wanted_modules(not_loaded, _pattern(case.request.benchmarks)),
        limits=plan.gate_rules,
        strict=plan.strict,
    )
    skipped = [*not_loaded, *untimed, *judgement.left_out]
    return _comparison(
        case,
        judgement,
        msgspec.structs.replace(plan, left_out=skipped),
        environment=environment,
        warnings=case.warnings,
        seconds=journal.elapsed_seconds,
        results=str(journal.folder),
        benchmarks=list(chosen),
        blocks=journal.blocks,
    )


def _comparison(case: Case, judgement: Judgement, plan: ComparisonPlan, **facts: Any) -> Comparison:
    return Comparison(
        verdict=judgement.verdict,
        reason=judgement.reason,
        rows=judgement.rows,
        control=judgement.control,
        plan=plan,
        reproduce=command(case, plan.seed),
        **facts,
    )


def _pattern(expression: str | None) -> re.Pattern[str]:
    """Compile the expression; raises `UserError` naming the option if it is invalid."""
    try:
        return re.compile(expression or "")
    except re.error as error:
        raise UserError(f"--benchmarks {expression}: no regular expression: {error}") from None


def _environment(
    valgrind: Valgrind | None,
    versions: Mapping[Side, dict[str, str]] = MappingProxyType({}),
    code: Mapping[Side, str] = MappingProxyType({}),
) -> ComparisonEnvironment:
    """Return the machine, each side's ``versions``, and the folder from which it imported the
    project's ``code``, unless from a tree."""
    return ComparisonEnvironment(
        machine={
            "cpu": cpu_name(),
            "cores": str(usable_cores()),
            "architecture": platform.machine(),
            "system": platform.system(),
        },
        base=versions.get("base", {}),
        head=versions.get("head", {}),
        # Where it is set, it replaces the drawn seed of each measurement.
        variables=steering_variables(os.environ, "PYTHONHASHSEED"),
        base_code=code.get("base"),
        head_code=code.get("head"),
        counter=None if valgrind is None else valgrind.version,
    )
