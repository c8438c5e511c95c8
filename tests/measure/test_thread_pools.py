from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits

from perceptron.measure.thread_pools import assert_threads


def test_a_pool_of_another_size_is_named_with_its_remedy() -> None:
    with threadpool_limits(1):
        assert_threads(1)
        with pytest.raises(RuntimeError, match=r"1 threads instead of 7: environment\(threads\)"):
            assert_threads(7)
