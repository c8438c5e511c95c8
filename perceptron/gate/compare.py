"""`perceptron compare BASE HEAD`: did this change make anything slower?"""

from __future__ import annotations

import dataclasses
import os
import platform
import secrets
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import msgspec

from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.checkout.request import CompareRequest, ResolvedRequest, command, find, side
from perceptron.gate.checkout.request import warnings as request_warnings
from perceptron.gate.checkout.selection import choose, pattern
from perceptron.gate.checkout.worktrees import Worktrees, workplace
from perceptron.gate.journal import ComparisonJournal, ComparisonRun, open_journal
from perceptron.gate.sampling.arms import Arms, CannotImport
from perceptron.gate.stages import TWO, Progress, Stages
from perceptron.gate.verdict.judge import judge
from perceptron.gate.verdict.rule import Rule
from perceptron.machine import cpu_name, steering_variables, usable_cores
from perceptron.records.block import Arm, Benchmark
from perceptron.records.comparison import Comparison, ComparisonEnvironment, ComparisonPlan
from perceptron.records.warning import MeasurementWarning


def compare(request: CompareRequest, progress: Progress, rule: Rule | None = None) -> Comparison:
    """Compare two revisions of the repository that this folder belongs to.

    Raises `UserError` for whatever the user can mend. Interrupted, it keeps what it measured, and
    the same request goes on from there.
    """
    rule = rule or Rule()
    wanted = pattern(request.benchmarks)
    found = find(request)
    warnings = request_warnings(request, found)
    with _terminated_as_interrupted(), workplace(found.repository) as home:
        progress(0, 1, "checking both revisions out")
        trees = Worktrees(found.repository, home, found.base, found.head, found.suite.benchmarks)
        if not (trees.path("head") / found.suite.benchmarks).is_dir():
            raise UserError(
                f"--suite {request.suite}: its benchmark_dir {found.suite.benchmarks} is not in "
                f"{request.head}: commit it, or compare with ."
            )
        arms = Arms(trees, found.suite, found.repository, found.pythons)
        progress(0, 1, "discovering benchmarks")
        benchmarks, environment, excuse = _discover(arms)
        chosen = choose(benchmarks, wanted)
        run = _run(request, found, environment, rule)
        with open_journal(request.results, run, request.seed is not None) as journal:
            campaign = Stages(arms, chosen, journal, rule, progress)
            campaign.calibrate()
            _assert_imports(arms, journal, excuse)
            campaign.screen()
            campaign.confirm()
            journal.keep(msgspec.structs.replace(journal.run, finished=True))
            return _comparison(request, found, journal, chosen, environment, rule, warnings)


def _discover(arms: Arms) -> tuple[list[Benchmark], ComparisonEnvironment, CannotImport | None]:
    """HEAD's benchmarks; also why BASE does not load them all, which may be because they are new.

    Where HEAD does not load and BASE does, that is what is found out: everything broke.
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
    )
    return lists.get("head") or lists.get("base") or [], environment, errors.get("base")


def _run(
    request: CompareRequest, found: ResolvedRequest, environment: ComparisonEnvironment, rule: Rule
) -> ComparisonRun:
    plan = ComparisonPlan(
        suite=found.suite.file,
        benchmarks=request.benchmarks,
        base=side(found.base, found.pythons["base"]),
        head=side(found.head, found.pythons["head"]),
        budget_seconds=60 * request.budget_minutes,
        seed=secrets.randbelow(2**32) if request.seed is None else request.seed,
        rule=dataclasses.asdict(rule),
    )
    same = msgspec.structs.replace(plan, seed=0)
    work = {
        "code": fingerprint.digest(),
        "plan": msgspec.json.encode(same, order="sorted").decode(),
        "environment": msgspec.json.encode(environment, order="sorted").decode(),
    }
    return ComparisonRun(work=work, plan=plan)


def _assert_imports(arms: Arms, journal: ComparisonJournal, excuse: CannotImport | None) -> None:
    """Each arm must have run code of its own tree, else nothing is compared.

    Two interpreters on one tree compare what is installed in them.
    """
    ran = {arm for block in journal.blocks for arm in TWO if getattr(block, arm).status == "ok"}
    if excuse is not None and "base" not in ran:
        raise excuse
    if arms.pythons["base"] != arms.pythons["head"]:
        return
    own = {*journal.run.own, *(arm for arm in TWO if arms.own.get(arm, False))}
    journal.keep(msgspec.structs.replace(journal.run, own=sorted(own)))
    for arm in TWO:
        if arm in ran and arm not in own:
            raise UserError(
                f"{arm.upper()}: the benchmarks import no module of its tree, so both revisions "
                "would run the same code: uninstall the project here, or check benchmark_dir"
            )


def _comparison(
    request: CompareRequest,
    found: ResolvedRequest,
    journal: ComparisonJournal,
    chosen: Sequence[Benchmark],
    environment: ComparisonEnvironment,
    rule: Rule,
    warnings: list[MeasurementWarning],
) -> Comparison:
    plan = journal.run.plan
    out = {each.benchmark for each in plan.left_out}
    judged = [each for each in chosen if each.key not in out]
    judgement = judge(
        judged, journal.blocks, plan.confirmation_blocks, rule, plan.affordable_blocks
    )
    return Comparison(
        verdict=judgement.verdict,
        reason=judgement.reason,
        rows=judgement.rows,
        control=judgement.control,
        plan=msgspec.structs.replace(plan, left_out=[*plan.left_out, *judgement.left_out]),
        environment=environment,
        warnings=warnings,
        seconds=journal.elapsed_seconds,
        reproduce=command(request, found, plan.seed),
        results=str(journal.folder),
        benchmarks=list(chosen),
        blocks=journal.blocks,
    )


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """A polite request to end cleans up as ctrl-C does."""
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
