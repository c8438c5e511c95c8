"""Options of several values, typed one after another: ``--backends numpy torch-cpu``."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

from typer.core import TyperCommand


class ListCommand(TyperCommand):
    """A command whose options that may be repeated also take their values one after another.

    Such a list ends at the next option, and at a word that a positional argument offers for
    completion: ``walkthrough --backend numpy xor`` has one backend.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse ``args`` with each such option repeated in front of each of its values."""
        options = [option for option in self.params if option.param_type_name == "option"]
        lists = {name for option in options if option.multiple for name in option.opts}

        def is_positional(word: str) -> bool:
            arguments = (param for param in self.params if param.param_type_name == "argument")
            return any(
                word == choice.value
                for argument in arguments
                for choice in argument.shell_complete(ctx, word)
            )

        return super().parse_args(ctx, repeat_options(args, lists, is_positional))


def repeat_options(
    args: Iterable[str], lists: Container[str], is_positional: Callable[[str], bool]
) -> list[str]:
    """Repeat the options in ``lists`` in front of each of their values, as the parser reads them.

    The first word after an option is its value whatever it is; of the others one that
    ``is_positional`` ends the list.
    """
    repeated: list[str] = []
    option: str | None = None
    has_value = False
    for word in args:
        if word.startswith("-"):
            option, has_value = (word if word in lists else None), False
        elif option is not None:
            if has_value and is_positional(word):
                option = None
            elif has_value:
                repeated.append(option)
            has_value = True
        repeated.append(word)
    return repeated
