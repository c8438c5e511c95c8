"""Random trainings are measured, asked about and judged: how good the picks of `fastest` are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import perceptron
from benchmarks.validation import lines
from benchmarks.validation.fastest.judge import FastestTruth, result_of
from benchmarks.validation.fastest.measure import (
    ANSWERS,
    CACHED,
    COLD,
    NOW,
    WAYS,
    Pick,
    Product,
    Way,
    measure,
)
from benchmarks.validation.fastest.trainings import Training, draw
from perceptron.analysis.fastest import Advice
from perceptron.problems import shape
from perceptron.problems.cost import operations
from perceptron.records.store import load_plan, load_run
from perceptron.studies.fastest import cache, here
from perceptron.studies.fastest.cache import FOLDER, Known, KnownBackend
from tests.made import silent
from tests.validation.made_fastest import PLAN, Measured, ask, fastest_of


def test_a_longer_list_begins_with_the_shorter_one() -> None:
    """So that more trainings may be asked for later, and each number of them is the same study."""
    assert draw(30, seed=1)[:10] == draw(10, seed=1)
    assert draw(10, seed=1) != draw(10, seed=2)


def test_what_is_drawn_covers_what_people_train() -> None:
    """Each once, within the ranges, all kinds among them, and none too long to measure."""
    trainings = draw(300, seed=3)
    shapes = [shape.parse(training.reference) for training in trainings]
    assert len({training.reference for training in trainings}) == 300
    assert all(64 <= own.rows <= 20_000 and 2 <= own.features <= 784 for own in shapes)
    assert all(2 <= width <= 1024 for own in shapes for width in own.hidden)
    assert {len(own.hidden) for own in shapes} == {0, 1, 2, 3}
    assert {own.classes for own in shapes} == {None, *range(2, 11)}
    assert {own.optimizer for own in shapes} == {"sgd", "adam"}
    batches = [own.batch for own in shapes if own.batch is not None]
    assert 150 < len(batches) < 270
    assert all(8 <= batch <= 1024 for batch in batches)
    several = [own.models for own in shapes if own.models > 1]
    assert 20 < len(several) < 90
    assert all(8 <= models <= 256 for models in several)
    assert max(operations(training.problem) for training in trainings) <= 3e9


def test_every_training_is_measured_on_every_backend_in_every_process(
    measured_here: Measured, tmp_path: Path
) -> None:
    folder = measure(PLAN, "box", tmp_path, silent, ask=ask)
    seen = {(job.problem, job.backend, job.repeat) for job in measured_here.measured}
    assert len(seen) == len(measured_here.measured) == 40 * 2 * 2
    run = load_plan(folder)
    assert run.finished is not None
    assert not run.cut_short
    assert run.plan["trainings"][0] == [draw(1, 1)[0].reference, draw(1, 1)[0].epochs]
    assert [(pick.way, pick.reference) for pick in lines.read(folder / ANSWERS, Pick)] == [
        (way, training.reference) for way in WAYS for training in PLAN.trainings[: PLAN.asked]
    ]


def test_what_was_interrupted_is_resumed(measured_here: Measured, tmp_path: Path) -> None:
    """Rows are not measured again, nor is asked again what was answered; half a line is cut off."""
    questions = []

    def interrupted(training: Training, way: Way) -> Pick:
        questions.append(training.reference)
        if len(questions) == 10:
            raise KeyboardInterrupt
        return ask(training, way)

    with pytest.raises(KeyboardInterrupt):
        measure(PLAN, "box", tmp_path, silent, ask=interrupted)
    (file,) = tmp_path.glob(f"runs/box/*/{ANSWERS}")
    with file.open("ab") as stream:
        stream.write(b'{"reference": "mlp')
    before = len(measured_here.measured)
    folder = measure(PLAN, "box", tmp_path, silent, ask=interrupted)
    assert folder == file.parent
    assert len(measured_here.measured) == before
    drawn = [own.reference for own in draw(6, 1)]
    assert questions[10:] == drawn[3:] + 2 * drawn
    assert len(lines.read(folder / ANSWERS, Pick)) == len(WAYS) * PLAN.asked


class Asked:
    """Stands in for `perceptron.fastest`: what it was asked, and what its cache held."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.known: list[Known] = []

    def __call__(self, **question: Any) -> Advice:
        assert list(question.pop("results").iterdir()) == []
        self.questions.append(question)
        self.known.append(cache.load(cache.cache_file()))
        return Advice(
            backend="numpy",
            device="cpu",
            seconds=1.0,
            low=0.9,
            high=1.1,
            why="",
            decided=True,
            source="measured",
            measured=None,
            stale=None,
            candidates=(),
        )


@pytest.fixture
def fastest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    asked = Asked()
    monkeypatch.setattr(perceptron, "fastest", asked, raising=False)
    monkeypatch.setenv(FOLDER, "/own")
    backend = KnownBackend(device="cpu", unavailable=None, modules=(), libraries={})
    monkeypatch.setattr(here, "ask_elsewhere", lambda names, _: dict.fromkeys(names, backend))
    yield asked
    assert os.environ[FOLDER] == "/own"


def test_it_knows_the_others_or_nothing(fastest: Asked, finished_run: Path) -> None:
    """Neither rows of what is asked about nor the user's own cache may answer."""
    _, environment, rows = load_run(finished_run)
    ask = Product(PLAN, rows, environment)
    training = PLAN.trainings[0]
    for way in (CACHED, NOW, COLD):
        ask(training, way)
    assert [question["measure"] for question in fastest.questions] == ["cached", "now", "now"]
    cached, now, cold = fastest.known
    shapes = {known.row.work.shape for known in cached.rows}
    assert len(shapes) == len(PLAN.trainings) - 1
    assert set(cached.backends) == set(PLAN.backends)
    assert set(cached.curves[cache.alike(PLAN.dtype, PLAN.threads)]) == set(PLAN.backends)
    assert now == cached
    assert (cold.rows, cold.curves, cold.backends) == ((), {}, {})


def test_where_costs_are_as_the_curve_has_them_the_picks_are_right(truth: FastestTruth) -> None:
    """Each training is answered from the others: none of its own rows makes that easy."""
    assert [times.best for times in truth.trainings] == [
        fastest_of(training) for training in PLAN.trainings
    ]
    never, _, now, default, cold, numpy, numba = truth.qualities
    assert [one.answers for one in truth.qualities] == [
        *("never", "cached", "now", "now, knowing nothing, default backends"),
        *("now, knowing nothing", "always numpy", "always numba"),
    ]
    assert never.right.trials == numpy.right.trials == numba.right.trials == 40
    assert never.median == pytest.approx(1.0, abs=0.02)
    assert never.high < 1.15
    assert numpy.worst > 3
    assert numpy.right.hits + numba.right.hits == 40
    assert now.right.trials == now.measured_first == PLAN.asked
    assert now.worst == cold.worst == pytest.approx(1.0, abs=0.03)
    assert default.right.trials == 0, "of the default backends this machine has one alone"


def changed(run: Path, change: Callable[[list[Any]], list[Any]]) -> FastestTruth:
    """What a run says whose rows were changed."""
    file = run / "measurements.jsonl"
    rows = change([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return result_of(run)


def test_the_left_out_training_is_not_what_answers(truth: FastestTruth, measured_run: Path) -> None:
    """One whose own rows say the contrary of all others is answered wrong, as it must be."""
    times = truth.trainings[0]
    fast, slow = list(times.seconds)

    def turned(rows: list[Any]) -> list[Any]:
        for row in rows:
            if (row["problem"], row["backend"]) == (times.reference, slow):
                row["seconds"] *= times.seconds[fast] / times.seconds[slow] / 2
        return rows

    never = changed(measured_run, turned).qualities[0]
    pick, own = next(one for one in never.picks if one[0].reference == times.reference)
    assert (pick.backend, own.best) == (fast, slow)


def test_what_a_process_compiles_once_counts_in_each_training(
    truth: FastestTruth, measured_run: Path
) -> None:
    """In what it takes and in what is answered, whichever of them it was compiled for."""
    seconds = 40.0

    def compiling(rows: list[Any]) -> list[Any]:
        for repeat in range(PLAN.processes):
            own = [row for row in rows if (row["backend"], row["repeat"]) == ("numba", repeat)]
            for several in (False, True):
                first = next(row for row in own if ((row["models"] or 1) > 1) == several)
                first["prepare_seconds"] += seconds
        return rows

    found = changed(measured_run, compiling)
    for before, times in zip(truth.trainings, found.trainings, strict=True):
        numba = before.seconds["numba"] + seconds
        assert times.seconds["numba"] == pytest.approx(numba, rel=0.01)
        assert times.seconds["numpy"] == before.seconds["numpy"]
    assert found.qualities[0].worst == pytest.approx(1.0, abs=0.05)
