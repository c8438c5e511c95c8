"""The command contract, kept by real processes."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import chain

import click
import pytest
from click.testing import CliRunner

from perceptron import __version__
from perceptron.cli import COMMANDS, app
from perceptron.questions import registry
from perceptron.questions.registry import STUDIES
from tests.conftest import ROOT, Perceptron

HEAVY = ("numpy", "torch", "pandas", "matplotlib", "scipy", "rich")


@pytest.mark.parametrize(
    ("typed", "light"),
    [
        ("--help", {*HEAVY, "perceptron.questions.study", "perceptron.commands.compare"}),
        ("crossover --help", {*HEAVY} - {"numpy"}),
        ("compare --help", {*HEAVY}),
    ],
)
def test_help_imports_nothing_heavy(typed: str, light: set[str]) -> None:
    """The first answer must not cost a second; a list of commands imports none of them."""
    code = (
        "import sys\nfrom perceptron.cli import main\n"
        f"sys.argv = {['perceptron', *typed.split()]}\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Usage: " in process.stdout
    assert not light & set(process.stderr.split())


def test_cli_without_arguments_shows_help(here: Perceptron) -> None:
    process = here()
    assert (process.returncode, process.stderr) == (0, "")
    assert all(f"  {command} " in process.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_one_screen_in_panels_and_names_are_the_same_everywhere(command: str) -> None:
    """Options that a new user needs come first, those of a cluster last."""
    result = CliRunner().invoke(app, [command, "--help"], prog_name="perceptron")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) < 40
    usage, *blocks = result.output.split("\n\n")
    assert "{" not in usage
    panels = {
        title: re.findall(r"^  (--[a-z-]+)", rows, re.MULTILINE)
        for title, _, rows in (block.partition(":\n") for block in blocks)
    }
    assert max(map(len, panels.values())) <= 18
    cluster = {"--on", "--sbatch"} & {*chain.from_iterable(panels.values())}
    assert not cluster or {*list(panels.values())[-1]} == cluster
    if command in ("dashboard", "fleet"):
        assert re.search(r"--results DIR +Read ", result.output)
    loaded = app.get_command(click.Context(app), command)
    assert loaded is not None
    for parameter in loaded.params:
        for pair in ("family families", "backend backends", "bench benchmarks"):
            names = {f"--{noun}" for noun in pair.split()}
            assert names & {*parameter.opts} in (names, set())


@pytest.mark.parametrize("command", STUDIES)
def test_help_states_the_budget_that_is_used(command: str) -> None:
    output = CliRunner().invoke(app, [command, "--help"]).output
    stated = re.search(r"--budget MINUTES .*Default: ([0-9.]*[0-9])", output)
    assert stated is not None
    # What a crossover states is of one comparison.
    one = {"families": ("mlp-width",), "backends": ("numpy", "python"), "threads": (1,)}
    plan = registry.load(command).Plan(**one if command == "crossover" else {})
    assert float(stated[1]) == round(plan.budget_seconds / 60, 1)


def test_cli_commands_match_their_files() -> None:
    files = (ROOT / "perceptron" / "commands").glob("*.py")
    named = (file.stem.replace("_", "-") for file in files if file.stem != "__init__")
    assert sorted(COMMANDS) == sorted({*named, *STUDIES})


def test_cli_version(here: Perceptron) -> None:
    assert here("--version").stdout == f"perceptron {__version__}\n"


def test_cli_ascii_terminal_shows_report(perceptron: Perceptron) -> None:
    """µ and × become marks; the command still answers."""
    process = perceptron(
        *("walkthrough", "--backend", "numpy"), variables={"PYTHONIOENCODING": "ascii"}
    )
    assert process.returncode == 0, process.stderr
    assert "10,000 iterations took" in process.stdout


def test_cli_full_disk_on_stdout_is_one_line(perceptron: Perceptron) -> None:
    with open("/dev/full", "w") as full:
        process = perceptron("backends", "--json", stdout=full)
    assert process.returncode == 2
    assert (
        process.stderr.splitlines()[0] == "error: cannot write the answer: No space left on device"
    )


WITHOUT = """
import sys
from importlib.machinery import PathFinder

absent, commands, search = sys.argv[1].split(","), sys.argv[2].split(","), PathFinder.find_spec

def find_spec(_finder, name, path=None, target=None):
    return None if name.partition(".")[0] in absent else search(name, path, target)

PathFinder.find_spec = classmethod(find_spec)
from perceptron.cli import main
for command in commands:
    sys.argv = ["perceptron", *command.split()]
    try:
        main()
    except SystemExit as ended:
        print(ended.code)
"""


def without(libraries: str, commands: str) -> subprocess.CompletedProcess[str]:
    """Run commands from a bare checkout on a machine that lacks some libraries."""
    command = [sys.executable, "-c", WITHOUT, libraries, commands]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def test_cli_measuring_commands_need_no_gate_or_page_libraries() -> None:
    """A machine that is lent has what trains; asv, pages and their like are at home.

    The wrong number is refused after all that the command needs was imported.
    """
    libraries = "asv,asv_runner,contourpy,jinja2,json5,matplotlib,pandas,platformdirs"
    measuring = [f"{name} --threads no" for name in ("bench", "overhead", "crossover", "map")]
    process = without(libraries, ",".join(["backends --json", *measuring]))
    assert process.stdout.split()[-5:] == ["0", "2", "2", "2", "2"]
    assert process.stderr.count("error: --threads takes whole numbers") == 4
    assert process.stderr.count("\n") == 4


def test_cli_missing_library_is_one_line() -> None:
    process = without("msgspec", "backends")
    assert process.stdout == "2\n"
    assert process.stderr == "error: msgspec is not installed: pip install . in the checkout\n"
