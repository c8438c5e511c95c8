"""Run a study: open or resume its run, measure, and answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from perceptron.answer import Answered
from perceptron.backends import registry
from perceptron.errors import Inconclusive, UserError
from perceptron.machine import machine_name, require_threads, usable_cores
from perceptron.measure import campaign
from perceptron.measure.budget import Budget, Progress
from perceptron.measure.conditions import conditions
from perceptron.measure.environment import environment
from perceptron.measure.job import Job
from perceptron.measure.other_processes import Look, with_seen
from perceptron.measure.revision import measuring_code, revision
from perceptron.options import option, wait
from perceptron.problems import files
from perceptron.questions.answering import answered
from perceptron.questions.crossover import functions
from perceptron.questions.idle import (
    LOOK_ONCE,
    Wait,
    say_first,
    say_if_waiting_is_unknown,
    wait_for_idle,
)
from perceptron.questions.other_sessions import read_session
from perceptron.questions.study import Plan, Study
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.row import Row
from perceptron.records.run import Run, now
from perceptron.records.store import RunJournal, load_conditions, open_run, stored_environment
from perceptron.statistics.other_processes import others_need_cores, users_in_words
from perceptron.statistics.trust import damaged_line_warning, hang_warning

# A study with a shorter budget does not measure how steady the CPU is.
_SHORT_SECONDS = 60.0


def run_study(
    study: Study,
    plan: Plan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    wait: Wait = LOOK_ONCE,
    fresh: bool = False,
) -> Answered:
    """Measure the jobs of a study, or the rest of an interrupted run, and return the answer.

    If the last run is finished, or with ``fresh``, a new session begins; the answer is that of all
    sessions that may be joined. ``plan`` must be resolved. All starts of a session take at most
    ``budget_seconds`` together, by default the plan's. Raises `UserError` if the results folder
    is not writable, or if there was no time for any measurement.
    """
    budget = Budget.of_study(budget_seconds or plan.budget_seconds)
    before = contents(plan.references)
    as_json = msgspec.json.decode(msgspec.json.encode(plan))
    as_json |= {"study": study.name, "contents": before}

    def ask(rows: Sequence[Row], left: float) -> Sequence[Job]:
        refuse_edited_files(plan.references, before)
        return study.next(plan, rows, left / budget.seconds)

    with start_run(
        as_json,
        plan.backends,
        plan.most_threads,
        machine,
        results,
        quick=plan.quick or plan.budget_seconds < _SHORT_SECONDS,
        budget=budget,
        wait=wait,
        fresh=fresh,
    ) as (journal, run, _):
        budget.cut_short = not campaign.run_campaign(ask, journal, run, budget, progress)
        require_rows(journal, budget)
    answer = answered(study, plan, read_session(journal.folder))
    damaged = map(damaged_line_warning, journal.errors)
    return replace(answer, warnings=(*damaged, *answer.warnings))


# --- the start of a run: the machine's facts, the run's folder, the conditions --------------------


def require_rows(journal: RunJournal, budget: Budget) -> None:
    """Raise `Inconclusive` if there was no time for a single row, which leaves nothing to judge.

    Rows of backends that cannot run do not count.
    """
    begun = [row for row in journal.rows if row.status != "skipped"]
    if not (budget.is_over or budget.hangs):
        begun = journal.rows
    if not begun:
        hangs = "".join(f"{hang_warning(hang).message}; " for hang in budget.hangs)
        nothing = (
            f"{option('budget')}: after {budget.spent:.1f} s nothing was measured yet: {hangs}"
        )
        cores = usable_cores()
        seen = next(iter(load_conditions(journal.folder)), Conditions())
        is_slow_to_start = all(hang.subject is None for hang in budget.hangs)
        if is_slow_to_start and others_need_cores(seen, cores, cores):
            users = users_in_words(seen)
            raise Inconclusive(f"{nothing}{users}; next: {wait()}, or a larger {option('budget')}")
        raise Inconclusive(f"{nothing}next: a larger {option('budget')}")


@contextmanager
def start_run(
    plan: Mapping[str, object],
    backends: Sequence[str],
    threads: int,
    machine: str | None,
    results: Path,
    quick: bool,
    budget: Budget,
    wait: Wait = LOOK_ONCE,
    fresh: bool = False,
) -> Iterator[tuple[RunJournal, Run, Environment]]:
    """Open the unfinished run of this plan, or a new one; finish it unless the block raises.

    ``fresh`` always opens a new one. ``machine`` names the folder of the results, by default after
    the host. In quick mode the steadiness of the CPU is not measured. Other users of the cores are
    reported first, and waited for as long as ``wait`` allows. Earlier starts of the run count
    against the ``budget`` if they measured anything; waiting does not. Raises `UserError` if the
    folder is not writable.
    """
    require_threads(threads)
    look = Look()
    usable = [backend for backend in backends if registry.reason_unavailable(backend) is None]
    name = machine or machine_name()
    facts = environment([registry.load(backend) for backend in usable], threads)
    facts = stored_environment(results / "runs" / name, facts)
    run = Run(
        plan=dict(plan),
        machine=name,
        environment=facts.id,
        commit=revision(),
        code=measuring_code(),
        started=now(),
        budget_seconds=budget.seconds,
    )
    with open_run(results, run, facts, fresh) as journal:
        # A start that measured nothing must not leave the next one without time.
        if any(row.status != "skipped" for row in journal.rows):
            budget.resume(journal.spent_seconds)
        journal.keep_conditions(
            _look_around(look, facts.cores, threads, wait, budget, with_loop=not quick)
        )
        try:
            yield journal, run, facts
        except BaseException:
            with suppress(UserError):  # the error that ended the run matters more
                journal.keep_spent(budget.spent)
            raise
        journal.finish(budget.spent, budget.cut_short or bool(budget.hangs), budget.hangs)


def _look_around(
    look: Look, cores: int, threads: int, wait: Wait, budget: Budget, with_loop: bool
) -> Conditions:
    """Read the conditions, report other users of the cores, and wait for idle cores on request.

    Waiting does not count against the ``budget``. Without it the loop that measures steadiness runs
    while the processes are watched.
    """
    say_if_waiting_is_unknown(wait)
    if not wait.minutes:
        measured = conditions(with_loop=with_loop)
        seen = look.end()
        say_first(seen, cores, threads, wait)
        return with_seen(measured, seen)
    with budget.not_counted():
        seen = wait_for_idle(look.end(), cores, threads, wait, Look)
    return with_seen(conditions(with_loop=with_loop), seen)


def contents(references: Iterable[str]) -> dict[str, str]:
    """Return a digest of each file behind these references of problems or functions, by path.

    The digests are part of the plan: an edited model is another plan under the same name.
    """
    references = list(references)
    digests = {name: functions.digest(name) for name in references if functions.is_file(name)}
    return digests | files.fingerprints(filter(files.is_file, references))


def refuse_edited_files(references: Iterable[str], before: Mapping[str, str]) -> None:
    """Raise `UserError` if a file has changed since `contents` returned ``before``."""
    now = contents(references)
    changed = [name for name in now if now[name] != before.get(name)]
    if changed:
        raise UserError(f"{changed[0]} was changed while it was measured: start again")
