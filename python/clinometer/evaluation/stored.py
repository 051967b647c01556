"""Results of a scan of stores: measures in every pool, and the files that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from clinometer.files import json_bytes, withdraw, written_together
from clinometer.io.textfiles import write_lines
from clinometer.io.trec import write_run
from clinometer.measures.from_counts import measure
from clinometer.scanning.counts import TopK
from clinometer.scanning.stored import StoredScan, manifest_digest
from clinometer.store.lookup import ids_at
from clinometer.store.reader import EmbeddingStore

__all__ = ["described", "pools_of", "results_of", "table_of", "write_results"]

_MEASURES = ("MaxR", "MaxRnorm", "RR", "nDCG@10", "R@10", "R@100", "Success@1")


def described(store: EmbeddingStore) -> dict[str, Any]:
    """Description of a store in results; its rows are not read."""
    return {
        "path": str(store.path),
        "rows": len(store),
        "dimension": store.dimension,
        "dtype": store.manifest.dtype,
        "shards": len(store.manifest.shards),
        "digest": manifest_digest(store),
        "encoder": msgspec.to_builtins(store.record),
    }


def pools_of(labels: Sequence[str]) -> list[tuple[str, ...]]:
    """The reported pools: all languages together, then each alone."""
    every = tuple(labels)
    return [every, *((label,) for label in every)] if len(every) > 1 else [every]


def results_of(scan_result: StoredScan, queries: EmbeddingStore, settings: dict[str, Any]) -> dict[str, Any]:
    """The results as JSON values.

    Args:
        scan_result: Scan of the stores.
        queries: Store of the queries.
        settings: Settings of the scan, by name.

    Returns:
        `documents` and `queries` (the stores), `encoder`, `judgements`, `settings`, `took` (seconds), `warnings`, and
        `rows`: one per pool and measure, `pool_languages`, `measure`, `value` (the mean over queries with a relevant
        document in the pool), `queries`, `relevant`, `documents` (of the pool) and `ties` (relevant documents that tie
        with another).
    """
    k = scan_result.top.k if scan_result.top is not None else 0
    measures = list(dict.fromkeys([*_MEASURES, *([f"R@{k}"] if k else [])]))
    ranks, rows = scan_result.ranks, []
    for pool in pools_of(ranks.languages):
        columns = ranks.columns(pool)
        in_pool = np.isin(ranks.codes, columns)
        sizes = ranks.pool_sizes if ranks.pool_sizes is not None else np.zeros(len(ranks.languages), dtype=np.int64)
        per_query = measure(ranks, measures, languages=pool, grades=scan_result.judged.grades)
        for name, values in per_query.items():
            defined = values[~np.isnan(values)]
            rows.append(
                {
                    "pool_languages": list(pool),
                    "measure": name,
                    "value": float(defined.mean()) if defined.size else None,
                    "queries": int(defined.size),
                    "relevant": int(in_pool.sum()),
                    "documents": int(sizes[columns].sum()),
                    "ties": int(np.count_nonzero(ranks.equal[in_pool][:, columns].any(axis=1))),
                }
            )
    from importlib.metadata import version

    return {
        "documents": described(scan_result.documents),
        "queries": described(queries),
        "encoder": msgspec.to_builtins(scan_result.record),
        "judgements": {
            "queries": len(scan_result.judged.query_ids),
            "relevant": len(scan_result.judged.documents),
            **scan_result.judged.left_out,
        },
        "digests": scan_result.digests,
        "settings": {**settings, "version": version("clinometer")},
        "took": scan_result.took,
        "warnings": scan_result.warnings,
        "rows": rows,
    }


def table_of(results: dict[str, Any]) -> str:
    """The rows as a table: a line for each pool, a column for each measure."""
    names = list(dict.fromkeys(row["measure"] for row in results["rows"]))
    head = ["pool", "documents", "queries", "relevant", "tied", *names]
    lines = [head]
    for start in range(0, len(results["rows"]), len(names)):
        rows = results["rows"][start : start + len(names)]
        pool = rows[0]["pool_languages"]
        label = "+".join(pool) if len(pool) <= 4 else f"all {len(pool)}"
        counts = [f"{rows[0][name]:,}" for name in ("documents", "queries", "relevant", "ties")]
        lines.append([label or "-", *counts, *(_figure(row["measure"], row["value"]) for row in rows)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    aligned = [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    ]
    return "\n".join([aligned[0], "-" * len(aligned[0]), *aligned[1:]])


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f}" if name in ("MaxR", "MaxRnorm") else f"{value:.4f}"


def write_results(scan_result: StoredScan, results: dict[str, Any], folder: Path) -> list[str]:
    """Write `ranks.npz`, `ranks.jsonl.gz`, `run.trec.gz` if there are lists, and `scan.json`.

    All appear, or none; `scan.json` is the last: if it exists, all do. Lists per language are also written to
    `run-LANGUAGE.trec.gz`.

    Returns:
        Names of the files.

    Raises:
        UsageError: An id has white space, which a run cannot hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with written_together():
        # Results of an earlier scan must not be next to files of this one.
        for path in (folder / "scan.json", *folder.glob("run*.trec.gz")):
            withdraw(path)
        return _write_all(scan_result, results, folder)


def _write_all(scan_result: StoredScan, results: dict[str, Any], folder: Path) -> list[str]:
    scan_result.ranks.save(folder / "ranks.npz")
    write_lines(folder / "ranks.jsonl.gz", _lines(scan_result))
    names = ["ranks.npz", "ranks.jsonl.gz"]
    if scan_result.top is not None:
        id_of = ids_at(scan_result.documents, scan_result.top.ids[scan_result.top.ids >= 0])
        runs = {"run.trec.gz": scan_result.top}
        if scan_result.top.languages is not None:
            runs = {"run.trec.gz": scan_result.top.pool(scan_result.top.languages)}
            runs |= {f"run-{label}.trec.gz": scan_result.top.pool([label]) for label in scan_result.top.languages}
        for name, top in runs.items():
            write_run(folder / name, _run(scan_result, top, id_of), scan_result.record.name.replace(" ", ""))
            names.append(name)
    write_lines(folder / "scan.json", json_bytes(results).decode().splitlines())
    return [*names, "scan.json"]


def _lines(scan_result: StoredScan) -> Iterator[str]:
    ranks = scan_result.ranks
    id_of = ids_at(scan_result.documents, ranks.documents)
    query_of = np.repeat(np.arange(len(ranks.indptr) - 1), np.diff(ranks.indptr)).tolist()
    columns = (ranks.ranks(ties=mode).tolist() for mode in ("index", "optimistic", "pessimistic"))
    encoder = msgspec.json.Encoder()
    for query, document, code, rank, least, most, score in zip(
        query_of, ranks.documents.tolist(), ranks.codes.tolist(), *columns, ranks.scores, strict=True
    ):
        line = {
            "query_id": scan_result.judged.query_ids[query],
            "doc_id": id_of[document],
            "language": ranks.languages[code],
            "rank": rank,
            "rank_min": least,
            "rank_max": most,
            "score": float(str(score)),
        }
        yield encoder.encode(line).decode()


def _run(scan_result: StoredScan, top: TopK, id_of: dict[int, str]) -> dict[str, dict[str, Any]]:
    return {
        name: {id_of[int(row)]: score for row, score in zip(rows, scores, strict=True) if row >= 0}
        for name, rows, scores in zip(scan_result.judged.query_ids, top.ids, top.scores, strict=True)
    }
