from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.backends.data_parallel.nodes import ADDRESS, NODES, Layout, layout
from perceptron.errors import UserError

TWO = {NODES: ";ip netns exec b", ADDRESS: "10.0.0.1"}
IN_B = ("ip", "netns", "exec", "b")


def test_one_machine_needs_no_name_service() -> None:
    assert layout(3, {}) == Layout("127.0.0.1", ((),), 3)


def test_processes_are_shared_out_evenly_over_nodes() -> None:
    assert layout(4, TWO) == Layout("10.0.0.1", ((), IN_B), 2)


def test_processes_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(UserError, match="3 processes cannot be shared out evenly over 2 nodes"):
        layout(3, TWO)


def test_a_command_that_cannot_be_read_is_named() -> None:
    with pytest.raises(UserError, match=r"PERCEPTRON_NODES: .* cannot be read: No closing quot"):
        layout(2, {NODES: ";ssh 'b"})


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A job of two nodes, and a Slurm that knows their names."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames n[1-2]" ] && printf "n1\\nn2\\n"\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return {"SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "n[1-2]"}


def test_the_nodes_of_a_slurm_job_are_its_own(slurm: dict[str, str]) -> None:
    by_slurm = ("srun", "--nodes=1", "--ntasks=1", "--nodelist=n2", "--overlap")
    assert layout(2, slurm | {ADDRESS: "10.0.0.1"}) == Layout("10.0.0.1", ((), by_slurm), 1)


def test_an_address_that_is_not_known_is_asked_for(
    slurm: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(host: str) -> str:
        raise OSError("Name or service not known")

    monkeypatch.setattr("perceptron.backends.data_parallel.nodes.address_towards", refuse)
    with pytest.raises(UserError, match="set PERCEPTRON_NODE_ADDRESS to one at which"):
        layout(2, slurm)


def test_nodes_that_slurm_does_not_list_can_be_named(slurm: dict[str, str]) -> None:
    with pytest.raises(UserError, match="name them by PERCEPTRON_NODES"):
        layout(2, slurm | {"SLURM_JOB_NODELIST": "others"})


def test_no_more_nodes_are_used_than_there_are_processes() -> None:
    assert layout(1, TWO) == Layout("10.0.0.1", ((),), 1)
