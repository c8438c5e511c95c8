"""`perceptron compare BASE HEAD`: did this change make anything slower?"""

from __future__ import annotations

import dataclasses
import os
import platform
import secrets
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.checkout.request import (
    CompareRequest,
    ResolvedRequest,
    command,
    resolve_request,
    side,
)
from perceptron.gate.checkout.request import warnings as request_warnings
from perceptron.gate.checkout.selection import pattern
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.counting.valgrind import Valgrind, kernel_warnings
from perceptron.gate.counting.valgrind import find as find_valgrind
from perceptron.gate.environments.build import HeadDoesNotBuild, built
from perceptron.gate.environments.build import check as check_build
from perceptron.gate.environments.unbuilt import unbuilt
from perceptron.gate.journal import ComparisonJournal, ComparisonRun, open_journal
from perceptron.gate.own_code import assert_own_code, with_code
from perceptron.gate.reasons import explain
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.shortfall import minutes_needed
from perceptron.gate.sampling.suite_of_both import SuiteOfBoth, discover_both, wanted_modules
from perceptron.gate.stages import PAIR, Progress, Stages
from perceptron.gate.verdict.judge import judge
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.waits import unknown_waiting
from perceptron.gate.verdict.work import work_of
from perceptron.machine import cpu_name, steering_variables, usable_cores
from perceptron.records.block import Arm, Benchmark
from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    ComparisonPlan,
    LeftOut,
)
from perceptron.records.warning import MeasurementWarning


def compare(request: CompareRequest, progress: Progress, rule: Rule | None = None) -> Comparison:
    """Compare two revisions of the repository that this folder belongs to.

    Raises `UserError` for whatever the user can fix. Interrupted, it keeps what it measured, and
    the same request resumes from there.
    """
    rule = _rule(request, rule or Rule())
    wanted = pattern(request.benchmarks)
    if request.build:
        check_build(request)
    resolved = resolve_request(request)
    valgrind, counting_warnings = find_valgrind(request.count)
    warnings = [*request_warnings(request, resolved), *counting_warnings]
    with (
        working_folder(resolved.repository) as home,
        ExitStack() as environments,
    ):
        progress(0, 1, "checking both revisions out")
        suite = resolved.suite
        trees = Worktrees(resolved.repository, home, resolved.base, resolved.head, suite)
        suite.check(trees.path("head"), request.head)
        if request.build:
            paths: dict[Arm, Path] = {arm: trees.path(arm) for arm in PAIR}
            try:
                made = environments.enter_context(built(request, resolved, paths, home, progress))
            except HeadDoesNotBuild as finding:
                run = _run(request, resolved, _facts(valgrind), rule)
                return unbuilt(request, resolved, run.plan, _facts(valgrind), warnings, finding)
            resolved = dataclasses.replace(resolved, pythons=made.pythons, installed=True)
            warnings += made.warnings
        with closing(
            Arms(trees, suite, resolved.repository, resolved.pythons, resolved.installed)
        ) as arms:
            progress(0, 1, "discovering benchmarks")
            both = discover_both(arms)
            valgrind, unlike = _countable(arms, valgrind, request)
            warnings += unlike
            environment = _environment(arms, both, valgrind)
            chosen = both.choose(wanted, suite.kind)
            run = _run(request, resolved, environment, rule)
            with open_journal(request.results, run, request.seed is not None) as journal:
                stages = Stages(arms, chosen, journal, rule, progress, valgrind)
                stages.count()
                stages.calibrate()
                assert_own_code(arms, journal, both.base_error)
                stages.screen()
                stages.confirm()
                if valgrind is not None:
                    warnings += kernel_warnings([*environment.base, *environment.head])
                environment = with_code(environment, journal.run.code)
                comparison = _comparison(
                    request, resolved, journal, chosen, both.left_out, environment, rule, warnings
                )
                if request.reasons:
                    comparison = explain.add(
                        comparison, arms, journal, rule, valgrind, progress, stages._caches
                    )
                journal.update_run(msgspec.structs.replace(journal.run, finished=True))
                return comparison


def _rule(request: CompareRequest, rule: Rule) -> Rule:
    """Return the rule with the shares that were asked for."""
    least_work, least_judged = request.least_work, request.least_judged
    return dataclasses.replace(
        rule,
        least_work=rule.least_work if least_work is None else least_work,
        least_judged=rule.least_judged if least_judged is None else least_judged,
    )


def _countable(
    arms: Arms, valgrind: Valgrind | None, request: CompareRequest
) -> tuple[Valgrind | None, list[MeasurementWarning]]:
    """Return no valgrind where the interpreters would be counted at places of their own.

    What a process executes depends on them. Raises `UserError` if it is to count always.
    """
    python = arms.interpreters.not_alike
    if valgrind is None or python is None:
        return valgrind, []
    problem = f"{python} cannot be started through a link to its environment"
    advice = "name the interpreter itself in that environment, no script that starts it"
    if request.count == "always":
        raise UserError(f"--count always: {problem}: {advice}")
    message = f"instructions are not counted: {problem}"
    return None, [MeasurementWarning(code="not counted", message=message, advice=advice)]


def _environment(
    arms: Arms, suite: SuiteOfBoth, valgrind: Valgrind | None
) -> ComparisonEnvironment:
    environment = msgspec.structs.replace(
        _facts(valgrind), base=suite.versions["base"], head=suite.versions["head"]
    )
    return with_code(environment, {arm: str(code) for arm, code in arms.code.items()})


def _facts(valgrind: Valgrind | None) -> ComparisonEnvironment:
    """Return what is known before anything was run."""
    return ComparisonEnvironment(
        machine={
            "cpu": cpu_name(),
            "cores": str(usable_cores()),
            "architecture": platform.machine(),
            "system": platform.system(),
        },
        base={},
        head={},
        variables=steering_variables(os.environ),
        counter=None if valgrind is None else valgrind.version,
    )


def _run(
    request: CompareRequest,
    resolved: ResolvedRequest,
    environment: ComparisonEnvironment,
    rule: Rule,
) -> ComparisonRun:
    plan = ComparisonPlan(
        suite=resolved.suite.file,
        suite_state=resolved.suite.state,
        kind=resolved.suite.kind,
        benchmarks=request.benchmarks,
        base=side(resolved.base, resolved.pythons["base"]),
        head=side(resolved.head, resolved.pythons["head"]),
        budget_seconds=60 * request.budget_minutes,
        seed=secrets.randbelow(2**32) if request.seed is None else request.seed,
        rule=dataclasses.asdict(rule),
        count=request.count,
        seeded=request.seeded,
        installed=resolved.installed,
        build=request.build,
    )
    same = msgspec.structs.replace(plan, seed=0)
    work = {
        "code": fingerprint.digest(),
        "plan": msgspec.json.encode(same, order="sorted").decode(),
        "suite": msgspec.json.encode(resolved.suite.entries(), order="sorted").decode(),
        "environment": msgspec.json.encode(environment, order="sorted").decode(),
    }
    return ComparisonRun(work=work, plan=plan)


def _comparison(
    request: CompareRequest,
    resolved: ResolvedRequest,
    journal: ComparisonJournal,
    chosen: Sequence[Benchmark],
    not_loaded: Sequence[LeftOut],
    environment: ComparisonEnvironment,
    rule: Rule,
    warnings: list[MeasurementWarning],
) -> Comparison:
    plan = journal.run.plan
    # What was counted is judged, if only by that.
    counted = {key for key, own in work_of(journal.blocks, rule).items() if own.work is not None}
    plan = msgspec.structs.replace(
        plan, left_out=[row for row in plan.left_out if row.benchmark not in counted]
    )
    left_out = {row.benchmark for row in plan.left_out}
    judged = [benchmark for benchmark in chosen if benchmark.key not in left_out]
    judgement = judge(
        judged,
        journal.blocks,
        plan.confirmation_blocks,
        rule,
        plan.affordable_blocks,
        left_out=len(plan.left_out) + wanted_modules(not_loaded, pattern(request.benchmarks)),
        raise_to=minutes_needed(
            judged, journal.blocks, plan, journal.run.start_seconds or 0.0, rule
        ),
    )
    return Comparison(
        verdict=judgement.verdict,
        reason=judgement.reason,
        rows=judgement.rows,
        control=judgement.control,
        plan=msgspec.structs.replace(
            plan, left_out=[*not_loaded, *plan.left_out, *judgement.left_out]
        ),
        environment=environment,
        warnings=[*warnings, *unknown_waiting(chosen, journal.blocks)],
        seconds=journal.elapsed_seconds,
        reproduce=command(request, resolved, plan.seed),
        results=str(journal.folder),
        benchmarks=list(chosen),
        blocks=journal.blocks,
    )
