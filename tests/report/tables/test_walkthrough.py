from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.report.tables import walkthrough
from perceptron.studies import walkthrough as study
from perceptron.studies.shared.progress import silent


@pytest.mark.parametrize(
    ("problem", "ending"),
    [
        ("xor", "No straight line was found"),
        ("symptoms", "person 3 and person 6 contradict each other"),
    ],
)
def test_the_walk_through_ends_with_what_was_learned(
    problem: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    walkthrough.show(study.walkthrough(problem, ["numpy"], None, silent))
    text = " ".join(capsys.readouterr().out.split())
    assert ending in text
    assert "Starting parameters" in text
    assert "10,000 iterations took" in text


def test_figures_are_written(tmp_path: Path) -> None:
    """One for each thing that the walk-through shows; all are pictures."""
    walk = study.walkthrough("or-gate", ["numpy"], None, silent)
    files = list(
        walkthrough.draw(walk, tmp_path, study.predictor(walk, None), study.sigmoid_curve())
    )
    assert {file.name for file in files} == {
        "sigmoid.png",
        "or-gate-error.png",
        "or-gate-decision.png",
        "or-gate-lines.png",
        "or-gate-predictions.png",
    }
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
