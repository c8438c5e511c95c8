"""A revision built and installed into an environment of its own.

Its wheel is built as pyproject.toml says, isolated from that environment, and installed with the
requirements of the wheel and the suite; commands of asv.conf.json replace either step. The log
holds all output.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct
from packaging.utils import canonicalize_name

from perceptron.errors import UserError
from perceptron.gate.environments.build_cache import Place
from perceptron.gate.environments.metadata import read as read_metadata
from perceptron.gate.environments.recipe import Recipe, filled_in
from perceptron.gate.environments.source import Source
from perceptron.gate.side_variables import side_variables
from perceptron.processes.supervision import run_logged
from perceptron.untrusted_text import read_toml

LONGEST_SECONDS = 3600.0
# Packages that asv installs before a build_command, beside those in pyproject.toml.
_TO_BUILD = ("build", "setuptools", "wheel")


class _BuildSystem(Struct, frozen=True):
    requires: list[str] = []


class _Pyproject(Struct, frozen=True, rename="kebab"):
    build_system: _BuildSystem = _BuildSystem()


class _Failed(Exception):
    """A command failed, and the log has its message."""


def install(place: Place, source: Source, recipe: Recipe, folder: Path, uv: str | None) -> bool:
    """Build and install the revision in this place; return whether that worked.

    ``folder`` contains asv's file, absolute or in the revision. All commands together have an hour,
    or twice asv's ``install_timeout`` if that is longer. Their child processes are ended.
    """
    seconds = max(LONGEST_SECONDS, 2 * recipe.timeout)
    with place.log.open("wb", buffering=0) as log:
        try:
            _Installation(place, recipe, uv, log, seconds).make(source, folder)
        except _Failed:
            return False
        except subprocess.TimeoutExpired:
            log.write(f"error: the build took longer than {seconds / 60:.0f} min\n".encode())
            return False
        except (UserError, OSError, ValueError, msgspec.ValidationError) as error:
            log.write(f"error: {error}\n".encode(errors="replace"))
            return False
    return True


class _Installation:
    """Runs the commands in turn."""

    def __init__(
        self, place: Place, recipe: Recipe, uv: str | None, log: IO[bytes], seconds: float
    ) -> None:
        self._place = place
        self._recipe = recipe
        self._uv = uv
        self._log = log
        self._until = time.monotonic() + seconds
        self._wheels = place.environment / "wheels"
        self._values: dict[str, str] = {}

    def make(self, source: Source, folder: Path) -> None:
        """Build and install from scratch; raises for any failure."""
        recipe, place, python = self._recipe, self._place, str(self._place.python)
        project = place.environment / "project"
        self._wheels.mkdir(parents=True)
        build_dir = project / recipe.subfolder
        self._values = {
            "commit": source.check_out(project, f"perceptron-{place.side}"),
            "project": recipe.project,
            "conf_dir": str(project / folder),
            "env_name": recipe.name,
            "env_dir": str(place.venv),
            "env_type": recipe.kind,
            "build_dir": str(build_dir),
            "build_cache_dir": str(self._wheels),
        }
        by_default = recipe.build_commands is None and recipe.install_commands is None
        if self._uv:
            seed = [] if by_default else ["--seed"]  # its commands may use pip
            options = ["--no-project", "--python", recipe.python]
            self._run([self._uv, "venv", *seed, *options, str(place.venv)])
            install = [self._uv, "pip", "install", "--python", python]
            build = [self._uv, "build", "--wheel", "--python", python, "--out-dir"]
        else:
            self._run([recipe.python, "-m", "venv", str(place.venv)])
            install = [python, "-m", "pip", "install"]
            build = [python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir"]
        packages = [*recipe.requirements]
        if recipe.build_commands is not None:
            packages += [*_TO_BUILD, *_build_requirements(build_dir)]
        if packages and not by_default:
            # The setuptools that old interpreters bring builds no wheel.
            self._run([*install, "--upgrade", *packages])
        if recipe.build_commands is None:
            self._run([*build, str(self._wheels), str(build_dir)], build_dir if self._uv else None)
        else:
            self._run_commands(recipe.build_commands, build_dir)
        if recipe.install_commands is None:
            # In one command, so that the chosen versions suit all.
            self._run([*install, self._wheel(build_dir), *recipe.requirements])
        else:
            self._run_commands(recipe.install_commands, build_dir)

    def _run_commands(self, commands: Sequence[str], build_dir: Path) -> None:
        """Run commands of asv's file as asv does."""
        values = dict(self._values)
        if any(self._wheels.glob("*.whl")):
            values["wheel_file"] = self._wheel(build_dir)
        for text in commands:
            arguments, folder, variables, codes = filled_in(text, values)
            self._run(arguments, Path(folder or build_dir), variables, codes)

    def _wheel(self, build_dir: Path) -> str:
        """Return the project's wheel: the only one, or that of its name."""
        wheels = sorted(self._wheels.glob("*.whl"))
        projects = (read_metadata(build_dir).name, self._recipe.project)
        names = {canonicalize_name(name) for name in projects if name}
        matching = [
            wheel for wheel in wheels if canonicalize_name(wheel.name.split("-")[0]) in names
        ]
        candidates = wheels if len(wheels) == 1 else matching
        if len(candidates) != 1:
            raise UserError(
                f"build_command: of {len(wheels)} wheels in {{build_cache_dir}} the project's is "
                "not known: leave one there, or the name as project in asv.conf.json"
            )
        return str(candidates[0])

    def _run(
        self,
        arguments: Sequence[str],
        folder: Path | None = None,
        overrides: Mapping[str, str] | None = None,
        codes: Collection[int] | None = (0,),
    ) -> None:
        """Run a command, by default in a folder without code; raises for another exit code."""
        self._log.write(f"$ {shlex.join(arguments)}\n".encode(errors="replace"))
        variables = {**self._variables(), **(overrides or {})}
        program = shutil.which(arguments[0], path=variables["PATH"])
        if program is None:
            raise UserError(f"{arguments[0]}: no such program in the environment or on PATH")
        remaining = max(0.0, self._until - time.monotonic())
        cwd = folder or self._place.environment
        code = run_logged([program, *arguments[1:]], variables, cwd, self._log, remaining)
        if codes is not None and code not in codes:
            raise _Failed

    def _variables(self) -> dict[str, str]:
        variables = {**side_variables(), **self._recipe.build_variables}
        # Modules of another environment would hide this one's.
        variables.pop("PYTHONPATH", None)
        if "ASV_PYTHONPATH" in variables:
            variables["PYTHONPATH"] = variables.pop("ASV_PYTHONPATH")
        paths = [str(self._place.python.parent), variables.get("PATH", os.defpath)]
        return {
            **variables,
            **{f"ASV_{name.upper()}": value for name, value in self._values.items()},
            "ASV": "true",
            "PATH": os.pathsep.join(paths),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_USER": "false",
            # Not a hard link into uv's cache, through which code of one revision could change the
            # other's.
            "UV_LINK_MODE": "copy",
            "VIRTUAL_ENV": str(self._place.venv),
        }


def _build_requirements(folder: Path) -> list[str]:
    """Return the build requirements in pyproject.toml, for a build that is not isolated."""
    file = folder / "pyproject.toml"
    content = read_toml(file) if file.is_file() else {}
    return msgspec.convert(content, type=_Pyproject).build_system.requires
