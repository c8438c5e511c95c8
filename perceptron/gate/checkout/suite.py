"""The suite: asv's configuration file, and the few of its entries that matter here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import json5

from perceptron.errors import UserError
from perceptron.records.comparison import SuiteKind


@dataclass(frozen=True)
class Suite:
    """Paths relative to the root of the repository."""

    file: str
    benchmarks: str
    """The folder of the benchmarks, a package."""
    code: str
    """The folder whose code is measured: the root, or asv's ``repo_subdir``."""
    project: str = ""
    """What asv calls the project, usually the name of its package."""
    kind: SuiteKind = "asv"
    tests: str = ""
    """Of pytest: the folder or file whose tests are run, in ``benchmarks``."""
    beside: tuple[str, ...] = ()
    """Files outside ``benchmarks`` that belong to the suite."""

    @property
    def runner(self) -> str:
        """What an interpreter needs to run it."""
        return "pytest" if self.kind == "pytest" else "asv_runner"

    def check(self, tree: Path, head: str) -> None:
        """Raise `UserError` unless HEAD's tree holds it."""
        if self.kind == "pytest" and not (tree / self.tests).exists():
            raise UserError(
                f"--pytest {self.file}: no such file or folder in {head}: commit it, or compare "
                "with ."
            )
        if self.kind == "asv" and not (tree / self.benchmarks).is_dir():
            raise UserError(
                f"--suite {self.file}: its benchmark_dir {self.benchmarks} is not in {head}: "
                "commit it, or compare with ."
            )

    def roots(self, tree: Path) -> list[str]:
        """Return the folders to import from, in this order."""
        code = tree / self.code
        return [str(folder) for folder in (code / "src", code) if folder.is_dir()]


def read_suite(file: Path, repository: Path) -> Suite:
    """Read asv.conf.json, which may hold comments. Raises `UserError` naming file and field."""
    path = file.resolve()
    if not path.is_relative_to(repository.resolve()):
        raise UserError(f"--suite {file}: not inside the repository {repository}")
    try:
        content = json5.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"--suite {file}: no such file; name the asv.conf.json of your suite"
        ) from None
    except OSError as error:
        raise UserError(f"--suite {file}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not JSON
        problem = " ".join(str(error).split())
        raise UserError(f"--suite {file}: not asv's JSON: {problem}") from None
    if not isinstance(content, dict):
        raise UserError(f"--suite {file}: must hold one JSON object")
    relative = PurePosixPath(path.relative_to(repository.resolve()).as_posix())
    folder = _text(file, content, "benchmark_dir", "benchmarks")
    benchmarks = _inside(file, "benchmark_dir", relative.parent / folder)
    if benchmarks == ".":
        raise UserError(f"--suite {file}: benchmark_dir must be a folder inside the repository")
    code = _inside(file, "repo_subdir", PurePosixPath(_text(file, content, "repo_subdir", "")))
    return Suite(str(relative), benchmarks, code, _text(file, content, "project", ""))


def _text(file: Path, content: dict[str, object], field: str, default: str) -> str:
    value = content.get(field, default)
    if not isinstance(value, str):
        raise UserError(f"--suite {file}: {field} must be text, got {value!r}")
    return value


def _inside(file: Path, field: str, path: PurePosixPath) -> str:
    """Return it without dots; raises `UserError` if it leads out of the repository."""
    parts: list[str] = []
    for part in path.parts:
        if path.is_absolute() or (part == ".." and not parts):
            raise UserError(f"--suite {file}: {field} leads out of the repository")
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."
