"""`perceptron race`: real races of a model small enough for a test, and the document."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import AMPLE
from tests.conftest import Perceptron
from tests.made_race import HELD_OUT
from tests.report.reading import views
from tests.schemas import valid

MODEL = f"iterations = 400\n{HELD_OUT}"


@pytest.fixture
def small(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "small.toml").write_text(MODEL)
    return ("race", "--problem", "small.toml", "--seeds", "2", "--threads", "1", *AMPLE)


def test_race_json_fits_schema_and_page_is_written(
    here: Perceptron, small: tuple[str, ...], tmp_path: Path
) -> None:
    process = here(
        *small,
        *("--backend", "numpy", "numpy-inplace", "torch-mps", "--target", "accuracy=0.8"),
        *("--dtype", "float32", "bfloat16", "--machine", "box", "--html", "html", "--json"),
    )
    # Two seeds may leave open which is first.
    assert process.returncode in (0, 3), process.stderr
    document = valid(process.stdout, "race")
    assert document["target"] == "accuracy=0.8"
    assert document["problem"].startswith("small")
    runs = document["runs"]
    assert all(run["parts"].keys() == {"import", "setup", "train"} for run in runs)
    by_name = {(run["backend"], run["dtype"], run["start"]): run for run in runs}
    assert len(by_name) == len(runs) == 3 * 2 * 2
    for name in ("numpy", "numpy-inplace"):
        cold, warm = (by_name[name, "float32", start] for start in ("cold", "warm"))
        assert (cold["seeds"], cold["reached"], cold["reason"]) == (2, 2, None)
        assert cold["epochs"] == warm["epochs"] > 0
        assert min(cold["seconds"], warm["seconds"]) > 0  # on a busy machine in any order
        assert cold["parts"]["import"] > 0
        assert warm["parts"]["import"] == 0
        assert by_name[name, "bfloat16", "cold"]["reason"] == (
            f"{name} does not compute in bfloat16"
        )
    # The same seeds are the same trainings.
    assert (
        by_name["numpy", "float32", "cold"]["epochs"]
        == (by_name["numpy-inplace", "float32", "cold"]["epochs"])
    )
    assert document["page"] == "html/race.html"
    (setting, *_), view = next(iter(views(tmp_path / "html", "race").items()))
    assert setting == document["problem"]
    assert view["figures"]
