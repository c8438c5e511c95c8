from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from benchmarks.validation.fastest import result
from benchmarks.validation.fastest.asking import ANSWERS
from benchmarks.validation.fastest.plan import FastestPlan
from benchmarks.validation.fastest.record import FastestTruth
from benchmarks.validation.fastest.result import newest, result_of
from benchmarks.validation.fastest.shapes import Training, draw
from perceptron.errors import UserError
from tests.made_fastest import BACKENDS, fastest_of


def test_where_costs_are_as_the_curve_has_them_the_picks_are_right(
    truth: FastestTruth, plan: FastestPlan
) -> None:
    """Each training is answered from the others: none of its own rows makes that easy."""
    assert [times.best for times in truth.trainings] == [
        fastest_of(training) for training in _drawn(plan)
    ]
    never, _, now, default, cold, numpy, numba = truth.qualities
    assert [one.answers for one in truth.qualities] == [
        *("never", "cached", "now", "now, knowing nothing, default backends"),
        *("now, knowing nothing", "always numpy", "always numba"),
    ]
    assert never.right.trials == numpy.right.trials == numba.right.trials == 40
    assert never.median == pytest.approx(1.0, abs=0.02)
    assert never.high is not None
    assert never.high < 1.15
    assert numpy.worst is not None
    assert numpy.worst > 3
    assert numpy.right.hits + numba.right.hits == 40
    assert now.right.trials == now.measured_first == plan.asked
    assert now.worst == cold.worst == pytest.approx(1.0, abs=0.03)
    assert default.right.trials == 0, "of the default backends this machine has one alone"
    assert (truth.processes, truth.backends) == (2, list(BACKENDS))


def test_the_left_out_training_is_not_what_answers(truth: FastestTruth, measured_run: Path) -> None:
    """One whose own rows say the contrary of all others is answered wrong, as it must be."""
    rows = measured_run / "measurements.jsonl"
    lines = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    odd = lines[0]["problem"]
    before = next(times for times in truth.trainings if times.reference == odd)
    fast, slow = list(before.seconds)
    for line in lines:
        if line["problem"] == odd and line["backend"] == slow:
            line["seconds"] *= before.seconds[fast] / before.seconds[slow] / 2
    rows.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    never = result_of(measured_run).of("never")
    assert never is not None
    judged = next(one for one in never.picks if one.reference == odd)
    assert (judged.picked, judged.best) == (fast, slow)


def test_an_answer_from_estimates_was_not_measured_first(
    truth: FastestTruth, measured_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of cached answers alone; ``now`` always measures."""
    cached = truth.of("cached")
    assert cached is not None
    assert cached.right.trials == 6
    assert cached.measured_first < 3, "nearly all costs are as the curve has them"
    monkeypatch.setattr(result, "is_enough", lambda found: False)
    doubtful = result_of(measured_run)
    assert [one.measured_first for one in doubtful.qualities] == [0, 6, 6, 0, 6, 0, 0]


def test_answers_of_an_earlier_release_knew_nothing(measured_run: Path) -> None:
    file = measured_run / ANSWERS
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[:6]]
    for line in lines:
        del line["way"]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    trials = {one.answers: one.right.trials for one in result_of(measured_run).qualities}
    assert (trials["cached"], trials["now"], trials["now, knowing nothing"]) == (0, 0, 6)


def test_a_training_with_one_time_is_left_out_and_named(measured_run: Path) -> None:
    rows = measured_run / "measurements.jsonl"
    lines = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    gone = lines[0]["problem"]
    kept = [own for own in lines if own["problem"] != gone or own["backend"] == "numpy"]
    rows.write_text("".join(f"{json.dumps(line)}\n" for line in kept), encoding="utf-8")
    truth = result_of(measured_run)
    assert truth.without == [gone]
    assert len(truth.trainings) == 39
    assert truth.qualities[0].right.trials == 39


def test_what_a_process_compiled_once_is_in_no_training(
    truth: FastestTruth, measured_run: Path
) -> None:
    """Neither in the times nor in the estimates, whichever training came first."""
    rows = measured_run / "measurements.jsonl"
    lines = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    compiled = set()
    for line in lines:
        kind = (line["backend"], line["process"], (line["models"] or 1) > 1)
        if line["backend"] == "numba" and kind not in compiled:
            compiled.add(kind)
            line["prepare_seconds"] = 1e4
    rows.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    again = result_of(measured_run)
    assert [own.seconds for own in again.trainings] == [own.seconds for own in truth.trainings]
    assert again.of("never") == truth.of("never")


def test_an_answer_that_is_none_is_named(measured_run: Path) -> None:
    with (measured_run / ANSWERS).open("a", encoding="utf-8") as stream:
        stream.write('{"reference": 1}\n')
    with pytest.raises(UserError, match=r"answers\.jsonl, line 25: not an answer"):
        result_of(measured_run)


def test_the_newest_run_is_found_a_finished_one_first(measured_run: Path) -> None:
    results = measured_run.parents[2]
    later = measured_run.with_name("later")
    later.mkdir()
    run = json.loads((measured_run / "run.json").read_text(encoding="utf-8"))
    run |= {"started": "2027-01-01T00:00:00Z", "finished": None}
    (later / "run.json").write_text(json.dumps(run), encoding="utf-8")
    assert newest(results, None) == newest(results, "box") == measured_run
    run["finished"] = "2027-01-01T00:00:00Z"
    (later / "run.json").write_text(json.dumps(run), encoding="utf-8")
    assert newest(results, None) == later
    with pytest.raises(UserError, match="no run of `make fastest`"):
        newest(results, "elsewhere")


def test_a_plan_that_is_none_is_named(measured_run: Path) -> None:
    run = json.loads((measured_run / "run.json").read_text(encoding="utf-8"))
    del run["plan"]["trainings"]
    (measured_run / "run.json").write_text(json.dumps(run), encoding="utf-8")
    with pytest.raises(UserError, match=r"run\.json: plan: .*trainings"):
        result_of(measured_run)


def test_the_document_has_every_pick(truth: FastestTruth) -> None:
    document = msgspec.json.decode(msgspec.json.encode(truth, enc_hook=str))
    assert len(document["trainings"]) == 40
    assert set(document["trainings"][0]["seconds"]) == set(BACKENDS)
    assert {len(quality["picks"]) for quality in document["qualities"]} >= {40, 6}


def _drawn(plan: FastestPlan) -> list[Training]:
    return draw(plan.trainings, plan.seed)
