"""`clinometer store export` and `clinometer store import`: stored embeddings to and from other formats."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.expansion import OptionGroup, option, output_option
from clinometer.cli.option_groups import Progress, Storage
from clinometer.cli.remedies import warn
from clinometer.cli.store import StoreFolder
from clinometer.errors import UsageError

__all__ = ["export", "import_"]

_FORMAT = "Format"

Format = Annotated[
    str | None,
    option(
        "F", "Format: safetensors, parquet, faiss, npy or pgvector; by default that of the file name.", panel=_FORMAT
    ),
]


@dataclass(frozen=True)
class _Columns(OptionGroup):
    panel = "Table and columns"

    table: Annotated[str | None, option("NAME", "Table: NAME or SCHEMA.NAME (pgvector).")] = None
    id_column: Annotated[str, option("NAME", "Column of ids (parquet, pgvector).")] = "id"
    embedding_column: Annotated[
        str, option("NAME", "Column of embeddings (parquet, pgvector), or tensor (safetensors).")
    ] = "embedding"
    language_column: Annotated[
        str | None, option("NAME", "Column of languages (parquet, pgvector); language if it exists.")
    ] = None
    group_column: Annotated[
        str | None, option("NAME", "Column of parallel groups (parquet, pgvector); group if it exists.")
    ] = None
    order_column: Annotated[
        str | None,
        option(
            "NAME", "Column whose ascending order is that of the rows (pgvector); position if it exists, else the ids."
        ),
    ] = None

    def columns(self) -> Any:
        """The columns for `clinometer.store.exchange`."""
        from clinometer.store.exchange import Columns

        return Columns(
            self.id_column, self.embedding_column, self.language_column, self.group_column, self.order_column
        )


def export(
    store: StoreFolder,
    output: Annotated[
        str,
        output_option(
            "FILE|DIR|URL",
            "New file; folder for documents and queries (needs --format); or postgresql://USER@HOST/DATABASE, the "
            "password better in PGPASSWORD or ~/.pgpass.",
        ),
    ],
    columns: _Columns,
    progress: Progress,
    format: Format = None,
    metric: Annotated[str, option("ip|l2", "Metric of faiss: IndexFlatIP or IndexFlatL2.", panel=_FORMAT)] = "ip",
) -> None:
    """Write stored embeddings in another format, all files or none. Existing files and tables are never overwritten.

    Example:
        clinometer store export store/documents -o documents.npy
    """
    from clinometer.files import location, written_together
    from clinometer.store import stores_in
    from clinometer.store.exchange import export_store
    from clinometer.store.exchange.formats import format_of, is_address

    stores = stores_in(store)
    several = location(store) not in stores.values()
    if several and is_address(output):
        raise UsageError(f"{store} holds {' and '.join(stores)}; give one of them, since a table holds one store")
    if several and format is None:
        raise UsageError(f"{store} holds {' and '.join(stores)}, for which {output} becomes a folder; set --format")
    if several:
        Path(output).mkdir(parents=True, exist_ok=True)
    sentences = []
    with written_together():
        for stage, path in stores.items():
            target = str(Path(output) / f"{stage}.{format}") if several else output
            target_format = format_of(target, format)
            rows = export_store(
                path,
                target,
                format=target_format,
                metric=metric,
                table=columns.table,
                columns=columns.columns(),
                show_progress_bar=progress.bars,
            )
            where = f"table {columns.table}" if target_format == "pgvector" else target
            sentences.append(f"wrote {rows:,} {stage} to {where} ({target_format})\n")
    sys.stderr.write("".join(sentences))


@dataclass(frozen=True)
class _Rows(OptionGroup):
    panel = "Rows"

    encoder_name: Annotated[
        str | None, option("NAME", "Name of the encoder; needed unless clinometer exported the embeddings.")
    ] = None
    stage: Annotated[
        str | None, option("documents|queries", "Kind of the rows; documents if the source does not say.")
    ] = None
    language: Annotated[str | None, option("LABEL", "Language of rows without one.")] = None
    rows: Annotated[
        Path | None, option("FILE", "File .jsonl with id and language of each row (safetensors, faiss, npy).")
    ] = None


def import_(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...|URL",
            help="Consecutive files, a folder of parquet files, or postgresql://USER@HOST/DATABASE, the "
            "password better in PGPASSWORD or ~/.pgpass.",
        ),
    ],
    output: Annotated[Path, output_option("STORE", "Folder of the new store.")],
    rows: _Rows,
    columns: _Columns,
    storage: Storage,
    progress: Progress,
    format: Format = None,
) -> None:
    """Create a store from existing embeddings. It is written with all rows, or not at all.

    Example:
        clinometer store import documents.npy --rows rows.jsonl \\
            --encoder-name my-model -o store
    """
    from clinometer.store.exchange import import_store

    new_store = import_store(
        sources,
        output,
        format=format,  # type: ignore[arg-type]
        encoder_name=rows.encoder_name,
        stage=rows.stage,  # type: ignore[arg-type]
        dtype=storage.dtype,  # type: ignore[arg-type]
        language=rows.language,
        rows_file=rows.rows,
        table=columns.table,
        columns=columns.columns(),
        shard_rows=storage.shard_rows,
        show_progress_bar=progress.bars,
    )
    warn(new_store.record.warnings)
    sys.stderr.write(f"wrote {len(new_store):,} {new_store.stage} to {output}\n")
