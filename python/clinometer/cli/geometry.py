"""`clinometer geometry`: how the embeddings of translations lie to each other, before anything is ranked."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.evaluate import _list
from clinometer.cli.http import Cache, Http, Model, http_options
from clinometer.cli.remedies import RemedyFiles, warn
from clinometer.errors import UsageError

__all__ = ["geometry"]


def geometry(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="As in evaluate; its documents must have translations.")
    ],
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder",
            metavar="E",
            help="offline, a sentence-transformers model (name or folder), http://HOST/v1, or precomputed.",
        ),
    ] = "offline",
    languages: Annotated[str | None, typer.Option(metavar="A,B,...", help="Only these languages.")] = None,
    pivot: Annotated[str, typer.Option(metavar="LANGUAGE", help="Every other language is paired with it.")] = "en",
    read: Annotated[
        str, typer.Option(metavar="raw|normalized|scaled", help="How mismatch and isotropy read embeddings.")
    ] = "raw",
    unit: Annotated[str | None, typer.Option(metavar="passage|row", help="xquad: what one document is.")] = None,
    adapter: Annotated[Path | None, typer.Option(metavar="FILE", help="Adapter behind the encoder.")] = None,
    correction: Annotated[Path | None, typer.Option(metavar="FILE", help="Correction behind the encoder.")] = None,
    document_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each document.")] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Texts in one forward pass.")] = 32,
    max_length: Annotated[int | None, typer.Option(metavar="N", min=1, help="Longest input in tokens.")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu or cuda:0.")] = None,
    revision: Annotated[str | None, typer.Option(metavar="COMMIT", help="Of a model on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with a model.")
    ] = False,
    model: Model = None,
    cache: Cache = None,
    http: Http = None,
    queries: Annotated[
        Path | None, typer.Option(metavar="NPY", help="precomputed: embeddings of the queries, in order.")
    ] = None,
    documents: Annotated[
        Path | None, typer.Option(metavar="NPY", help="precomputed: embeddings of the documents, in order.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON instead of a table.")] = False,
    progress: Annotated[
        bool | None,
        typer.Option("--progress/--no-progress", help="Bars on standard error; by default if it is a terminal."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the rows as JSON, too.")
    ] = None,
) -> None:
    """Measure how close the embeddings of documents are to those of their translations."""
    if encoder == "precomputed" and (queries is None or documents is None):
        raise UsageError("--encoder precomputed needs --queries FILE.npy and --documents FILE.npy")
    if encoder != "precomputed" and not (queries is None and documents is None):
        raise UsageError("--queries and --documents are for --encoder precomputed")
    # Imported here so that `--help` and complaints about options come at once.
    import msgspec

    from clinometer.encoders import PrecomputedEncoder, require_embeddings
    from clinometer.encoders import encoder as make_encoder
    from clinometer.files import json_bytes, written_whole
    from clinometer.geometry import alignment_table
    from clinometer.geometry.pairs import check_read
    from clinometer.io import load

    kind = check_read(read)
    # Only documents are encoded: what a correction knows of the languages of queries does not matter.
    remedies = RemedyFiles(adapter, correction, None if correction is None else "unknown")
    remedies.load()
    collection = load(source, languages=_list(languages), **({} if unit is None else {"unit": unit}))
    collection = collection.restrict(_list(languages))
    sys.stderr.write(collection.summary() + "\n")
    made: Any
    if queries is not None and documents is not None:
        made = PrecomputedEncoder.from_files(queries, documents)
    else:
        made = make_encoder(
            encoder, document_prompt=document_prompt, batch_size=batch_size, max_length=max_length, device=device,
            revision=revision, trust_remote_code=trust_remote_code, **http_options(model, cache, http),
        )  # fmt: skip
        require_embeddings(made)
    made = remedies.applied_to(made, collection)
    texts = collection.documents
    bars = sys.stderr.isatty() if progress is None else progress
    labels = {"languages": texts.languages} if getattr(made, "wants_languages", False) else {}
    vectors = made.encode_documents(texts.texts, show_progress_bar=bars, **labels)
    warn(made.record.warnings)
    rows = alignment_table(vectors, texts.languages, texts.groups, pivot, read=kind)
    command = shlex.join(["clinometer", *sys.argv[1:]])
    found = {
        "collection": collection.describe(),
        "encoder": msgspec.to_builtins(made.record),
        "settings": {"pivot": rows[0]["pivot"], "read": kind, "command": command},
        "rows": rows,
    }
    text = json_bytes(found)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(output) as file:
            file.write(text)
        sys.stderr.write(f"wrote {output}\n")
    sys.stdout.write(text.decode() if json else _table(rows))


def _table(rows: list[dict[str, Any]]) -> str:
    from clinometer.report.base.text import plain_table
    from clinometer.report.mismatch import geometry_table

    return plain_table(geometry_table(rows)) + "\n"
