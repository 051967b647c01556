"""Documents decoded a block at a time are those that are read row by row, and texts on the disk those in memory."""

from __future__ import annotations

import copy
import gzip
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import clinometer as cm
from clinometer import Collection, contents
from clinometer.collection import stored_texts
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import ClinometerError, FormatError
from clinometer.io import documents

Write = Callable[..., Path]


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is small enough to be held in memory."""
    monkeypatch.setattr(stored_texts, "HELD", -1)


@pytest.fixture
def folder(tmp_path: Path) -> Write:
    """Writes a folder with these lines as its corpus; one query is about d0."""

    def write(*lines: bytes | dict[str, Any], end: bytes = b"\n", head: bytes = b"", packed: bool = False) -> Path:
        (tmp_path / "qrels").mkdir(exist_ok=True)
        (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "Wer?", "language": "de"}\n')
        (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td0\t1\n")
        rows = [line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode() for line in lines]
        raw = head + b"".join(row + end for row in rows)
        name = "corpus.jsonl.gz" if packed else "corpus.jsonl"
        (tmp_path / name).write_bytes(gzip.compress(raw) if packed else raw)
        return tmp_path

    return write


def document(number: int, text: str = "Eine Katze schläft.", **fields: Any) -> dict[str, Any]:
    return {"_id": f"d{number}", "text": text, "language": "de", **fields}


def read(folder: Path, **options: Any) -> Collection | str:
    """The collection, or the sentence of the error."""
    try:
        return cm.load(f"beir:{folder}", **options)
    except ClinometerError as error:
        return str(error)


def row_by_row(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Collection | str:
    with monkeypatch.context() as patch:
        patch.setattr(documents, "_added", lambda *_: False)
        return read(folder, **options)


def assert_alike(one: Collection | str, other: Collection | str) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert (one.documents, one.queries, one.notes) == (other.documents, other.queries, other.notes)
    assert one.describe() == other.describe()
    assert [column.tolist() for column in (one.indptr, one.judged, one.grades)] == [
        column.tolist() for column in (other.indptr, other.judged, other.grades)
    ]
    assert [rows.tolist() for rows in one.twins()] == [rows.tolist() for rows in other.twins()]


LINES: list[bytes] = [
    b'{"_id": "d1", "text": "a", "language": "de", "group": "g"}',
    b'{"_id": "d1", "text": "a", "language": "de", "group": "g"}',
    b'{"_id": "d2", "title": "A", "text": " b ", "language": "EN", "group": null}',
    b'{"_id": "d3", "text": "c", "metadata": {"language": "deu_Latn", "group": "g"}}',
    b'{"_id": "d4", "text": "c", "language": "en", "metadata": {"parallel_id": "g", "url": [[1]]}}',
    b'{"_id": "d5", "text": " \\u3000", "language": "en"}',
    b'{"_id": 6, "text": "a number", "language": "en"}',
    b'{"_id": "d7", "text": "g", "language": "en", "group": "", "metadata": {"group": "h"}}',
    b'{"_id": "d8", "text": "h", "language": "en", "url": "\xc3\xa4"}',
    b'{"_id": "d9", "text": "\\ud83d\\ude00 \\n", "language": "zh-TW"}',
    b'{"_id": "en:10", "text": "no label"}',
    b'{"_id": "d11", "title": null, "text": "k", "language": "de", "metadata": null}',
    b'{"text": "before", "_id": "d12", "text": "after", "language": "de"}',
    b"",
    b"\r",
    # Refused:
    b'{"_id": "d1", "text": "another", "language": "de"}',
    b'{"_id": "", "text": "x", "language": "de"}',
    b'{"_id": "d13", "text": "x", "language": "de", "url": "\xff"}',
    b'{"_id": "d14", "text": "\xff", "language": "de"}',
    b'{"_id": "d15", "text": "\\ud800", "language": "de"}',
    b'{"_id": "d16", "text": "x", "language": "not a label"}',
    b'{"_id": "d17", "language": "de"}',
    b'{"_id": "d18", "text": 1, "language": "de"}',
    b'{"_id": "d19", "text": "x", "language": "de", "metadata": []}',
    b'{"_id": "d20", "text": "x", "language": "de", "url": ' + b"[" * 70 + b"]" * 70 + b"}",
    b'{"_id": "d21", "text": "x", "language": "de", "url": ' + b"[" * 70_000 + b"]" * 70_000 + b"}",
    b'{"_id": "d22", "text": "x", "language": "de"} {"_id": "d23", "text": "x", "language": "de"}',
    b'{"_id": "d24",',
    b"   ",
    b'{"_id": "d25", "text": "nul \x00", "language": "de"}',
    b"\xef\xbb\xbf" + b'{"_id": "d26", "text": "a mark", "language": "de"}',
    b"\xff",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(LINES[:15]), max_size=12),
    bad_lines=st.lists(st.sampled_from(LINES[15:]), max_size=1),
    place=st.integers(0, 12),
    crlf=st.booleans(),
    mark=st.booleans(),
    packed=st.booleans(),
    held=st.booleans(),
    block=st.sampled_from([7, 60, 1 << 20]),
    language=st.sampled_from([None, "en", "id"]),
    languages=st.sampled_from([None, ["de"], ["de", "en", "zh-Hant"]]),
)
@example([], [], 0, False, True, False, False, 1 << 20, None, None)
def test_a_block_is_read_as_its_rows_are(
    folder: Write, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], bad_lines: list[bytes], place: int, crlf: bool,
    mark: bool, packed: bool, held: bool, block: int, language: str | None, languages: list[str] | None,
) -> None:  # fmt: skip
    lines = [json.dumps(document(0)).encode(), *lines[:place], *bad_lines, *lines[place:]]
    place_of = folder(*lines, end=b"\r\n" if crlf else b"\n", head=b"\xef\xbb\xbf" if mark else b"", packed=packed)
    with monkeypatch.context() as patch:
        expected = row_by_row(place_of, monkeypatch, language=language, languages=languages)
        patch.setattr(contents, "_BLOCK", block)
        patch.setattr(stored_texts, "HELD", 1 << 20 if held else -1)
        result = read(place_of, language=language, languages=languages)
        assert_alike(result, expected)
        if isinstance(result, Collection):
            assert isinstance(result.documents.texts, tuple) == held
    (place_of / ("corpus.jsonl.gz" if packed else "corpus.jsonl")).unlink()


def test_as_many_objects_as_lines_need_not_be_one_on_each(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    two, first, second = (
        json.dumps(document(0)) + json.dumps(document(1)),
        '{"_id": "d2", "text":',
        '"x", "language": "de"}',
    )
    place = folder(two.encode(), first.encode(), second.encode())
    result = read(place)
    assert isinstance(result, str)
    assert "corpus.jsonl:1" in result
    assert result == row_by_row(place, monkeypatch)


def test_plain_lines_are_decoded_in_one_call(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_decoded", None)
    collection = cm.load(f"beir:{folder(*(document(number, title='t', group='g') for number in range(9)))}")
    assert collection.documents.texts[8] == "t Eine Katze schläft."


def test_plain_lines_are_not_read_row_by_row(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [document(number, title="t", group=f"g{number}", metadata={"url": "x"}, url=[1]) for number in range(9)]
    place = folder(*rows, b"", end=b"\r\n")
    monkeypatch.setattr(documents, "_add_row", None)
    collection = cm.load(f"beir:{place}")
    assert collection.documents.texts[8] == "t Eine Katze schläft."
    assert collection.notes["languages_found_by"] == {"field": 10}


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("packed", [False, True])
def test_texts_on_the_disk_behave_like_the_tuple_that_they_were(folder: Write, packed: bool) -> None:
    texts = [f"Text {number} ä{'語' * (number % 3)}" for number in range(5000)]
    collection = cm.load(f"beir:{folder(*(document(n, text) for n, text in enumerate(texts)), packed=packed)}")
    column: Any = collection.documents.texts
    assert not isinstance(column, tuple)
    assert column == tuple(texts)
    assert tuple(texts) == column
    assert column != tuple(texts[:-1])
    assert column != "x"
    assert (column[0], column[-1], len(column)) == (texts[0], texts[-1], 5000)
    assert column[10:4000:7] == texts[10:4000:7]
    assert column[::-1] == texts[::-1]
    assert (texts[7] in column, "absent" in column, column.index(texts[7])) == (True, False, 7)
    assert column[:1] + ("x",) == (texts[0], "x")  # noqa: RUF005 - what tuples can
    assert repr(column[:2]) == repr(tuple(texts[:2]))
    assert len(repr(column)) < 1000
    with pytest.raises(IndexError):
        column[5000]
    rows = np.array([4, 4999, 3])
    assert collection.documents.take(rows).texts == [texts[row] for row in rows]
    for other in (pickle.loads(pickle.dumps(collection)), copy.deepcopy(collection)):
        assert_alike(other, collection)


@pytest.mark.usefixtures("on_disk")
def test_only_the_texts_that_are_asked_for_are_read(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = cm.load(f"beir:{folder(*(document(n, f'Text {n}') for n in range(300)))}")
    decoded: list[bytes] = []
    plain = documents._text_of

    def counted(line: bytes) -> str:
        decoded.append(line)
        return plain(line)

    monkeypatch.setattr(collection.documents.texts, "_decode", counted)
    rows = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    encoder = PrecomputedEncoder(rows[:1], rows)
    evaluation = cm.evaluate(collection, encoder, scenarios=["mono-same"], pivot="de", examples=1, resamples=0)
    assert evaluation.collection["digest"] == collection.digest()
    assert len(decoded) < 20


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("change", ["shorter", "touched", "rewritten"])
def test_a_file_that_changes_is_a_sentence(folder: Write, change: str) -> None:
    place = folder(*(document(number) for number in range(3)))
    collection = cm.load(f"beir:{place}")
    path = place / "corpus.jsonl"
    if change == "shorter":
        os.truncate(path, 20)
    elif change == "touched":
        os.utime(path, ns=(1, 1))
    else:
        path.write_bytes(path.read_bytes().replace(b"Katze", b"Tatze"))
        os.utime(path, ns=(2, 2))
    for use in (lambda: collection.documents.texts[0], lambda: list(collection.documents.texts)):
        with pytest.raises(FormatError, match=r"corpus\.jsonl: the file has changed since .*; load the"):
            use()


@pytest.mark.usefixtures("on_disk")
def test_a_file_that_is_deleted_can_still_be_read(folder: Write) -> None:
    place = folder(document(0))
    collection = cm.load(f"beir:{place}")
    (place / "corpus.jsonl").unlink()
    assert collection.documents.texts == ("Eine Katze schläft.",)


@pytest.mark.usefixtures("on_disk")
def test_texts_of_other_readers_go_into_a_temporary_file() -> None:
    demo = cm.load("demo", languages=["en", "de"])
    assert isinstance(demo.documents.texts, stored_texts.StoredTexts)
    builder = cm.CollectionBuilder("surrogates")
    builder.add_document("d", "half \ud800", "en")
    builder.add_query("q", "Who?", "en")
    assert builder.build().documents.texts == ("half \ud800",)


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_texts, "HELD", -1)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ClinometerError, match=r"No space left on device.*set TMPDIR"):
        cm.load("demo", languages=["en", "de"])
