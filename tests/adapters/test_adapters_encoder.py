"""Adapted encoders: rows are those of `apply`, records say what was done, languages pass through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.interpreter import python

from clinometer.adapters import AdaptedEncoder, Adapter
from clinometer.correction import Center, CorrectedEncoder
from clinometer.encoders import Encoder, EncoderRecord, PrecomputedEncoder
from clinometer.errors import UsageError

ROWS = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
LANGUAGES = ["en", "de"] * 4


def adapter(**settings: Any) -> Adapter:
    draw = np.random.default_rng(1)
    arrays: dict[str, Any] = {"weight": draw.normal(size=(6, 6)), "bias": draw.normal(size=6)}
    return Adapter("linear", {**arrays, "query_weight": -arrays["weight"], "query_bias": arrays["bias"]}, settings)


class Named:
    def __init__(self, **changes: Any) -> None:
        self.record = EncoderRecord(**{"name": "api", "kind": "http", "dimension": 6, **changes})

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        return ROWS

    encode_documents = encode_queries


def test_the_rows_are_those_of_apply() -> None:
    encoder = AdaptedEncoder(PrecomputedEncoder(ROWS, ROWS), adapter())
    assert isinstance(encoder, Encoder)
    assert not encoder.wants_languages
    np.testing.assert_array_equal(encoder.encode_documents([""] * 8), adapter().apply(ROWS))
    np.testing.assert_array_equal(encoder.encode_queries([""] * 8), adapter().apply_queries(ROWS))
    assert not np.allclose(adapter().apply_queries(ROWS), adapter().apply(ROWS))


def test_the_record_says_what_was_done() -> None:
    record = AdaptedEncoder(Named(revision="7", warnings=["w"]), adapter(loss="psg", history=[1])).record
    digest = adapter().digest[:12]
    assert (record.name, record.revision) == ("api + adapter", f"7; adapter {digest}")
    assert (record.kind, record.dimension, record.normalized, record.warnings) == ("http", 6, True, ["w"])
    said = {"kind": "linear", "rank": 6, "separate_queries": True, "loss": "psg"}
    assert record.remedies == [{"method": "adapter", "digest": digest, "settings": said}]
    before = {"method": "center", "digest": "0", "settings": {}}
    stacked = AdaptedEncoder(Named(remedies=[before]), adapter(loss="psg")).record
    assert stacked.remedies == [before, *record.remedies]
    assert AdaptedEncoder(Named(), adapter()).record.revision == f"adapter {digest}"


@pytest.mark.parametrize(
    ("learned", "here", "warning"),
    [
        ({"name": "api", "revision": "7"}, {"revision": "7"}, []),
        ({"name": "other", "revision": "7"}, {"revision": "7"}, []),
        ({"name": "api", "revision": "7"}, {"revision": "8"}, ["revision 7, not of 8"]),
        ({"name": "api", "revision": ""}, {}, []),
        ({"name": "other", "revision": ""}, {}, ["name other, not of api"]),
    ],
)
def test_another_encoder_than_the_learned_one_is_said(learned: Any, here: Any, warning: list[str]) -> None:
    record = AdaptedEncoder(Named(**here), adapter(encoder=learned)).record
    assert record.warnings == [f"the adapter was learned on embeddings of {text}" for text in warning]


def test_corrections_stack_on_either_side() -> None:
    base = PrecomputedEncoder(ROWS, ROWS)
    first = AdaptedEncoder(base, adapter())
    center = Center.fit(first.encode_documents([""] * 8), LANGUAGES)
    outer = CorrectedEncoder(first, center)
    expected = center.apply(adapter().apply(ROWS), LANGUAGES)
    np.testing.assert_array_equal(outer.encode_documents([""] * 8, languages=LANGUAGES), expected)
    assert outer.record.name == "precomputed + adapter + center"

    center = Center.fit(ROWS, LANGUAGES)
    inner = AdaptedEncoder(CorrectedEncoder(base, center), adapter())
    assert inner.wants_languages
    expected = adapter().apply(center.apply(ROWS, LANGUAGES))
    np.testing.assert_array_equal(inner.encode_documents([""] * 8, languages=LANGUAGES), expected)
    expected = adapter().apply_queries(center.apply_queries(ROWS, LANGUAGES))
    np.testing.assert_array_equal(inner.encode_queries([""] * 8, languages=LANGUAGES), expected)


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(UsageError, match="api gives 7 dimensions, but the adapter maps 6; learn it on"):
        AdaptedEncoder(Named(dimension=7), adapter())


def test_applying_imports_neither_torch_nor_safetensors() -> None:
    code = (
        "import sys, numpy as np; from clinometer.adapters import Adapter; Adapter.identity(3).apply(np.eye(3)); "
        "print(sorted({'torch', 'safetensors', 'sentence_transformers'} & set(sys.modules)))"
    )
    assert python(code) == "[]"
