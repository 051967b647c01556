"""Parquet files and faiss indexes of others, as their own libraries write and read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.store_exchange import check_same

import clinometer as cm
from clinometer.errors import CollectionError, EmbeddingError, FormatError
from clinometer.store import EmbeddingStore, merge
from clinometer.store.exchange import Columns, export_store, import_store

pytestmark = [
    pytest.mark.models,
    # What SWIG says of its own types when faiss is imported.
    pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning"),
]
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
faiss = pytest.importorskip("faiss")
Make = Callable[..., Any]


def table(**changed: Any) -> Any:
    columns = {
        "id": pa.array([7, 8, 9]),
        "language": pa.array(["deu_Latn", "en", "en"]).dictionary_encode(),
        "embedding": pa.array([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]], pa.list_(pa.float64())),
        **changed,
    }
    return pa.table({name: column for name, column in columns.items() if column is not None})


def test_a_parquet_file_as_others_see_it(store: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    export_store(store, tmp_path / "s.parquet")
    read = polars.read_parquet(tmp_path / "s.parquet")
    found = EmbeddingStore.open(store)
    assert read.columns == ["id", "language", "group", "embedding"]
    assert tuple(read["id"]) == found.ids
    assert tuple(read["group"]) == found.groups
    np.testing.assert_array_equal(read["embedding"].to_numpy(), found.rows(0, 10))
    schema = pq.read_schema(tmp_path / "s.parquet")
    assert str(schema.field("embedding").type) == "fixed_size_list<element: float not null>[4]"


def test_a_parquet_file_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(table(), tmp_path / "t.parquet")
    made = import_store(tmp_path / "t.parquet", tmp_path / "s", encoder_name="e")
    assert (made.ids, made.languages, made.groups) == (("7", "8", "9"), ("de", "en", "en"), (None,) * 3)
    assert (made.dtype, made.rows(0, 3).tolist()) == (np.dtype("float32"), [[3, 4], [1, 0], [0, 2]])
    assert capsys.readouterr().err == "note: float64 is stored as float32\n"
    # Half precision stays so; columns under other names; no language at all.
    half = pa.FixedSizeListArray.from_arrays(pa.array(np.array([1, 2, 3, 4, 5, 6], np.float16)), 2)
    other = pa.table({"key": ["a", "b", "c"], "kind": ["x", None, "y"], "v": half})
    pq.write_table(other, tmp_path / "o.parquet")
    columns = Columns("key", "v", group="kind")
    made = import_store(tmp_path / "o.parquet", tmp_path / "o", encoder_name="e", language="en", columns=columns)
    assert (made.dtype, made.rows(0, 3).tolist()) == (np.dtype("float16"), [[1, 2], [3, 4], [5, 6]])
    assert (made.ids, made.groups) == (("a", "b", "c"), ("x", None, "y"))


def test_parts_of_any_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 3)).astype(np.float32)
    (tmp_path / "parts").mkdir()
    for number, (start, stop) in enumerate([(0, 20), (20, 21), (21, 50)]):
        part = table(
            id=pa.array([f"d{n}" for n in range(start, stop)]),
            language=None,
            embedding=pa.array(list(rows[start:stop]), pa.large_list(pa.float32())),
        )
        pq.write_table(part, tmp_path / "parts" / f"part-{number}.parquet", row_group_size=6)
    options: dict[str, Any] = {"encoder_name": "e", "language": "en", "shard_rows": 16}
    made = import_store(tmp_path / "parts", tmp_path / "s", **options)
    assert [len(shard) for shard in made.shards()] == [16, 16, 16, 2]
    assert made.ids == tuple(f"d{n}" for n in range(50))
    np.testing.assert_array_equal(made.rows(0, 50), rows)
    assert made.record.warnings[0].startswith("imported from part-0.parquet and 2 more (parquet): ")


TABLES: list[tuple[dict[str, Any], dict[str, Any], type[Exception], str]] = [
    ({"embedding": pa.array([[1.0, 2], [3], [4, 5, 6]])}, {}, EmbeddingError,
     "the embedding of '7' has 2 dimensions, and 2 others have other dimensions ('8': 1, '9': 3)"),
    ({"embedding": pa.array([[1.0, 2], None, [4, 5]])}, {}, EmbeddingError, "1 rows have no embedding, or no"),
    ({"embedding": pa.array([[1.0, 2], [1, 2], [4, None]])}, {}, EmbeddingError, "somewhere in it ('9'); leave them"),
    ({"embedding": pa.array([None, [1.0, 2], [1, 2]], pa.list_(pa.float32(), 2))}, {}, EmbeddingError, "in it ('7')"),
    ({"embedding": pa.array([[1.0, 2], [0, 0], [4, np.nan]])}, {}, EmbeddingError,
     "as float32, 1 rows are zero ('8') and 1 rows hold NaN or infinity ('9')"),
    ({"embedding": pa.array([[1.0, 2], [1e39, 1], [4, 5]])}, {}, EmbeddingError, "1 rows hold NaN or infinity ('8')"),
    ({"embedding": pa.array([[1, 2]] * 3)}, {}, FormatError, "column embedding is list<"),
    ({"embedding": None}, {}, FormatError, "no column embedding; choose from id, language"),
    ({}, {"columns": Columns(language="lang", group="g")}, FormatError, "no column lang, g; choose"),
    ({"id": pa.array(["a", None, "c"])}, {}, CollectionError, "1 rows have no id (row 1)"),
    ({"id": pa.array(["a", "b", "a"])}, {}, CollectionError, "1 duplicate ids"),
    ({"language": pa.array(["en", None, None])}, {}, CollectionError, "2 rows have no language ('8', '9')"),
    ({"id": pa.array([[1], [2], [3]])}, {}, FormatError, "rows from 0 on cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "options", "error", "sentence"), TABLES, ids=[item[3][:40] for item in TABLES])
def test_parquet_files_that_cannot_be_imported(
    tmp_path: Path, changed: dict[str, Any], options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    pq.write_table(table(**changed), tmp_path / "t.parquet")
    with pytest.raises(error, match=re.escape(sentence)):
        import_store(tmp_path / "t.parquet", tmp_path / "s", encoder_name="e", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_a_parquet_file_that_is_none_or_damaged(tmp_path: Path, store: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(FormatError, match="not a parquet file"):
        import_store(tmp_path / "t.parquet", tmp_path / "s", encoder_name="e")
    export_store(store, tmp_path / "u.parquet")
    spoilt = bytearray((tmp_path / "u.parquet").read_bytes())
    spoilt[4:200] = b"\xff" * 196
    (tmp_path / "u.parquet").write_bytes(spoilt)
    with pytest.raises(FormatError, match="rows from 0 on cannot be read"):
        import_store(tmp_path / "u.parquet", tmp_path / "s")
    assert not (tmp_path / "s").exists()


# faiss


def test_an_index_is_searched_as_the_store_is_scanned(store: Path, tmp_path: Path) -> None:
    rows = EmbeddingStore.open(store).rows(0, 10)
    queries = rows[[3, 6]] + np.float32(0.5)
    for metric, kind in (("ip", faiss.IndexFlatIP), ("l2", faiss.IndexFlatL2)):
        export_store(store, tmp_path / f"{metric}.faiss", metric=metric)
        index = faiss.read_index(str(tmp_path / f"{metric}.faiss"))
        assert isinstance(index, kind)
        np.testing.assert_array_equal(index.reconstruct_n(0, 10), rows)
        check_same(import_store(tmp_path / f"{metric}.faiss", tmp_path / metric), EmbeddingStore.open(store))
    listed = faiss.read_index(str(tmp_path / "ip.faiss")).search(queries, 5)[1]
    np.testing.assert_array_equal(cm.search(queries, rows, k=5, similarity="dot").ids, listed)


def test_an_index_of_others(tmp_path: Path) -> None:
    index = faiss.IndexFlatL2(2)
    index.add(np.array([[3, 4], [1, 0], [0, 2]], dtype=np.float32))
    faiss.write_index(index, str(tmp_path / "t.index"))
    rows = "".join(json.dumps({"id": name, "language": "en"}) + "\n" for name in "abc")
    (tmp_path / "rows.jsonl").write_text(rows)
    options: dict[str, Any] = {"encoder_name": "e", "rows_file": tmp_path / "rows.jsonl"}
    made = import_store(tmp_path / "t.index", tmp_path / "s", shard_rows=2, **options)
    assert (made.ids, made.rows(0, 3).tolist()) == (("a", "b", "c"), [[3, 4], [1, 0], [0, 2]])
    buckets = faiss.IndexLSH(2, 8)
    buckets.add(np.eye(2, dtype=np.float32))
    faiss.write_index(buckets, str(tmp_path / "n.index"))
    with pytest.raises(FormatError, match=r"the index is IndexLSH, which does not keep .* write an IndexFlatIP"):
        import_store(tmp_path / "n.index", tmp_path / "no", **options)
    (tmp_path / "x.index").write_bytes(b"no index")
    with pytest.raises(FormatError, match="not a faiss index"):
        import_store(tmp_path / "x.index", tmp_path / "no", **options)
    with pytest.raises(FileNotFoundError):
        import_store(tmp_path / "nowhere.index", tmp_path / "no", **options)


@pytest.mark.parametrize("kind", ["IndexIDMap", "IndexIDMap2"])
def test_an_index_with_ids_of_its_own(kind: str, tmp_path: Path) -> None:
    rows = np.array([[3, 4], [1, 0], [0, 2]], dtype=np.float32)
    numbered = getattr(faiss, kind)(faiss.IndexFlatIP(2))
    numbered.add_with_ids(rows, np.array([50, 7, 1 << 40]))
    path = tmp_path / "n.faiss"
    faiss.write_index(numbered, str(path))
    plain = import_store(path, tmp_path / "plain", encoder_name="e", language="de", shard_rows=2)
    assert (plain.ids, plain.languages) == (("50", "7", str(1 << 40)), ("de",) * 3)
    assert plain.rows(0, 3).tolist() == rows.tolist()
    with pytest.raises(CollectionError, match="3 rows have no language"):
        import_store(path, tmp_path / "no", encoder_name="e")
    # Lines in another order are matched by id.
    lines = [{"id": 7, "language": "en"}, {"id": str(1 << 40), "language": "de"}, {"id": 50, "language": "fr"}]
    (tmp_path / "n.faiss.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    matched = import_store(path, tmp_path / "s", encoder_name="e", shard_rows=2)
    assert (matched.ids, matched.languages) == (("7", str(1 << 40), "50"), ("en", "de", "fr"))
    assert matched.rows(0, 3).tolist() == rows[[1, 2, 0]].tolist()
    (tmp_path / "n.faiss.jsonl").write_text('{"id": "a", "language": "en"}\n' * 3)
    with pytest.raises(FormatError, match=r"3 ids are not among those of n.faiss \('a', 'a', 'a'\), .* such as 50"):
        import_store(path, tmp_path / "no", encoder_name="e")
    (tmp_path / "n.faiss.jsonl").write_text('{"id": 7, "language": "en"}\n')
    with pytest.raises(FormatError, match=r"1 lines, but n\.faiss has 3 vectors"):
        import_store(path, tmp_path / "no", encoder_name="e")
    numbered.add_with_ids(rows[:1], np.array([7]))
    faiss.write_index(numbered, str(path))
    with pytest.raises(FormatError, match="1 of its ids occur twice"):
        import_store(path, tmp_path / "no", encoder_name="e")


# commands


def test_documents_and_queries_by_command(run: Make, tmp_path: Path, texts: Any, encode: Make, tiny: Make) -> None:
    from clinometer.store import fill, open_writer

    encode(tmp_path / "both" / "documents", texts)
    with open_writer(tmp_path / "both" / "queries", texts, tiny(), "queries") as writer:
        fill(writer, texts, tiny())
    done = run("store", "export", tmp_path / "both", "-o", tmp_path / "out")
    assert (done.code, "set --format" in done.err) == (2, True)
    done = run("store", "export", tmp_path / "both", "-o", tmp_path / "out", "--format", "parquet")
    assert (done.code, done.out) == (0, ""), done.err
    assert f"wrote 10 queries to {tmp_path / 'out' / 'queries.parquet'} (parquet)\n" in done.err
    for stage in ("documents", "queries"):
        file = tmp_path / "out" / f"{stage}.parquet"
        done = run("store", "import", file, "-o", tmp_path / "in" / stage)
        assert done.code == 0
        assert done.err.endswith(f"wrote 10 {stage} to {tmp_path / 'in' / stage}\n")
        check_same(*(EmbeddingStore.open(tmp_path / name / stage) for name in ("in", "both")))
    assert len(merge([tmp_path / "in" / "documents"], tmp_path / "merged")) == 10
    done = run("store", "info", tmp_path / "in")
    assert done.out.count("warning     exported by clinometer and imported again (parquet)") == 2


def test_a_foreign_file_by_command(run: Make, tmp_path: Path) -> None:
    pq.write_table(table(language=None), tmp_path / "t.parquet")
    command = ["store", "import", tmp_path / "t.parquet", "-o", tmp_path / "s"]
    done = run(*command)
    assert (done.code, done.out) == (2, "")
    assert "name it with --encoder-name" in done.err
    done = run(*command, "--encoder-name", "e", "--language", "de", "--dtype", "int16", "--stage", "queries")
    assert done.code == 0, done.err
    assert "warning: imported from t.parquet (parquet): revision, prompts and longest input of the" in done.err
    lines = dict(line.split(None, 1) for line in run("store", "info", tmp_path / "s").out.splitlines())
    assert (lines["prompt"], lines["encoder"], lines["format"][:9]) == ("unknown", "e (imported)", "2 x int16")
