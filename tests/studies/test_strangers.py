"""Verdicts on real results of other projects, each judged by hand from the figures in its files.

They lie beside the project and are no part of it: without them these tests are skipped.

Times are asv's medians and the brackets behind them its 99 % intervals, in the unit stated. Where
two intervals overlap nobody wins.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

from perceptron.analysis.crossover.judge import Crossover
from perceptron.errors import UserError
from perceptron.studies.crossover import CrossoverPlan, CrossoverStudy
from tests.conftest import ROOT

STRANGERS = ROOT.parent / "shared" / "data" / "strangers"
pytestmark = pytest.mark.skipif(
    not STRANGERS.is_dir(), reason="the results of other projects are not beside this checkout"
)


class Choice(NamedTuple):
    """What a user asks of one project's results."""

    project: str
    by: tuple[str, ...] = ()
    size: str = "size"
    commit: str | None = None
    families: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [f"--by {','.join(self.by)}"] if self.by else []
        words += [f"--size {self.size}"] if self.size != "size" else []
        words += [f"--commit {self.commit}"] if self.commit else []
        words += [f"--family {family}" for family in self.families]
        return " ".join([self.project, *words])


@lru_cache
def judge(choice: Choice) -> list[Crossover]:
    plan = CrossoverPlan(
        sources=(str(STRANGERS / choice.project),),
        by=choice.by,
        size=choice.size,
        commit=choice.commit,
        families=choice.families,
    )
    found: list[Crossover] = CrossoverStudy().read(plan.resolved()).answer.data["crossovers"]
    return found


TIME_RUN = "benchmarks.AdvectionDiffusionSuite.time_run"
GT4PY = Choice("gt4py")
BLAS = Choice("blas", ("variant",))
CHUNKING = Choice("nx_parallel", ("chunking",), "num_nodes")


def verdict(
    choice: Choice, family: str, incumbent: str, challenger: str, machine: str | None = None
) -> Crossover:
    (crossover,) = [
        crossover
        for crossover in judge(choice)
        if crossover.family == family
        and (crossover.incumbent, crossover.challenger) == (incumbent, challenger)
        and machine in (None, crossover.machine)
    ]
    return crossover


def ratios(crossover: Crossover) -> dict[float, float]:
    return {at.size: at.ratio for at in crossover.ratio_at}


def file_names(crossover: Crossover) -> list[str]:
    return ["/".join(Path(file).parts[-2:]) for file in crossover.files]


def test_gt4py_is_judged_at_the_newest_commit_though_an_older_one_was_run_last() -> None:
    """The last run, 19 June 2020 at 15:17, was of eebf5a7d of 26 May; 4ba8de65 is of 17 June.

    At 4ba8de65 only size 8 has times. Seconds: gtx86 0.1993 [0.1975, 0.2076], gtmc 0.1892
    [0.1855, 0.2292]: they overlap, so nobody wins. numpy 3.148 [2.849, 3.430] loses to both.
    gtcuda failed at every commit. More sizes of gtx86 and gtmc are at four commits of May, of which
    9c6b1dd8 (26 May, 14:33) is the newest, a minute after f5d99bc9.
    """
    crossover = verdict(GT4PY, TIME_RUN, "gtx86", "gtmc")
    assert (crossover.status, crossover.size, crossover.bracket) == ("undecided", None, None)
    assert crossover.sizes_measured == [8]
    assert ratios(crossover) == pytest.approx({8: 0.1892449815 / 0.1992918375})
    assert crossover.commit == "4ba8de659aba"
    assert crossover.environment == "virtualenv-py3.7"
    assert crossover.version == "4dbbbfd8c53e"
    assert file_names(crossover) == ["ricohs-MacBook-Pro.local/4ba8de65-virtualenv-py3.7.json"]
    assert crossover.undecided == [(8, 8)]
    assert "more sizes at commit 9c6b1dd8" in str(crossover.reason)

    for incumbent, median in (("gtx86", 0.1992918375), ("gtmc", 0.1892449815)):
        numpy = verdict(GT4PY, TIME_RUN, incumbent, "numpy")
        assert (numpy.status, numpy.undecided) == ("undecided", [])
        assert ratios(numpy) == pytest.approx({8: 3.1476171445 / median})
    cuda = verdict(GT4PY, TIME_RUN, "gtx86", "gtcuda")
    assert (cuda.status, cuda.sizes_measured, cuda.commit) == ("not measured", [], None)
    assert cuda.reason == "gtcuda: failed in asv"


def gemv(incumbent: str, challenger: str, machine: str, commit: str | None = None) -> Crossover:
    choice = BLAS._replace(commit=commit)
    return verdict(choice, "benchmarks.gemv.time_gemv", incumbent, challenger, machine)


def test_blas_gemv_crosses_where_both_sides_are_outside_the_noise() -> None:
    """Skylake, c and z in microseconds: 26.3 [26.0, 26.9] and 21.4 [20.9, 23.3] at 100, 85.8
    [84.3, 89.4] and 90.1 [88.7, 94.4] at 200, 384 [378, 387] and 477 [470, 545] at 400.

    z wins at 100 and loses from 400 up; at 200 they overlap. Medians are equal at
    100 · 2^(ln(1/0.8123) / ln(1.0507/0.8123)) = 100 · 2^0.8078 = 175.
    """
    crossover = gemv("c", "z", "gha-aws-skylake")
    assert (crossover.status, crossover.bracket) == ("reverses", (100, 400))
    assert crossover.size == pytest.approx(175, abs=0.5)
    assert ratios(crossover)[100] == pytest.approx(2.1368326219515196e-05 / 2.6305244525557873e-05)
    # Noble: z is slower at 100 and 800, and inside the noise everywhere else.
    noble = gemv("c", "z", "gha-ubuntu-noble")
    assert noble.status == "undecided"
    assert noble.undecided == [(200, 200), (400, 400), (600, 600), (1000, 1000)]


def test_chunks_of_nx_parallel_win_from_a_hundred_nodes_up() -> None:
    """Betweenness, probability 0.8, milliseconds with and without at 50, 100, 200 and 400: 10.6 and
    11.0, 30.8 and 52.5, 182 and 267, 1522 and 2121.

    At 50 they overlap ([10.6, 11.1], [10.7, 21.1]); at 800 (13.0 s and 35.3 s) two runs without
    chunks say [−443, 513] s: undecided. Without chunks never wins.
    """
    name = "bench_node_chunks.ChunkBenchmarks.time_betweenness_centrality_chunking"
    crossover = verdict(CHUNKING, f"{name}[edge_prob=0.8]", "True", "False")
    assert (crossover.status, crossover.undecided) == ("never", [(800, 800)])
    assert ratios(crossover)[100] == pytest.approx(0.0525045920512639 / 0.030767111049499363)
    assert ratios(crossover)[800] == pytest.approx(35.25681230251212 / 13.010992014489602)
    assert crossover.environment == "virtualenv-py3.11-networkx3.2-nx-parallel"


@pytest.mark.parametrize(
    ("choice", "advice"),
    [
        (Choice("adirondax"), "no benchmark of time in it has parameters; choose another"),
        (Choice("xdsl"), "no benchmark of time in it has parameters; choose another"),
        (Choice("nx_benchmarks"), "name with --by and --size some of graph_type"),
        (Choice("nx_benchmarks", ("graph_type",)), "graph_type"),
        (Choice("bartz"), "name with --by and --size some of cache, chains, kind, mode, n_save"),
        (Choice("nx_parallel", ("machine",), "num_nodes"), "there is one backend only"),
    ],
    ids=str,
)
def test_what_has_no_sizes_or_backends_is_one_line_of_advice(choice: Choice, advice: str) -> None:
    with pytest.raises(UserError) as raised:
        judge(choice)
    assert advice in str(raised.value)
    assert choice.project in str(raised.value)
    assert "\n" not in str(raised.value)
