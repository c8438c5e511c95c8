"""`perceptron truth` as a process: its document, its words, its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.validation.fastest import asking, measure
from perceptron.validation.fastest.record import WAYS
from tests.conftest import Perceptron
from tests.made_fastest import Measured, ask


def test_truth_tells_how_often_it_is_right(perceptron: Perceptron, tmp_path: Path) -> None:
    """The same worlds for the same seed; date, version and machine beside the shares."""
    process = perceptron("truth", "--worlds", "5", "--json", "--save", "truth.md")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert set(document) == {"when", "machine", "version", "seconds", "locator", "map"}
    locator = document["locator"]
    assert (locator["worlds"], locator["seed"]) == (5, 1)
    assert [row["worlds"] for row in locator["rows"]] == ["all", "clear", "others"]
    every, clear, others = (row["right"] for row in locator["rows"])
    assert every["trials"] == clear["trials"] + others["trials"] == 5
    for row in locator["rows"]:
        for share in (row["right"], row["sure"], row["covered"]):
            assert set(share) == {"hits", "trials", "value", "low", "high"}
            if share["trials"]:
                assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
    assert document["map"]["worlds"] == 1
    assert "--worlds 5 --seed 1" in (tmp_path / "truth.md").read_text(encoding="utf-8")
    assert process.stderr.splitlines()[-1] == "wrote truth.md"


def test_a_file_that_cannot_be_written_is_told_first(here: Perceptron) -> None:
    process = here("truth", "--worlds", "1", "--save", "/proc/no/truth.md")
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1].startswith("error: /proc/no/truth.md: cannot be written")
    assert process.stdout == ""


def test_estimates_stand_beside_published_times(here: Perceptron, tmp_path: Path) -> None:
    """Nothing is measured, so that the page is the same everywhere."""
    process = here("truth", "--what-if", "--json", "--save", "what-if.md")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert set(document) == {"rows", "inside", "median_width", "not_compared"}
    assert sum(row["inside"] for row in document["rows"]) == document["inside"]
    assert process.stderr.splitlines() == ["wrote what-if.md"]
    text = (tmp_path / "what-if.md").read_text(encoding="utf-8")
    shown = here("truth", "--what-if").stdout
    assert shown.splitlines()[-1] in text


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--fastest", "--what-if"), "give --what-if or --fastest, not both"),
        (
            ("--what-if", "--seed", "1"),
            "give --seed, which is about simulated worlds, or --what-if",
        ),
        (("--fastest", "--worlds", "3"), "--worlds, which is about simulated worlds, or --fastest"),
        (("--trainings", "3"), "--trainings is about --fastest: give that too"),
        (("--what-if", "--report"), "--report is about --fastest: give that too"),
        (("--fastest", "--budget", "0"), "--budget takes minutes, above 0"),
        (("--fastest", "--report"), "no run of `perceptron truth --fastest`: leave out --report"),
        (("--fastest", "--backends", "numpy"), "fewer than two of numpy can run here"),
    ],
)
def test_options_belong_to_their_question(
    here: Perceptron, words: tuple[str, ...], error: str
) -> None:
    process = here("truth", *words)
    assert process.returncode == 2
    assert error in process.stderr


def test_picks_are_measured_and_judged_again(
    here: Perceptron, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are there with what was answered, and a report measures nothing."""
    monkeypatch.setattr(measure, "run_tasks", Measured())
    monkeypatch.setattr(asking, "Product", lambda *_: ask)
    words = ("--trainings", "9", "--asked", "3", "--backends", "numpy,numba", "--seed", "5")
    process = here("truth", "--fastest", *words, "--threads", "1", "--machine", "box", "--json")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert [one["answers"] for one in document["qualities"]] == [
        *("never", "cached", "now", "now, knowing nothing, default backends"),
        *("now, knowing nothing", "always numpy", "always numba"),
    ]
    assert len(document["trainings"]) == 9
    assert (document["seed"], document["threads"]) == (5, 1)
    run = tmp_path / document["results"]
    rows, answers = ((run / name).read_bytes() for name in ("measurements.jsonl", "answers.jsonl"))
    assert (rows.count(b"\n"), answers.count(b"\n")) == (9 * 2 * 3, 3 * len(WAYS))
    again = here("truth", "--fastest", "--report", "--save", "fastest.md")
    assert again.returncode == 0, again.stderr
    assert again.stderr.splitlines()[-1] == "wrote fastest.md"
    assert (run / "measurements.jsonl").read_bytes() == rows
    text = (tmp_path / "fastest.md").read_text(encoding="utf-8")
    assert "| always numba | 9 | " in text
    assert "Picks" in again.stdout
