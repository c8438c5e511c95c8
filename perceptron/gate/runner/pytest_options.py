"""How pytest is started, whatever a project asks of it. Part of the program: standard library
only."""

from __future__ import annotations

import os
import re

# They order, repeat or end tests by rules of their own, or work between them.
_UNWANTED = (
    "codspeed",
    "faulthandler",
    "flaky",
    "random_order",
    "randomly",
    "rerunfailures",
    "threadexception",
    "timeout",
    "unraisableexception",
)
_CONFIGURATIONS = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
# Its value in INI or TOML, up to the next field or section.
_OPTIONS = re.compile(r"^addopts\s*=(.*?)(?=^[\w.-]+\s*=|^\[|\Z)", re.MULTILINE | re.DOTALL)


def options(tree: str, tests: str, folder: str) -> list[str]:
    """Return the options with which tests of a tree are run; ``folder`` may be written to.

    Of the project's own options those are kept without which tests do not load: others select,
    repeat, trace or distribute them.
    """
    return [
        f"--rootdir={tree}",
        f"--confcutdir={tree}",
        f"--basetemp={os.path.join(folder, 'pytest')}",
        *("-o", "addopts="),
        *("-o", f"cache_dir={os.path.join(folder, 'pytest-cache')}"),
        # As it is written: rewritten code keeps the name of the folder that it was compiled in.
        "--assert=plain",
        "--capture=no",
        "-q",
        *(f"-pno:{name}" for name in _UNWANTED),
        # Fields of plug-ins that are left out are no mistake here.
        *("-o", "strict_config=false", "-W", "ignore::pytest.PytestConfigWarning"),
        *_needed(_own_options(tree, tests)),
    ]


def _own_options(tree: str, tests: str) -> list[str]:
    """Return the words of ``addopts`` nearest to the tests."""
    folder = tests
    while folder.startswith(tree):
        for name in _CONFIGURATIONS:
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    match = _OPTIONS.search(file.read())
            except (OSError, UnicodeDecodeError):
                continue
            if match is not None:
                return [word for word in re.split(r"[\s\"',\[\]]+", match[1]) if word]
        folder = os.path.dirname(folder)
    return []


def _needed(words: list[str]) -> list[str]:
    """Return those that name how tests are imported, and plug-ins whose fixtures they use."""
    needed = []
    for place, word in enumerate(words):
        following = "".join(words[place + 1 : place + 2])
        if word.startswith("--import-mode="):
            needed.append(word)
        elif word == "--import-mode" or (word == "-p" and not following.startswith("no:")):
            needed += [word, following]
    return needed
