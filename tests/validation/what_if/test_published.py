from __future__ import annotations

import pytest

from benchmarks.validation.what_if.published import Host, Kernels, published
from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import EAGER, GRAPH, KernelWork
from perceptron.backends import registry
from perceptron.studies.what_if import count_kernels


def test_every_table_says_where_it_is_from_and_what_it_ran_on() -> None:
    found = published()
    assert len({table.name for table in found.tables}) == len(found.tables)
    for table in found.tables:
        assert table.source
        assert table.hardware
        assert table.backend in (EAGER, GRAPH)
        assert table.device is None or table.device in DEVICES
        for row in table.rows:
            assert 0 < row.seconds < 1
            assert row.kernels
    assert all(one.name and one.source and one.reason for one in found.not_compared)


def test_the_blocks_that_were_published_are_384_kernels() -> None:
    """128 of a product, a ReLU and an addition; batch and width are in their shapes."""
    blocks = [table for table in published().tables if table.device == "rtx-4090"]
    assert [len(table.rows) for table in blocks] == [12, 7]
    for table in blocks:
        for row in table.rows:
            product, relu, addition = row.kernels
            assert (product.count, relu.count, addition.count) == (128, 128, 128)
            assert product.product is not None
            batch, width, _ = product.product
            assert row.case in (f"batch {batch}", f"width {width}")
            assert relu.elements == addition.elements == batch * width


def test_a_shape_is_the_work_of_each_of_its_kernels() -> None:
    """In float32, every tensor read or written once."""
    assert Kernels(count=2, product=(3, 4, 5)).work() == [KernelWork(120.0, 4.0 * 47, 3)] * 2
    assert Kernels(count=1, elements=10, tensors=3).work() == [KernelWork(10.0, 120.0, None)]
    assert Host(seconds=1e-4, operations=10).dispatch == pytest.approx(1e-5)


def test_the_or_gate_has_as_many_kernels_as_are_counted() -> None:
    """They stand in the file so that the page needs no PyTorch."""
    if reason := registry.reason_unavailable("torch-cpu"):
        pytest.skip(f"torch-cpu: {reason}")
    from perceptron.problems import catalogue

    problem = catalogue.find("or-gate")
    counted = count_kernels([problem], "float32")
    (table,) = [table for table in published().tables if table.name.startswith("OR gate")]
    assert table.host is not None
    assert table.host.operations == counted.host_operations
    (row,) = table.rows
    assert sum(shape.count for shape in row.kernels) == len(counted.kernels[problem.name])
