from __future__ import annotations

from collections.abc import Callable

import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared.torch_capture import (
    WARM_UP_CALLS,
    CudaCapture,
    NotRecorded,
    Repeating,
    refusing,
)

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

from tests.backends.fake_cuda import FORBIDDEN, FakeCuda

HERE = torch.ones(3)
FAR = torch.ones(3, device="meta")


@pytest.mark.parametrize(
    ("step", "operation"),
    [
        (lambda: HERE.sum().item(), "aten._local_scalar_dense.default asks the device for a value"),
        (lambda: bool(HERE.sum() > 0), "aten._local_scalar_dense.default asks"),
        (lambda: float(HERE[0]), "aten._local_scalar_dense.default asks"),
        (lambda: HERE.nonzero(), "aten.nonzero.default asks"),
        (lambda: HERE[HERE > 0], "asks the device for a value"),
        (lambda: torch.equal(HERE, HERE), "aten.equal.default asks"),
    ],
)
@pytest.mark.parametrize("kind", ["cuda", "stand-in"])
def test_a_step_that_asks_for_a_value_is_refused_by_the_name_of_what_asks(
    kind: str, step: Callable[[], object], operation: str
) -> None:
    """Before it is captured, where the device would say no more than that it is not permitted."""
    cuda = FakeCuda()
    recorder = CudaCapture(cuda, "cpu") if kind == "cuda" else Repeating()
    with pytest.raises(Unsupported, match=operation) as refusal:
        recorder.record(lambda: [step()].clear())
    assert "\n" not in str(refusal.value)
    assert not cuda.graphs


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (lambda: FAR.cpu(), "aten._to_copy.default works on cpu, not on meta"),
        (lambda: FAR.copy_(HERE), "aten.copy_.default works on cpu, not on meta"),
        (lambda: torch.zeros(2), "aten.zeros.default works on cpu, not on meta"),
        (lambda: HERE.add_(1.0), "aten.add_.Tensor works on cpu, not on meta"),
    ],
)
def test_a_step_that_leaves_the_device_is_refused(step: Callable[[], object], why: str) -> None:
    """What the host reads or adds is not repeated by a replay, and copies make it wait."""
    with pytest.raises(Unsupported, match=why), refusing("meta"):
        step()


def test_a_step_on_the_device_alone_is_not_refused() -> None:
    with refusing("meta"):
        (torch.zeros(3, device="meta") + FAR).mul_(2.0).sum()


def test_values_that_only_the_stand_in_keeps_on_the_host_may_be_read() -> None:
    """PyTorch's Adam counts its steps in host memory where the CPU stands in for a GPU."""
    count, other = torch.zeros(()), torch.zeros(())
    with refusing("cpu", [count]):
        count.add_(1.0)
        assert count.item() == 1.0
        with pytest.raises(Unsupported):
            other.item()


def test_what_the_device_refuses_is_said_in_one_line() -> None:
    """A wait cannot be seen beforehand: the device itself refuses it."""
    cuda = FakeCuda()
    waits = {"synchronize": cuda.synchronize, "one stream": cuda.default.synchronize}
    for wait in waits.values():
        recorder = CudaCapture(cuda, "cpu")
        with pytest.raises(NotRecorded) as refusal:
            recorder.record(wait)
        assert str(refusal.value) == f"a CUDA graph could not be recorded: {FORBIDDEN}"


def test_warming_up_recording_and_replaying_share_a_stream_and_all_graphs_a_pool() -> None:
    """And the stream waits for what was queued before it, as what comes after waits for it."""
    cuda = FakeCuda()
    recorder, ran_on = CudaCapture(cuda, "cpu"), []

    def work() -> None:
        ran_on.append(cuda.current.name)

    with recorder.on_stream():
        replays = [recorder.record(work) for _ in range(2)]
        for replay in replays:
            replay()
    assert ran_on == ["side 1"] * 2 * (WARM_UP_CALLS + 1)
    assert [graph.recorded_on for graph in cuda.graphs] == ["side 1"] * 2
    assert [graph.replayed_on for graph in cuda.graphs] == [["side 1"]] * 2
    first, second = cuda.graphs
    assert first.pool is second.pool is not None
    assert cuda.current is cuda.default
    assert cuda.log == [
        "side 1 waits for default",
        *["synchronize", "record on side 1"] * 2,
        *["replay on side 1"] * 2,
        "default waits for side 1",
    ]


def test_a_replay_does_what_was_recorded_again() -> None:
    """The fake's own promise, on which the tests of recorded trainers stand."""
    cuda, total, frozen = FakeCuda(), torch.zeros(2), [0.0]

    def work() -> None:
        frozen[0] += 1.0
        total.add_(torch.ones(2) * frozen[0])

    replay = CudaCapture(cuda, "cpu").record(work)
    total.zero_()
    replay()
    replay()
    assert total.tolist() == [2.0 * (WARM_UP_CALLS + 1)] * 2  # Python did not count any further


def test_the_stand_in_repeats_the_work() -> None:
    calls: list[int] = []
    recorder = Repeating()
    with recorder.on_stream():
        recorder.record(lambda: calls.append(1))()
    assert calls == [1, 1]
