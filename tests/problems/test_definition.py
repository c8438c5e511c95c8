"""A digest of what defines a training: two trainings have one digest only if they are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptron.problems import catalogue
from perceptron.problems.csv_data import read_csv
from perceptron.problems.datasets import Clusters, Separable
from perceptron.problems.held_out import hold_out
from perceptron.problems.optimizer import Adam, AdamW, Sgd
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart, GivenStart
from tests.conftest import ROOT
from tests.problems.conftest import FROM_CSV, write

PROBLEM = Problem(
    name="mine:8",
    family="mine",
    size=8,
    dataset=hold_out(Clusters("clusters", 40, 3, classes=3), 0.25),
    layers=(Layer(8, "relu"), Layer(3, "identity")),
    loss="cross-entropy",
    optimizer=Adam(),
    start=FanInStart(),
    batch=10,
    feed="host",
)
NAMES = {
    *("name", "family", "size", "sizes", "axes", "reference", "iterations"),
    *("feature_names", "target_name", "row_name", "first_row"),
}


def changed(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, tuple):
        return tuple(map(changed, value)) or ("other",)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{fields(value)[0].name: changed(getattr(value, fields(value)[0].name))}
        )
    if isinstance(value, bool):
        return not value
    if value is None:
        return 2
    return f"other {value}" if isinstance(value, str) else value + 1


def variants(value: Any) -> list[tuple[str, Any]]:
    """The value with each of its fields changed, and those of what it holds, by field."""
    variations = []
    for field in fields(value):
        inner = getattr(value, field.name)
        if is_dataclass(inner):
            variations += [(name, replace(value, **{field.name: v})) for name, v in variants(inner)]
        else:
            variations.append((field.name, replace(value, **{field.name: changed(inner)})))
    return variations


@pytest.mark.parametrize(
    "problem",
    [
        replace(PROBLEM, models=2),
        replace(
            PROBLEM,
            dataset=Separable("points", 40, 3),
            optimizer=Sgd(rate=0.5),
            last="drop",
            models=2,
        ),
    ],
)
def test_definition_digest_covers_all_fields_but_names(problem: Problem) -> None:
    """Also fields of the data, of each layer, of the optimizer and of the start."""
    seen = {problem.digest}
    counted = set()
    for name, other in variants(problem):
        if name in NAMES:
            assert other.digest == problem.digest, name
        else:
            assert other.digest not in seen, name
            seen.add(other.digest)
            counted.add(name)
    assert counted >= {"rows", "features", "seed", "layers", "loss", "rate", "gain"}
    assert counted >= {"batch", "last", "feed", "order_seed", "models", "folds"}


def test_definition_digest_covers_kinds_and_layers() -> None:
    """Which optimizer, activation or start it is, and a layer more or less."""
    others = [
        replace(PROBLEM, optimizer=AdamW(weight_decay=0.0)),
        replace(PROBLEM, layers=(Layer(8, "tanh"), *PROBLEM.layers[1:])),
        replace(PROBLEM, layers=(PROBLEM.layers[0], *PROBLEM.layers)),
        replace(PROBLEM, start=GivenStart((np.zeros(3),))),
        replace(PROBLEM, start=GivenStart((np.ones(3),))),
        replace(PROBLEM, start=GivenStart((np.ones((3, 1)),))),
        replace(PROBLEM, start=GivenStart((np.ones(1), np.ones(2)))),
    ]
    assert len({other.digest for other in [PROBLEM, *others]}) == len(others) + 1


def test_definition_digest_is_stable_across_processes() -> None:
    """On any machine and Python: nothing of it comes from hash() or from an object's address."""
    names = ["or-gate", "mlp-batch:64", "digits"]
    code = "import sys; from perceptron.problems import catalogue as c\n"
    code += "print(*(c.find(name).digest for name in sys.argv[1:]))"
    process = subprocess.run(
        [sys.executable, "-c", code, *names],
        env={**os.environ, "PYTHONHASHSEED": "1234", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [catalogue.find(name).digest for name in names]
    assert process.stdout.split() == here
    assert here[0] == "82944a6de26e", "that of rows which people have"


def test_data_of_a_file_count_by_what_they_are(tmp_path: Path) -> None:
    """Not by the file's name, place or line ends, nor by what its columns are called."""
    table = "x,y,z,t\n" + "".join(f"{i},{i * i},{i % 3},{i % 2}\n" for i in range(8))
    digests = []
    for index, text in enumerate(
        [
            table,
            table.replace("\n", "\r\n").replace("x,", "w,"),
            table.replace("4,16", "4.0,1.6e1"),
            table.replace("4,16", "4,17"),
        ]
    ):
        folder = tmp_path / str(index)
        folder.mkdir()
        (folder / "data.csv").write_bytes(text.encode())
        model = write(folder, FROM_CSV.replace('target = "y"', 'target = "t"'), f"m{index}.toml")
        digests.append(catalogue.find(str(model)).digest)
    assert digests[0] == digests[1] == digests[2] != digests[3]
    one, other = (read_csv(tmp_path / "0" / "data.csv", name) for name in ("t", "z"))
    problem = replace(PROBLEM, batch=2)
    assert replace(problem, dataset=one).digest != replace(problem, dataset=other).digest
