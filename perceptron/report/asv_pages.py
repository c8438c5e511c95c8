"""asv's own pages beside ours, made by ``asv publish`` in our folders."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perceptron.errors import UserError
from perceptron.processes import fresh_python
from perceptron.records.files.lock import temporary_folder
from perceptron.records.files.read import must_be_a_file
from perceptron.records.readers.asv import result_files
from perceptron.untrusted_text import label, read_asv_json

LIMIT_SECONDS = 600.0

_PROGRESS = re.compile(r"(\[ *[\d.]+%\] )?·+ ")
_LONGEST = 300
_CHECKOUT = (".git", ".hg", "objects")  # how asv recognises a repository


def publish(
    config: Path,
    results: Path,
    html: Path,
    limit_seconds: float = LIMIT_SECONDS,
    meanwhile: Callable[[], object] | None = None,
) -> str | None:
    """Make asv's pages of ``results/asv`` in ``html/asv``; return the reason if that fails.

    ``config`` is an asv.conf.json; its own folders of results and pages are not changed. The reason
    is one line. Incomplete pages are removed. ``meanwhile`` is called while asv works in a process
    of its own, if it does.
    """
    config, pages = config.absolute(), html.absolute() / "asv"
    try:
        settings = {
            **_settings(config),
            "results_dir": str(_with_results(results.absolute() / "asv")),
            "html_dir": str(_free(pages)),
        }
        with temporary_folder() as folder, _whole(pages):
            own_config = folder / "asv.conf.json"
            own_config.write_text(json.dumps(settings), encoding="utf-8")
            _run(own_config, config.parent, limit_seconds, meanwhile)
    except OSError as error:
        reason = f"{error.filename or config}: {error.strerror}"
    except UserError as error:
        reason = str(error)
    else:
        return None
    reason = label(reason)
    return reason if len(reason) <= _LONGEST else f"{reason[: _LONGEST - 1]}…"


def absent(html: Path) -> str | None:
    """Return why asv's pages are not in ``html/asv``; None if they are there."""
    exists = (html / "asv" / "index.html").is_file()
    return None if exists else "`perceptron dashboard` makes them from what `asv run` measured"


@contextmanager
def _whole(pages: Path) -> Iterator[None]:
    """Remove incomplete pages, also after an interrupt."""
    try:
        yield
    finally:
        if not (pages / "info.json").exists():  # asv writes it last
            shutil.rmtree(pages, ignore_errors=True)


def _settings(config: Path) -> dict[str, Any]:
    """Read the config with an absolute path of the repository, as asv takes it."""
    if not config.is_file():
        raise UserError(f"no {config.name} in {config.parent}")
    try:
        settings = read_asv_json(config)
    except UserError as error:
        raise UserError(f"{config}: {error}") from None
    if not isinstance(settings, dict) or not isinstance(settings.get("repo"), str):
        raise UserError(f"{config}: no repo named in it")
    repository = config.parent / settings["repo"]
    if not repository.is_dir():
        return settings  # an address
    if not any((repository / name).exists() for name in _CHECKOUT):
        raise UserError(f"{repository.resolve()} is not a git checkout")
    return {**settings, "repo": str(repository.resolve())}


def _with_results(folder: Path) -> Path:
    if not folder.is_dir() or not result_files(folder):
        raise UserError(f"no asv results in {folder}: `asv machine --yes`, then `asv run`")
    if not (folder / "benchmarks.json").is_file():
        raise UserError(
            f"no benchmarks.json in {folder}: `asv run --bench just-discover` makes it again"
        )
    for file in sorted(folder.glob("*/*.json")):
        must_be_a_file(file)  # asv would wait for a pipe without end
    return folder


def _free(pages: Path) -> Path:
    """Return the folder if asv may write to it: asv removes its contents."""
    is_asv = (pages / "asv.js").is_file() or not pages.exists()
    if not is_asv and (not pages.is_dir() or any(pages.iterdir())):
        raise UserError(f"{pages} holds what asv did not write: move it away")
    return pages


def _run(
    config: Path, project: Path, limit_seconds: float, meanwhile: Callable[[], object] | None
) -> None:
    # asv changes to the config's folder by itself. Plug-ins that the config names may lie in the
    # project's folder, but no other file of it is run.
    process = subprocess.Popen(
        fresh_python.command(
            "asv", "publish", "--no-pull", "--config", str(config), last=str(project)
        ),
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        if meanwhile is not None:
            meanwhile()
        output, _ = process.communicate(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        raise UserError(f"asv publish took longer than {limit_seconds:g} s") from None
    finally:
        if process.poll() is None:
            _end(process)
    if process.returncode != 0:
        raise UserError(f"asv said: {_last_line(output.decode('utf-8', 'replace'))}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and its children, which would keep on writing to its folder."""
    import psutil

    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.kill()
    for child in children:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    process.communicate()


def _last_line(output: str) -> str:
    lines = [_PROGRESS.sub("", line.strip()) for line in output.splitlines() if line.strip()]
    git = [line for line in lines if line.startswith("fatal: ")]
    return (git or lines or ["nothing"])[-1]
