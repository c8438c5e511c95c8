"""`perceptron compare BASE HEAD`: did this change make anything slower?"""

from __future__ import annotations

import dataclasses
import os
import platform
import secrets
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from types import FrameType

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
from perceptron.gate.checkout.selection import choose, pattern
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.counting.valgrind import Valgrind, kernel_warnings
from perceptron.gate.counting.valgrind import find as find_valgrind
from perceptron.gate.journal import ComparisonJournal, ComparisonRun, open_journal
from perceptron.gate.reasons import bisect, explain
from perceptron.gate.sampling.arms import Arms, CannotImport
from perceptron.gate.sampling.shortfall import minutes_needed
from perceptron.gate.stages import PAIR, Progress, Stages
from perceptron.gate.verdict.judge import judge
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.waits import unknown_waiting
from perceptron.gate.verdict.work import work_of
from perceptron.machine import cpu_name, steering_variables, usable_cores
from perceptron.records.block import Arm, Benchmark
from perceptron.records.comparison import Comparison, ComparisonEnvironment, ComparisonPlan
from perceptron.records.warning import MeasurementWarning


def compare(request: CompareRequest, progress: Progress, rule: Rule | None = None) -> Comparison:
    """Compare two revisions of the repository that this folder belongs to.

    Raises `UserError` for whatever the user can fix. Interrupted, it keeps what it measured, and
    the same request resumes from there.
    """
    rule = _rule(request, rule or Rule())
    wanted = pattern(request.benchmarks)
    resolved = resolve_request(request)
    valgrind, counting_warnings = find_valgrind(request.count)
    bisect.check(request, resolved, valgrind)
    warnings = [*request_warnings(request, resolved), *counting_warnings]
    with _terminated_as_interrupted(), working_folder(resolved.repository) as home:
        progress(0, 1, "checking both revisions out")
        trees = Worktrees(
            resolved.repository, home, resolved.base, resolved.head, resolved.suite.benchmarks
        )
        if not (trees.path("head") / resolved.suite.benchmarks).is_dir():
            raise UserError(
                f"--suite {request.suite}: its benchmark_dir {resolved.suite.benchmarks} is not in "
                f"{request.head}: commit it, or compare with ."
            )
        with closing(Arms(trees, resolved.suite, resolved.repository, resolved.pythons)) as arms:
            progress(0, 1, "discovering benchmarks")
            benchmarks, environment, base_error = _discover(arms, valgrind)
            chosen = choose(benchmarks, wanted)
            run = _run(request, resolved, environment, rule)
            with open_journal(request.results, run, request.seed is not None) as journal:
                stages = Stages(arms, chosen, journal, rule, progress, valgrind)
                stages.count()
                stages.calibrate()
                _assert_imports(arms, journal, base_error)
                stages.screen()
                stages.confirm()
                if valgrind is not None:
                    warnings += kernel_warnings([*environment.base, *environment.head])
                comparison = _comparison(
                    request, resolved, journal, chosen, environment, rule, warnings
                )
                if request.reasons:
                    comparison = explain.add(comparison, arms, journal, rule, valgrind, progress)
                if request.bisect and valgrind is not None:
                    comparison = bisect.add(
                        comparison, resolved, arms, journal, rule, valgrind, progress
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


def _discover(
    arms: Arms, valgrind: Valgrind | None
) -> tuple[list[Benchmark], ComparisonEnvironment, CannotImport | None]:
    """Return HEAD's benchmarks, and why BASE does not load them all: some may be new.

    Where HEAD does not load and BASE does, BASE's serve: everything broke, and is to be reported.
    """
    lists: dict[Arm, list[Benchmark]] = {}
    libraries: dict[Arm, dict[str, str]] = {"base": {}, "head": {}}
    errors: dict[Arm, CannotImport] = {}
    both: tuple[Arm, ...] = ("head", "base")
    for arm in both:
        try:
            lists[arm], libraries[arm] = arms.discover(arm)
        except CannotImport as error:
            errors[arm] = error
    if not lists:
        raise errors["head"]
    environment = ComparisonEnvironment(
        machine={
            "cpu": cpu_name(),
            "cores": str(usable_cores()),
            "architecture": platform.machine(),
            "system": platform.system(),
        },
        base=libraries["base"],
        head=libraries["head"],
        variables=steering_variables(os.environ),
        counter=None if valgrind is None else valgrind.version,
    )
    return lists.get("head") or lists.get("base") or [], environment, errors.get("base")


def _run(
    request: CompareRequest,
    resolved: ResolvedRequest,
    environment: ComparisonEnvironment,
    rule: Rule,
) -> ComparisonRun:
    plan = ComparisonPlan(
        suite=resolved.suite.file,
        benchmarks=request.benchmarks,
        base=side(resolved.base, resolved.pythons["base"]),
        head=side(resolved.head, resolved.pythons["head"]),
        budget_seconds=60 * request.budget_minutes,
        seed=secrets.randbelow(2**32) if request.seed is None else request.seed,
        rule=dataclasses.asdict(rule),
        count=request.count,
        seeded=request.seeded,
    )
    same = msgspec.structs.replace(plan, seed=0)
    work = {
        "code": fingerprint.digest(),
        "plan": msgspec.json.encode(same, order="sorted").decode(),
        "environment": msgspec.json.encode(environment, order="sorted").decode(),
    }
    return ComparisonRun(work=work, plan=plan)


def _assert_imports(
    arms: Arms, journal: ComparisonJournal, base_error: CannotImport | None
) -> None:
    """Raise `UserError` unless each arm has run code of its own tree: else nothing is compared.

    With two interpreters, what is installed in them may be compared instead.
    """
    ran = {arm for block in journal.blocks for arm in PAIR if getattr(block, arm).status == "ok"}
    if base_error is not None and "base" not in ran:
        raise base_error
    if arms.pythons["base"] != arms.pythons["head"]:
        return
    own = {*journal.run.own, *(arm for arm in PAIR if arms.own.get(arm, False))}
    journal.update_run(msgspec.structs.replace(journal.run, own=sorted(own)))
    for arm in PAIR:
        if arm in ran and arm not in own:
            raise UserError(
                f"{arm.upper()}: the benchmarks import no module of its tree, so both revisions "
                "would run the same code: uninstall the project here, or check benchmark_dir"
            )


def _comparison(
    request: CompareRequest,
    resolved: ResolvedRequest,
    journal: ComparisonJournal,
    chosen: Sequence[Benchmark],
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
        left_out=len(plan.left_out),
        raise_to=minutes_needed(
            judged, journal.blocks, plan, journal.run.start_seconds or 0.0, rule
        ),
    )
    return Comparison(
        verdict=judgement.verdict,
        reason=judgement.reason,
        rows=judgement.rows,
        control=judgement.control,
        plan=msgspec.structs.replace(plan, left_out=[*plan.left_out, *judgement.left_out]),
        environment=environment,
        warnings=[*warnings, *unknown_waiting(chosen, journal.blocks)],
        seconds=journal.elapsed_seconds,
        reproduce=command(request, resolved, plan.seed),
        results=str(journal.folder),
        benchmarks=list(chosen),
        blocks=journal.blocks,
    )


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Clean up on SIGTERM as on ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
