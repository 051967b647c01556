"""Stores out of files and into them: every bit comes back, and what cannot be taken is refused by id."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from support.store_exchange import check_round_trip, check_same, contents, stored

from clinometer.encoders import EncoderRecord
from clinometer.errors import CollectionError, EmbeddingError, FormatError, MissingExtraError, UsageError
from clinometer.store import EmbeddingStore, StoreWriter, merge
from clinometer.store.exchange import Columns, export_store, import_store
from clinometer.store.exchange.row_source import RowBlock, regrouped

Make = Callable[..., Any]


def lines(path: Path, *rows: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Somebody else's three vectors, with lines that clinometer did not write."""
    path = tmp_path / "theirs.npy"
    np.save(path, np.array([[3, 4], [1, 0], [0, 2]], dtype=np.float32))
    lines(
        tmp_path / "theirs.npy.jsonl",
        {"id": 7, "language": "deu_Latn", "more": 1},
        {"id": "b"},
        {"id": "c", "group": "g"},
    )
    return path


@settings(max_examples=40)
@given(contents())
def test_npy_and_back(what: dict[str, Any]) -> None:
    check_round_trip(what, "s.npy")


@settings(max_examples=40)
@given(contents())
def test_safetensors_and_back(what: dict[str, Any]) -> None:
    pytest.importorskip("safetensors")
    check_round_trip(what, "s.safetensors")


@settings(max_examples=25)
@given(contents())
@pytest.mark.models
def test_parquet_and_back(what: dict[str, Any]) -> None:
    pytest.importorskip("pyarrow")
    check_round_trip(what, "s.parquet")


@settings(max_examples=25)
@given(contents())
@pytest.mark.models
@pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
def test_faiss_and_back(what: dict[str, Any]) -> None:
    pytest.importorskip("faiss")
    check_round_trip(what, "s.faiss", metric="l2")


# the record


def test_rows_of_others(file: Path, tmp_path: Path) -> None:
    made = import_store(file, tmp_path / "s", encoder_name="theirs", language="fr", stage="queries", dtype="float16")
    assert (made.ids, made.languages, made.groups) == (("7", "b", "c"), ("de", "fr", "fr"), (None, None, "g"))
    assert (made.stage, made.dtype, made.complete) == ("queries", np.dtype("float16"), True)
    assert made.rows(0, 3).tolist() == [[3, 4], [1, 0], [0, 2]]
    assert made.record == EncoderRecord(
        name="theirs",
        kind="imported",
        dimension=2,
        warnings=["imported from theirs.npy (npy): revision, prompts and longest input of the encoder are not known"],
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "theirs.npy", "theirs.npy.jsonl"]


def test_a_name_is_needed_where_nothing_says_it(file: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"theirs.npy: the encoder of these embeddings is not recorded, .* name it with --encoder-name"
    ):
        import_store(file, tmp_path / "s", language="en")
    assert not (tmp_path / "s").exists()


def test_a_name_that_is_given_stands_for_all_that_was_known(store: Path, tmp_path: Path) -> None:
    export_store(store, tmp_path / "s.npy")
    made = import_store(tmp_path / "s.npy", tmp_path / "in", encoder_name="other")
    assert (made.record.name, made.record.kind, made.record.revision) == ("other", "imported", "")


def test_imports_under_one_name_are_of_one_encoder(file: Path, tmp_path: Path, store: Path) -> None:
    lines(tmp_path / "more.jsonl", *({"id": f"x{row}"} for row in range(3)))
    for name, said, rows in (("a", "theirs", None), ("b", "theirs", "more.jsonl"), ("c", "others", "more.jsonl")):
        rows_file = None if rows is None else tmp_path / rows
        import_store(file, tmp_path / name, encoder_name=said, language="en", rows_file=rows_file)
    assert merge([tmp_path / "a", tmp_path / "b"], tmp_path / "ab").ids == ("7", "b", "c", "x0", "x1", "x2")
    with pytest.raises(UsageError, match="name: 'theirs', in the other 'others'"):
        merge([tmp_path / "a", tmp_path / "c"], tmp_path / "ac")


def test_an_import_goes_with_what_was_encoded(store: Path, texts: Any, tmp_path: Path, encode: Make) -> None:
    # The encoder is known as it was, so that its later rows may join.
    export_store(store, tmp_path / "s.npy")
    import_store(tmp_path / "s.npy", tmp_path / "in")
    assert encode(tmp_path / "in", texts, shard_rows=2048).calls == []


def test_several_files_follow_one_another(tmp_path: Path, texts: Any, encode: Make) -> None:
    for name, rows in (("one", range(5)), ("two", range(5, 10))):
        encode(tmp_path / name, texts.take(rows))
        export_store(tmp_path / name, tmp_path / f"{name}.npy")
    made = import_store([tmp_path / "one.npy", tmp_path / "two.npy"], tmp_path / "both", shard_rows=4)
    check_same(made, merge([tmp_path / "one", tmp_path / "two"], tmp_path / "merged"))
    assert [len(shard) for shard in made.shards()] == [4, 4, 2]
    with pytest.raises(UsageError, match="one file of rows cannot belong to several files"):
        import_store(
            [tmp_path / "one.npy", tmp_path / "two.npy"], tmp_path / "no", rows_file=tmp_path / "one.npy.jsonl"
        )


# refusals


def vectors(path: Path, *rows: Sequence[float]) -> None:
    np.save(path, np.array(rows, dtype=np.float32))


REFUSED: list[tuple[str, Callable[[Path], Any], dict[str, Any], type[Exception], str]] = [
    ("no language", lambda f: None, {}, CollectionError, r"2 rows have no language \('b', 'c'\); give each row one"),
    ("zero", lambda f: vectors(f, [1, 0], [0, 0], [0, 1]), {"language": "en"}, EmbeddingError, r"are zero \('b'\)"),
    ("NaN", lambda f: vectors(f, [1, 0], [1, 1], [np.nan, 1]), {"language": "en"}, EmbeddingError, r"infinity \('c'\)"),
    ("float16", lambda f: vectors(f, [1, 0], [1, 1], [1e6, 1]), {"language": "en", "dtype": "float16"}, EmbeddingError,
     r"as float16, 1 rows hold NaN or infinity \('c'\); store float32"),
    ("few lines", lambda f: vectors(f, *[[1, 0]] * 4), {"language": "en"}, FormatError,
     "theirs.npy.jsonl: 3 lines, but theirs.npy has 4 vectors"),
    ("many lines", lambda f: vectors(f, [1, 0]), {"language": "en"}, FormatError, "more than 1 lines, but .* has 1 "),
    ("id twice", lambda f: lines(f.with_name("theirs.npy.jsonl"), {"id": "b"}, {"id": "c"}, {"id": "b"}),
     {"language": "en"}, CollectionError, "1 duplicate ids in .*: 'b'"),
    ("no id", lambda f: lines(f.with_name("theirs.npy.jsonl"), {"id": "b"}, {"name": "c"}), {"language": "en"},
     FormatError, r"theirs.npy.jsonl:2: expected a line such as .* missing required field `id`"),
    ("no lines", lambda f: f.with_name("theirs.npy.jsonl").unlink(), {}, FormatError, "need one line each, such as .*"),
    ("bad label", lambda f: None, {"language": "!"}, UsageError, "'!' is not a language label"),
    ("one axis", lambda f: np.save(f, np.ones(3, np.float32)), {}, FormatError, r"one \(rows, dimension\) array"),
    ("integers", lambda f: np.save(f, np.ones((3, 2), np.int8)), {}, FormatError, r"one \(rows, dimension\) array"),
    ("objects", lambda f: np.save(f, np.array([{}]), allow_pickle=True), {}, FormatError, "not a numeric .npy file"),
    ("no rows", lambda f: np.save(f, np.ones((0, 2), np.float32)), {}, UsageError, "no rows; nothing was"),
    ("stage", lambda f: None, {"stage": "texts"}, UsageError, "stage is 'texts', but must be documents or queries"),
    ("dtype", lambda f: None, {"dtype": "int8"}, UsageError, "dtype is 'int8', but must be float32 or float16"),
    ("format", lambda f: None, {"format": "csv"}, UsageError, "unknown format 'csv'; expected one of safetensors"),
    ("not a db", lambda f: None, {"format": "pgvector"}, UsageError, "format pgvector and URLs .* belong together"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "options", "error", "sentence"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_is_not_imported(
    file: Path, tmp_path: Path, spoil: Callable[[Path], Any], options: dict[str, Any], error: type[Exception],
    sentence: str,
) -> None:  # fmt: skip
    spoil(file)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(error, match=sentence):
        import_store(file, tmp_path / "s", encoder_name="theirs", **options)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_files_of_different_dimensions(file: Path, tmp_path: Path) -> None:
    vectors(tmp_path / "wide.npy", [1, 2, 3], [1, 2, 3], [1, 2, 3])
    lines(tmp_path / "wide.npy.jsonl", *({"id": f"w{row}"} for row in range(3)))
    for step in (2, 3, 100):
        with pytest.raises(EmbeddingError, match=r"embedding of '\w+' has 2 dimensions, and 1 others .*\('w0': 3\)"):
            import_store(
                [file, tmp_path / "wide.npy"], tmp_path / "s", encoder_name="e", language="en", shard_rows=step
            )
    assert not (tmp_path / "s").exists()


def test_places_that_are_in_use(store: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"theirs.npy already exists; choose another name, or delete it"):
        export_store(store, file)
    with pytest.raises(UsageError, match="store already exists; choose a new folder"):
        import_store(file, store, encoder_name="e", language="en")
    (tmp_path / "empty").mkdir()
    assert len(import_store(file, tmp_path / "empty", encoder_name="e", language="en")) == 3
    for wrong in ("s", "s.txt"):
        with pytest.raises(UsageError, match=f"the name {wrong} does not imply a format; add --format"):
            export_store(store, wrong)
    with pytest.raises(UsageError, match=r"is a folder without .parquet files"):
        import_store(store, tmp_path / "in", encoder_name="e")
    with pytest.raises(UsageError, match="npy and parquet cannot be imported together"):
        import_store([file, tmp_path / "a.parquet"], tmp_path / "in", encoder_name="e")
    with pytest.raises(UsageError, match="nothing to import"):
        import_store([], tmp_path / "in")
    with pytest.raises(UsageError, match="metric is 'cosine'"):
        export_store(store, tmp_path / "s.faiss", metric="cosine")
    with pytest.raises(FileNotFoundError):
        import_store(tmp_path / "nowhere.npy", tmp_path / "in", encoder_name="e")


def test_damage_is_not_exported(store: Path, tmp_path: Path) -> None:
    flipped = bytearray((store / "00001.npy").read_bytes())
    flipped[-1] ^= 1
    (store / "00001.npy").write_bytes(flipped)
    with pytest.raises(FormatError, match=r"00001.npy: its checksum differs from the manifest's"):
        export_store(store, tmp_path / "s.npy")
    assert not (tmp_path / "s.npy").exists()


def test_an_empty_store_is_not_exported(tmp_path: Path) -> None:
    StoreWriter(tmp_path / "s", EncoderRecord(name="m", kind="http"), "documents").close()
    with pytest.raises(UsageError, match="has no rows; nothing to export"):
        export_store(tmp_path / "s", tmp_path / "s.npy")


def test_a_full_disk_leaves_no_file(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.replace

    def full(source: Any, target: Any, **options: Any) -> None:
        if str(target).endswith("00002.npy"):
            raise OSError(28, "No space left on device")
        rename(source, target, **options)

    export_store(store, tmp_path / "s.npy")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        import_store(tmp_path / "s.npy", tmp_path / "in", shard_rows=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.npy", "s.npy.json", "s.npy.jsonl", "store"]


def test_without_the_package(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name, extra in (("safetensors", "safetensors"), ("pyarrow", "parquet"), ("faiss", "faiss")):
        monkeypatch.setitem(sys.modules, name, None)
        path = tmp_path / f"x.{extra}"
        path.touch()
        with pytest.raises(MissingExtraError, match=rf"clinometer\[{extra}\]"):
            import_store(path, tmp_path / "in", encoder_name="e")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"clinometer\[pgvector\]"):
        export_store(store, "postgresql://localhost/x", table="t")


# forms


def test_safetensors_as_the_library_sees_them(store: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    export_store(store, tmp_path / "s.safetensors")
    loaded = safetensors.load_file(tmp_path / "s.safetensors")
    np.testing.assert_array_equal(loaded["embedding"], EmbeddingStore.open(store).rows(0, 10))
    # Theirs, with several tensors and no word of clinometer's.
    safetensors.save_file({"a": np.eye(3, dtype=np.float16), "b": np.ones((2, 2, 2))}, tmp_path / "t.safetensors")
    lines(tmp_path / "t.safetensors.jsonl", *({"id": name} for name in "xyz"))
    options: dict[str, Any] = {"encoder_name": "e", "language": "en"}
    with pytest.raises(UsageError, match="has no tensor 'embedding'; name one of a, b with --embedding-column"):
        import_store(tmp_path / "t.safetensors", tmp_path / "in", **options)
    with pytest.raises(FormatError, match=r"the tensor is F64 of shape \(2, 2, 2\), but should be F32, F16 or BF16"):
        import_store(tmp_path / "t.safetensors", tmp_path / "in", columns=Columns(embedding="b"), **options)
    made = import_store(tmp_path / "t.safetensors", tmp_path / "in", columns=Columns(embedding="a"), **options)
    assert (made.dtype, made.rows(0, 3).tolist()) == (np.dtype("float16"), np.eye(3).tolist())
    (tmp_path / "u.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(FormatError, match="not a safetensors file"):
        import_store(tmp_path / "u.safetensors", tmp_path / "no", **options)


def test_blocks_of_one_size() -> None:
    def block(start: int, stop: int) -> RowBlock:
        numbers = range(start, stop)
        return RowBlock(
            np.arange(start, stop)[:, None], [str(n) for n in numbers], ["en"] * len(numbers), [None] * len(numbers)
        )

    for cuts in ([0, 7], [0, 1, 2, 3, 4, 5, 6, 7], [0, 3, 3, 7], [0, 5, 6, 7]):
        for size in (1, 2, 3, 7, 9):
            given = (block(start, stop) for start, stop in pairwise(cuts))
            found = list(regrouped(given, size))
            assert [len(part.ids) for part in found[:-1]] == [size] * (len(found) - 1)
            assert [name for part in found for name in part.ids] == [str(n) for n in range(7)]
            assert [int(row[0]) for part in found for row in part.vectors] == list(range(7))


def test_a_stored_example_of_each_kind(tmp_path: Path) -> None:
    what: dict[str, Any] = {
        "dtype": "int16", "stage": "queries", "vectors": np.array([[1, 0.3], [-0.0, 2]], dtype=np.float32),
        "ids": ["a\nb", "ü"], "languages": ["en", "zh-Hant"], "groups": [None, ""], "cut": 1,
    }  # fmt: skip
    export_store(stored(tmp_path / "s", what).path, tmp_path / "s.npy")
    # What was coded comes out decoded, and goes back in as the same codes.
    assert np.load(tmp_path / "s.npy").dtype == np.float32
    made = import_store(tmp_path / "s.npy", tmp_path / "in")
    codes = np.concatenate([np.load(file) for file in sorted((tmp_path / "s").glob("*.npy"))])
    np.testing.assert_array_equal(np.load(tmp_path / "in" / "00000.npy"), codes)
    assert made.groups == (None, "")


def test_bfloat16_of_safetensors_is_read_exactly(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    halves = (rows.view(np.uint32) >> 16).astype("<u2")
    # A tensor before it, so that its numbers do not begin the file's.
    header = {
        "first": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
        "embedding": {"dtype": "BF16", "shape": [5, 3], "data_offsets": [2, 32]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (tmp_path / "b.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"ab" + halves.tobytes())
    lines(tmp_path / "b.safetensors.jsonl", *({"id": name, "language": "en"} for name in "vwxyz"))
    made = import_store(tmp_path / "b.safetensors", tmp_path / "s", encoder_name="e", shard_rows=2)
    assert made.dtype == np.float32
    assert made.rows(0, 5).tolist() == (halves.astype(np.uint32) << 16).view(np.float32).tolist() != rows.tolist()
