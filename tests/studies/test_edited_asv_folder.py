"""A results folder of asv with something odd in it: what is right is judged, nothing is hidden."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perceptron.answer import ReadFromFiles
from perceptron.studies.crossover import CrossoverPlan, CrossoverStudy
from tests import asv_documents

TRAIN = "train.Width.time_train"
DAY = 86_400_000
MADE = asv_documents.RESULTS["date"]
RAN = asv_documents.RESULTS["results"][TRAIN][3]
OLD, NEW = "5ff0ae94c224", "4ba8de659aba"
# Times of torch-cuda as a share of NumPy's at each of the two.
OLDER, NEWER = 0.5, 0.25
Content = dict[str, Any]


def results(commit: str, ratio: float, day: int) -> Content:
    """Times of two backends at two sizes, of a commit made and run on some day."""
    times, columns = [8.0, 8.0 * ratio] * 2, asv_documents.BENCHMARKS[TRAIN]["params"]
    return {
        **asv_documents.RESULTS,
        "commit_hash": commit + "0" * 28,
        "date": MADE + day * DAY,
        "results": {TRAIN: [times, columns, "1", RAN + day * DAY, 9.0, times]},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return asv_documents.write(
        tmp_path / "results",
        {TRAIN: asv_documents.BENCHMARKS[TRAIN], "version": 2},
        results(OLD, OLDER, day=0),
        results(NEW, NEWER, day=1),
    )


def older(folder: Path) -> Path:
    return folder / "box" / "0123-env.json"


def newest(folder: Path) -> Path:
    return folder / "box" / "1123-env.json"


def judge(folder: Path) -> ReadFromFiles:
    return CrossoverStudy().read(CrossoverPlan(sources=(str(folder),)).resolved())


def answer(read: ReadFromFiles) -> tuple[str | None, set[float], int]:
    """Return which commit is judged, the ratios there, and how many files they are from."""
    (crossover,) = read.answer.data["crossovers"]
    assert [at.size for at in crossover.ratio_at] == [2, 8]
    return crossover.commit, {round(at.ratio, 6) for at in crossover.ratio_at}, len(crossover.files)


def change(file: Path, how: Callable[[Content], object]) -> None:
    content = json.loads(file.read_text())
    how(content)
    file.write_text(json.dumps(content))


def text(content: str) -> Callable[[Path], object]:
    return lambda folder: newest(folder).write_text(content)


def named(name: str, value: object) -> Callable[[Path], object]:
    return lambda folder: change(newest(folder), lambda content: content.update({name: value}))


def entry(index: int, value: object) -> Callable[[Path], object]:
    """Put a value into the newest results of the benchmark."""

    def put(content: Content) -> None:
        content["results"][TRAIN][index] = value

    return lambda folder: change(newest(folder), put)


def without_backends(folder: Path) -> None:
    """Values of one parameter, as before there were backends: not those that are listed."""
    entry(1, [["2", "8"]])(folder)
    entry(0, [8.0, 8.0])(folder)
    entry(5, [8.0, 8.0])(folder)


def two_branches(folder: Path) -> None:
    """Twelve letters of a commit tell it from others; those of a branch do not."""
    named("commit_hash", "feature/storage-new")(folder)
    change(older(folder), lambda content: content.update(commit_hash="feature/storage-old"))


AS_EVER = (NEW, {NEWER}, 1)
THE_NEXT = (OLD, {OLDER}, 1)
EDITS: dict[str, tuple[Callable[[Path], object], object, list[str]]] = {
    "nothing": (lambda folder: None, AS_EVER, []),
    "cut off": (text('{"results": {"train.Wi'), THE_NEXT, ["file-not-read"]),
    "fewer values": (entry(0, [8.0, 2.0, 8.0]), THE_NEXT, ["not-read"]),
    "no parameters": (entry(1, 7), THE_NEXT, ["not-read"]),
    "unlisted parameters": (without_backends, THE_NEXT, []),
    "no date": (named("date", None), AS_EVER, []),
    "no such date": (named("date", 1e30), AS_EVER, []),
    "two branches": (two_branches, ("feature/storage-new", {NEWER}, 1), []),
}


@pytest.mark.parametrize(("edit", "expected", "warned"), EDITS.values(), ids=EDITS)
def test_an_edited_folder_is_judged_by_what_is_right_in_it(
    folder: Path, edit: Callable[[Path], object], expected: object, warned: list[str]
) -> None:
    edit(folder)
    read = judge(folder)
    assert answer(read) == expected
    assert [warning.code for warning in read.warnings] == warned
    if warned == ["file-not-read"]:
        assert str(newest(folder)) in read.warnings[0].message


def test_a_copy_of_a_file_adds_nothing(folder: Path) -> None:
    """Somebody's backup of a machine's folder: nobody is surer for the same run twice."""
    once = judge(folder)
    shutil.copytree(folder / "box", folder / "spare")
    twice = judge(folder)
    assert twice.answer.data["crossovers"] == once.answer.data["crossovers"]
    assert [warning.code for warning in twice.warnings] == ["read-twice"]
