from __future__ import annotations

import gc

from perceptron.records.row import no_search_for_cycles


def test_nothing_is_looked_through_until_the_end() -> None:
    assert gc.isenabled()
    with no_search_for_cycles():
        assert not gc.isenabled()
        with no_search_for_cycles():
            assert not gc.isenabled()
        assert not gc.isenabled()
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
