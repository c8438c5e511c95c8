"""The environment variables that code of a revision is started with: none of the job's own.

A workflow's variables name files that its later steps obey (GITHUB_ENV, GITHUB_PATH), and hold
tokens. What is compared has no business there, whoever wrote it.
"""

from __future__ import annotations

import os

_OF_THE_JOB = ("ACTIONS_", "GATE_", "GITHUB_", "RUNNER_")


def side_variables() -> dict[str, str]:
    """Return this process's variables but for those of the job that compares."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_JOB)}
