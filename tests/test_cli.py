"""The command contract, kept by real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perceptron.cli import app
from tests.conftest import ROOT, Perceptron

COMMANDS = [info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands]
HEAVY = ("numpy", "torch", "pandas", "matplotlib", "scipy", "rich")


def test_help_imports_nothing_heavy() -> None:
    """The first answer must not cost a second: neither our modules nor typer pull them in."""
    code = (
        "import sys\nfrom perceptron.cli import main\nsys.argv = ['perceptron', '--help']\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "walkthrough" in process.stdout
    assert not set(HEAVY) & set(process.stderr.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_in_one_screen(here: Perceptron, command: str) -> None:
    process = here(command, "--help")
    assert process.returncode == 0
    assert len(process.stdout.splitlines()) < 40


def test_the_version_is_told(perceptron: Perceptron) -> None:
    import perceptron as package

    assert perceptron("--version").stdout == f"perceptron {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walkthrouhg"], "error: No such command 'walkthrouhg'"),
        (["walkthrough", "or-gat"], "error: unknown problem 'or-gat': did you mean 'or-gate'?"),
        (["walkthrough", "--actviation", "tanh"], "error: No such option: --actviation"),
        (
            ["walkthrough", "--backend", "nunpy"],
            "error: unknown backend 'nunpy': did you mean 'numpy'?",
        ),
        (
            ["bench", "--families", "mlp-wdith"],
            "error: unknown family 'mlp-wdith': did you mean 'mlp-width'?",
        ),
        (
            ["bench", "--problem", "no.toml"],
            "error: {folder}/no.toml: cannot be read: No such file",
        ),
        (["bench", "--problem", "or-gate"], "error: 'or-gate' is no model of your own: name a"),
        (["bench", "--problem", ","], "error: --problem is empty"),
        (["bench", "--threads", "many"], "error: --threads takes whole numbers from 1"),
        (["bench", "--dtype", "half"], "error: unknown --dtype 'half'"),
        (["bench", "--results", "/proc/no"], "error: /proc/no: cannot write results"),
        (["check", "torch-gpu"], "error: unknown backend 'torch-gpu': did you mean 'torch-"),
        (["check"], "error: Missing argument"),
        (["bench", "--machine", "../../x"], "error: --machine takes letters, digits"),
        (["bench", "--threads", ""], "error: --threads is empty"),
        (["bench", "--backends", ","], "error: --backends is empty"),
        (["check", ""], "error: NAME is empty"),
        (["bench", "--machine", ""], "error: --machine takes letters, digits"),
        (["crossover", "--by", "backend"], "error: --by and --size name parameters of files"),
        (["crossover", "--size", "n"], "error: --by and --size name parameters of files"),
        (["crossover", "--commit", "abc"], "error: --size-regex and --commit are about files"),
        (
            ["crossover", "--from", "x.csv", "--size-regex", "("],
            "error: --size-regex '(': not a reg",
        ),
        (
            ["crossover", "--from", "x.csv", "--size-regex", "7"],
            "error: --size-regex '7' has no gr",
        ),
        (["crossover", "--pair", "numpy"], "error: --pair takes INCUMBENT:CHALLENGER"),
        (
            ["crossover", "--pair", "nunpy:torch-cpu"],
            "error: unknown backend in --pair 'nunpy': did you mean 'numpy'?",
        ),
        (["crossover", "--pair", "numpy:numpy"], "error: --pair 'numpy:numpy' names one backend"),
        (["crossover", "--pair", ""], "error: --pair is empty"),
        (
            ["crossover", "--family", "mlp-map"],
            "error: family 'mlp-map' varies along 2 axes: `perceptron map --family mlp-map` draws",
        ),
        (["crossover", "--family", "mlp-wdith"], "error: unknown family 'mlp-wdith': did you mean"),
        (["crossover", "--from", "no.csv"], "error: no.csv: no such results"),
        (["crossover", "--iterations", "0"], "error: Invalid value for '--iterations'"),
        (["crossover", "--backends", "numpy"], "error: a crossover needs two backends"),
        (["crossover", "--problem", "no.toml"], "error: {folder}/no.toml: cannot be read"),
        (["map", "--family", "mlp-width"], "error: family 'mlp-width' varies along 1 axis and a"),
        (
            ["compare", "a", "b", "--markdown", "/proc/no"],
            "error: /proc/no: cannot be written: No such file or directory; choose another",
        ),
        (["gpu-day", "--stage", "40"], "error: --stage takes numbers from 1 to"),
        (["gpu-day", "--unpack", "no.tar.gz"], "error: no.tar.gz: cannot be read: No such file"),
        (["gpu-day", "--machine", "a/b"], "error: --machine takes letters, digits"),
        (["gpu-day", "--budget", "0"], "error: --budget takes minutes, above 0"),
        (["gpu-day", "--results", "/proc/no"], "error: /proc/no: cannot write results"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    here: Perceptron, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """On standard error, naming the option or name; no traceback, nothing on standard output."""
    process = here(*arguments)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith(message.replace("{folder}", str(tmp_path)))
    assert len(process.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walkthrough", "--actviation", "tanh"], "error: No such option: --actviation"),
        (["bench", "--threads", "many"], "error: --threads takes whole numbers from 1"),
    ],
)
def test_a_shell_sees_wrong_usage_as_the_tests_in_this_process_do(
    perceptron: Perceptron, here: Perceptron, arguments: list[str], message: str
) -> None:
    """The parser's complaints and ours: the same code and the same words from a real process."""
    in_shell, in_process = perceptron(*arguments), here(*arguments)
    assert in_shell.stderr.startswith(message)
    assert (in_shell.returncode, in_shell.stdout, in_shell.stderr) == (
        2,
        in_process.stdout,
        in_process.stderr,
    )


def test_a_terminal_without_greek_letters_loses_no_report(tmp_path: Path) -> None:
    """µ and × become marks; the command still answers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    process = subprocess.run(
        [sys.executable, "-m", "perceptron", "walkthrough", "--backend", "numpy"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert b"10,000 iterations took" in process.stdout


def test_a_full_disk_behind_standard_output_is_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "perceptron", "backends", "--json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 2
    assert (
        process.stderr.splitlines()[0] == "error: cannot write the answer: No space left on device"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["crossover", "--from", "x.csv", "--threads", "2"], "--threads says what to measure"),
        (["crossover", "--from", "x.csv", "--dtype", "float64"], "--dtype says what to measure"),
        (["advise", "--rows", "3"], "give --rows and --features"),
        (["advise", "--rows", "3", "--problem", "xor"], "not both"),
        (["advise", "--problem", "xor", "--what-if", "h10"], "unknown device 'h10'"),
        (["overhead", "--problem", "nothing"], "unknown problem 'nothing'"),
        (["overhead", "--threads", "1,2"], "--threads takes one number here"),
        (["map", "--family", "mlp-width"], "varies along 1 axis and a map needs two"),
        (["bench", "--budget", "0"], "--budget takes minutes, above 0"),
        (["map", "--budget", "nan"], "--budget takes minutes, above 0"),
        (["overhead", "--budget", "inf"], "--budget takes minutes, above 0"),
        (["crossover", "--budget", "-1"], "--budget takes minutes, above 0"),
        (["crossover", "--from", "x.csv", "--budget", "2"], "--budget says what to measure"),
        (["advise", "--problem", "xor", "--seconds", "0"], "--seconds takes seconds, above 0"),
        (
            ["advise", "--problem", "xor", "--seconds", "9", "--budget", "1"],
            "give --budget in minutes or --seconds, not both",
        ),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    here: Perceptron, arguments: list[str], message: str
) -> None:
    process = here(*arguments)
    assert process.returncode == 2
    assert process.stderr.startswith("error: ")
    assert process.stderr.count("\n") == 1
    assert message in process.stderr
    assert process.stdout == ""


WITHOUT = """
import sys
from importlib.machinery import PathFinder

absent, search = sys.argv.pop(1).split(","), PathFinder.find_spec

def find_spec(_finder, name, path=None, target=None):
    return None if name.partition(".")[0] in absent else search(name, path, target)

PathFinder.find_spec = classmethod(find_spec)
from perceptron.cli import main
main()
"""


def without(libraries: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line from a bare checkout on a machine that lacks some libraries."""
    command = [sys.executable, "-c", WITHOUT, libraries, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_measures_needs_nothing_that_the_gate_and_the_pages_need() -> None:
    """A machine that is lent has what trains; asv, pages and their like are at home."""
    libraries = "asv,asv_runner,contourpy,jinja2,json5,matplotlib,pandas,platformdirs,plotly"
    measuring = ("bench", "overhead", "crossover", "map", "race")
    for arguments in (("backends", "--json"), *((name, "--threads", "no") for name in measuring)):
        process = without(libraries, *arguments)
        # The wrong number is refused after all that the command needs was imported.
        expected = 0 if arguments[0] == "backends" else 2
        assert process.returncode == expected, process.stderr
        assert "is not installed" not in process.stderr
        assert "Traceback" not in process.stderr


def test_a_library_that_is_not_there_is_one_line() -> None:
    process = without("msgspec", "backends")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == "error: msgspec is not installed: pip install . in the checkout\n"
