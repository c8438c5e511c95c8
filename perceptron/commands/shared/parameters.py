"""Make commands from the fields of a plan or the arguments of a function.

An annotation with an `Option` gives the option's name and help, and its type how the value is
parsed. Options of several values may be repeated, or have values separated by commas or spaces, as
in ``--backends numpy torch-cpu``; such a list ends at the next option.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import click
from click.core import ParameterSource

from perceptron.errors import UserError, unknown
from perceptron.options import OUTPUT, PANELS, Argument, Option

# Python parses no number of more than 4,300 digits.
_WHOLE = re.compile(r"[0-9]{1,100}")
_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Field:
    """An option or argument of a command."""

    name: str
    kind: Any
    """The type, such as ``str``, ``int`` or a ``Literal``; of several values that of each."""
    is_several: bool
    option: Option
    default: Any = None
    """The default as help shows it."""

    @property
    def typed(self) -> str:
        """The name in errors: the first name of the option, or an argument's metavar."""
        if isinstance(self.option, Argument):
            return self.option.metavar or self.name
        return self._names[0]

    def parameter(self) -> click.Parameter:
        """Return the field as a parameter of click."""
        option = self.option
        if isinstance(option, Argument):
            return click.Argument(
                [self.name],
                type=self._type,
                metavar=option.metavar,
                nargs=-1 if self.is_several else 1,
                required=self.default is _REQUIRED,
            )
        if self.kind is bool:
            return click.Option([self.name, *self._names], is_flag=True, help=option.help)
        return click.Option(
            [self.name, *self._names],
            type=self._type,
            multiple=self.is_list,
            default=self.default or None,
            help=option.help,
        )

    @property
    def help_record(self) -> tuple[str, str]:
        """The two columns of help: the option with its metavar, and the description."""
        about = self.option.help
        if isinstance(self.option, Argument):
            return self.typed, f"{about}{'  [required]' * (self.default is _REQUIRED)}"
        default = f"  [default: {self.default}]" if self.default else ""
        return f"{self.typed} {self.option.metavar or ''}".rstrip(), f"{about}{default}"

    @property
    def is_list(self) -> bool:
        """Whether the option may be repeated; of options with numbers the last counts."""
        return self.is_several and self.kind is not int

    def read(self, value: Any) -> Any:
        """Parse the text of the field; raises `UserError` naming the option."""
        choices = get_args(self.kind)
        if self.is_several and self.kind is int:
            return whole_numbers(self.typed, value, self.option.each_once)
        if self.is_several:
            words = (split if self.option.is_list else several)(self.typed, value)
            if choices:
                return tuple(one_of(self.typed, word, choices) for word in words)
            return tuple(map(self.kind, words))
        if choices:
            return one_of(self.typed, value, choices)
        if self.kind is Path:
            return a_path(self.typed, value, "folder" if self.option.metavar == "DIR" else "file")
        if self.kind is str and not self.option.may_be_empty:
            return several(self.typed, (value,))[0]
        if self.option.as_text:
            return one_number(self.typed, value)
        if self.kind is float and not isfinite(value):  # as no range excludes
            raise UserError(f"{self.typed} takes a number, got {value}")
        return value

    @property
    def _names(self) -> tuple[str, ...]:
        return self.option.names or (f"--{self.name.replace('_', '-')}",)

    @property
    def _type(self) -> Any:
        option = self.option
        if isinstance(option, Argument) and (choices := get_args(self.kind)):
            return click.Choice(choices)
        if self.kind not in (int, float) or self.is_several or option.as_text:
            return click.STRING
        number: Any = click.INT if self.kind is int else click.FLOAT
        if option.low is None and option.high is None:
            return number
        bounds: Any = click.IntRange if self.kind is int else click.FloatRange
        ranged = bounds(option.low, option.high)
        ranged.name = number.name  # no text is "a valid float range"
        return ranged


def fields_of_plan(plan: type) -> tuple[Field, ...]:
    """Return the fields of a plan that have an `Option`; their help states the defaults."""
    return tuple(_fields(get_type_hints(plan, include_extras=True), {}))


def fields_of_arguments(function: Callable[..., object]) -> tuple[Field, ...]:
    """Return the arguments of a function that have an `Option`."""
    parameters = inspect.signature(function).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    return tuple(_fields(get_type_hints(function, include_extras=True), defaults))


def _fields(hints: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[Field]:
    for name, hint in hints.items():
        kind, *about = get_args(hint) or (None,)
        for option in about:
            if isinstance(option, Option):
                yield _field(name, kind, option, defaults.get(name))


def _field(name: str, kind: Any, option: Option, default: Any) -> Field:
    # The type of a tuple's items, or that of an optional field without None.
    holds = get_args(kind) if get_origin(kind) in (tuple, UnionType, Union) else (kind,)
    value_type = next(member for member in holds if member is not type(None))
    # Without the bounds that a stored plan keeps.
    value_type = get_args(value_type)[0] if get_origin(value_type) is Annotated else value_type
    return Field(name, value_type, get_origin(kind) is tuple, option, default)


class Command(click.Command):
    """A command that calls a function with the options typed; it returns the exit code.

    Options that were not typed have the function's defaults.
    """

    def __init__(
        self, name: str, summary: str, fields: Iterable[Field], run: Callable[..., int]
    ) -> None:
        self.fields = tuple(fields)
        self._function = run
        super().__init__(name, help=summary, params=[field.parameter() for field in self.fields])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; keep them as typed in the context's ``obj``."""
        ctx.obj = (str(ctx.info_name), *args)
        lists = {name for field, name in self._options() if field.is_list}
        alone = {name: field.option.alone for field, name in self._options() if field.option.alone}
        return super().parse_args(ctx, list(_in_full(args, lists, alone)))

    def invoke(self, ctx: click.Context) -> int:
        """Parse the options typed, and run the function."""
        typed = (field for field in self.fields if is_typed(ctx, field.name))
        return self._function(**{field.name: field.read(ctx.params[field.name]) for field in typed})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, then each panel of options."""
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Arguments", *PANELS)}
        for field in self.fields:
            is_argument = isinstance(field.option, Argument)
            rows["Arguments" if is_argument else field.option.panel].append(field.help_record)
        rows[OUTPUT].append(("--help", "Show this message and exit."))
        for title, records in rows.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def _options(self) -> Iterator[tuple[Field, str]]:
        parameters = zip(self.fields, self.params, strict=True)
        return ((field, name) for field, parameter in parameters for name in parameter.opts)


def is_typed(context: click.Context, name: str) -> bool:
    """Return whether a field was typed on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def typed_in_full(context: click.Context) -> str:
    """Return the command line as typed, without ``--quick`` and ``--budget``."""
    command, typed = ["perceptron"], iter(context.obj)
    for word in typed:
        if word == "--budget":
            next(typed)
        elif word != "--quick" and not word.startswith("--budget="):
            command.append(word)
    return shlex.join(command)


def _in_full(
    arguments: Sequence[str], lists: Container[str], alone: Mapping[str, str]
) -> Iterator[str]:
    """Yield the arguments as click parses them.

    An option in ``lists`` is repeated before each of its values. An option in ``alone`` gets its
    default number there if no number follows it.
    """
    option: str | None = None
    has_value = False
    for index, word in enumerate(arguments):
        if word == "--":
            yield from arguments[index:]
            return
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            option, has_value = (name if name in lists else None), bool(equals)
        elif option is not None:
            if has_value:
                yield option
            has_value = True
        yield word
        if word in alone and not _is_minutes("".join(arguments[index + 1 : index + 2])):
            yield alone[word]


def _is_minutes(word: str) -> bool:
    """Return whether a word is a number of minutes; one of five digits or more is a commit."""
    return re.fullmatch(r"\d{1,4}(\.\d*)?|\.\d+", word, re.ASCII) is not None


# --- values, as users type them ------------------------------------------------------------------


def split(option: str, values: Iterable[str]) -> tuple[str, ...]:
    """Split ``["a,b", "c"]`` into ``("a", "b", "c")``, without repeats.

    Raises `UserError` naming the option if all values are empty: an unset variable must not mean
    the default.
    """
    words = [word.strip() for value in values for word in value.split(",")]
    once = tuple(dict.fromkeys(word for word in words if word))
    if not once:
        raise UserError(f"{option} is empty: name at least one, or leave it out")
    return once


def several(option: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return values that may contain commas, such as names of files, without repeats.

    Raises `UserError` naming the option for an empty one.
    """
    once = tuple(dict.fromkeys(values))
    if not all(value.strip() for value in once):
        raise UserError(f"{option} is empty: name one, or leave it out")
    return once


def whole_numbers(
    option: str, value: str, each_once: bool = True, *, example: str = "1,2"
) -> tuple[int, ...]:
    """Parse ``"1,2"`` to ``(1, 2)``; raises `UserError` naming the option, with an example."""
    if not value.strip(" ,"):
        raise UserError(f"{option} is empty: name at least one, or leave it out")
    numbers = []
    for word in map(str.strip, value.split(",")):
        if not _WHOLE.fullmatch(word) or int(word) < 1:
            raise UserError(
                f"{option} takes whole numbers from 1, such as {example}; got {word!r:.40}"
            )
        numbers.append(int(word))
    return tuple(dict.fromkeys(numbers)) if each_once else tuple(numbers)


def one_number(option: str, value: str) -> int:
    """Parse a single whole number; raises `UserError` naming the option."""
    number, *others = whole_numbers(option, value, example="8")
    if others:
        raise UserError(f"{option} takes one number here, got {value}")
    return number


def one_of(option: str, value: str, choices: Sequence[str]) -> str:
    """Return the value if it is one of the choices; raises `UserError` naming the option."""
    if value not in choices:
        raise unknown(option, value, choices)
    return value


def a_path(option: str, value: str, kind: str) -> Path:
    """Return the value as a path; raises `UserError` naming the option if it is empty.

    An unset variable must not mean the current folder.
    """
    if not value.strip():
        raise UserError(f"{option} is empty: name a {kind}, or leave it out")
    return Path(value)
