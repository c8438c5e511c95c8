from __future__ import annotations

import pytest

from perceptron.backends import registry, torch_compiled
from perceptron.backends.torch_compiled import BACKEND
from perceptron.problems import catalogue
from tests.backends.conftest import assert_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_torch_thread")
needs_compiler = pytest.mark.skipif(
    BACKEND.unavailable() is not None, reason=f"{BACKEND.name}: {BACKEND.unavailable()}"
)


@needs_compiler
@pytest.mark.parametrize("iterations", [1, 9, 10, 11, 37])
def test_any_number_of_iterations_is_trained(iterations: int) -> None:
    """So are those left over by a whole number of graphs, no more and no fewer."""
    problem = catalogue.find("or-gate")
    trainer = BACKEND.prepare(problem, "float64")
    assert_as_numpy(trainer, problem, iterations=iterations, tolerance=1e-13)


@pytest.mark.parametrize(
    ("name", "steps"),
    [("or-gate", 10), ("xor-hidden", 5), ("mlp-width:512", 1), ("mlp-depth:64", 1)],
)
def test_small_problems_share_a_call(name: str, steps: int) -> None:
    """Unrolling pays where a step is short, and costs compilation where it is long."""
    assert torch_compiled.unrolled(catalogue.find(name)) == steps


@needs_compiler
def test_one_graph_serves_all_problems_of_a_shape() -> None:
    """Data are arguments: others compile nothing."""
    BACKEND.prepare(catalogue.find("or-gate"), "float64")
    before = torch_compiled._compiled.cache_info().misses
    BACKEND.prepare(catalogue.find("xor"), "float64")
    assert torch_compiled._compiled.cache_info().misses == before


def test_a_missing_compiler_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is compiled, with what to do."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert BACKEND.unavailable() == "no C++ compiler found: install g++"
    monkeypatch.setenv("CXX", "/no/such/compiler")
    assert BACKEND.unavailable() == "CXX=/no/such/compiler not found: install g++"


@needs_compiler
@pytest.mark.parametrize("on_disk", [False, True])
def test_it_says_whether_it_found_what_was_compiled(
    on_disk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On disk, or in the process, where a problem had these shapes before."""
    monkeypatch.setattr(torch_compiled, "inductor_wrote", lambda since: not on_disk)
    torch_compiled._compiled.cache_clear()
    BACKEND.prepare(catalogue.find("or-gate"), "float64")
    assert BACKEND.prepared_from_cache() == on_disk
    BACKEND.prepare(catalogue.find("xor"), "float64")
    assert BACKEND.prepared_from_cache()
