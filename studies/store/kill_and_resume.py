"""Encodes a collection, killed ten times at random moments and run again, and compares every byte with a run that was
left alone.

    python studies/kill_and_resume.py --work DIR [SOURCE]

DIR/whole is the run that was left alone (kept and used again if it is complete), DIR/killed the other one. The result
goes to studies/results/kill-and-resume.json. Kills are SIGKILL: nothing in the process can notice them. The moments are
drawn from a seed, but a moment falls on other work on another machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from clinometer.store import EmbeddingStore

STUDIES = Path(__file__).resolve().parent
RESULT = STUDIES / "results" / "kill-and-resume.json"
SOURCE = f"xquad:{STUDIES.parent.parent / 'shared' / 'data' / 'xquad'}"


def command(source: str, store: Path, options: list[str]) -> list[str]:
    return [sys.executable, "-m", "clinometer", "encode", source, "-o", str(store), "--no-progress", *options]


def whole_run(source: str, store: Path, options: list[str]) -> float:
    """Encodes without interruption; returns how many seconds it took after the collection was read."""
    with subprocess.Popen(command(source, store, options), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        start = time.monotonic()
        said = process.stderr.read()
    if process.returncode:
        raise SystemExit(said)
    return time.monotonic() - start


def kill_and_resume(
    source: str, store: Path, options: list[str], *, kills: int, span: float, seed: int
) -> list[dict[str, Any]]:
    """Encodes into `store`, killed so many times, each time at a moment of the first `span` seconds of its work.

    Returns what lay in the folder after each kill: finished rows, which are checked, and files of no finished shard. A
    run that ends before its moment is the last one.
    """
    moments, found = random.Random(seed), []
    for _ in range(kills):
        with subprocess.Popen(command(source, store, options), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            # The collection has been read; what comes is loading the encoder and work.
            process.stderr.readline()
            time.sleep(moments.uniform(0, span))
            process.send_signal(signal.SIGKILL)
            process.stderr.read()
        if process.returncode != -signal.SIGKILL:
            break
        found.append(_left(store))
    whole_run(source, store, options)
    return found


def _left(store: Path) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    unfinished: list[str] = []
    for stage in ("documents", "queries"):
        folder = store / stage
        if not (folder / "manifest.json").exists():
            rows[stage] = 0
            continue
        there = EmbeddingStore.open(folder, partial=True)
        there.verify()
        rows[stage] = len(there)
        known = {f"{shard.name}.{kind}" for shard in there.manifest.shards for kind in ("npy", "jsonl")}
        names = {path.name for path in folder.iterdir()} - known - {".lock", "manifest.json"}
        unfinished += sorted(f"{stage}/{name}" for name in names)
    return {**rows, "unfinished": unfinished}


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default=SOURCE)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard-rows", type=int, default=256)
    parser.add_argument("--languages", help="only these; all by default")
    parser.add_argument("--span", type=float, help="seconds in which a kill falls; a sixth of the whole run by default")
    options = parser.parse_args()
    whole, killed = options.work / "whole", options.work / "killed"
    shutil.rmtree(killed, ignore_errors=True)
    encode = ["--shard-rows", str(options.shard_rows)]
    if options.languages:
        encode += ["--languages", options.languages]
    span = options.span or whole_run(options.source, whole, encode) / 6
    left = kill_and_resume(options.source, killed, encode, kills=options.kills, span=span, seed=options.seed)
    whole_run(options.source, whole, encode)
    if len(left) < options.kills:
        raise SystemExit(f"the work was done after {len(left)} kills; give a shorter --span")
    one, other = digests(whole), digests(killed)
    stores = [EmbeddingStore.open(whole / stage) for stage in ("documents", "queries")]
    result = {
        "source": options.source.split(":")[0],
        "languages": sorted(stores[0].describe()["languages"]),
        "encoder": stores[0].record.name,
        "rows": {store.stage: len(store) for store in stores},
        "shards": {store.stage: len(store.manifest.shards) for store in stores},
        "kills": left,
        "files": len(one),
        "bytes": sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()),
        "identical": one == other,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    if one != other:
        raise SystemExit("the stores differ")


if __name__ == "__main__":
    main()
