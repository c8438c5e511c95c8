"""Results of record by one command: ``python -m benchmarks.results`` (``make results``).

Measures what README, docs/ and the dashboard show, step by step, each a command that a user could
type. The answers come from several sessions, each an hour after the last: it waits for that hour,
or goes on when it is called again, also on another day. A step that finished for this state of the
code is not measured again, until its file below results/.record is removed; an interrupted step
resumes. Nothing is committed: at the end the commands for that are printed.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from benchmarks.shared import INCONCLUSIVE, ROOT, unsteer
from perceptron.backends.protocol import thread_variables
from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.measure.revision import revision
from perceptron.options import folder_name
from perceptron.records.code_digest import code_digest
from perceptron.records.run import seconds_of
from perceptron.statistics.sessions import APART_SECONDS

LADDER_OF_AN_MLP = "mlp-width:512"
LADDER_OF_BATCHES = "digits"
CROSSOVER = ("crossover", "--family", "mlp-width", "--pair", "numpy:torch-cpu")
RACE = (
    *("race", "--problem", "digits", "--target", "accuracy=0.95"),
    *("--dtype", "float32", "float64", "bfloat16"),
)
COMMITS = 10
# Two backends and a few sizes of each family: enough for lines, in half a minute for each commit.
# Not the finding: it has no size, and Crossovers draws what has one.
HISTORY = (
    r"^train\.PerceptronRows\.time_train\((4|65536), '(numpy|torch-cpu)'\)",
    r"^train\.PerceptronFeatures\.time_train\((2048), '(numpy|torch-cpu)'\)",
    r"^train\.MlpWidth\.time_train\((128|512|2048), '(numpy|torch-cpu)'\)",
    r"^train\.MlpDepth\.time_train\((16), '(numpy|torch-cpu)'\)",
)
# One process for each case; of bodies of 10 ms that is ten samples, of longer ones a second's.
_ASV_EFFORT = ("-a", "rounds=1", "-a", "repeat=(3, 10, 1.0)")
INTERRUPTED = 130
SESSIONS = 3
"""Sessions of each answer: with three the interval includes the differences between sessions."""
# Steps that are not answers of a run: measured once. Those that change files of the checkout are
# last, because rows measured after them would have another commit.
ONCE = ("asv-machine", "history", "fastest", "truth")

Runner = Callable[[Sequence[str], Path], int]
"""A function that runs a command, writes its output to a file, and returns its exit code."""


class Clock(Protocol):
    """The time of day in seconds since 1970, and waiting."""

    def time(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all steps; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("--machine", metavar="NAME", help="name for the results; default: host")
    parser.add_argument(
        "--sessions", type=int, default=SESSIONS, metavar="N", help=f"default: {SESSIONS}"
    )
    options = parser.parse_args(arguments)
    unsteer()
    try:
        if options.sessions < 1:
            raise UserError(f"--sessions takes a number from 1, got {options.sessions}")
        machine = folder_name("--machine", options.machine) or machine_name()
        return measure(ROOT, machine, run, print, options.sessions)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("The same command resumes", file=sys.stderr)
        return INTERRUPTED


def measure(
    checkout: Path,
    machine: str,
    runner: Runner,
    say: Callable[[str], object],
    sessions: int = SESSIONS,
    clock: Clock = time,
) -> int:
    """Run the steps that are not finished, then say which commands to type.

    A step that fails does not stop the others, and has no further session. Return 0, or 1 if a step
    failed.
    """
    state = code_digest(checkout / "perceptron", ["."])
    folder = checkout / "results" / ".record" / machine / state
    folder.mkdir(parents=True, exist_ok=True)
    commands = steps(machine, folder / "commits")
    if "-dirty-" in (revision() or ""):
        say("The checkout differs from its last commit: commit first, or rows name it so")
    (folder / "commits").write_text(last_changes(checkout, COMMITS), encoding="utf-8")
    failed = []
    for name, session in sequence(commands, sessions):
        title = name if session == 1 else f"{name}, session {session}"
        file = _output(folder, name, session)
        if file.exists():
            say(f"{title}: finished")
            continue
        if name in failed:
            continue
        if session > 1:
            before = _run_of(_output(folder, name, session - 1))
            end = before and _finished(checkout / before)
            _wait(end or 0.0, title, say, clock)
        say(f"{title}: {shlex.join(commands[name])}")
        begin, unfinished = clock.time(), file.with_suffix(".part")
        code = runner(commands[name], unfinished)
        say(f"{title}: exit code {code}, {(clock.time() - begin) / 60:.1f} min")
        if code in (0, INCONCLUSIVE) and _is_session(checkout, folder, name, unfinished):
            unfinished.rename(file)
        else:
            failed.append(name)
    if failed:
        say(f"Failed: {', '.join(failed)}. The same command takes them again.")
        return 1
    for line in what_next(checkout, folder, sequence(commands, sessions)):
        say(line)
    return 0


def _is_session(checkout: Path, folder: Path, name: str, output: Path) -> bool:
    """Return whether a step's output is a new session: of a finished run, not counted before.

    Steps in `ONCE` have no run, and always count.
    """
    if name in ONCE:
        return True
    run = _run_of(output)
    runs = {_run_of(file) for file in folder.glob(f"{name}*.json")}
    return run is not None and run not in runs and _finished(checkout / run) is not None


def sequence(commands: Iterable[str], sessions: int) -> list[tuple[str, int]]:
    """Return the steps in the order in which they run, each with its session, from 1.

    Session 1 of all answers comes before session 2 of any.
    """
    names = list(commands)
    answers = [name for name in names if name not in ONCE]
    repeated = [(name, session) for session in range(1, sessions + 1) for name in answers]
    return [*repeated, *((name, 1) for name in names if name in ONCE)]


def _wait(end: float, title: str, say: Callable[[str], object], clock: Clock) -> None:
    """Wait until an hour has passed since the end of the session before, whenever that was."""
    begins = end + APART_SECONDS
    if (left := begins - clock.time()) > 0:
        at = datetime.fromtimestamp(begins).strftime("%H:%M")
        say(f"{title}: waits until {at}, {left / 60:.0f} min; ctrl-C, and the same command goes on")
    while (left := begins - clock.time()) > 0:
        clock.sleep(min(left, 60.0))


def _run_of(output: Path) -> str | None:
    """Return the folder of the run behind a document; None if nothing was measured."""
    with suppress(OSError, msgspec.DecodeError):
        document = msgspec.json.decode(output.read_bytes())
        return document.get("results") if isinstance(document, dict) else None
    return None


def _finished(run: Path) -> float | None:
    """Return when a run ended, by its own record, in seconds since 1970; None if it did not."""
    with suppress(OSError, msgspec.DecodeError):
        finished = msgspec.json.decode((run / "run.json").read_bytes())["finished"]
        return seconds_of(finished)
    return None


def steps(machine: str, commits: Path) -> dict[str, tuple[str, ...]]:
    """Return the command of each step; ``commits`` is the file that lists what asv measures.

    Running a command again adds a session to its answer.
    """
    # asv imports every module here.
    from docs.build.shown import ADVISED, MANY_FAMILIES, SEVERAL

    ours = (sys.executable, "-m", "perceptron")
    asv = (sys.executable, "-m", "asv")
    validation = (sys.executable, "-m", "benchmarks.validation")
    named = ("--machine", machine, "--json")
    # One process for each commit: on several threads a neighbour would look like a step.
    alone = ("env", *(f"{name}={value}" for name, value in thread_variables(1).items()))
    chosen = tuple(word for pattern in HISTORY for word in ("--bench", pattern))
    newest = (f"HASHFILE:{commits}", "--machine", machine, "--skip-existing-commits")
    return {
        "bench": (*ours, "bench", *named),
        "map": (*ours, "map", *named),
        "ladder": (*ours, "overhead", *named),
        "ladder-mlp": (*ours, "overhead", "--problem", LADDER_OF_AN_MLP, *named),
        "ladder-digits": (*ours, "overhead", "--problem", LADDER_OF_BATCHES, *named),
        "advise": (*ours, "advise", *ADVISED.split(), *named),
        "crossover": (*ours, *CROSSOVER, *named),
        "race": (*ours, *RACE, *named),
        "processes": (*ours, *SEVERAL.split(), *named),
        **{
            family: (*ours, "crossover", "--family", family, "--budget", "7", *named)
            for family in MANY_FAMILIES
        },
        "asv-machine": (*asv, "machine", "--yes", "--machine", machine),
        "history": (*alone, *asv, "run", *newest, *chosen, *_ASV_EFFORT),
        "fastest": (*validation, "fastest", "--save", "docs/fastest-validation.md", *named),
        "truth": (*validation, "truth", "--save", "docs/truth.md", "--json"),
    }


def run(command: Sequence[str], output: Path) -> int:
    """Run a command at the root of the checkout; return its exit code."""
    with output.open("wb") as stream, subprocess.Popen(command, cwd=ROOT, stdout=stream) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # it got the ctrl-C too, and stores what it has
            raise


def last_changes(checkout: Path, count: int) -> str:
    """Return the last commits that changed the package, a line each, the newest first."""
    log = ["log", f"-{count}", "--no-merges", "--format=%H", "--", "perceptron"]
    return subprocess.check_output(["git", "-C", str(checkout), *log], text=True)


def what_next(checkout: Path, folder: Path, planned: Iterable[tuple[str, int]]) -> list[str]:
    """Return the commands to type when all is measured: git tracks the results of record."""
    files: dict[str, None] = {}
    for name, session in planned:
        if run_folder := _run_of(_output(folder, name, session)):
            facts = msgspec.json.decode((checkout / run_folder / "run.json").read_bytes())
            files[run_folder] = None
            environment = Path(run_folder).parent / f"environment-{facts['environment']}.json"
            files[environment.as_posix()] = None
    return [
        "All is measured. Next, beside `git rm -r` of the runs that these replace:",
        f"  git add --force {' '.join(map(shlex.quote, files))} results/asv",
        "  make readme",
        "  make shots",
        "  git commit --all",
    ]


def _output(folder: Path, name: str, session: int = 1) -> Path:
    return folder / (f"{name}.json" if session == 1 else f"{name}-{session}.json")


if __name__ == "__main__":
    sys.exit(main())
