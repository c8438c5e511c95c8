"""The command of a study: its plan's fields become options, its answer is shown."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

from perceptron.commands.shared import arguments
from perceptron.commands.shared.ending import INCONCLUSIVE
from perceptron.commands.shared.fleet_options import COMPANIONS, run_fleet
from perceptron.commands.shared.idle import waiting
from perceptron.commands.shared.list_command import ListCommand, typed_in_full
from perceptron.commands.shared.options import (
    folder_name,
    one_number,
    one_of,
    seconds_of,
    several,
    split,
    whole_numbers,
)
from perceptron.commands.shared.pages import Written, prepare
from perceptron.errors import UserError

if TYPE_CHECKING:
    from perceptron.answer import Answered, ReadFromFiles
    from perceptron.questions.study import Option, Plan

# Options of every measuring command: the type of the value and its default.
_COMMON: dict[str, tuple[Any, Any]] = {
    "wait": (arguments.Wait, None),
    "machine": (arguments.Machine, None),
    "budget": (arguments.Budget, None),
    "results": (arguments.Results, Path("results")),
    "html": (arguments.HtmlOfAnswer, None),
    "verbose": (arguments.Verbose, False),
    "json": (arguments.Json, False),
}


class StudyCommand(ListCommand):
    """The command of the study of its name, which is imported when the command is used."""

    @property
    def params(self) -> list[Any]:
        """Its options."""
        return self._command.params

    @params.setter
    def params(self, _: object) -> None:
        """Keep the study's own: click assigns those of the function that typer was given."""

    @property
    def callback(self) -> Any:
        """The function of its options' values."""
        return self._command.callback

    @callback.setter
    def callback(self, _: object) -> None:
        """Keep the study's own: click assigns the function that typer was given."""

    @cached_property
    def _command(self) -> TyperCommand:
        app = typer.Typer(add_completion=False)
        app.command(self.name, cls=ListCommand)(command_of(str(self.name)))
        return cast(TyperCommand, typer.main.get_command(app))


def command_of(name: str) -> Callable[..., None]:
    """Return the command of a study, as typer reads one."""
    from perceptron.questions import registry

    kind = registry.load(name).Plan
    options = dict(_options(kind))
    every = _COMMON
    if registry.load(name).page.is_overview:
        every = _COMMON | {"html": (arguments.Html, None)}

    def command(context: typer.Context, **typed: Any) -> None:
        fleet = {option: typed.pop(option) for option in COMPANIONS}
        if fleet["sbatch"] is not None and fleet["on"] is None:
            raise UserError("--sbatch is for the jobs of a fleet: add --on slurm")
        common = {option: typed.pop(option) for option in every}
        given = {field: value for field, value in typed.items() if value is not None}
        plan = kind(**{field: options[field].read(value) for field, value in given.items()})
        _carry_out(context, name, plan.resolved(), fleet, **common)

    parameters = [
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(option.parameter(field) for field, option in options.items()),
        *(_parameter(field, *kind_and_default) for field, kind_and_default in every.items()),
        *(_parameter(field, kind_of_value, None) for field, kind_of_value in COMPANIONS.items()),
    ]
    command.__doc__ = registry.STUDIES[name][1]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _carry_out(
    context: typer.Context,
    name: str,
    plan: Plan,
    fleet: Mapping[str, Any],
    wait: float | None,
    machine: str | None,
    budget: float | None,
    results: Path,
    html: str | None,
    verbose: bool,
    json: bool,
) -> None:
    from perceptron.questions import registry
    from perceptron.questions.carry_out import carry_out
    from perceptron.questions.study import Reader
    from perceptron.report.tables import terminal
    from perceptron.statistics.trust import KILLED

    study = registry.load(name)
    if plan.sources:
        measuring = {"wait": wait, "machine": machine, "budget": budget, "on": fleet["on"]}
        for option, given in measuring.items():
            if given is not None:
                raise UserError(f"--{option} is about measuring: leave it out with --from")
        assert isinstance(study, Reader), "a plan with sources is of a study that reads them"
        read = study.read(plan)
        _show(read, prepare(html, by_default=not json).write(results, read), verbose, json)
        return
    allowed = seconds_of("--budget", budget) or plan.budget_seconds
    if fleet["on"] is not None:
        raise typer.Exit(run_fleet(context, fleet, allowed))
    pages = prepare(html, by_default=not json or study.page.is_overview)
    folder = folder_name("--machine", machine)
    with terminal.progress_bar(study.doing, allowed) as bar:
        pages.load()
        told = carry_out(study, plan, folder, results, bar, allowed, waiting(wait))
        page = pages.write(results, told)
    _show(told, page, verbose, json)
    killed = any(warning.code == KILLED for warning in told.warnings)
    # Of a run that was cut short, or whose workers were killed, a warning says how to go on.
    if not (json or killed or told.run.run.cut_short):
        proposed = typed_in_full(context) if plan.quick else shlex.join(told.answer.next)
        if proposed:
            terminal.show_next(proposed)
    if killed or not told.answer.is_decided:
        raise typer.Exit(INCONCLUSIVE)


def _show(told: Answered | ReadFromFiles, page: Written, verbose: bool, json: bool) -> None:
    from perceptron.answer import Answered
    from perceptron.report import documents
    from perceptron.report.tables import answer as in_terminal
    from perceptron.report.tables import terminal

    file, address = page
    if json:
        documents.write(documents.answer(told, file))
        terminal.show_warnings(told.warnings, is_brief=not verbose)
        return
    in_terminal.show_with_warnings(told.answer, told.warnings, verbose)
    if isinstance(told, Answered):
        terminal.show_paths(told.results, address)
    else:
        for source in told.sources:
            terminal.paragraph(f"rows:  {source}")
        terminal.show_paths(None, address)


class _Typed:
    """The option of a plan's field: its type, and the reading of its value."""

    def __init__(self, name: str, kind: Any, option: Option) -> None:
        self._names = option.names or (f"--{name.replace('_', '-')}",)
        self._option = option
        self._several = get_origin(kind) is tuple
        # Of a tuple what it holds, of an optional field what it is if it is given.
        holds = get_args(kind) if get_origin(kind) in (tuple, UnionType, Union) else (kind,)
        kind = next(one for one in holds if one is not type(None))
        # Without the bounds that a stored plan keeps.
        self._kind: Any = get_args(kind)[0] if get_origin(kind) is Annotated else kind

    def read(self, value: Any) -> Any:
        """Return the field's value; raises `UserError` naming the option."""
        name, choices = self._names[0], get_args(self._kind)
        if not self._several:
            if choices:
                return one_of(name, value, choices)
            if self._kind is str:
                return several(name, (value,))[0]
            return one_number(name, value) if self._option.as_text else value
        if self._kind is int:
            return whole_numbers(name, value, self._option.each_once)
        words = split(name, value) if self._option.is_list else several(name, value)
        return tuple(one_of(name, word, choices) for word in words) if choices else words

    def parameter(self, field: str) -> inspect.Parameter:
        """Return the parameter of a command; its value is None if it was not typed."""
        option = typer.Option(*self._names, metavar=self._option.metavar, help=self._option.help)
        if self._kind is bool:
            return _parameter(field, Annotated[bool, option], False)
        kind: Any = self._kind
        if self._several and kind is not int:
            kind = list[str]
        elif self._several or self._option.as_text or get_args(kind):
            kind = str
        return _parameter(field, Annotated[kind | None, option], None)


def _options(kind: type[Plan]) -> Iterator[tuple[str, _Typed]]:
    import msgspec

    from perceptron.questions.study import Option

    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        about = get_args(hints[field.name])
        for option in about:
            if isinstance(option, Option):
                yield field.name, _Typed(field.name, about[0], option)


def _parameter(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
