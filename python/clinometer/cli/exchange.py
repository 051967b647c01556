"""`clinometer store export` and `clinometer store import`: stored embeddings to and from other forms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.errors import UsageError

__all__ = ["export", "import_"]

Form = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="F",
        help="safetensors, parquet, faiss, npy or pgvector; by default what the name says.",
    ),
]
Table = Annotated[str | None, typer.Option(metavar="NAME", help="pgvector: the table, NAME or SCHEMA.NAME.")]
IdColumn = Annotated[str, typer.Option(metavar="NAME", help="parquet, pgvector: column of ids.")]
EmbeddingColumn = Annotated[
    str, typer.Option(metavar="NAME", help="parquet, pgvector: column of embeddings; safetensors: name of the tensor.")
]
LanguageColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="parquet, pgvector: column of languages; language if it is there.")
]
GroupColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="parquet, pgvector: column of parallel groups; group if it is there.")
]
OrderColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="pgvector: column whose ascending order is that of the rows; position if it is there, else the ids.",
    ),
]
Progress = Annotated[
    bool | None,
    typer.Option("--progress/--no-progress", help="Bars on standard error; by default if it is a terminal."),
]


def export(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store, or the folder with documents and queries.")],
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR|URL",
            help="New file; folder for documents and queries (needs --format); or postgresql://USER@HOST/DATABASE, the "
            "password better in PGPASSWORD or ~/.pgpass.",
        ),
    ],
    format: Form = None,
    metric: Annotated[str, typer.Option(metavar="ip|l2", help="faiss: IndexFlatIP or IndexFlatL2.")] = "ip",
    table: Table = None,
    id_column: IdColumn = "id",
    embedding_column: EmbeddingColumn = "embedding",
    language_column: LanguageColumn = None,
    group_column: GroupColumn = None,
    order_column: OrderColumn = None,
    progress: Progress = None,
) -> None:
    """Write stored embeddings in another form. Nothing that is there is written over."""
    from clinometer.store import stores_in
    from clinometer.store.exchange import Columns, export_store
    from clinometer.store.exchange.forms import format_of, is_address

    found = stores_in(store)
    several = store not in found.values()
    if several and is_address(output):
        raise UsageError(f"{store} holds {' and '.join(found)}; give one of them, as a table holds one")
    if several and format is None:
        raise UsageError(f"{store} holds {' and '.join(found)}, for which {output} becomes a folder; say --format")
    options: dict[str, Any] = {
        "metric": metric,
        "table": table,
        "columns": Columns(id_column, embedding_column, language_column, group_column, order_column),
        "show_progress_bar": sys.stderr.isatty() if progress is None else progress,
    }
    for stage, path in found.items():
        target = output
        if several:
            folder = Path(output)
            folder.mkdir(parents=True, exist_ok=True)
            target = str(folder / f"{stage}.{format}")
        form = format_of(target, format)
        rows = export_store(path, target, format=form, **options)
        where = f"table {table}" if form == "pgvector" else target
        sys.stderr.write(f"wrote {rows:,} {stage} to {where} ({form})\n")


def import_(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...|URL",
            help="Files that follow one another, a folder of parquet files, or postgresql://USER@HOST/DATABASE, the "
            "password better in PGPASSWORD or ~/.pgpass.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="STORE", help="Folder of the new store.")],
    format: Form = None,
    encoder_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What made the embeddings; needed unless clinometer exported them."),
    ] = None,
    stage: Annotated[
        str | None, typer.Option(metavar="documents|queries", help="What the rows are; documents if nothing says so.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(metavar="float32|float16|int16", help="Stored data type; by default the source's.")
    ] = None,
    language: Annotated[str | None, typer.Option(metavar="LABEL", help="Of rows that name none.")] = None,
    rows: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="safetensors, faiss, npy: id and language of each row; FILE.jsonl."),
    ] = None,
    table: Table = None,
    id_column: IdColumn = "id",
    embedding_column: EmbeddingColumn = "embedding",
    language_column: LanguageColumn = None,
    group_column: GroupColumn = None,
    order_column: OrderColumn = None,
    shard_rows: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Rows of one shard. 2048 or more by default.")
    ] = None,
    progress: Progress = None,
) -> None:
    """Make a store of embeddings that lie elsewhere. It is there with all rows, or not at all."""
    from clinometer.store.exchange import Columns, import_store

    made = import_store(
        sources,
        output,
        format=format,  # type: ignore[arg-type]
        encoder_name=encoder_name,
        stage=stage,  # type: ignore[arg-type]
        dtype=dtype,  # type: ignore[arg-type]
        language=language,
        rows_file=rows,
        table=table,
        columns=Columns(id_column, embedding_column, language_column, group_column, order_column),
        shard_rows=shard_rows,
        show_progress_bar=sys.stderr.isatty() if progress is None else progress,
    )
    for warning in made.record.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    sys.stderr.write(f"wrote {len(made):,} {made.stage} to {output}\n")
