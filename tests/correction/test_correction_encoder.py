"""Corrected encoders: evaluation passes languages, records say what was done, and what is unknown is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import clinometer as cm
from clinometer.correction import Center, CorrectedEncoder, Shift
from clinometer.encoders import Encoder, PrecomputedEncoder
from clinometer.errors import EncoderError, LanguageError, UsageError

LANGUAGES = ["en", "de"] * 15


def collection() -> cm.Collection:
    builder = cm.CollectionBuilder("planted")
    for group in range(15):
        for label in ("en", "de"):
            builder.add_document(f"{label}{group}", f"text {group}", label, group=str(group))
            builder.add_query(f"{label}?{group}", f"question {group}", label, group=str(group))
    for group in range(15):
        for label in ("en", "de"):
            for other in ("en", "de"):
                builder.judge(f"{label}?{group}", f"{other}{group}")
    return builder.build()


def embeddings(lean: float = 3.0) -> NDArray[np.float32]:
    """Parallel texts alike but for one dimension, in which the languages lie apart."""
    draw = np.random.default_rng(0)
    topics = np.repeat(draw.normal(size=(15, 8)), 2, axis=0) + 0.05 * draw.normal(size=(30, 8))
    shift = np.tile([[lean], [-lean]], (15, 1))
    return np.hstack([topics, shift]).astype(np.float32)


def test_evaluation_passes_languages_and_the_lean_is_gone() -> None:
    encoder = PrecomputedEncoder(embeddings(), embeddings())
    center = Center.fit(embeddings(), LANGUAGES)
    options: dict[str, Any] = {"scenarios": ["multi"], "measures": ["MaxR", "Complete@10"], "resamples": 0}
    before = cm.evaluate(collection(), encoder, **options)
    after = cm.evaluate(collection(), CorrectedEncoder(encoder, center), **options)
    assert before.value("Complete@10", "multi", "de") == 0
    assert after.value("Complete@10", "multi", "de") == 100
    assert after.value("MaxR", "multi", "de") == 2
    assert after.encoder["name"] == "precomputed + center"
    assert after.encoder["normalized"]
    assert after.encoder["warnings"] == []


def test_the_rows_are_those_of_apply() -> None:
    center = Center.fit(embeddings(), LANGUAGES)
    encoder = CorrectedEncoder(PrecomputedEncoder(embeddings(), embeddings()), center)
    assert isinstance(encoder, Encoder)
    assert encoder.wants_languages
    texts = [""] * 30
    np.testing.assert_array_equal(
        encoder.encode_documents(texts, languages=LANGUAGES), center.apply(embeddings(), LANGUAGES)
    )
    np.testing.assert_array_equal(
        encoder.encode_queries(texts, languages=LANGUAGES), center.apply_queries(embeddings(), LANGUAGES)
    )
    assert encoder.record.warnings == []
    np.testing.assert_array_equal(encoder.encode_queries(texts), center.apply_queries(embeddings()))
    assert encoder.record.warnings == ["30 queries were corrected by one mean for all languages"]


def test_query_languages_may_be_ignored_or_found() -> None:
    center = Center.fit(embeddings(), LANGUAGES, directions=0)
    precomputed, texts = PrecomputedEncoder(embeddings(), embeddings()), [f"{label}:" for label in LANGUAGES]
    ignoring = CorrectedEncoder(precomputed, center, query_languages="unknown")
    np.testing.assert_array_equal(
        ignoring.encode_queries(texts, languages=LANGUAGES), center.apply_queries(embeddings())
    )
    finding = CorrectedEncoder(precomputed, center, query_languages=lambda given: [text[:2] for text in given])
    np.testing.assert_array_equal(finding.encode_queries(texts), center.apply_queries(embeddings(), LANGUAGES))
    broken = CorrectedEncoder(precomputed, center, query_languages=lambda given: ["en"])
    with pytest.raises(EncoderError, match="gave 1 labels for 30 queries"):
        broken.encode_queries(texts)


def test_unknown_languages_are_refused_or_counted_in_the_record() -> None:
    center = Center.fit(embeddings(), LANGUAGES)
    precomputed, labels = PrecomputedEncoder(embeddings(), embeddings()), ["en", "fr"] * 15
    with pytest.raises(LanguageError, match=r"fr \(15\)"):
        CorrectedEncoder(precomputed, center).encode_documents([""] * 30, languages=labels)
    encoder = CorrectedEncoder(precomputed, center, unknown="leave")
    with pytest.warns(UserWarning, match="15 of 30 documents were left uncorrected"):
        encoder.encode_documents([""] * 30, languages=labels)
    with pytest.warns(UserWarning, match="15 of 30 queries"):
        encoder.encode_queries([""] * 30, languages=labels)
    assert encoder.record.warnings == [
        "15 documents were left uncorrected: fr (15)",
        "15 queries were left uncorrected: fr (15)",
    ]


def test_corrections_follow_one_another() -> None:
    center = Center.fit(embeddings(), LANGUAGES, directions=0)
    inner = CorrectedEncoder(PrecomputedEncoder(embeddings(), embeddings()), center)
    shift = Shift.fit(center.apply(embeddings(), LANGUAGES), LANGUAGES, [str(row // 2) for row in range(30)])
    outer = CorrectedEncoder(inner, shift)
    np.testing.assert_array_equal(
        outer.encode_documents([""] * 30, languages=LANGUAGES),
        shift.apply(center.apply(embeddings(), LANGUAGES), LANGUAGES),
    )
    assert outer.record.name == "precomputed + center + shift"


def test_the_revision_tells_corrections_apart() -> None:
    precomputed = PrecomputedEncoder(embeddings(), embeddings())

    def revision(lean: float = 3.0, **options: Any) -> str:
        return CorrectedEncoder(precomputed, Center.fit(embeddings(lean), LANGUAGES, **options)).record.revision

    assert revision() == revision()
    assert len({revision(), revision(strength=0.8), revision(directions=0)}) == 3
    assert revision().startswith("correction ")
    plain: dict[str, Any] = {"shrinkage": 0.0, "directions": 0}
    assert revision(**plain) != revision(2.0, **plain)  # same settings, other means


def test_refusals() -> None:
    center = Center.fit(embeddings(), LANGUAGES)
    precomputed = PrecomputedEncoder(embeddings(), embeddings())
    with pytest.raises(UsageError, match="precomputed gives 3 dimensions, but the correction was fitted on 9"):
        CorrectedEncoder(_narrow(), center)
    with pytest.raises(UsageError, match="query_languages is 'some'; choose given, unknown or a function"):
        CorrectedEncoder(precomputed, center, query_languages="some")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown is 'skip'; choose one of refuse, mean, leave"):
        CorrectedEncoder(precomputed, center, unknown="skip")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="needs the language of each document"):
        CorrectedEncoder(precomputed, center).encode_documents([""] * 30)


def _narrow() -> PrecomputedEncoder:
    return PrecomputedEncoder(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32))


def test_encoders_without_wants_languages_are_called_as_ever() -> None:
    seen: list[dict[str, Any]] = []

    class Plain:
        record = PrecomputedEncoder(embeddings(), embeddings()).record

        def encode_queries(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
            seen.append(options)
            return embeddings()

        encode_documents = encode_queries

    cm.evaluate(collection(), Plain(), scenarios=["multi"], measures=["MaxR"], resamples=0)
    assert seen == [{"show_progress_bar": False}] * 2
