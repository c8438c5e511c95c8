"""asv as the builder: a program that lets it make one environment, started and ended from here.

A process of its own, since asv prints to its console, changes the folder and handles signals. It is
this file, run by its path: it is sent one JSON line and writes what it made to the file that this
names; all else goes to its output, which is the log.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

# For asv to end what it has started: it asks for a second, then kills.
_SECONDS_TO_END = 10.0
# Of what is killed, something may just have been starting something.
_MOST_ROUNDS = 100
# A build that prints a line now and then is not ended by asv.
LONGEST_SECONDS = 3600.0
# What asv installs for itself: to build by its default commands, and to run benchmarks.
_ASVS_OWN = {"build", "asv_runner", "pympler"}
# What a new virtual environment has.
_THERE = {"pip", "setuptools", "wheel"}


def install(job: Mapping[str, Any], log: Path) -> bool:
    """Let asv do the job, its output in ``log``; return whether the commit is installed.

    asv ends a command that prints nothing for ``install_timeout`` seconds; all commands together
    have an hour, or two such timeouts where that is longer. Nothing that was started lives on.
    """
    from perceptron.gate.side_variables import side_variables  # not in asv's own process

    variables = side_variables()
    path = os.pathsep.join([str(Path(sys.executable).parent), variables.get("PATH", os.defpath)])
    variables |= {"PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    timeout = job["config"].get("install_timeout")
    longest = max(LONGEST_SECONDS, 2 * timeout if isinstance(timeout, int | float) else 0.0)
    with log.open("wb") as output:
        # Not interrupted together with us, but by us; the folder of the program holds names that
        # other packages use too.
        process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(msgspec.json.encode(job) + b"\n")
                process.stdin.flush()
            return process.wait(longest) == 0
        except subprocess.TimeoutExpired:
            _end(process)
            output.write(f"error: the build took longer than {longest / 60:.0f} min\n".encode())
            return False
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its input, on which it interrupts itself, and kill what is still there after that."""
    assert process.stdin is not None
    try:
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
    finally:
        process.kill()
        for _ in range(_MOST_ROUNDS):
            left = _of_session(process.pid)
            if not left:
                break
            for own in left:
                with suppress(psutil.Error):
                    own.kill()
            psutil.wait_procs(left, timeout=0.1)
        process.wait()


def _of_session(session: int) -> list[psutil.Process]:
    """Return what asv's program has started and still runs: process groups of their own, too."""
    processes: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


def main() -> int:
    """Do one job; return 0 where the commit is installed."""
    job = json.loads(sys.stdin.readline())
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale, the log takes all
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.chdir(job["folder"])
    from asv.config import Config
    from asv.console import log
    from asv.environment import EnvironmentUnavailable, get_environments
    from asv.plugin_manager import plugin_manager
    from asv.repo import get_repo
    from asv.util import ProcessError, UserError

    log.enable(verbose=True)
    conf = Config.from_json(job["config"])
    try:
        for plugin in conf.plugins:
            plugin_manager.import_plugin(plugin)
        environments = list(get_environments(conf, None))
        if not environments:
            return _failed("error: asv finds no Python for the environments of this suite")
        environment = environments[0]
        if _needs_nothing(environment, conf):
            environment._install_requirements = _install_nothing
        if job.get("uv") and environment.tool_name == "virtualenv":
            _use_uv(environment, job["uv"])
        environment.create()
        environment.install_project(conf, get_repo(conf), job["commit"])
    except ProcessError:  # printed by asv, with what the command printed
        return 1
    except (UserError, EnvironmentUnavailable, OSError) as error:
        return _failed(f"error: {error}")
    made = {
        "python": environment.find_executable("python"),
        "name": environment.name,
        "others": [other.name for other in environments[1:]],
        "variables": environment.env_vars,
    }
    with open(job["made"], "w", encoding="utf-8") as file:
        json.dump(made, file)
    return 0


def _needs_nothing(environment: Any, conf: Any) -> bool:
    """Return whether nothing is to be installed beside the project: then no network is needed."""
    keys = [*environment._requirements, *environment._base_requirements]
    needed = {_name(key) for key in keys} - _ASVS_OWN - _THERE
    return conf.build_command is not None and not needed


def _name(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement.removeprefix("pip+").strip())
    return match[0].lower() if match else requirement


def _install_nothing() -> None:
    """Leave the environment as it was created."""


def _use_uv(environment: Any, uv: str) -> None:
    """Have uv do what asv does with pip, but for what the suite's file says by itself."""
    python = os.path.join(environment._path, "bin", "python")
    pip = [uv, "pip", "install", "--python", python]

    def run_pip(args: list[str], **how: Any) -> Any:
        return environment.run_executable(
            uv, [*pip[1:], *(word for word in args if word not in {"install", "-v"})], **how
        )

    environment._run_pip = run_pip
    build = [uv, "build", "--wheel", "--python", python, "--out-dir"]
    if environment._build_command is None:
        environment._build_command = [f"{_command(build)} {{build_cache_dir}} {{build_dir}}"]
    if environment._install_command is None:
        environment._install_command = [
            f"in-dir={{env_dir}} {_command(pip)} --reinstall {{wheel_file}}"
        ]


def _command(words: list[str]) -> str:
    """Return the words as asv reads them, which fills in what is in braces."""
    return shlex.join(words).replace("{", "{{").replace("}", "}}")


def _failed(message: str) -> int:
    print(message)
    return 1


def _end_with_parent() -> None:
    """Interrupt this process when its input closes; asv then ends what it has started."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
