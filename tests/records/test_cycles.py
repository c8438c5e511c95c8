from __future__ import annotations

import gc
import weakref

import pytest

from perceptron.records.row import no_search_for_cycles


def test_nothing_is_looked_through_until_the_end() -> None:
    assert gc.isenabled()
    with no_search_for_cycles():
        assert not gc.isenabled()
        with no_search_for_cycles():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_leaves_it_as_it_was() -> None:
    with pytest.raises(ValueError, match="x"), no_search_for_cycles():
        raise ValueError("x")
    assert gc.isenabled()


def test_what_somebody_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with no_search_for_cycles():
            pass
        assert gc.get_freeze_count() == frozen > 0
    finally:
        gc.unfreeze()


def test_cycles_made_meanwhile_are_found_later() -> None:
    class Node:
        pass

    with no_search_for_cycles():
        node = Node()
        node.itself = node  # type: ignore[attr-defined]
        seen = weakref.ref(node)
        del node
        assert seen() is not None
    gc.collect()
    assert seen() is None
