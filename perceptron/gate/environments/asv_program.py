"""The program that lets asv make one environment and install one commit in it.

A process of its own, since asv prints to its console, changes the folder and handles signals. It is
sent one JSON line and writes what it made to the file that this names; all else goes to its output,
which is the log. It needs the standard library and asv, and ends when its input closes.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import threading
from typing import Any

Job = dict[str, Any]
# What asv installs for itself: to build by its default commands, and to run benchmarks.
_ASVS_OWN = {"build", "asv_runner", "pympler"}
# What a new virtual environment has.
_THERE = {"pip", "setuptools", "wheel"}


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
