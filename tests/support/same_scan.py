"""Two scans compared bit by bit."""

from __future__ import annotations

from numpy.testing import assert_array_equal

from clinometer import RankCounts, Scan, TopK


def assert_same_counts(found: RankCounts | None, wanted: RankCounts | None) -> None:
    assert found is not None
    assert wanted is not None
    for name in ("indptr", "documents", "codes", "greater", "equal", "before"):
        assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
    assert found.scores.tobytes() == wanted.scores.tobytes()
    assert (found.languages, found.held, found.by_id) == (wanted.languages, wanted.held, wanted.by_id)


def assert_same_lists(found: TopK | None, wanted: TopK | None) -> None:
    assert found is not None
    assert wanted is not None
    assert_array_equal(found.ids, wanted.ids)
    assert_array_equal(found.places, wanted.places)
    assert found.scores.tobytes() == wanted.scores.tobytes()
    assert found.languages == wanted.languages


def assert_same(found: Scan, wanted: Scan) -> None:
    assert_same_counts(found.ranks, wanted.ranks)
    assert_array_equal(found.ranks.pool_sizes, wanted.ranks.pool_sizes)  # type: ignore[union-attr]
    assert_same_lists(found.top, wanted.top)
