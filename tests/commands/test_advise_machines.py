"""`perceptron advise --machines`: which machine, and which backend on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Perceptron
from tests.made_fleet import TOML, made_fleet

SHAPE = ("advise", "--rows", "256", "--features", "64", "--hidden", "256")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "prices.toml").write_text(TOML)
    return made_fleet(tmp_path / "results", machines=4)


def test_the_command_prints_its_contract(
    perceptron: Perceptron, results: Path, tmp_path: Path
) -> None:
    """One document, fastest first; nothing is measured and nothing written."""
    before = sorted(results.rglob("*"))
    process = perceptron(*SHAPE, "--machines", "--price", "prices.toml", "--json")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    names = [one["machine"] for one in document["machines"]]
    assert names == ["epyc-64", "epyc-128", "xeon-2core", "laptop"]
    first = document["machines"][0]
    assert (first["backend"], first["estimate"], first["threads"]) == ("torch-cpu", False, 2)
    assert first["seconds"]["low"] < first["seconds"]["estimate"] < first["seconds"]["high"]
    assert first["cost"]["estimate"] == pytest.approx(
        first["seconds"]["estimate"] * 10_000 * 2.4 / 3600
    )
    assert document["currency"] == "USD"
    assert document["sentence"].startswith("epyc-64 on 2 threads with torch-cpu: ")
    assert "the cheapest is laptop on 1 thread with torch-cpu: 0 [0, 0] USD" in document["sentence"]
    assert "per_hour: no machine is called 'h100-*'" in process.stderr
    assert sorted(results.rglob("*")) == before


def run_here(here: Perceptron, *arguments: str) -> tuple[int, str, str]:
    process = here(*arguments)
    return process.returncode, process.stdout, process.stderr


def test_machines_are_named_by_name_or_pattern(here: Perceptron, results: Path) -> None:
    code, out, _ = run_here(here, *SHAPE, "--machines", "epyc-*", "laptop")
    assert code == 0
    assert "epyc-128" in out
    assert "laptop" in out
    assert "xeon-2core" not in out


def test_an_answer_between_sizes_is_called_an_estimate(here: Perceptron, results: Path) -> None:
    between = (*SHAPE[:-1], "100")
    code, out, _ = run_here(here, *between, "--machines", "epyc-64", "--json")
    assert code == 0
    document = json.loads(out)
    assert "(an estimate between measured sizes)" in document["sentence"]
    (one,) = document["machines"]
    assert (one["estimate"], one["family"], one["between"]) == (True, "mlp-width", [64, 256])


def test_machines_that_measured_nothing_near_are_listed(here: Perceptron, results: Path) -> None:
    """Those with another number of threads, here."""
    code, out, _ = run_here(here, *SHAPE, "--machines", "--threads", "2")
    assert code == 0
    assert "Machines without an answer" in out
    assert "laptop" in out
    assert "measured mlp-width on 1 thread, not on 2" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (*SHAPE[:-1], "8192", "--machines"),
            "width 4 to 1,024, and 8,192 lies outside; epyc-64 measured",
        ),
        ((*SHAPE[:-1], "8192", "--machines"), "`perceptron bench --on slurm --families mlp-width`"),
        (
            ("advise", "--rows", "99", "--features", "9", "--machines"),
            "`perceptron bench --on slurm --problem FILE.toml`",
        ),
        ((*SHAPE, "--machines", "epyc-65"), "unknown machine 'epyc-65': did you mean 'epyc-64'?"),
        ((*SHAPE, "--machines", "--results", "none"), "none: no machine has measured anything"),
        ((*SHAPE, "--machines", "--budget", "1"), "give --machines, which measures nothing, or"),
        ((*SHAPE, "--machines", "--wait"), "or --wait, not both"),
        ((*SHAPE, "--price", "prices.toml"), "--price is for --machines"),
        ((*SHAPE, "--machines", "--price", "none.toml"), "none.toml: cannot be read"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    here: Perceptron, results: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, out, errors = run_here(here, *arguments)
    (line,) = errors.splitlines()
    assert (code, out) == (2, "")
    assert line.startswith("error: ")
    assert message in line
