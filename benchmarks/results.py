"""Results of record by one command: ``python -m benchmarks.results`` (``make results``).

Measures what README, docs/ and the dashboard show, one step after another, each a command that a
user could type. A step that finished for this state of the code is not measured again, and one that
was cut resumes. Nothing is committed: the end says what to type.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.code_state import code_state, last_changes, same_code
from benchmarks.of_record import tracked
from benchmarks.steps import COMMITS, ProgressFile, Step, StepDone, shown, steps
from perceptron.commands.shared.options import folder_name
from perceptron.errors import UserError, unknown
from perceptron.machine import machine_name
from perceptron.records.store import StoredRun, stored_runs

ROOT = Path(__file__).parents[1]
# They make OpenBLAS take another processor's kernels; one without the other is a mixture.
STEERING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# An undecided answer is a result too.
INCONCLUSIVE = 3
INTERRUPTED = 130

Runner = Callable[[Sequence[str], Mapping[str, str], Path | None], int]
"""Run a command in an environment, its standard output to a file if one is given; the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or delete what was superseded; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--machine", metavar="NAME", help="name for the results; default: host")
    parser.add_argument("--only", metavar="STEP,…", help="these steps, again if they are finished")
    parser.add_argument(
        "--clean", action="store_true", help="delete the committed runs that were superseded"
    )
    options = parser.parse_args(arguments)
    try:
        machine = folder_name("--machine", options.machine) or machine_name()
        folder = ROOT / "results" / ".record" / machine
        progress = ProgressFile(folder, code_state(ROOT))
        planned = steps(machine, folder / "commits")
        if options.clean:
            return clean(ROOT, planned, progress, print)
        return measure(ROOT, chosen(planned, options.only, progress), planned, progress, run, print)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def chosen(planned: Sequence[Step], only: str | None, progress: ProgressFile) -> list[Step]:
    """Return the steps to measure: those not finished, or those named, finished or not.

    Raises `UserError` for a name that is none.
    """
    if only is None:
        return [step for step in planned if not _done(step, progress).finished]
    by_name = {step.name: step for step in planned}
    named = [name.strip() for name in only.split(",") if name.strip()]
    for name in named:
        if name not in by_name:
            raise unknown("--only", name, by_name)
        if _done(by_name[name], progress).finished:
            progress.keep(name, StepDone(commands=_words(by_name[name])))
    return [by_name[name] for name in named]


def measure(
    checkout: Path,
    todo: Sequence[Step],
    planned: Sequence[Step],
    progress: ProgressFile,
    runner: Runner,
    say: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Take the steps, then say what is left to type. A step that fails does not stop the others.

    Return 0, 1 if a step failed, 130 after ctrl-C.
    """
    state = code_state(checkout)
    if "-dirty-" in state:
        say(f"The package differs from its last commit ({state}): commit first, or rows name it so")
    environment, unset = unsteered(os.environ)
    if unset:
        say(f"Unset for what is measured: {', '.join(unset)}")
    progress.folder.mkdir(parents=True, exist_ok=True)
    commits = "\n".join(last_changes(checkout, COMMITS))
    (progress.folder / "commits").write_text(f"{commits}\n", encoding="utf-8")
    for step in planned:
        if step not in todo:
            say(f"{step.name}: finished, {_done(step, progress).seconds / 60:.1f} min")
    minutes = sum(step.minutes for step in todo)
    say(f"{len(todo)} of {len(planned)} steps to take, about {minutes:g} min")
    failed = []
    for number, step in enumerate(todo, start=1):
        say(f"\n{number} of {len(todo)}: {step.name}, about {step.minutes:g} min")
        code = _take(step, progress, environment, runner, say, clock)
        spent = _done(step, progress).seconds / 60
        if code == INTERRUPTED:
            say(f"{step.name}: cut after {spent:.1f} min; the same command resumes")
            return INTERRUPTED
        if code:
            failed.append(step.name)
        say(f"{step.name}: {f'FAILED, exit code {code}' if code else 'finished'}, {spent:.1f} min")
    if failed:
        say(f"\nFailed: {', '.join(failed)}. The same command takes them again.")
        return 1
    if all(_done(step, progress).finished for step in planned):
        for line in what_next(checkout, planned, progress):
            say(line)
    return 0


def _take(
    step: Step,
    progress: ProgressFile,
    environment: Mapping[str, str],
    runner: Runner,
    say: Callable[[str], object],
    clock: Callable[[], float],
) -> int:
    """Run the commands of a step, up to one that fails, and keep how long they took."""
    before, begin, code = _done(step, progress), clock(), 0
    try:
        for command in step.commands:
            say(f"  {shown(command)}")
            kept = progress.output(step.name) if "--json" in command else None
            code = runner(command, {**environment, **step.variables}, kept)
            if code not in (0, INCONCLUSIVE):
                break
            code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    progress.keep(
        step.name,
        StepDone(
            commands=before.commands,
            seconds=round(before.seconds + clock() - begin, 1),
            finished=not code,
        ),
    )
    return code


def run(command: Sequence[str], environment: Mapping[str, str], output: Path | None) -> int:
    """Run a command at the root of the checkout; return its exit code."""
    with open(output or os.devnull, "wb") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=None if output is None else stream
        )
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # it had the ctrl-C too, and keeps what it has
            raise


def unsteered(variables: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the environment without what steers OpenBLAS, and what was set of that."""
    unset = [f"{name}={variables[name]}" for name in STEERING if name in variables]
    return {name: value for name, value in variables.items() if name not in STEERING}, unset


def what_next(checkout: Path, planned: Sequence[Step], progress: ProgressFile) -> list[str]:
    """Return what to type once all is measured: of record is what git tracks."""
    beside = [name for name in ("results/asv", "results/speeds") if (checkout / name).is_dir()]
    files = [*new_files(checkout, planned, progress), *beside]
    lines = ["", "All is measured. Next:"]
    lines += [f"  git add --force {' '.join(map(shlex.quote, files))}"]
    old = superseded(checkout)
    if old:
        clean = f"python -m benchmarks.results --machine {progress.folder.name} --clean"
        lines += [f"  {clean}    # deletes, for git to see:"]
        lines += [f"    {run.folder.relative_to(checkout)}: {run.reason}" for run in old]
    return [*lines, "  make readme", "  make shots", "  git commit --all"]


def new_files(checkout: Path, planned: Sequence[Step], progress: ProgressFile) -> list[str]:
    """Return the runs that the steps wrote and their environments, relative to the checkout."""
    found: dict[str, None] = {}
    for step in planned:
        folder = _results_of(progress.output(step.name))
        if folder is None:
            continue
        facts = msgspec.json.decode((checkout / folder / "run.json").read_bytes())
        found[folder.as_posix()] = None
        found[(folder.parent / f"environment-{facts['environment']}.json").as_posix()] = None
    return list(found)


def _results_of(output: Path) -> Path | None:
    """Return the folder that a command says its rows are in."""
    try:
        document = msgspec.json.decode(output.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    folder = document.get("results")
    return Path(folder) if folder else None


@dataclass(frozen=True)
class Superseded:
    """A committed run, and why it can go."""

    folder: Path
    reason: str


def superseded(checkout: Path) -> list[Superseded]:
    """Return the committed runs whose code is gone, or that were measured again since.

    A run is measured again by a finished one of the same machine and plan. Results of another
    machine stay as long as their code is that of the checkout, and those of a machine with a GPU,
    which is lent and not at hand, until they are measured again. results/proof is the gate's own.
    """
    runs = stored_runs(checkout / "results", _refuse)  # the newest first
    committed = {Path(name).parent for name in tracked(checkout) if name.endswith("/run.json")}
    found = []
    for index, stored in enumerate(runs):
        if stored.folder.relative_to(checkout) not in committed:
            continue
        if again := _measured_again(stored, runs[:index]):
            found.append(Superseded(stored.folder, f"measured again: {again.folder.name}"))
        elif not same_code(checkout, stored.run.commit) and not _has_gpu(stored):
            found.append(Superseded(stored.folder, f"its code is gone: {stored.run.commit}"))
    return found


def delete(runs: Sequence[Superseded]) -> list[Path]:
    """Delete the runs and the environments that no run beside them names; return what went.

    Files only: git sees them as deleted, and commits nothing.
    """
    gone = []
    for run in runs:
        shutil.rmtree(run.folder)
        gone.append(run.folder)
    for machine in {run.folder.parent for run in runs}:
        gone += _unused_environments(machine)
    return gone


def _unused_environments(machine: Path) -> list[Path]:
    runs = stored_runs(machine.parents[1], _refuse)
    named = {stored.run.environment for stored in runs if stored.folder.parent == machine}
    unused = [
        file
        for file in sorted(machine.glob("environment-*.json"))
        if file.stem.removeprefix("environment-") not in named
    ]
    for file in unused:
        file.unlink()
    if not any(machine.iterdir()):
        machine.rmdir()
    return unused


def _has_gpu(run: StoredRun) -> bool:
    environment = run.folder.parent / f"environment-{run.run.environment}.json"
    return bool(json.loads(environment.read_text(encoding="utf-8")).get("gpus"))


def _measured_again(run: StoredRun, newer: Sequence[StoredRun]) -> StoredRun | None:
    for other in newer:
        same = (other.run.machine, other.run.plan) == (run.run.machine, run.run.plan)
        if same and other.run.finished is not None:
            return other
    return None


def _refuse(complaint: str) -> None:
    raise UserError(complaint)


def clean(
    checkout: Path,
    planned: Sequence[Step],
    progress: ProgressFile,
    say: Callable[[str], object],
) -> int:
    """Delete what was superseded; raise `UserError` as long as a step is not finished."""
    missing = [step.name for step in planned if not _done(step, progress).finished]
    if missing:
        raise UserError(f"--clean: measure {', '.join(missing)} first: the pages need some results")
    gone = delete(superseded(checkout))
    for path in gone:
        say(f"deleted {path.relative_to(checkout)}")
    say("Nothing to delete" if not gone else "git sees them as deleted; nothing is committed")
    return 0


def _done(step: Step, progress: ProgressFile) -> StepDone:
    return progress.done(step.name, _words(step))


def _words(step: Step) -> list[list[str]]:
    return [list(command) for command in step.commands]


if __name__ == "__main__":
    sys.exit(main())
