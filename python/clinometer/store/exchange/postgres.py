"""A table of PostgreSQL with embeddings of pgvector, written by COPY and read through a cursor on the server.

Names of tables and columns are quoted as identifiers. No part of a URL is stored, and no password is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import (
    ClinometerError,
    EmbeddingError,
    FormatError,
    UsageError,
    first_few,
    optional_package,
)
from clinometer.store.exchange.row_source import USUAL, Columns, Origin, RowBlock, Source, of_one_dimension, present
from clinometer.store.reader import EmbeddingStore

__all__ = ["opened", "write"]

# pgvector sends two 16-bit integers (the dimension, and an unused one) and then the numbers, big-endian.
_NUMBERS: dict[str, np.dtype[Any]] = {"vector": np.dtype(">f4"), "halfvec": np.dtype(">f2")}
_ARRAYS = ("_float4", "_float8")


def write(
    address: str,
    store: EmbeddingStore,
    origin: Origin,
    blocks: Iterator[RowBlock],
    *,
    table: str | None = None,
    columns: Columns = USUAL,
    **_: Any,
) -> None:
    """Create a table and fill it in one transaction: completely or not at all.

    Columns are `position` (of the row in the store), id (the primary key), language, group and embedding: `halfvec` if
    the store is float16, else `vector`. The record of the encoder becomes the comment of the table.
    """
    with _connected(address) as connection:
        from psycopg import sql

        name = _identifier(table)
        if _number_of(connection, name) is not None:
            raise UsageError(f"the table {table} already exists; name another one, or drop it")
        schema = connection.execute(
            "SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vector'"
        ).fetchone()
        if schema is None:
            raise ClinometerError("the database has no pgvector; run CREATE EXTENSION vector in it first")
        kind = "halfvec" if store.dtype == np.float16 else "vector"
        names = [
            columns.order or "position", columns.id, columns.language or "language", columns.group or "group",
            columns.embedding,
        ]  # fmt: skip
        if len(set(names)) < len(names):
            raise UsageError(f"the columns {', '.join(names)} must have different names")
        connection.execute(
            sql.SQL(
                "CREATE TABLE {} ({} bigint NOT NULL, {} text PRIMARY KEY, {} text NOT NULL, {} text, "
                "{} {}({}) NOT NULL)"
            ).format(
                name,
                *map(sql.Identifier, names),
                sql.Identifier(schema[0], kind),
                sql.Literal(store.dimension),
            )
        )
        connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(name, sql.Literal(origin.to_json().decode())))
        fields = sql.SQL(", ").join(map(sql.Identifier, names))
        copying = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(name, fields)
        head = store.dimension.to_bytes(2, "big") + b"\0\0"
        position = 0
        with connection.cursor().copy(copying) as copy:
            for block in blocks:
                numbers = np.asarray(block.vectors).astype(_NUMBERS[kind])
                for row, labels in zip(numbers, zip(*block[1:], strict=True), strict=True):
                    # Bytes are sent unchanged.
                    copy.write_row((position.to_bytes(8, "big"), *labels, head + row.tobytes()))
                    position += 1


@contextmanager
def opened(address: str, *, table: str | None = None, columns: Columns = USUAL, **_: Any) -> Iterator[Source]:
    """A consistent snapshot of the rows of a table or view."""
    with _connected(address) as connection:
        from psycopg import IsolationLevel, sql

        connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
        name = _identifier(table)
        number = _number_of(connection, name)
        if number is None:
            raise FormatError(str(table), None, "the database has no such table; write SCHEMA.NAME as in the database")
        types = dict(
            connection.execute(
                "SELECT attname, typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
                "WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                (number,),
            ).fetchall()
        )
        name_of = {"id": columns.id, "embedding": columns.embedding}
        for kind, column, default in (
            ("language", columns.language, "language"), ("group", columns.group, "group"),
            ("order", columns.order, "position"),
        ):  # fmt: skip
            if column is not None or default in types:
                name_of[kind] = column or default
        missing = [column for column in name_of.values() if column not in types]
        if missing:
            raise FormatError(str(table), None, f"no column {', '.join(missing)}; choose from {', '.join(types)}")
        form = types[name_of["embedding"]]
        if form not in (*_NUMBERS, *_ARRAYS):
            problem = f"column {name_of['embedding']} is {form}, but should be vector, halfvec or an array of real"
            raise FormatError(str(table), None, problem)
        rows = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()[0]
        comment = connection.execute("SELECT obj_description(%s::oid, 'pg_class')", (number,)).fetchone()[0]
        text = [
            sql.SQL("{}::text").format(sql.Identifier(name_of[kind])) if kind in name_of else sql.SQL("NULL::text")
            for kind in ("id", "language", "group")
        ]
        # Order ids by their bytes, which no setting of the database changes.
        order = (
            sql.Identifier("t", name_of["order"])
            if "order" in name_of
            else sql.SQL('{}::text COLLATE "C"').format(sql.Identifier("t", columns.id))
        )
        # Order by the table's column; its bare name would mean the text column of the result.
        query = sql.SQL("SELECT {}, {}, {}, {} FROM {} AS t ORDER BY {}").format(
            *text, sql.Identifier(name_of["embedding"]), name, order
        )
        yield Source(
            name=str(table),
            rows=rows,
            dtype="float16" if form == "halfvec" else "float32",
            origin=Origin.read(comment),
            blocks=lambda step: _blocks(connection, query, form, step),
            notes=["float64 is stored as float32"] if form == "_float8" else [],
        )


def _blocks(connection: Any, query: Any, form: str, step: int) -> Iterator[RowBlock]:
    start = 0
    with connection.cursor(name="clinometer", binary=True) as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(step):
            raw_ids, languages, groups, values = zip(*rows, strict=True)
            ids = present(raw_ids, "id", raw_ids, start)
            yield RowBlock(_vectors(values, ids, form), ids, languages, groups)
            start += len(rows)


def _vectors(values: Sequence[Any], ids: Sequence[str], form: str) -> NDArray[Any]:
    missing = [name for name, value in zip(ids, values, strict=True) if value is None]
    if missing:
        raise EmbeddingError(
            f"{len(missing)} rows have no embedding ({first_few(missing)}); leave them out, such as by a view"
        )
    if form in _ARRAYS:
        of_one_dimension([len(value) for value in values], ids)
        try:
            return np.array(values, dtype=np.float32)
        except (TypeError, ValueError):
            raise EmbeddingError(f"the embeddings from {ids[0]!r} on are nested; leave such rows out") from None
    number = _NUMBERS[form]
    dimension = of_one_dimension([(len(value) - 4) // number.itemsize for value in values], ids)
    flat = np.frombuffer(b"".join(value[4:] for value in values), dtype=number)
    native: NDArray[Any] = flat.astype(number.newbyteorder("=")).reshape(len(ids), dimension)
    return native


def _identifier(table: str | None) -> Any:
    from psycopg import sql

    parts = (table or "").split(".")
    if not all(parts) or len(parts) > 2:
        raise UsageError(f"the table is {table!r}; name it with --table, NAME or SCHEMA.NAME")
    return sql.Identifier(*parts)


def _number_of(connection: Any, name: Any) -> int | None:
    number: int | None = connection.execute("SELECT to_regclass(%s)::oid", (name.as_string(connection),)).fetchone()[0]
    return number


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A connection that commits on success; messages of the database come without the password."""
    psycopg = optional_package("psycopg", "a table of PostgreSQL", "pgvector")
    try:
        secret = psycopg.conninfo.conninfo_to_dict(address).get("password")
    except psycopg.Error:
        # The message of libpq about an invalid URL may contain part of the password.
        raise UsageError(
            "invalid URL of the database; write it like postgresql://USER@HOST:PORT/DATABASE, with special "
            "characters as %XX"
        ) from None
    try:
        with psycopg.connect(address, application_name="clinometer") as connection:
            yield connection
    except psycopg.Error as error:
        message = " ".join(str(error).split())
        if secret:
            message = message.replace(str(secret), "***")
        raise ClinometerError(f"the database says: {message}") from None
