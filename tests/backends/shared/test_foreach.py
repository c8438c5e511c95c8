from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.backends.shared import foreach
from perceptron.backends.shared.foreach import LARGE, SMALL, launches

torch = pytest.importorskip("torch")

CHUNK = 65_536


@pytest.mark.parametrize(
    ("tensors", "lists", "small", "large"),
    [(1, 1, 1, 1), (110, 1, 1, 1), (111, 1, 2, 1), (130, 1, 2, 1), (130, 2, 3, 1), (130, 3, 3, 1)],
)
def test_a_launch_takes_as_many_tensors_as_fit_into_its_arguments(
    tensors: int, lists: int, small: int, large: int
) -> None:
    sizes = [64] * tensors
    assert len(launches(sizes, lists, most=SMALL)) == small
    assert len(launches(sizes, lists, most=LARGE)) == large


def test_a_number_for_each_tensor_takes_room_as_well() -> None:
    assert [len(launches([1] * 100, 1, has_scalars)) for has_scalars in (False, True)] == [1, 2]


def test_a_launch_takes_320_chunks() -> None:
    """The rest of a tensor that is cut goes into the next launch, which takes others beside it."""
    assert launches([320 * CHUNK], 2) == [320 * CHUNK]
    assert launches([321 * CHUNK, 5], 2) == [320 * CHUNK, CHUNK + 5]


@pytest.mark.parametrize("lists", [1, 2, 3, 4, 5])
def test_every_element_is_taken_once(lists: int) -> None:
    sizes = [1, 0, 400 * CHUNK + 1, *[7] * 200, 3 * CHUNK]
    assert sum(launches(sizes, lists)) == sum(sizes)
    assert all(launches(sizes, lists))


def test_nothing_is_launched_for_nothing() -> None:
    assert launches([0, 0], 1) == []


def test_lists_go_together_if_they_lie_alike() -> None:
    """As PyTorch's own check: one dtype, one shape, one layout; of one row it does not matter."""
    parameters = [torch.ones(3, 2), torch.ones(3)]
    assert foreach.is_one_kernel([parameters, [torch.ones(3, 2), torch.ones(3)]])
    assert not foreach.is_one_kernel([parameters, [torch.ones(2, 3).T, torch.ones(3)]])
    assert not foreach.is_one_kernel([parameters, [torch.ones(3, 2).double(), torch.ones(3)]])
    assert foreach.is_one_kernel([[torch.ones(1, 5)], [torch.ones(5, 1).T]])


@pytest.mark.parametrize(
    ("cuda", "header", "expected"),
    [
        (None, "CUDART_VERSION >= 13000", SMALL),
        ("12.8", "CUDART_VERSION >= 13000", SMALL),
        ("13.0", "constexpr int depth_to_max_tensors", SMALL),
        ("13.0", "#if CUDART_VERSION >= 13000", LARGE),
        ("13.0", None, SMALL),
    ],
)
def test_the_limits_are_those_of_the_installed_pytorch(
    cuda: str | None,
    header: str | None,
    expected: foreach.Limits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch, "__file__", str(tmp_path / "__init__.py"))
    if header is not None:
        folder = tmp_path / "include/ATen/native/cuda"
        folder.mkdir(parents=True)
        (folder / "MultiTensorApply.cuh").write_text(header, encoding="utf-8")
    foreach.limits.cache_clear()
    try:
        assert foreach.limits() == expected
    finally:
        foreach.limits.cache_clear()


def test_the_table_is_that_of_the_header_that_is_installed_here() -> None:
    """Where PyTorch brings it: if the numbers change, they change here."""
    header = Path(torch.__file__).parent / "include/ATen/native/cuda/MultiTensorApply.cuh"
    if not header.exists():
        pytest.skip("this PyTorch brings no headers of CUDA")
    text = " ".join(header.read_text(encoding="utf-8").split())
    assert f"kChunkSize = {CHUNK}" in text
    for numbers in (SMALL.tensors, SMALL.tensors_with_scalars, [SMALL.chunks] * 5):
        assert f"{{{', '.join(map(str, numbers))}}}" in text
    if "CUDART_VERSION >= 13000" in text:
        for numbers in (LARGE.tensors, LARGE.tensors_with_scalars, [LARGE.chunks] * 5):
            assert f"{{{', '.join(map(str, numbers))}}}" in text
