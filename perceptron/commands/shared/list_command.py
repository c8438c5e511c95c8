"""Options of several values, typed one after another, and ``--wait``, whose value may be left out.

``--backends numpy torch-cpu --wait``
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Container, Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from perceptron.commands.shared.arguments import WAIT_MINUTES


def typed_in_full(context: typer.Context) -> str:
    """Return the command that runs as it was typed, but for ``--quick`` and its budget."""
    words, typed = ["perceptron"], iter(context.obj)
    for word in typed:
        if word == "--budget":
            next(typed)
        elif word != "--quick" and not word.startswith("--budget="):
            words.append(word)
    return shlex.join(words)


class ListCommand(TyperCommand):
    """A command whose options that may be repeated also take their values one after another.

    The value of ``--wait`` may be left out: ``--wait``, ``--wait 5`` and ``--wait=5``.

    Such a list ends at the next option.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse ``args`` with such options repeated, or given the value that was left out."""
        ctx.obj = (str(ctx.info_name), *args)
        options = [option for option in self.params if option.param_type_name == "option"]
        lists = {name for option in options if option.multiple for name in option.opts}
        waits = any("--wait" in option.opts for option in options)
        return super().parse_args(ctx, list(_in_full(args, lists, waits)))


def _in_full(words: Sequence[str], lists: Container[str], waits: bool) -> Iterator[str]:
    """Yield the words as the parser reads them: an option in ``lists`` before each of its values.

    The first word after an option is its value whatever it is.
    """
    option: str | None = None
    has_value = False
    for index, word in enumerate(words):
        if word == "--":
            yield from words[index:]
            return
        if word.startswith("-"):
            option, has_value = (word if word in lists else None), False
        elif option is not None:
            if has_value:
                yield option
            has_value = True
        yield word
        next_word = "".join(words[index + 1 : index + 2])
        if waits and word == "--wait" and not _is_minutes(next_word):
            yield WAIT_MINUTES


def _is_minutes(word: str) -> bool:
    """Return whether this is a week at most; a longer number is a commit, shortened."""
    return re.fullmatch(r"\d{1,4}(\.\d*)?|\.\d+", word, re.ASCII) is not None
