"""`clinometer scan`: exact ranks of stored documents for stored queries, here or on a cluster."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.remedies import RemedyFiles, warn
from clinometer.errors import UsageError
from clinometer.executors import check_executor, executor_of
from clinometer.files import json_bytes

__all__ = ["scan"]

_PARTS = "parts"


def scan(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Stored documents, or the folder with documents and queries.")
    ],
    relevant: Annotated[
        Path, typer.Option(metavar="FILE", help="Judgements: TREC qrels, BEIR's .tsv, or .jsonl; also as .gz.")
    ],
    queries: Annotated[
        Path | None, typer.Option(metavar="STORE", help="Stored queries; by default those in the same folder.")
    ] = None,
    k: Annotated[int, typer.Option("-k", metavar="N", min=0, help="Also list the best N documents.")] = 0,
    per_language: Annotated[
        bool, typer.Option("--per-language", help="List the best N documents of each language.")
    ] = False,
    executor: Annotated[
        str, typer.Option(metavar="local|ray", help="Where shards are scanned; ray uses RAY_ADDRESS, or this machine.")
    ] = "local",
    memory_budget: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Such as 4GB: what the scan may need beside the pool.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Of the scan, or of each task; never changes a result.")
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Adapter that embeddings go through first.")
    ] = None,
    correction: Annotated[
        Path | None, typer.Option(metavar="NPZ", help="Correction of `clinometer correct`, or the folder it is in.")
    ] = None,
    query_languages: Annotated[
        str | None, typer.Option(metavar="given|unknown", help="correction: whether languages of queries are known.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Count judgements of ids that are not stored instead of failing.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the checksum of each shard before it is scanned.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON instead of a table.")] = False,
    progress: Annotated[
        bool | None,
        typer.Option("--progress/--no-progress", help="A bar on standard error; by default if it is a terminal."),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keeps finished shards until all are; DIR/parts of --output by default."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for ranks.npz, ranks.jsonl.gz, runs and scan.json."),
    ] = None,
) -> None:
    """Rank the relevant documents among all stored ones. Run again, it goes on with the shards that are left."""
    from clinometer.evaluation.stored import results_of, table_of, write_results
    from clinometer.io.judgements import read_judgements
    from clinometer.scanning.arguments import bytes_of
    from clinometer.scanning.stored import ScanRequest
    from clinometer.scorers.stored import open_stores

    check_executor(executor)
    if per_language and not k:
        raise UsageError("--per-language says how lists are kept; give their length with -k as well")
    if memory_budget is not None:
        bytes_of(memory_budget)
    if output is not None and output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; give a folder for the results")
    remedies = RemedyFiles(adapter, correction, query_languages)
    remedies.load()
    documents, asked = open_stores(store, queries)
    request = ScanRequest(
        documents=documents,
        queries=asked,
        relevant=relevant,
        judgements=read_judgements(relevant),
        k=k,
        per_language=per_language,
        remedies=remedies.on_stores(documents, asked),
        allow_missing=allow_missing,
        verify=verify,
        threads=threads,
        memory_budget=memory_budget,
    )
    parts = work if work is not None else None if output is None else output / _PARTS
    bars = sys.stderr.isatty() if progress is None else progress
    try:
        with executor_of(executor, threads=threads) as chosen:
            found = request.run(chosen, work=parts, show_progress_bar=bars)
    except KeyboardInterrupt:
        if parts is not None:
            sys.stderr.write(f"finished shards are in {parts}; run the same command again to go on\n")
        raise
    if found.resumed:
        sys.stderr.write(f"{found.resumed} shards were finished by an earlier run\n")
    warn(found.warnings)
    for what, count in found.judged.left_out.items():
        if count:
            sys.stderr.write(f"note: {count:,} {what.replace('_', ' ')}, left out\n")
    pairs = f"{len(documents):,} documents for {len(found.judged.query_ids):,} queries"
    sys.stderr.write(f"scanned {pairs} in {found.took['seconds']:,.1f} s\n")
    settings: dict[str, Any] = {
        "k": k,
        "per_language": per_language,
        "executor": executor,
        "memory_budget": memory_budget,
        "ties": "index",
        "similarity": "cosine",
        "verified": verify,
        "command": shlex.join(["clinometer", *sys.argv[1:]]),
    }
    results = results_of(found, asked, settings)
    if output is not None:
        names = write_results(found, results, output)
        sys.stderr.write(f"wrote {', '.join(names)} to {output}\n")
    if parts is not None:
        request.forget(parts)
    sys.stdout.write(json_bytes(results).decode() if json else table_of(results) + "\n")
