"""Corrected encoders: evaluation passes languages, records say what was done, and what is unknown is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

import clinometer as cm
from clinometer.correction import Center, CorrectedEncoder, Lir, Shift
from clinometer.correction.records import corrected_record
from clinometer.encoders import Encoder, EncoderRecord, PrecomputedEncoder
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
    with pytest.raises(EncoderError, match="returned 1 labels for 30 queries"):
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
    with pytest.raises(UsageError, match="query_languages is 'some', but must be given, unknown or a function"):
        CorrectedEncoder(precomputed, center, query_languages="some")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown is 'skip', but must be one of refuse, mean, leave"):
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


def test_the_record_says_what_was_done_in_which_order() -> None:
    precomputed = PrecomputedEncoder(embeddings(), embeddings())
    center = Center.fit(embeddings(), LANGUAGES, strength=0.5, directions=0)
    lir = Lir.fit(embeddings(), LANGUAGES)
    inner = CorrectedEncoder(precomputed, center, query_languages="unknown")
    record = CorrectedEncoder(inner, lir).record
    assert precomputed.record.remedies == []
    assert [entry["method"] for entry in record.remedies] == ["center", "lir"]
    assert [entry["digest"] for entry in record.remedies] == [center.digest, lir.digest]
    assert record.revision == f"correction {center.digest}; correction {lir.digest}"
    settings = record.remedies[0]["settings"]
    assert (settings["strength"], settings["query_strength"], settings["query_languages"]) == (0.5, 0.5, "unknown")
    assert settings["languages"] == ["de", "en"]
    assert settings["documents_fitted"] == {"de": 15, "en": 15}
    assert record.remedies[1]["settings"]["components"] == 1
    # JSON and back.
    assert msgspec.json.decode(msgspec.json.encode(record), type=EncoderRecord) == record


def test_records_without_remedies_are_still_read() -> None:
    assert msgspec.json.decode(b'{"name": "a", "kind": "http"}', type=EncoderRecord).remedies == []


def test_the_digest_does_not_go_with_what_it_was_fitted_on() -> None:
    center = Center.fit(embeddings(), LANGUAGES)
    noted = replace(center, settings={**center.settings, "fitted_on": {"encoder": "a", "kind": "http"}})
    assert noted.digest == center.digest
    assert replace(center, settings={**center.settings, "shrinkage": 0.5}).digest != center.digest


@pytest.mark.parametrize(
    ("fitted", "told"),
    [
        ({}, []),
        ({"revision": "1"}, []),
        ({"revision": "2"}, ["m (2), not of m (1)"]),
        ({"encoder": "n", "revision": "1"}, []),
        ({"encoder": "n"}, ["n, not of m"]),
        ({"query_prompt": "query: "}, ["texts with the query prompt 'query: ', not ''"]),
        ({"encoder": "n", "kind": "precomputed"}, []),
    ],
)
def test_a_correction_of_another_encoder_is_warned_about(fitted: dict[str, Any], told: list[str]) -> None:
    origin = {"encoder": "m", "kind": "http", "revision": "", "query_prompt": "", "document_prompt": ""} | fitted
    center = Center.fit(embeddings(), LANGUAGES)
    noted = replace(center, settings={**center.settings, "fitted_on": origin})
    record = corrected_record(EncoderRecord(name="m", kind="http", revision="1", dimension=9), noted)
    assert record.warnings == [
        f"the correction was fitted on embeddings of {what}; fit it again for this encoder" for what in told
    ]
    assert corrected_record(EncoderRecord(name="m", kind="http"), center).warnings == []


def test_queries_whose_language_is_not_told_take_the_mean_over_all() -> None:
    center = Center.fit(embeddings(), LANGUAGES, directions=0)
    precomputed = PrecomputedEncoder(embeddings(), embeddings())
    found = ["deu", None, "en"] * 10
    encoder = CorrectedEncoder(precomputed, center, query_languages=lambda _: found)
    rows = encoder.encode_queries([""] * 30, languages=["de", "en", "de"] * 10)
    told = [label is not None for label in found]
    known = [label for label in found if label is not None]
    np.testing.assert_array_equal(rows[told], center.apply_queries(embeddings()[told], known))
    np.testing.assert_array_equal(rows[np.logical_not(told)], center.apply_queries(embeddings()[1::3]))
    assert encoder.record.warnings == [
        "the language of 10 of 30 queries could not be identified; they were corrected by the mean over all languages",
        "10 of 30 queries were identified as another language than their label",
    ]
    assert encoder.record.remedies[0]["settings"]["query_languages"] == "identify"


def test_unknown_languages_are_refused_before_anything_is_encoded() -> None:
    class Never:
        record = PrecomputedEncoder(embeddings(), embeddings()).record

        def encode_queries(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
            raise AssertionError("encoded")

        encode_documents = encode_queries

    encoder = CorrectedEncoder(Never(), Center.fit(embeddings(), LANGUAGES))
    for encode in (encoder.encode_documents, encoder.encode_queries):
        with pytest.raises(LanguageError, match=r"fr \(1\)"):
            encode(["a", "b"], languages=["fr", "en"])
