"""`clinometer convert`: a collection as files that other tools read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.reader import Reader, reader_options
from clinometer.errors import UsageError

__all__ = ["convert"]


def convert(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="As for clinometer evaluate.")],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="beir:DIR|trec:DIR", help="Form and new folder of the files.")
    ],
    languages: Annotated[str | None, typer.Option(metavar="A,B,...", help="Only these languages.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="passage|row", help="xquad: what one document is.")] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="beir, hub: which judgements.")] = None,
    document_language: Annotated[
        str | None, typer.Option(metavar="LANGUAGE|id", help="beir, hub: language of texts that name none.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="beir, hub: count judgements of absent texts instead of failing.")
    ] = False,
    reading: Reader = None,
) -> None:
    """Write a collection in BEIR's layout, or as qrels, topics and documents for TREC's tools."""
    from clinometer.io import load
    from clinometer.io.beir import write_beir
    from clinometer.io.trecfolder import write_trec

    writers: dict[str, Callable[..., None]] = {"beir": write_beir, "trec": write_trec}
    form, _, folder = output.partition(":")
    if form not in writers or not folder:
        raise UsageError(f"--output is {output!r}, but must be beir:DIR or trec:DIR")
    reader: dict[str, Any] = {
        "unit": unit,
        "split": split,
        "language": document_language,
        "allow_missing": allow_missing or None,
        **reader_options(reading),
    }
    wanted = None if languages is None else [label.strip() for label in languages.split(",") if label.strip()]
    given = {name: value for name, value in reader.items() if value is not None}
    collection = load(source, languages=wanted, **given)
    sys.stderr.write(collection.summary() + "\n")
    writers[form](collection, Path(folder))
    sys.stderr.write(f"wrote {', '.join(sorted(path.name for path in Path(folder).iterdir()))} to {folder}\n")
