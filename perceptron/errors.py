"""`UserError`, an error that the user can fix, and the message for an unknown name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# A table may have thousands of names.
_MOST_CHOICES = 40


class UserError(Exception):
    """Wrong usage, bad input or broken infrastructure, in one line.

    The line names the file, option or field, says what is wrong and what to do. The command line
    prints it as ``error: …`` and exits with 2; it never shows a traceback.
    """


class Inconclusive(UserError):
    """No answer could be found, and the command needs no correction: exits with 3."""


def unknown(kind: str, name: str, names: Iterable[str]) -> UserError:
    """Return the error for a name that is not in ``names``, with the nearest of them."""
    choices = list(names)
    spelled = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(name.casefold(), spelled, n=1)
    more = f" and {len(choices) - _MOST_CHOICES:,} more" if len(choices) > _MOST_CHOICES else ""
    listed = f"choose from {', '.join(choices[:_MOST_CHOICES])}{more}"
    hint = f"did you mean {spelled[near[0]]!r}?" if near else listed
    return UserError(f"unknown {kind} {name!r}: {hint}")


def in_one_line(error: BaseException) -> str:
    """Return the type and message of an error in one line of at most 500 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
