"""Stores and tables of a real PostgreSQL with pgvector, which the tests start themselves."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given, settings
from support.postgres_server import PASSWORD, postgres_server
from support.store_exchange import check_round_trip, check_same, contents, stored

import clinometer as cm
from clinometer.errors import ClinometerError, CollectionError, EmbeddingError, FormatError, UsageError
from clinometer.store import EmbeddingStore
from clinometer.store.exchange import Columns, export_store, import_store

psycopg = pytest.importorskip("psycopg")
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    with postgres_server() as folder:
        yield folder


@pytest.fixture
def address(server: Path) -> Iterator[str]:
    """A database of its own, with pgvector in a schema that is not searched."""
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(at(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(at(server, name)) as connection:
        connection.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
    yield at(server, name)
    with psycopg.connect(at(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def at(server: Path, database: str, password: str = PASSWORD) -> str:
    return f"postgresql://clinometer:{quote(password, safe='')}@/{database}?host={quote(str(server), safe='')}"


def run_sql(address: str, *statements: str) -> Any:
    with psycopg.connect(address, options="-c search_path=public,extensions") as connection:
        for statement in statements:
            done = connection.execute(statement)
        return done.fetchall() if done.description else None


THEIRS = """
    CREATE TABLE "My ""own"" items" (number int PRIMARY KEY, "select" text, lang varchar(8), emb vector(2));
    INSERT INTO "My ""own"" items" VALUES (10, 'x', 'deu_Latn', '[3,4]'), (9, 'y', NULL, '[1,0.1]'),
        (1, 'z', 'fr', '[0,1]')
"""
COLUMNS = Columns("number", "emb", "lang", "select")


@pytest.mark.models
@settings(max_examples=25)
@given(what=contents())
def test_a_table_and_back(server: Path, what: dict[str, Any]) -> None:
    address = at(server, "postgres")

    def before() -> None:
        run_sql(address, 'CREATE EXTENSION IF NOT EXISTS vector; DROP TABLE IF EXISTS "a ""b"" %s"')

    check_round_trip(what, address, before, table='a "b" %s')


@pytest.mark.models
def test_a_table_of_others(address: str, tmp_path: Path) -> None:
    run_sql(address, THEIRS)
    options: dict[str, Any] = {"table": 'My "own" items', "columns": COLUMNS, "encoder_name": "theirs"}
    made = import_store(address, tmp_path / "s", language="en", **options)
    # Ids are text, and in the order of their bytes.
    assert (made.ids, made.languages, made.groups) == (("1", "10", "9"), ("fr", "de", "en"), ("z", "x", "y"))
    assert made.rows(0, 3).tolist() == np.array([[0, 1], [3, 4], [1, 0.1]], dtype=np.float32).tolist()
    assert made.record.warnings == [
        'imported from My "own" items (pgvector): revision, prompts and longest input of the encoder are not known'
    ]
    options["columns"] = COLUMNS._replace(order="number")
    ordered = import_store(address, tmp_path / "o", language="en", **options)
    assert ordered.ids == ("1", "9", "10")
    # A view leaves rows out; arrays of numbers need no pgvector.
    run_sql(
        address,
        """CREATE SCHEMA s; CREATE VIEW s.v AS
        SELECT number AS id, lang AS language, emb::real[] AS embedding FROM "My ""own"" items"
        WHERE lang IS NOT NULL""",
    )
    view = import_store(address, tmp_path / "v", table="s.v", encoder_name="theirs")
    assert (view.ids, view.languages, view.groups) == (("1", "10"), ("fr", "de"), (None, None))
    assert view.rows(0, 2).tolist() == [[0, 1], [3, 4]]
    # Nothing of the address is in the store.
    for file in (tmp_path / "s").iterdir():
        assert PASSWORD.encode() not in file.read_bytes()
        assert b"postgresql" not in file.read_bytes()


@pytest.mark.models
def test_a_scan_of_what_was_in_the_database(address: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    what: dict[str, Any] = {
        "dtype": "float16", "stage": "documents", "vectors": rng.normal(size=(300, 8)).astype(np.float16),
        "ids": [f"d{n}" for n in range(300)], "languages": ["en", "de", "zh"] * 100, "groups": [None] * 300, "cut": 100,
    }  # fmt: skip
    store = stored(tmp_path / "s", what)
    export_store(store.path, address, table="items")
    # pgvector's own distances are those of our scores.
    query = rng.normal(size=8).astype(np.float32)
    listed = run_sql(address, f"SELECT id FROM items ORDER BY embedding <=> '{query.tolist()}' LIMIT 10")
    found = import_store(address, tmp_path / "in", table="items", shard_rows=70)
    assert [len(shard) for shard in found.shards()] == [70, 70, 70, 70, 20]
    top = cm.search(query[None], found, k=10)
    assert [found.ids[row] for row in top.ids[0]] == [name for (name,) in listed]
    check_same(found, store)


@pytest.mark.models
def test_what_a_table_looks_like(address: str, store: Path, tmp_path: Path) -> None:
    names = Columns('i"d', "e", "l", "g", "p")
    export_store(store, address, table="public.t", columns=names)
    listed = run_sql(
        address,
        """SELECT column_name, udt_name, is_nullable FROM information_schema.columns
        WHERE table_name = 't' ORDER BY ordinal_position""",
    )
    assert listed == [
        ("p", "int8", "NO"), ('i"d', "text", "NO"), ("l", "text", "NO"), ("g", "text", "YES"), ("e", "vector", "NO"),
    ]  # fmt: skip
    check_same(import_store(address, tmp_path / "in", table="t", columns=names), EmbeddingStore.open(store))
    with pytest.raises(UsageError, match=r"the table public.t already exists; name another one, or drop it"):
        export_store(store, address, table="public.t")
    with pytest.raises(UsageError, match="the columns position, x, language, group, x must have different names"):
        export_store(store, address, table="u", columns=Columns("x", "x"))
    assert run_sql(address, "SELECT to_regclass('u')") == [(None,)]


@pytest.mark.models
def test_a_stopped_export_leaves_no_table(address: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [np.ones((4, size), np.float32) for size in (4, 3)]
    monkeypatch.setattr(EmbeddingStore, "arrays", lambda self: iter(parts))
    with pytest.raises(ClinometerError, match=r"the database says: .*COPY t, line 5"):
        export_store(store, address, table="t")
    assert run_sql(address, "SELECT to_regclass('t')") == [(None,)]


BAD: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("UPDATE t SET emb = NULL WHERE number = 9", {}, EmbeddingError, r"1 rows have no embedding \('9'\); leave"),
    ("UPDATE t SET emb = '[0,0]' WHERE number = 9", {}, EmbeddingError, r"1 rows are zero \('9'\)"),
    ("ALTER TABLE t ALTER emb TYPE vector; UPDATE t SET emb = '[1,2,3]' WHERE number = 9", {}, EmbeddingError,
     r"the embedding of '1' has 2 dimensions, and 1 others have other dimensions \('9': 3\)"),
    ("ALTER TABLE t ALTER emb TYPE vector; UPDATE t SET emb = '[1,2,3]' WHERE number = 9", {"shard_rows": 1},
     EmbeddingError, r"the embedding of '1' has 2 dimensions, and 1 others have other dimensions \('9': 3\)"),
    ("ALTER TABLE t ALTER emb TYPE real[]; UPDATE t SET emb = ARRAY[1, 'nan']::real[] WHERE number = 9", {},
     EmbeddingError, r"1 rows hold NaN or infinity \('9'\)"),
    ("ALTER TABLE t ALTER emb TYPE real[]; UPDATE t SET emb = ARRAY[1, NULL]::real[] WHERE number = 9", {},
     EmbeddingError, r"1 rows hold NaN or infinity \('9'\)"),
    ("ALTER TABLE t ALTER emb TYPE real[]; UPDATE t SET emb = ARRAY[[1], [2]]::real[] WHERE number = 9", {},
     EmbeddingError, "are nested; leave such rows out"),
    ("ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER number DROP NOT NULL; UPDATE t SET number = NULL WHERE lang IS NULL",
     {}, CollectionError, r"1 rows have no id \(row 2\)"),
    ("ALTER TABLE t DROP CONSTRAINT t_pkey; UPDATE t SET number = 10 WHERE number = 9", {}, CollectionError,
     "1 duplicate ids in .*: '10'"),
    ("SELECT 1", {"language": None}, CollectionError, r"1 rows have no language \('9'\)"),
    ("SELECT 1", {"table": "u"}, FormatError, "u: the database has no such table"),
    ("SELECT 1", {"table": "nowhere.t"}, FormatError, "nowhere.t: the database has no such table"),
    ("SELECT 1", {"table": None}, UsageError, "the table is None; name it with --table"),
    ("SELECT 1", {"table": "a.b.c"}, UsageError, "the table is 'a.b.c'; name it with --table, NAME or SCHEMA.NAME"),
    ("SELECT 1", {"columns": Columns("number", "vec")}, FormatError, "no column vec; choose from number, sel"),
    ("SELECT 1", {"columns": Columns("number", "select")}, FormatError, "column select is text, but should be vector"),
    ("DELETE FROM t", {}, UsageError, "t: no rows; nothing was imported"),
]  # fmt: skip


@pytest.mark.models
@pytest.mark.parametrize(("spoil", "options", "error", "sentence"), BAD, ids=[f"{n}" for n in range(len(BAD))])
def test_tables_that_cannot_be_imported(
    address: str, tmp_path: Path, spoil: str, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    run_sql(address, THEIRS.replace('"My ""own"" items"', "t"), spoil)
    given: dict[str, Any] = {"table": "t", "columns": COLUMNS._replace(order="number"), "language": "en", **options}
    if "duplicate" in sentence or "no id" in sentence:
        given["columns"] = COLUMNS
    with pytest.raises(error, match=sentence):
        import_store(address, tmp_path / "s", encoder_name="e", **given)
    assert not [*tmp_path.iterdir()]


@pytest.mark.models
def test_a_database_without_pgvector(server: Path, store: Path) -> None:
    with pytest.raises(ClinometerError, match="the database has no pgvector; run CREATE EXTENSION vector in it first"):
        export_store(store, at(server, "template1"), table="t")


@pytest.mark.models
def test_a_wrong_password_is_not_shown(server: Path, run: Make, store: Path, tmp_path: Path) -> None:
    wrong = at(server, "postgres", "hush/%&hush")
    done = run("store", "export", store, "-o", wrong, "--table", "t")
    assert done.code == 1
    assert "clinometer: the database says: " in done.err
    assert "password authentication failed" in done.err
    assert "hush" not in done.err + done.out


@pytest.mark.models
def test_export_and_import_by_command(address: str, store: Path, run: Make, tmp_path: Path) -> None:
    done = run("store", "export", store, "-o", address, "--table", "t")
    assert (done.code, done.out, done.err) == (0, "", "wrote 10 documents to table t (pgvector)\n")
    done = run("store", "import", address, "-o", tmp_path / "in", "--table", "t", "--progress")
    assert done.code == 0, done.err
    assert f"wrote 10 documents to {tmp_path / 'in'}\n" in done.err
    assert "import: 10 of 10 rows, " in done.err
    check_same(EmbeddingStore.open(tmp_path / "in"), EmbeddingStore.open(store))


# without a server


@pytest.mark.parametrize(
    "place",
    [
        "postgresql://u:hush@127.0.0.1:1/d",
        "postgresql://u@127.0.0.1:1/d?password=hush",
        # A # in the password: what is left is no port, and libpq would show it.
        "postgresql://u:hush#x@127.0.0.1:1/d",
        "postgres://u:hu%ZZhush@127.0.0.1/d",
        "postgresql://u:hush@127.0.0.1:port/d",
    ],
)
def test_no_complaint_shows_a_password(place: str, store: Path, run: Make, tmp_path: Path) -> None:
    for command in (
        ["export", store, "-o", place, "--table", "t"],
        ["import", place, "-o", tmp_path / "in", "--table", "t", "--encoder-name", "e"],
        ["import", place, place, "-o", tmp_path / "in", "--table", "t", "--encoder-name", "e"],
        ["import", place, "-o", tmp_path / "in", "--format", "parquet"],
    ):
        done = run("store", *command)
        assert done.code in (1, 2)
        assert done.err.splitlines()[-1].startswith("clinometer: ")
        assert "hush" not in done.err + done.out


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with contextlib.suppress(ClinometerError):
        import_store("postgresql://127.0.0.1:1/d", tmp_path / "in", table="t", encoder_name="e")
    assert not [*tmp_path.iterdir()]
