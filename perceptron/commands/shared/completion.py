"""``--install-completion`` and ``--show-completion``: the script that has a shell complete words.

It is click's. The files are those that each shell looks for, or that its start reads.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from perceptron.errors import UserError

# Of each shell: where its script is, what it reads when it starts, and what must stand there.
_PLACES = {
    "bash": (
        ".bash_completions/perceptron.sh",
        ".bashrc",
        "source '{file}'",
    ),
    "zsh": (".zfunc/_perceptron", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
    "fish": (".config/fish/completions/perceptron.fish", "", ""),
}


def show_completion(app: click.Command) -> None:
    """Print the script of the current shell."""
    click.echo(_script(app, _shell()))


def install_completion(app: click.Command) -> None:
    """Write the script where the current shell finds it."""
    shell = _shell()
    place, start, line = _PLACES[shell]
    file = Path.home() / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_script(app, shell), encoding="utf-8")
    if start:
        read = Path.home() / start
        lines = read.read_text(encoding="utf-8") if read.is_file() else ""
        wanted = line.format(file=file)
        if wanted not in lines.splitlines():
            before = f"{lines.rstrip()}\n" if lines else ""
            read.write_text(f"{before}{wanted}\n", encoding="utf-8")
    click.echo(f"completion for {shell} is in {file}: it works once you restart the shell")


def _script(app: click.Command, shell: str) -> str:
    kind = get_completion_class(shell)
    assert kind is not None, "one of click's own"
    return str(kind(app, {}, "perceptron", "_PERCEPTRON_COMPLETE").source())


def _shell() -> str:
    """Return the shell that this process was started from, however far; raises `UserError`."""
    import psutil

    names: list[str] = [parent.name() for parent in psutil.Process().parents()]
    names.append(Path(os.environ.get("SHELL", "")).name)
    for name in names:
        if name in _PLACES:
            return name
    raise UserError(f"completion is for {', '.join(_PLACES)}: run this in one of them")
