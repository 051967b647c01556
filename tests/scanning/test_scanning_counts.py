"""Counts and lists: ranks in every pool and tie mode from one table, merging, saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from clinometer.errors import CollectionError, FormatError, UsageError
from clinometer.scanning.counts import RankCounts, TopK
from clinometer.scanning.passes import Scan
from clinometer.scanning.scan import rank_relevant


def made(**changes: Any) -> RankCounts:
    """Two queries; the first has a relevant document in `en` and one in `de`, the second one in `de`."""
    counts = RankCounts(
        indptr=np.array([0, 2, 3]),
        documents=np.array([5, 2, 7]),
        codes=np.array([0, 1, 1]),
        scores=np.array([0.5, 0.25, 0.75], dtype=np.float32),
        greater=np.array([[3, 1, 0], [4, 2, 7], [0, 0, 1]], dtype=np.uint32),
        equal=np.array([[2, 0, 1], [0, 0, 0], [0, 3, 0]], dtype=np.uint32),
        before=np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=np.uint32),
        languages=("en", "de", "zh"),
    )
    return replace(counts, **changes)


@pytest.mark.parametrize(
    ("ties", "everywhere", "english_german", "german"),
    [
        ("index", [7, 14, 3], [6, 7, 2], [0, 3, 2]),
        ("trec", [6, 14, 4], [6, 7, 3], [0, 3, 3]),
        ("optimistic", [5, 14, 2], [5, 7, 1], [0, 3, 1]),
        ("pessimistic", [8, 14, 5], [7, 7, 4], [0, 3, 4]),
        ("expected", [6.5, 14, 3.5], [6, 7, 2.5], [0, 3, 2.5]),
    ],
)
def test_ranks_in_any_pool(
    ties: Any, everywhere: list[float], english_german: list[float], german: list[float]
) -> None:
    counts = made()
    assert counts.ranks(ties=ties).tolist() == everywhere
    assert counts.ranks(["de", "en"], ties).tolist() == english_german
    assert counts.ranks(["de"], ties).tolist() == counts.ranks("de", ties).tolist() == german
    assert made(ties=ties).ranks().tolist() == everywhere


def test_ranks_are_integers_unless_expected() -> None:
    assert made().ranks().dtype == np.int64
    assert made().ranks(ties="expected").dtype == np.float64


def test_reprs_give_sizes_and_no_arrays() -> None:
    counts = made()
    assert repr(counts) == "RankCounts(queries=2, relevant=3, languages=[en, de, zh], ties='index')"
    sized = made(pool_sizes=np.array([1000, 20, 3]), ties="trec")
    assert repr(sized) == "RankCounts(queries=2, relevant=3, languages=[en 1,000, de 20, zh 3], ties='trec')"
    top = lists([[0, 1]], [[0.5, 0.25]])
    assert repr(top) == "TopK(queries=1, k=2)"
    assert repr(lists([[[0], [1]]], [[[0.5], [0.25]]], ("en", ""))) == "TopK(queries=1, k=1, languages=[en, ''])"
    assert repr(Scan(sized, top)) == f"Scan(ranks={sized!r}, top={top!r}, rescored=0, pooled=None)"
    assert repr(Scan(None, top, 7)) == f"Scan(ranks=None, top={top!r}, rescored=7, pooled=None)"


def test_reprs_of_many_languages_stay_short() -> None:
    labels = tuple(f"q{number:03d}" for number in range(200))
    assert repr(made(languages=labels)).endswith("q011, ... (188 more)], ties='index')")
    sizes = np.arange(200)
    assert repr(made(languages=labels, pool_sizes=sizes)).endswith("q011 11, ... (188 more)], ties='index')")


def test_ties_are_counted() -> None:
    assert made().tied == 2


def test_what_was_not_scanned_is_refused() -> None:
    wrong: Any = "random"
    with pytest.raises(UsageError, match="the scan has no fr, it; it has en, de, zh"):
        made().ranks(["fr", "en", "it"])
    with pytest.raises(UsageError, match="unknown tie mode 'random'; expected one of index, trec"):
        made().ranks(ties=wrong)
    with pytest.raises(UsageError, match="ordered ties for 'trec' by document id; scan again with ties='index'"):
        made(held="trec", by_id=True).ranks(ties="index")
    # Without ids one order is the other reversed, whichever was scanned.
    assert made(held="trec").ranks(ties="index").tolist() == made().ranks(ties="trec").tolist()


def test_merging_adds() -> None:
    merged = made().merge(made())
    for name in ("greater", "equal", "before"):
        assert_array_equal(getattr(merged, name), 2 * getattr(made(), name))
    assert merged.ranks().tolist() == [2 * rank - 1 for rank in made().ranks().tolist()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("indptr", np.array([0, 1, 3])),
        ("documents", np.array([5, 2, 8])),
        ("codes", np.array([0, 1, 2])),
        ("scores", np.array([0.5, 0.25, np.nextafter(np.float32(0.75), np.float32(1))], dtype=np.float32)),
    ],
)
def test_counts_of_other_questions_do_not_merge(name: str, value: Any) -> None:
    with pytest.raises(CollectionError, match=f"these counts cannot be merged: their {name} differ"):
        made().merge(made(**{name: value}))


def test_counts_of_other_pools_do_not_merge() -> None:
    for other in (made(languages=("en", "de", "fr")), made(held="trec"), made(by_id=True)):
        with pytest.raises(CollectionError, match="their languages or tie orders differ"):
            made().merge(other)


@pytest.mark.parametrize("counts", [made(), made(ties="trec", held="trec", by_id=True, languages=("", "zh-Hant", "é"))])
def test_saving_and_loading_gives_the_same(tmp_path: Path, counts: RankCounts) -> None:
    counts.save(tmp_path / "counts.npz")
    found = RankCounts.load(tmp_path / "counts.npz")
    for name in ("indptr", "documents", "codes", "scores", "greater", "equal", "before"):
        assert_array_equal(getattr(found, name), getattr(counts, name))
        assert getattr(found, name).dtype == getattr(counts, name).dtype
    for name in ("languages", "ties", "held", "by_id"):
        assert getattr(found, name) == getattr(counts, name)
    assert [path.name for path in tmp_path.iterdir()] == ["counts.npz"]


@pytest.mark.parametrize("content", [b"", b"no counts", b"PK\x03\x04 cut"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "counts.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"counts\.npz: not a file written by RankCounts\.save"):
        RankCounts.load(path)


def test_an_npz_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.save(tmp_path / "single.npy", np.ones(3))
    for name in ("other.npz", "single.npy"):
        with pytest.raises(FormatError, match="not a file written by"):
            RankCounts.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        RankCounts.load(tmp_path / "absent.npz")


def lists(ids: Any, scores: Any, languages: tuple[str, ...] | None = None) -> TopK:
    return TopK(np.array(ids), np.array(scores, dtype=np.float32), np.array(ids), languages)


PER_LANGUAGE = lists([[[4, 1], [0, -1], [3, 2]]], [[[0.5, 0.25], [0.5, np.nan], [1, 0.5]]], ("en", "de", "zh"))


def test_a_pool_merges_the_lists_of_its_languages() -> None:
    for pool, ids in ((["en"], [4, 1]), (["de"], [0, -1]), (["en", "de"], [0, 4]), (["zh", "de", "en"], [3, 0])):
        found = PER_LANGUAGE.pool(pool)
        assert found.ids.tolist() == [ids]
        assert found.languages is None
    assert PER_LANGUAGE.pool(["de"]).scores[0, 0] == 0.5
    assert np.isnan(PER_LANGUAGE.pool(["de"]).scores[0, 1])


def test_lists_merge_by_score_then_place() -> None:
    one, two = lists([[4, 1]], [[0.5, 0.25]]), lists([[3, -1]], [[0.5, np.nan]])
    for merged in (one.merge(two), two.merge(one)):
        assert merged.ids.tolist() == [[3, 4]]
        assert merged.scores.tolist() == [[0.5, 0.5]]


def test_lists_that_do_not_fit_are_refused() -> None:
    plain = lists([[4, 1]], [[0.5, 0.25]])
    with pytest.raises(UsageError, match="these lists are not per language; search with per_language=True"):
        plain.pool(["en"])
    with pytest.raises(UsageError, match="the lists have no fr; they have en, de, zh"):
        PER_LANGUAGE.pool(["en", "fr"])
    for other in (lists([[4]], [[0.5]]), lists([[4, 1], [0, 2]], np.ones((2, 2))), PER_LANGUAGE):
        with pytest.raises(CollectionError, match="these lists cannot be merged: their queries, k or languages differ"):
            plain.merge(other)


def test_a_scan_without_languages_says_so() -> None:
    counts = rank_relevant(np.eye(2), np.eye(2), [[0], [1]])
    with pytest.raises(UsageError, match="the scan knows no languages, so not en either; give it languages"):
        counts.ranks(["en"])
