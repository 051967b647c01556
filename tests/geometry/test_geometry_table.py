"""The table of all measures: pairing by group, one row for each language and measure, and what cannot be paired."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clinometer.errors import LanguageError, UsageError
from clinometer.geometry import MEASURES, alignment_table, bitext_accuracy, embedding_mismatch, isotropy, margin

RNG = np.random.default_rng(11)
VECTORS = RNG.normal(size=(10, 4))
LANGUAGES = ["en", "deu_Latn", "zh", "en", "de", "zh", "en", "de", "zh", "de"]
GROUPS = ["a", "b", "a", "b", "a", "b", "c", "c", None, None]
EN, DE, ZH = [0, 3, 6], [4, 1, 7], [2, 5]


def table(**options: Any) -> dict[tuple[str, str], dict[str, Any]]:
    rows = alignment_table(VECTORS, LANGUAGES, GROUPS, **options)
    return {(row["language"], row["measure"]): row for row in rows}


def test_texts_are_paired_by_group() -> None:
    found = table()
    assert list(found) == [(language, measure) for language in ("de", "zh") for measure in MEASURES]
    german = embedding_mismatch(VECTORS[EN], VECTORS[DE])
    assert found["de", "mismatch_l1"]["value"] == pytest.approx(german.l1)
    assert found["de", "mismatch_jsd"]["value"] == pytest.approx(german.jsd)
    assert found["de", "bitext_accuracy"]["value"] == pytest.approx(bitext_accuracy(VECTORS[EN], VECTORS[DE]))
    assert found["zh", "margin"]["value"] == pytest.approx(margin(VECTORS[EN[:2]], VECTORS[ZH]))
    assert found["zh", "partition_ratio"]["value"] == pytest.approx(isotropy(VECTORS[ZH]).partition_ratio)
    assert found["de", "margin"] | {"value": 0} == {
        "pivot": "en", "language": "de", "measure": "margin", "value": 0, "pairs": 3, "unpaired": 1,
    }  # fmt: skip
    assert (found["zh", "mexa"]["pairs"], found["zh", "mexa"]["unpaired"]) == (2, 1)


def test_another_pivot_and_another_reading() -> None:
    found = table(pivot="zh", read="normalized")
    assert {language for language, _ in found} == {"de", "en"}
    wanted = embedding_mismatch(VECTORS[ZH], VECTORS[EN[:2]], read="normalized")
    assert found["en", "mismatch_l1"]["value"] == pytest.approx(wanted.l1)
    assert found["en", "mexa"]["pivot"] == "zh"


def test_what_is_not_defined_is_none() -> None:
    rows = alignment_table([[1, 0], [1, 0], [1, 0], [0, 1]], ["en", "en", "de", "de"], ["a", "b", "a", "b"])
    assert {row["measure"]: row["value"] for row in rows}["linear_cka"] is None


def test_what_cannot_be_paired_is_refused() -> None:
    two = ["en", "de"]
    with pytest.raises(UsageError, match="de has 1 texts that are translations of en texts, but 2 or more"):
        alignment_table([[1, 0], [0, 1]], two, ["a", "a"])
    with pytest.raises(UsageError, match="rows 0 and 1 are both the en text of group 'a'"):
        alignment_table([[1, 0], [0, 1]], ["en", "en"], ["a", "a"])
    with pytest.raises(UsageError, match="1 languages for 2 texts"):
        alignment_table([[1, 0], [0, 1]], ["en"], ["a", "a"])
    with pytest.raises(UsageError, match="one string for 2 texts; give a list with one of the groups"):
        alignment_table([[1, 0], [0, 1]], two, "aa")
    with pytest.raises(LanguageError, match="the texts are in en, de, but the pivot 'zh' and another language"):
        alignment_table([[1, 0], [0, 1]], two, ["a", "a"], "zh")


def test_every_measure_is_explained_with_its_source() -> None:
    assert all(kind.summary.endswith(").") for kind in MEASURES.values())
