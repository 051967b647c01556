"""What a writer accepts, refuses and leaves as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinometer.collection import Texts, stored_texts
from clinometer.encoders import EncoderRecord
from clinometer.errors import ClinometerError, CollectionError, EmbeddingError, EncoderError, FormatError, UsageError
from clinometer.store import EmbeddingStore, StoreWriter, default_shard_rows, digest_of, fill, open_writer

Make = Callable[..., Any]
RECORD = EncoderRecord(name="m", kind="http", dimension=2)


@pytest.fixture
def writer(tmp_path: Path) -> Any:
    with StoreWriter(tmp_path / "s", RECORD, "documents") as made:
        made.append([[1, 0], [0, 2]], ["a", "b"], ["en", "deu_Latn"], ["g", None])
        yield made


def test_columns_may_be_arrays_of_texts(writer: StoreWriter, tmp_path: Path) -> None:
    columns: list[Any] = [np.array(names) for names in (["c", "d"], ["en", "deu_Latn"], ["g", "h"])]
    writer.append(np.eye(2), *columns)
    store = EmbeddingStore.open(tmp_path / "s")
    assert store.ids[2:] == ("c", "d")
    assert store.languages[2:] == ("en", "de")
    assert store.groups[2:] == ("g", "h")


def test_appended_rows_are_there_at_once(writer: StoreWriter, tmp_path: Path) -> None:
    found = EmbeddingStore.open(tmp_path / "s")
    assert found.rows(0, 2).tolist() == [[1, 0], [0, 2]]
    assert (found.ids, found.languages, found.groups) == (("a", "b"), ("en", "de"), ("g", None))
    writer.append(np.array([[3.0, 4.0]]), ["c"], ["und"])
    assert len(writer) == 3
    assert len(found) == 2
    assert EmbeddingStore.open(tmp_path / "s").groups == ("g", None, None)


WRONG: list[tuple[Any, list[Any], Any, type[Exception], str]] = [
    ([[1, 0]], ["a"], None, CollectionError, "1 duplicate ids in .*: 'a'; each row needs its own"),
    ([[1, 0], [1, 1]], ["c", "c"], None, CollectionError, "1 duplicate ids in .*: 'c'"),
    ([[0, 0], [1, np.nan], [np.inf, 1]], ["x", "y", "z"], None, EmbeddingError,
     r"as float32, 1 rows are zero \('x'\) and 2 rows hold NaN or infinity \('y', 'z'\); check their texts"),
    ([[1e39, 1]], ["c"], None, EmbeddingError, r"1 rows hold NaN or infinity \('c'\)"),
    ([[0, 0]] * 7, list("cdefghi"), None, EmbeddingError, r"7 rows are zero \('c', 'd', 'e', 'f', 'g', ...\)"),
    ([[1, 0, 0]], ["c"], None, EmbeddingError, r"have shape \(1, 3\), but .* needs \(1, 2\): one row per id"),
    ([[1, 0]], ["c", "d"], None, EmbeddingError, r"have shape \(1, 2\), but .* needs \(2, 2\)"),
    ([1, 0], ["c", "d"], None, EmbeddingError, r"the embeddings are int64 of shape \(2,\), but must be numbers"),
    ([["1", "0"]], ["c"], None, EmbeddingError, "but must be numbers"),
    ([[1, 0]], ["c"], ["g", "h"], CollectionError, "1 ids, 1 languages and 2 groups do not belong together"),
    ([[1, 0]], [1], None, CollectionError, "the id 1 is int, but must be a string"),
    ([[1, 0]], ["c"], [1], CollectionError, "the group 1 is int, but must be a string"),
    ([[1, 0]], ["\ud800"], None, CollectionError, "holds half of a surrogate pair; remove it"),
    ([], [], None, UsageError, "no rows to append"),
]  # fmt: skip


@pytest.mark.parametrize(("vectors", "ids", "groups", "error", "sentence"), WRONG, ids=[item[4][:40] for item in WRONG])
def test_rows_that_are_refused(
    writer: StoreWriter, tmp_path: Path, contents: Make, vectors: Any, ids: list[Any], groups: Any,
    error: type[Exception], sentence: str,
) -> None:  # fmt: skip
    before = contents(tmp_path)
    with pytest.raises(error, match=sentence):
        writer.append(vectors, ids, ["en"] * len(ids), groups)
    assert contents(tmp_path) == before
    # The writer can go on.
    writer.append([[1, 1]], ["z"], ["en"])
    assert EmbeddingStore.open(tmp_path / "s").ids == ("a", "b", "z")


def test_a_wrong_language_is_refused(writer: StoreWriter) -> None:
    with pytest.raises(UsageError, match="'!' is not a language label"):
        writer.append([[1, 0]], ["c"], ["!"])


def test_ids_of_an_earlier_run_are_known(writer: StoreWriter, tmp_path: Path) -> None:
    writer.close()
    with (
        StoreWriter(tmp_path / "s", RECORD, "documents") as again,
        pytest.raises(CollectionError, match="1 duplicate ids"),
    ):
        again.append([[1, 0]], ["b"], ["en"])


def test_two_writers(writer: StoreWriter, tmp_path: Path) -> None:
    with pytest.raises(ClinometerError, match="is being written by another run; wait for it to end") as caught:
        StoreWriter(tmp_path / "s", RECORD, "documents")
    assert not isinstance(caught.value, UsageError)
    # The second one has harmed nothing, and the lock goes with the first.
    writer.append([[1, 1]], ["c"], ["en"])
    writer.close()
    writer.close()
    with pytest.raises(UsageError, match="is closed; open it again"):
        writer.append([[1, 1]], ["d"], ["en"])
    with StoreWriter(tmp_path / "s", RECORD, "documents") as again:
        assert len(again) == 3


def test_a_refused_writer_leaves_no_lock(writer: StoreWriter, tmp_path: Path) -> None:
    writer.close()
    with pytest.raises(UsageError):
        StoreWriter(tmp_path / "s", RECORD, "queries")
    StoreWriter(tmp_path / "s", RECORD, "documents").close()


OTHERWISE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"document_prompt": "passage: "}, {}, "document_prompt: '', now 'passage: '"),
    ({"name": "n"}, {}, "name: 'm', now 'n'"),
    ({"revision": "2"}, {}, "revision: '', now '2'"),
    ({"max_length": 64}, {}, "max_length: None, now 64"),
    ({"normalized": True}, {}, "normalized: False, now True"),
    ({"dimension": 3}, {}, "dimension: 2, now 3"),
    ({"remedies": [{"method": "center"}]}, {}, "remedies: [], now [{'method': 'center'}]"),
    ({"kind": "offline", "dtype": "float16"}, {}, "kind: 'http', now 'offline'; dtype: 'float32', now 'float16'"),
    ({}, {"dtype": "float16"}, "dtype: float32, now float16"),
    ({}, {"stage": "queries"}, "stage: documents, now queries"),
    ({}, {"shard_rows": 7}, "shard_rows: None, now 7"),
]


@pytest.mark.parametrize(("record", "options", "sentence"), OTHERWISE, ids=[item[2] for item in OTHERWISE])
def test_a_store_that_was_made_otherwise(
    writer: StoreWriter, tmp_path: Path, contents: Make, record: dict[str, Any], options: dict[str, Any], sentence: str
) -> None:
    writer.close()
    before = contents(tmp_path)
    given = EncoderRecord(**{"name": "m", "kind": "http", "dimension": 2, **record})
    with pytest.raises(UsageError) as caught:
        StoreWriter(tmp_path / "s", given, **{"stage": "documents", **options})
    assert f"has other settings ({sentence}); encode as before, or choose another folder" in str(caught.value)
    assert contents(tmp_path) == before


def test_what_makes_no_difference(writer: StoreWriter, tmp_path: Path) -> None:
    writer.close()
    other = EncoderRecord(
        name="m", kind="http", dimension=2, query_prompt="query: ", warnings=["cut"], languages=["en"]
    )
    with StoreWriter(tmp_path / "s", other, "documents") as again:
        assert again.manifest.encoder == RECORD


def test_options_of_a_writer(tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [{"stage": "texts"}, {"dtype": "int8"}, {"shard_rows": 0}]
    for options in wrong:
        with pytest.raises(UsageError, match=f"{next(iter(options))} is"):
            StoreWriter(tmp_path / "s", RECORD, **{"stage": "documents", **options})
    assert not (tmp_path / "s").exists()


def test_a_folder_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "00000.npy").write_bytes(b"precious")
    with pytest.raises(FormatError, match=r"has no manifest.json but holds '00000.npy'; choose a new or empty folder"):
        StoreWriter(tmp_path, RECORD, "documents")
    assert (tmp_path / "00000.npy").read_bytes() == b"precious"


def test_a_damaged_store_is_not_continued(store: Path, texts: Texts, encode: Make) -> None:
    (store / "00001.npy").write_bytes(b"")
    with pytest.raises(FormatError, match=r"00001.npy: not a .npy file"):
        encode(store, texts)


def test_float16(tmp_path: Path) -> None:
    with StoreWriter(tmp_path, replace_dimension(0), "queries", "float16") as writer:
        writer.append(np.array([[1.0001, 65504, 1]]), ["a"], ["en"])
        for row, what in (([70000.0, 1, 1], "hold NaN"), ([1e-9, 0, 0], "are zero")):
            with pytest.raises(EmbeddingError, match=rf"as float16, 1 rows {what}.*\('b'\); store float32"):
                writer.append([row], ["b"], ["en"])
    found = EmbeddingStore.open(tmp_path)
    assert (found.dtype, found.dimension, found.record.dimension) == (np.dtype("float16"), 3, 0)
    assert found.rows(0, 1).dtype == np.float16
    assert found.rows(0, 1).tolist() == [[1, 65504, 1]]
    assert found.describe()["bytes"] == 6 + (tmp_path / "00000.jsonl").stat().st_size


def replace_dimension(dimension: int) -> EncoderRecord:
    return EncoderRecord(name="m", kind="http", dimension=dimension)


# texts


def test_texts_that_are_not_those_of_the_store(store: Path, texts: Texts, encode: Make, contents: Make) -> None:
    def swapped(column: str, row: int, value: Any) -> Texts:
        changed = list(getattr(texts, column))
        changed[row] = value
        columns: dict[str, Any] = {column: tuple(changed)}
        return replace(texts, **columns)

    before = contents(store)
    wrong = [
        (swapped("ids", 5, "other"), "the id of row 5 is 'd5', and 'other' in the source"),
        (swapped("languages", 9, "fr"), "the language of row 9 is 'de', and 'fr' in the source"),
        (swapped("groups", 3, "g9"), "the group of row 3 is None, and 'g9' in the source"),
        (swapped("texts", 6, "new"), r"a text of shard 00001 \(rows 4 to 7, from 'd4' on\) has changed since"),
        (texts.take(range(9)), "has 10 rows, but the source has 9"),
    ]
    for changed, sentence in wrong:
        with pytest.raises(
            CollectionError, match=sentence + ".*; encode the source as it was, or choose another folder"
        ):
            encode(store, changed)
    assert contents(store) == before


def test_a_source_that_has_grown(store: Path, texts: Texts, encode: Make) -> None:
    more = Texts((*texts.ids, "d10"), (*texts.texts, "new"), (*texts.languages, "fr"), (*texts.groups, None))
    encoder = encode(store, more)
    assert encoder.calls == [["new"]]
    assert EmbeddingStore.open(store).ids == more.ids


def test_equal_texts_have_equal_rows(store: Path, texts: Texts, tmp_path: Path, encode: Make) -> None:
    rows = EmbeddingStore.open(store).rows(0, 10)
    # The encoder's rows depend on the call, and the two calls have different lengths.
    np.testing.assert_array_equal(rows[8:], rows[[1, 7]])
    encoder = encode(tmp_path / "other", texts, shard_rows=3)
    assert [len(call) for call in encoder.calls] == [3, 3, 2]
    other = EmbeddingStore.open(tmp_path / "other")
    np.testing.assert_array_equal(other.rows(8, 10), other.take([1, 7]))


def test_an_encoder_that_gives_too_few_rows(tmp_path: Path, texts: Texts, tiny: Make) -> None:
    encoder = tiny()
    encoder.encode_documents = lambda given, show_progress_bar=False: np.ones((len(given) - 1, 4), np.float32)
    with (
        open_writer(tmp_path, texts, encoder, "documents") as writer,
        pytest.raises(
            EncoderError, match=r"tiny gave embeddings of shape \(7, 4\) for 8 texts, but must give \(8, 4\)"
        ),
    ):
        fill(writer, texts, encoder)


def test_a_bar_starts_where_the_store_ends(
    store: Path, texts: Texts, tiny: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_writer(store, texts, tiny(), "documents") as writer:
        fill(writer, texts, tiny(), show_progress_bar=True)
    assert "documents: 10 of 10 texts, " in capsys.readouterr().err


def test_rows_of_a_shard_are_those_of_the_store(tmp_path: Path, texts: Texts, tiny: Make) -> None:
    with open_writer(tmp_path / "s", texts, tiny(), "documents") as writer:
        assert writer.manifest.shard_rows == default_shard_rows(10) == 2048
    with open_writer(tmp_path / "t", texts, tiny(), "documents", shard_rows=3):
        pass
    with open_writer(tmp_path / "t", texts, tiny(), "documents") as writer:
        assert writer.manifest.shard_rows == 3


@pytest.mark.parametrize("rows", [1, 1 << 20, (1 << 20) + 1, 10**7, 10**9])
def test_no_more_than_512_shards(rows: int) -> None:
    size = default_shard_rows(rows)
    assert size >= 2048
    assert -(-rows // size) <= 512


@settings(max_examples=100)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3)), st.data())
def test_digests_tell_lists_of_texts_apart(texts: list[str], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.sampled_from([*texts, "a"]), max_size=len(texts) + 1))
    assert (digest_of(texts) == digest_of(other)) == (texts == other)


def test_texts_on_the_disk_are_encoded_as_those_in_memory(
    tmp_path: Path, store: Path, tiny: Make, texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_texts, "HELD", -1)
    sink = stored_texts.SpooledTexts()
    sink.extend(texts.texts)
    on_disk = replace(texts, texts=sink.column())
    encoder = tiny()
    with open_writer(tmp_path / "other", on_disk, encoder, "documents", shard_rows=4) as writer:
        fill(writer, on_disk, encoder)
    assert [len(call) for call in encoder.calls] == [4, 4]
    files = sorted(path.name for path in store.iterdir() if path.suffix != ".lock")
    assert files
    for name in files:
        assert (tmp_path / "other" / name).read_bytes() == (store / name).read_bytes()
