"""Folders whose files are packed by Zstandard or are parquet read as plain ones; damaged ones are sentences."""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import clinometer as cm
from clinometer.contents import numbered_lines, read_bytes
from clinometer.errors import FormatError, MissingExtraError, MissingFileError, UsageError
from clinometer.files import packed
from clinometer.io import tables
from clinometer.io.textfiles import write_lines

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": f"d{number}", "title": "T", "text": f"text {number}", "language": ("en", "de")[number % 2]}
    for number in range(3000)
]
QUERIES: list[dict[str, Any]] = [{"_id": "q", "text": "Wer?", "language": "de", "metadata": {"topic": "x"}}]


def packed_by_zstandard(raw: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    packer = zstandard.ZstdCompressor()
    half = len(raw) // 2
    return bytes(packer.compress(raw[:half]) + packer.compress(raw[half:]))  # two frames, as pzstd writes them


def lines_of(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td7\t1\n")
    (tmp_path / "corpus.jsonl").write_bytes(lines_of(DOCUMENTS))
    (tmp_path / "queries.jsonl").write_bytes(lines_of(QUERIES))
    return tmp_path


def test_every_file_of_a_folder_may_be_packed_by_zstandard(folder: Path) -> None:
    plain = cm.load(f"beir:{folder}")
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        raw = (folder / name).read_bytes()
        (folder / f"{name}.zst").write_bytes(packed_by_zstandard(raw))
        assert read_bytes(folder / f"{name}.zst") == raw
        (folder / name).unlink()
    collection = cm.load(f"beir:{folder}")
    assert (collection.documents, collection.queries) == (plain.documents, plain.queries)
    assert collection.digest() == plain.digest()


@pytest.mark.parametrize("cut", [3, 200, -1])
def test_a_zstandard_file_that_ends_too_soon_is_a_sentence(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(packed_by_zstandard(lines_of(DOCUMENTS))[:cut])
    with pytest.raises(FormatError, match=r"a\.jsonl\.zst:\d+: broken zstd \(it ends too soon\); download or write"):
        list(numbered_lines(path))


def test_what_is_not_zstandard_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(packed_by_zstandard(lines_of(DOCUMENTS)) + b"more")
    with pytest.raises(FormatError, match=r"a\.jsonl\.zst:3001: broken zstd \("):
        list(numbered_lines(path))
    path.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(FormatError, match=r"a\.jsonl\.zst: broken zstd \("):
        read_bytes(path)


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtraError, match=r"reading a \.zst file needs .*clinometer\[zstd\]"):
        list(numbered_lines(path))


def test_suffixes_of_packed_files() -> None:
    assert [packed.is_packed(Path(name)) for name in ("a.gz", "a.zst", "a.jsonl")] == [True, True, False]


def test_parquet_holds_the_texts_of_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(tables, "_ROWS", 100)
    plain = cm.load(f"beir:{folder}")
    for name, rows in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f"{name}.parquet")
        with pytest.raises(UsageError, match=f"both {name}.jsonl and {name}.parquet; remove one"):
            cm.load(f"beir:{folder}")
        (folder / f"{name}.jsonl").unlink()
    collection = cm.load(f"beir:{folder}")
    assert (collection.documents, collection.queries) == (plain.documents, plain.queries)
    assert (collection.notes, collection.digest()) == (plain.notes, plain.digest())
    odd = pyarrow.Table.from_pylist([*DOCUMENTS, {"_id": "d0", "text": "another", "language": "de"}])
    parquet.write_table(odd, folder / "corpus.parquet")
    with pytest.raises(cm.errors.CollectionError, match=r"corpus\.parquet:3001: duplicate document id 'd0'"):
        cm.load(f"beir:{folder}")
    parquet.write_table(pyarrow.Table.from_pylist([{"_id": 1.5, "text": "x"}]), folder / "corpus.parquet")
    with pytest.raises(FormatError, match=r"corpus\.parquet:1: the field '_id' is 1\.5"):
        cm.load(f"beir:{folder}")
    (folder / "corpus.parquet").write_bytes(b"PAR1")
    with pytest.raises(FormatError, match=r"corpus\.parquet: not a parquet file, or a damaged one"):
        cm.load(f"beir:{folder}")


def test_parquet_needs_its_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "corpus.jsonl").rename(folder / "corpus.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"reading a parquet file needs .*clinometer\[parquet\]"):
        cm.load(f"beir:{folder}")


def test_a_file_that_is_nowhere_is_named(folder: Path) -> None:
    (folder / "corpus.jsonl").unlink()
    with pytest.raises(MissingFileError, match=r"neither corpus\.jsonl nor corpus\.jsonl\.gz nor corpus\.jsonl\.zst"):
        cm.load(f"beir:{folder}")


PACKED = [".gz", ".zst"]


def packed_as(suffix: str, raw: bytes) -> bytes:
    return gzip.compress(raw) if suffix == ".gz" else packed_by_zstandard(raw)


@pytest.mark.parametrize("suffix", PACKED)
def test_every_suffix_of_packed_files_is_read_and_written(suffix: str, tmp_path: Path) -> None:
    assert set(packed.SUFFIXES) == set(PACKED)
    path = tmp_path / f"lines{suffix}"
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    write_lines(path, (f"line {number}" for number in range(2000)))
    first = path.read_bytes()
    assert len(first) < 2000 * 9
    assert read_bytes(path) == b"".join(b"line %d\n" % number for number in range(2000))
    write_lines(path, (f"line {number}" for number in range(2000)))
    assert path.read_bytes() == first


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("name", ["bm25.run", "bm25.trec", "run", "run.bm25.txt"])
def test_a_packed_run_gives_documents_as_a_plain_one(name: str, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"qrels.txt{suffix}").write_bytes(packed_as(suffix, b"q 0 d1 1\n"))
    (tmp_path / f"languages.tsv{suffix}").write_bytes(packed_as(suffix, b"d1\ten\nd2\tde\nd3\tde\nq\ten\n"))
    (tmp_path / f"{name}{suffix}").write_bytes(packed_as(suffix, b"q Q0 d2 1 2.0 x\nq Q0 d9 2 1.0 x\n"))
    assert cm.load(f"trec:{tmp_path}", language="fr").documents.ids == ("d1", "d2", "d3", "d9")


@pytest.mark.parametrize("suffix", PACKED)
def test_packed_files_of_one_language_each_are_found(suffix: str, tmp_path: Path) -> None:
    question = {"id": "1", "question": "Wer?", "answers": []}
    article = {"paragraphs": [{"context": "Er.", "qas": [question]}]}
    for language in ("en", "de"):
        raw = json.dumps({"data": [article]}).encode()
        (tmp_path / f"xquad.{language}.json{suffix}").write_bytes(packed_as(suffix, raw))
    assert len(cm.load(f"xquad:{tmp_path}").documents) == 2


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("trec", "bm25.run.xz"),
        ("trec", "qrels.bz2"),
        ("trec", "topics.tsv.zip"),
        ("xquad", "xquad.de.json.xz"),
        ("belebele", "deu_Latn.jsonl.bz2"),
    ],
)
def test_a_file_in_another_packing_is_not_passed_over(form: str, name: str, tmp_path: Path) -> None:
    if form == "trec" and not name.startswith("qrels"):
        (tmp_path / "qrels.txt").write_text("q 0 d1 1\n")
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(
        UsageError, match=rf"{name} is packed as \.\w+, which is not read; unpack it, or pack it as \.gz"
    ):
        cm.load(f"{form}:{tmp_path}", **({"language": "en"} if form == "trec" else {}))


def test_suffixes_of_packed_files_are_named_in_one_place() -> None:
    package = Path(cm.__file__).parent
    listed = re.compile(r"""\\\.(gz|zst)|suffix\w* (==|in|!=) .*["']\.(gz|zst)|endswith\(["']\.(gz|zst)""")
    places = {
        path.relative_to(package).as_posix() for path in package.rglob("*.py") if listed.search(path.read_text("utf-8"))
    }
    assert places == {"files/packed.py"}
