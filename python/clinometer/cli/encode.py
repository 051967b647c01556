"""`clinometer encode`: texts of a collection into stored embeddings, from wherever an earlier run stopped."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.http import Cache, Http, Model, http_options
from clinometer.cli.reader import Reader, reader_options
from clinometer.cli.remedies import RemedyFiles
from clinometer.errors import UsageError
from clinometer.executors import check_executor

__all__ = ["encode"]


def encode(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="demo, xquad:DIR, belebele:DIR, beir:DIR, parallel:FILE[,FILE...], irds:NAME or hub:NAME.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="STORE", help="Folder; gets STORE/documents and STORE/queries.")
    ],
    encoder: Annotated[
        str,
        typer.Option("--encoder", metavar="E", help="offline, a sentence-transformers model, or http://HOST/v1."),
    ] = "offline",
    adapter: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Apply an adapter that clinometer train --adapter wrote.")
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="documents|queries", help="Encode nothing else.")] = None,
    dtype: Annotated[str, typer.Option(metavar="float32|float16|int16", help="Stored data type.")] = "float32",
    shard_rows: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Texts of one shard, encoded in one go; what an interruption can cost. 2048 or more by default.",
        ),
    ] = None,
    languages: Annotated[str | None, typer.Option(metavar="A,B,...", help="Only these languages.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="passage|row", help="xquad: what one document is.")] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="beir, hub: which judgements.")] = None,
    document_language: Annotated[
        str | None,
        typer.Option(metavar="LANGUAGE|id", help="beir, hub: language of texts that name none."),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="beir, hub: count judgements of absent texts instead of failing.")
    ] = False,
    reading: Reader = None,
    query_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each query.")] = None,
    document_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each document.")] = None,
    batch_size: Annotated[
        int, typer.Option(metavar="N", min=1, help="Texts in one forward pass; may change the last bits.")
    ] = 32,
    max_length: Annotated[int | None, typer.Option(metavar="N", min=1, help="Longest input in tokens.")] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="bfloat16", help="Compute faster and less exactly; recorded in the results.")
    ] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu or cuda:0.")] = None,
    revision: Annotated[str | None, typer.Option(metavar="COMMIT", help="Of a model on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with a model.")
    ] = False,
    executor: Annotated[
        str, typer.Option(metavar="local|ray", help="Where texts are encoded; ray uses RAY_ADDRESS, or this machine.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="ray: models side by side; one for each core by default.")
    ] = None,
    model: Model = None,
    cache: Cache = None,
    http: Http = None,
    progress: Annotated[
        bool | None,
        typer.Option("--progress/--no-progress", help="Bars on standard error; by default if it is a terminal."),
    ] = None,
) -> None:
    """Encode a collection and store the embeddings. Run again, it goes on where it was stopped."""
    stages = _stages(only)
    check_executor(executor)
    if workers is not None and executor == "local":
        raise UsageError("--workers is for --executor ray; here all cores work on one model")
    if dtype not in ("float32", "float16", "int16"):
        raise UsageError(f"--dtype is {dtype!r}, but must be float32, float16 or int16")
    if encoder == "precomputed":
        raise UsageError("--encoder precomputed has nothing to encode; write arrays with clinometer.store.StoreWriter")
    reader = {"unit": unit, "split": split, "language": document_language, "allow_missing": allow_missing or None}
    reader |= reader_options(reading)
    asked: dict[str, Any] = {
        "query_prompt": query_prompt,
        "document_prompt": document_prompt,
        "batch_size": batch_size,
        "max_length": max_length,
        "precision": precision,
        "device": device,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        **http_options(model, cache, http),
    }
    # Imported here so that `--help` and complaints about options come at once.
    from clinometer.encoders import encoder as make_encoder
    from clinometer.encoders import require_embeddings
    from clinometer.io import load
    from clinometer.store import fill, open_writer

    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; give a folder for the store")
    remedies = RemedyFiles(adapter, None)
    remedies.load()
    wanted = None if languages is None else [label.strip() for label in languages.split(",") if label.strip()]
    collection = load(source, languages=wanted, **{name: value for name, value in reader.items() if value is not None})
    sys.stderr.write(collection.summary() + "\n")
    made: Any = make_encoder(encoder, **asked)
    require_embeddings(made)
    made = remedies.applied_to(made, collection)
    said = _warn(made.record.warnings, set())
    bars = sys.stderr.isatty() if progress is None else progress
    texts = {"documents": collection.documents, "queries": collection.queries}
    elsewhere: Any = None
    with ExitStack() as stack:
        # Both are opened before the work, so that what does not fit is refused before hours are spent.
        writers = {
            stage: stack.enter_context(
                open_writer(output / stage, texts[stage], made, stage, dtype=dtype, shard_rows=shard_rows)  # type: ignore[arg-type]
            )
            for stage in stages
        }
        if executor == "ray" and any(len(writer) < len(texts[stage]) for stage, writer in writers.items()):
            from clinometer.store.ray_encoding import RayEncoders, made_of

            make = partial(made_of, encoder, asked, remedies.adapter)
            elsewhere = stack.enter_context(RayEncoders(make, workers=workers, device=device))
        for stage, writer in writers.items():
            there = len(writer)
            encode_all = None if elsewhere is None else elsewhere.encode_all(stage)
            try:
                fill(writer, texts[stage], made, encode_all=encode_all, show_progress_bar=bars)
            except KeyboardInterrupt:
                sys.stderr.write(
                    f"{len(writer):,} of {len(texts[stage]):,} {stage} are in {output / stage}; "
                    "run the same command again to go on\n"
                )
                raise
            kept = f", {there:,} of them there before" if there else ""
            sys.stderr.write(f"{len(writer):,} {stage} in {output / stage}{kept}\n")
        if elsewhere is not None:
            _warn([text for text in elsewhere.warnings() if text.partition(": ")[2] not in said], said)
    _warn(made.record.warnings, said)


def _stages(only: str | None) -> tuple[str, ...]:
    if only not in (None, "documents", "queries"):
        raise UsageError(f"--only is {only!r}, but must be documents or queries")
    return ("documents", "queries") if only is None else (only,)


def _warn(warnings: list[str], said: set[str]) -> set[str]:
    """Say what was not said before; an encoder counts the texts that it cuts only as it goes."""
    for warning in warnings:
        if warning not in said:
            sys.stderr.write(f"warning: {warning}\n")
    return said | set(warnings)
