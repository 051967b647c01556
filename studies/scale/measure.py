"""Scans of ten million generated documents: exact ranks, memory, speed, a killed worker, and what the plan forecast.

    python -m studies.scale.measure --work DIR

Generates stores below DIR (9 GB), scans them, and writes studies/results/scale.json; `python -m studies.scale.page`
draws the tables. Delete DIR afterwards. Linux only.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.encoders import EncoderRecord
from clinometer.files import json_bytes
from clinometer.store import EmbeddingStore, StoreWriter
from studies.command_line import parser
from studies.result_files import RESULTS
from studies.scale import processes
from studies.vectors import unit

DIMENSION, QUERIES, SHARD = 384, 1000, 250_000
LABELS = ("en", "de", "zh", "ar")
SIZES = (100_000, 1_000_000, 10_000_000)
BUDGET = "2GB"
RECORD = EncoderRecord(name="generated", kind="precomputed", dimension=DIMENSION)
STEPS = ("make", "local", "ray", "ratio", "plan")
# A relevant document has this cosine with its query, those above it more; of ten million random ones none has 0.35.
ANSWER, ABOVE = 0.5, 0.6


def questions() -> np.ndarray[Any, Any]:
    return unit(np.random.default_rng(1).standard_normal((QUERIES, DIMENSION))).astype(np.float32)


def planted(rows: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], list[int]]:
    """Rows, queries and cosines of planted documents, and the rank of each query's answer.

    Query i has i % 20 documents above its answer, all over the pool; the answer comes last.
    """
    draw = np.random.default_rng(2)
    above = [query % 20 for query in range(QUERIES)]
    queries = np.repeat(np.arange(QUERIES), [count + 1 for count in above])
    places = draw.choice(rows, len(queries), replace=False)
    cosines = ABOVE + 0.3 * draw.random(len(queries))
    ends = np.cumsum([count + 1 for count in above]) - 1
    cosines[ends] = ANSWER
    return places, queries, cosines, [count + 1 for count in above]


def make(folder: Path, rows: int) -> None:
    """A store of random documents with planted ones, its queries, and the judgements."""
    if (folder / "judged.qrels").exists():
        return
    vectors = questions()
    places, queries, cosines, _ = planted(rows)
    with StoreWriter(folder / "queries", RECORD, "queries") as writer:
        writer.append(vectors, [f"q{row}" for row in range(QUERIES)], ["en"] * QUERIES)
    with StoreWriter(folder / "documents", RECORD, "documents", "float16") as writer:
        for start in range(len(writer), rows, SHARD):
            stop = min(start + SHARD, rows)
            draw = np.random.default_rng([3, start])
            part = draw.standard_normal((stop - start, DIMENSION), dtype=np.float32)
            here = np.flatnonzero((places >= start) & (places < stop))
            if here.size:
                towards = vectors[queries[here]].astype(np.float64)
                aside = draw.standard_normal(towards.shape)
                aside = unit(aside - (aside * towards).sum(1, keepdims=True) * towards)
                cosine = cosines[here, None]
                part[places[here] - start] = cosine * towards + np.sqrt(1 - cosine**2) * aside
            names = [f"d{row}" for row in range(start, stop)]
            writer.append(part, names, [LABELS[row % len(LABELS)] for row in range(start, stop)])
            print(f"{stop:,} of {rows:,} documents in {folder}", flush=True)
    answers = places[np.cumsum([query % 20 + 1 for query in range(QUERIES)]) - 1]
    # Each query has a second relevant document, a random one, whose rank is checked for some in float64.
    lines = [f"q{query} 0 d{row} 1" for query, row in enumerate(answers)]
    lines += [f"q{query} 0 d{deep(query, rows)} 1" for query in range(QUERIES)]
    (folder / "judged.qrels").write_text("\n".join(lines) + "\n")


@cache
def planted_rows(rows: int) -> frozenset[int]:
    return frozenset(planted(rows)[0].tolist())


def deep(query: int, rows: int) -> int:
    """A row that is not planted."""
    row = int(np.random.default_rng([4, query]).integers(rows))
    while row in planted_rows(rows):
        row = (row + 1) % rows
    return row


def ranks_of(folder: Path) -> dict[tuple[str, str], int]:
    with gzip.open(folder / "ranks.jsonl.gz") as file:
        lines = [json.loads(line) for line in file]
    return {(line["query_id"], line["doc_id"]): line["rank"] for line in lines}


def check(folder: Path, out: Path, rows: int, some: int) -> dict[str, Any]:
    """Compare planted ranks, and a few deep ones with a count in float64."""
    ranks = ranks_of(out)
    places, _, _, planted_ranks = planted(rows)
    ends = np.cumsum([query % 20 + 1 for query in range(QUERIES)]) - 1
    right = sum(ranks[f"q{query}", f"d{places[end]}"] == planted_ranks[query] for query, end in enumerate(ends))
    if not some:
        return {"planted": QUERIES, "planted_right": int(right), "deep": []}
    vectors = unit(questions()[:some].astype(np.float64))
    store = EmbeddingStore.open(folder / "documents")
    chosen = [deep(query, rows) for query in range(some)]
    own = (unit(store.take(chosen).astype(np.float64)) * vectors).sum(axis=1)
    above, near = np.zeros(some, dtype=np.int64), np.zeros(some, dtype=np.int64)
    for part in store.shards():
        scores = unit(np.asarray(part, dtype=np.float32)) @ vectors.astype(np.float32).T
        above += (scores > own + 1e-6).sum(axis=0)
        near += (np.abs(scores - own) <= 1e-6).sum(axis=0)
    deepest = []
    for query, row in enumerate(chosen):
        rank, least, most = ranks[f"q{query}", f"d{row}"], int(above[query]) + 1, int(above[query] + near[query])
        deepest.append({"rank": rank, "least": least, "most": most, "holds": least <= rank <= most})
    return {"planted": QUERIES, "planted_right": int(right), "deep": deepest}


def scan(
    folder: Path, out: Path, rows: int, *more: str, kill: bool = False, checked: bool = True, some: int = 4
) -> dict[str, Any]:
    command = ["scan", str(folder), "--relevant", str(folder / "judged.qrels"), "-o", str(out), "--no-progress", *more]
    drop(folder)
    figures = processes.run(command, out / "parts" if kill else None, after=12)
    figures.pop("out")
    took = json.loads((out / "scan.json").read_text())["took"]
    figures |= {"scan_seconds": took["seconds"], "scan_processor_seconds": took["processor_seconds"]}
    figures["command"] = figures["command"].replace(str(folder.parent), "DIR")
    if checked:
        figures["ranks"] = check(folder, out, rows, some)
    figures["load"] = os.getloadavg()[0]
    return figures


def drop(folder: Path) -> None:
    """Have the system forget the files of a store, so that they come from the disk."""
    for path in folder.rglob("*.npy"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def ratio(folder: Path, shards: int = 6, repeats: int = 5) -> dict[str, Any]:
    """The same shards from the disk and from memory, in turn, by wall clock and by processor time."""
    store = EmbeddingStore.open(folder / "documents")
    mapped = store.shards()[:shards]
    held = [np.array(part) for part in mapped]
    vectors = questions()
    relevant = [[query] for query in range(QUERIES)]
    languages = np.concatenate([np.arange(len(part)) % len(LABELS) for part in mapped])
    pairs = []
    for _ in range(repeats):
        times = {}
        for name, parts in (("mapped", mapped), ("held", held)):
            drop(folder)
            wall, processor = time.perf_counter(), time.process_time()
            cm.scan(vectors, list(parts), relevant, languages, memory_budget=BUDGET, threads=2)
            times[name] = [time.perf_counter() - wall, time.process_time() - processor]
        pairs.append(times)
        print(times, flush=True)
    rows = sum(map(len, mapped))
    return {
        "documents": rows,
        "repeats": repeats,
        "runs": pairs,
        "wall_ratio": float(np.median([p["held"][0] / p["mapped"][0] for p in pairs])),
        "processor_ratio": float(np.median([p["held"][1] / p["mapped"][1] for p in pairs])),
        "pairs_per_second_held": rows * QUERIES / float(np.median([p["held"][0] for p in pairs])),
        "pairs_per_second_mapped": rows * QUERIES / float(np.median([p["mapped"][0] for p in pairs])),
        "load": os.getloadavg()[0],
    }


def planning(folder: Path, rows: int, work: Path, scanned: dict[str, Any] | None) -> dict[str, Any]:
    """What `clinometer plan` says, and what the same scan takes just after it, or took before it."""
    shards = len(EmbeddingStore.open(folder / "documents").manifest.shards)
    plan = processes.run(
        ["plan", "--documents", str(rows), "--queries", str(QUERIES), "--dimension", str(DIMENSION), "--languages",
         str(len(LABELS)), "--relevant", "2", "--shards", str(shards), "--threads-per-worker", "2", "--json"]
    )  # fmt: skip
    forecast = json.loads(plan["out"])
    if scanned is None:
        scanned = scan(folder, work / f"plan{rows}", rows, "--threads", "2", checked=False)
    return {
        "documents": rows,
        "shards": shards,
        "measured": forecast["measured"],
        "forecast": forecast["forecast"],
        "store_bytes": sum(path.stat().st_size for path in (folder / "documents").iterdir()),
        **scanned,
    }


def machine() -> dict[str, Any]:
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": model[0].partition(":")[2].strip(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def main() -> None:
    command = parser(__doc__, "folder of stores and scans")
    command.add_argument("--steps", default=",".join(STEPS), help="steps to run")
    command.add_argument("--documents", type=float, default=SIZES[-1], help="size of the largest store")
    command.add_argument("--results", type=Path, default=RESULTS / "scale.json", help="file of the results")
    options = command.parse_args()
    most = int(options.documents)
    folders = {size: options.work / f"{size}" for size in sorted({*(size for size in SIZES if size < most), most})}
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    results |= {"machine": machine(), "documents": most, "queries": QUERIES, "dimension": DIMENSION, "budget": BUDGET}
    for step in options.steps.split(","):
        print(f"== {step}", flush=True)
        if step == "make":
            for size, folder in folders.items():
                make(folder, size)
            continue
        if step == "local":
            more = ["--memory-budget", BUDGET, "--threads", "2"]
            results[step] = scan(folders[most], options.work / "local", most, *more)
        elif step == "ray":
            more = ["--memory-budget", BUDGET, "--executor", "ray"]
            results[step] = scan(folders[most], options.work / "ray", most, *more, kill=True, some=0)
            # Deep ranks were counted for those of one process.
            one, other = (ranks_of(options.work / name) for name in ("local", "ray"))
            results[step]["same_ranks_as_local"] = one == other
        elif step == "ratio":
            results[step] = ratio(folders[most])
        elif step == "plan":
            results[step] = [
                planning(folder, size, options.work, results.get("local") if size == most else None)
                for size, folder in folders.items()
            ]
        options.results.write_bytes(json_bytes(results))


if __name__ == "__main__":
    main()
