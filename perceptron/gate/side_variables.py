"""The environment variables for code of a revision: without those of the CI job.

A workflow's variables name files that control its later steps (GITHUB_ENV, GITHUB_PATH), and hold
tokens. The compared code must not have them.
"""

from __future__ import annotations

import os

_OF_THE_JOB = ("ACTIONS_", "GATE_", "GITHUB_", "RUNNER_")


def side_variables() -> dict[str, str]:
    """Return this process's variables without those of the CI job."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_JOB)}
