"""What is run to build and install a revision, and that nothing of it outlives the comparison.

Environments are made up: their pip installs nothing. Real ones are in test_built_compare.py.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.environments import build_cache, installation
from perceptron.gate.environments.build_cache import Place
from perceptron.gate.environments.recipe import Recipe, read
from perceptron.gate.environments.source import Source
from tests.gate.conftest import Repository, interpreter

# Makes an environment whose pip records what it is to do.
MAKES = f"""sh -c '
mkdir -p "$2/bin"
printf "%s\\n" "#!/bin/sh" \\
  "if [ \\"\\$2\\" = pip ]; then echo pip \\"\\$@\\"; exit 0; fi" \\
  "exec {sys.executable} \\"\\$@\\"" > "$2/bin/python"
chmod +x "$2/bin/python"
'"""
# It starts a compiler with a session of its own.
BUILDS = """
import os, pathlib, subprocess, sys, time
compiler = subprocess.Popen(["sleep", "600"], start_new_session=True)
pids = pathlib.Path(sys.argv[1], "pids")
pids.with_name("new").write_text(f"{os.getpid()} {compiler.pid}")
pids.with_name("new").rename(pids)
time.sleep(600)
"""
SHOWS = "import json, os, sys; print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]))"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: Repository) -> Iterator[Place]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    place = build_cache.take("how", "0" * 12, "head")
    yield place
    place.lock.close()


@pytest.fixture
def recipe(toy: Repository, tmp_path: Path) -> Recipe:
    made = read(toy.folder / "asv.conf.json", "asv.conf.json")
    return replace(made, python=interpreter(tmp_path / "makes", MAKES), install_commands=[])


def install(toy: Repository, place: Place, recipe: Recipe) -> bool:
    source = Source(toy.folder, resolve(toy.folder, "HEAD"), toy.folder)
    return installation.install(place, source, recipe, Path(), None)


def alive(pids: Path) -> list[int]:
    """Which of these still run; one that has ended and nobody has asked of does not."""
    running = []
    for pid in map(int, pids.read_text().split()):
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                running.append(pid)
        except psutil.NoSuchProcess:
            pass
    return running


def test_installation_interrupted_leaves_nothing(
    toy: Repository, place: Place, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "builds.py").write_text(BUILDS)
    recipe = replace(recipe, build_commands=[f"python {tmp_path}/builds.py {tmp_path}"])
    pids = tmp_path / "pids"

    def interrupt() -> None:
        while not pids.exists():
            threading.Event().wait(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        install(toy, place, recipe)
    assert alive(pids) == []


def test_installation_over_time_limit_is_ended(
    toy: Repository,
    place: Place,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installation, "LONGEST_SECONDS", 2.0)
    (tmp_path / "builds.py").write_text(BUILDS)
    command = f"python {tmp_path}/builds.py {tmp_path}"
    assert not install(toy, place, replace(recipe, build_commands=[command], timeout=0.0))
    assert "error: the build took longer" in place.log.read_text()
    if (tmp_path / "pids").exists():  # it was there in time
        assert alive(tmp_path / "pids") == []


def test_commands_of_the_file_run_as_asv_runs_them_and_see_nothing_of_the_job(
    toy: Repository,
    place: Place,
    recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a shell; with its placeholders, its variables, and what pyproject.toml requires."""
    for name in ("GITHUB_ENV", "RUNNER_TEMP", "GATE_LABEL", "ACTIONS_RUNTIME_TOKEN", "PYTHONPATH"):
        monkeypatch.setenv(name, "of the job")
    requires = 'requires = ["cython", "tomli; python_version < \'3.11\'"]\n'
    toy.commit("needs", "pyproject.toml", f"[build-system]\n{requires}")
    shows = f"python -c '{SHOWS}'"
    recipe = replace(
        recipe,
        requirements=("numpy==1.26",),
        build_variables={"CC": "of the matrix"},
        build_commands=[
            f"OWN=1 in-dir={{env_dir}} {shows} {{commit}} {{conf_dir}} {{{{x}}}} '$OWN;'",
            "return-code=3 python -c 'raise SystemExit(3)'",
            'python -c \'open("{build_cache_dir}/toy-1-py3-none-any.whl", "w")\'',
        ],
        install_commands=[f"{shows} {{wheel_file}}"],
    )
    assert install(toy, place, recipe), place.log.read_text()
    lines = place.log.read_text().splitlines()
    (pip,) = (line for line in lines if line.startswith("pip -m pip"))
    assert pip.startswith(
        "pip -m pip install --upgrade numpy==1.26 build setuptools wheel cython tomli; py"
    )
    (arguments, folder, variables), (wheel, at, _) = (
        json.loads(line) for line in lines if line.startswith("[[")
    )
    project = place.environment / "project"
    commit = toy.git("rev-parse", "HEAD").strip()
    assert arguments == [commit, str(project), "{x}", "$OWN;"]
    assert (folder, at) == (str(place.venv), str(project))
    assert wheel == [str(place.environment / "wheels" / "toy-1-py3-none-any.whl")]
    expected = {"OWN": "1", "CC": "of the matrix", "ASV": "true", "ASV_COMMIT": commit}
    assert {**expected, "ASV_BUILD_DIR": str(project)}.items() <= variables.items()
    assert "of the job" not in variables.values()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python -c 'raise SystemExit(1)'", "$ python -c"),
        ("python -c '' {nothing}", "error: python -c '' {nothing}: there is no {nothing} here"),
        ("no-such-program {env_dir}", "error: no-such-program: no such program"),
        ("OWN=1", "error: OWN=1: names no program"),
        ("python \0", "error: embedded null byte"),
        ("in-dir=/no/such/folder python", "error: [Errno 2] No such file"),
        ("python -c '", "error: python -c ': No closing quotation"),
        ("return-code=x python", "error: return-code=x python: invalid literal"),
    ],
)
def test_installation_failing_command_is_a_failed_build(
    toy: Repository, place: Place, recipe: Recipe, command: str, said: str
) -> None:
    assert not install(toy, place, replace(recipe, build_commands=[command]))
    assert place.log.read_text().splitlines()[-1].startswith(said)


def test_installation_picks_wheel_of_project(toy: Repository, place: Place, recipe: Recipe) -> None:
    """As ``pip wheel`` leaves them of a project with dependencies; asv cannot decide."""
    makes = 'python -c \'open("{build_cache_dir}/NAME-1-py3-none-any.whl", "w")\''
    commands = [makes.replace("NAME", name) for name in ("numpy", "toy")]
    recipe = replace(recipe, build_commands=commands, install_commands=None)
    assert install(toy, place, recipe), place.log.read_text()
    assert place.log.read_text().splitlines()[-1].endswith("wheels/toy-1-py3-none-any.whl")
    recipe = replace(recipe, project="other")
    place.empty()
    assert not install(toy, place, recipe)
    assert "error: build_command: of 2 wheels" in place.log.read_text()
