"""Where results lie in a folder that somebody names: a results folder, or a whole project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from perceptron.config_file import read_asv_json
from perceptron.errors import UserError
from perceptron.records.readers.asv.files import is_asv_folder
from perceptron.records.readers.packed import ENDINGS

ROWS = "measurements.jsonl"
# A run's folder, a machine's, that of all runs, and the results folder around it.
_OWN = (ROWS, f"*/{ROWS}", f"*/*/{ROWS}", f"runs/*/*/{ROWS}")
# Where tools put their results in a project by default: ours, asv's, pytest-benchmark's,
# github-action-benchmark's, BenchmarkDotNet's and criterion's.
_USUAL = (
    *("results", ".asv/results", "benchmarks/.asv/results", ".benchmarks", "dev/bench"),
    *("BenchmarkDotNet.Artifacts/results", "target/criterion"),
)
# criterion keeps a folder for each benchmark, named by its group, function and value, and in it the
# newest estimates in "new"; beside them lie what is no result, and older ones in other folders.
_CRITERION = (".", "new", "*/new", "*/*/new", "*/*/*/new")
_CRITERION_FILES = ("estimates.json", "benchmark.json", "sample.json", "tukey.json", "raw.csv")
_CONFIGURATIONS = ("asv.conf.json", "*/asv.conf.json")
_ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".js")
# json5 takes seconds for these; asv's own template has a tenth.
_MOST_CONFIGURATION_BYTES = 2**16


def own_files(folder: Path) -> list[Path]:
    """Return the files of our own rows in a folder of one or several runs."""
    return [file for pattern in _OWN for file in sorted(folder.glob(pattern))]


def has_own_rows(folder: Path) -> bool:
    """Whether our runs are kept here; there may be none yet."""
    return (folder / "runs").is_dir() or bool(own_files(folder))


def places(project: Path) -> Iterator[Path]:
    """Yield the folders of a project in which results are kept: as asv is told, then as usual."""
    seen = set()
    for place in (*_configured(project), *(project / name for name in _USUAL)):
        if place.is_dir() and place not in seen:
            seen.add(place)
            yield place


def projects(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder that are projects with results of asv's or ours in a place."""
    for project in sorted(path for path in folder.iterdir() if path.is_dir()):
        kept = (place for place in places(project) if place != project)
        if any(is_asv_folder(place) or has_own_rows(place) for place in kept):
            yield project


def _configured(project: Path) -> Iterator[Path]:
    """Yield where asv's configuration puts results, as long as that is inside the project."""
    for pattern in _CONFIGURATIONS:
        for file in sorted(project.glob(pattern)):
            name = _results_dir(file)
            place = (file.parent / name).resolve() if name else None
            if place is not None and place.is_relative_to(project.resolve()):
                yield project / place.relative_to(project.resolve())


def _results_dir(file: Path) -> str | None:
    try:
        if not file.is_file() or file.stat().st_size > _MOST_CONFIGURATION_BYTES:
            return None
        content = read_asv_json(file)
    except (OSError, UserError):
        return None
    name = content.get("results_dir") if isinstance(content, dict) else None
    return name if isinstance(name, str) and "\0" not in name else None


def closed_folders(place: Path, depth: int = 2) -> Iterator[tuple[Path, str]]:
    """Yield the folders in a place, so many levels down, that cannot be listed, and why.

    Searching by pattern passes over them in silence.
    """
    for folder in sorted(entry for entry in place.iterdir() if entry.is_dir()):
        try:
            next(folder.iterdir(), None)
            if depth > 1:
                yield from closed_folders(folder, depth - 1)
        except OSError as error:
            yield folder, f"cannot be read: {error.strerror}"


def result_like_files(folder: Path) -> list[Path]:
    """Return the files in a folder and in its folders that may hold results, by their names.

    Of a project, those in the places where tools put them are among these.
    """
    files: dict[Path, None] = {}
    for place in (folder, *places(folder)):
        for depth in ("*", "*/*"):
            files |= dict.fromkeys(file for file in sorted(place.glob(depth)) if _is_like(file))
        for depth in _CRITERION:
            files |= dict.fromkeys(sorted(place.glob(f"{depth}/estimates.json")))
    return list(files)


def _is_like(file: Path) -> bool:
    """Whether its name is that of results; of criterion's files the folder tells it."""
    if file.name in _CRITERION_FILES and file.with_name(_CRITERION_FILES[0]).is_file():
        return False
    return any(file.name.endswith(f"{ending}{packed}") for ending in _ENDINGS for packed in ENDINGS)
