"""`clinometer scan`: exact ranks of stored documents for stored queries, on this machine or a cluster."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.config import origin
from clinometer.cli.earlier import Force, refuse_other_scan
from clinometer.cli.encoder_options import Remedy, TruncateDim
from clinometer.cli.expansion import OptionGroup, option, output_option
from clinometer.cli.option_groups import Execution, Json, Lists, MemoryBudget, Progress, Similarity
from clinometer.cli.remedies import RemedyFiles, warn
from clinometer.executors import executor_of
from clinometer.files import check_folder, json_bytes
from clinometer.files.packed import SUFFIXES_SHOWN

__all__ = ["scan"]


@dataclass(frozen=True)
class _Judged(OptionGroup):
    panel = "Source"

    relevant: Annotated[
        Path, option("FILE", f"Judgements: TREC qrels, BEIR's .tsv, or .jsonl; also as {SUFFIXES_SHOWN}.")
    ]
    queries: Annotated[str | None, option("STORE", "Stored queries; by default those in the same folder.")] = None
    allow_missing: Annotated[
        bool, option(None, "Tolerance for judgements of absent ids, which are then counted.", "--allow-missing")
    ] = False
    similarity: Similarity = None
    verify: Annotated[bool, option(None, "Comparison of each shard with its checksum before its scan.", "--verify")] = (
        False
    )


@dataclass(frozen=True)
class _Workers(Execution):
    workers: Annotated[
        int | None, option("N", "Number of shards at a time on ray; by default as many as its cores can hold.", min=1)
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.refuse_local_workers(self.workers, "scans one shard on all threads; set --threads")


@dataclass(frozen=True)
class _Results(Progress):
    json: Json = False
    work: Annotated[
        Path | None, option("DIR", "Folder for finished shards during the scan; DIR/parts of --output by default.")
    ] = None
    output: Annotated[
        Path | None, output_option("DIR", "Folder for ranks.npz, ranks.jsonl.gz, runs and scan.json.")
    ] = None
    force: Force = False


def scan(
    store: Annotated[
        str,
        typer.Argument(
            metavar="STORE",
            help="Stored documents, or the folder with documents and queries; also as s3://BUCKET/STORE.",
        ),
    ],
    judged: _Judged,
    lists: Lists,
    execution: _Workers,
    remedy: Remedy,
    results: _Results,
    memory_budget: MemoryBudget = None,
    truncate_dim: TruncateDim = None,
) -> None:
    """Rank the relevant documents among all stored ones. Run again, it resumes with the remaining shards.

    Example:
        clinometer scan store --relevant qrels/test.tsv \\
            -k 100 -o ranks
    """
    from clinometer.evaluation.stored import described, results_of, table_of, write_results
    from clinometer.io.judgements import read_judgements
    from clinometer.scanning.arguments import bytes_of
    from clinometer.scanning.stored import ScanRequest
    from clinometer.scorers.stored import open_stores

    if memory_budget is not None:
        bytes_of(memory_budget)
    output = results.output
    if output is not None:
        check_folder(output)
    remedies = RemedyFiles(remedy.adapter, remedy.correction, remedy.query_languages)
    remedies.load()
    documents, query_store = open_stores(store, judged.queries)
    request = ScanRequest(
        documents=documents,
        queries=query_store,
        relevant=judged.relevant,
        judgements=read_judgements(judged.relevant),
        k=lists.k,
        per_language=lists.per_language,
        remedies=remedies.on_stores(documents, query_store, truncate_dim),
        allow_missing=judged.allow_missing,
        verify=judged.verify,
        threads=execution.threads,
        memory_budget=memory_budget,
        similarity=judged.similarity,
        device=execution.scan_device,
    )
    if output is not None:
        stored = {"documents": described(documents), "queries": described(query_store)}
        refuse_other_scan(output / "scan.json", stored, force=results.force)
    parts = results.work or (None if output is None else output / "parts")
    try:
        with executor_of(execution.executor, threads=execution.threads, workers=execution.workers) as executor:
            scan_result = request.run(executor, work=parts, show_progress_bar=results.bars)
    except KeyboardInterrupt:
        if parts is not None:
            sys.stderr.write(f"finished shards are in {parts}; run the same command again to resume\n")
        raise
    if scan_result.resumed:
        sys.stderr.write(f"{scan_result.resumed} shards were finished by an earlier run\n")
    warn(scan_result.warnings)
    for what, count in scan_result.judged.left_out.items():
        if count:
            sys.stderr.write(f"note: {count:,} {what.replace('_', ' ')}, left out\n")
    pairs = f"{len(documents):,} documents for {len(scan_result.judged.query_ids):,} queries"
    sys.stderr.write(f"scanned {pairs} in {scan_result.took['seconds']:,.1f} s\n")
    settings: dict[str, Any] = {
        "k": lists.k,
        "per_language": lists.per_language,
        "executor": execution.executor,
        "device": execution.scan_device,
        "memory_budget": memory_budget,
        "ties": "index",
        "similarity": request.scored_by,
        "verified": judged.verify,
        **origin(),
    }
    record = results_of(scan_result, query_store, settings)
    if output is not None:
        names = write_results(scan_result, record, output)
        sys.stderr.write(f"wrote {', '.join(names)} to {output}\n")
    if parts is not None:
        request.forget(parts)
    sys.stdout.write(json_bytes(record).decode() if results.json else table_of(record) + "\n")
