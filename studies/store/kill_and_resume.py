"""A store whose encoding was killed ten times and resumed, compared byte by byte with one that was left alone.

    python -m studies.store.kill_and_resume --work DIR [SOURCE]

DIR/whole is the run that was left alone (used again if it is complete), DIR/killed the other one. The result goes to
studies/results/kill-and-resume.json; `python -m studies.store.page` draws the table. Kills are SIGKILL: nothing in the
process can notice them. The moments are drawn from a seed, but a moment falls on other work on another machine.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from clinometer.files import file_digest
from clinometer.store import EmbeddingStore
from studies.command_line import parser
from studies.result_files import write_result
from studies.sources import SOURCES


def encode_command(source: str, store: Path, options: list[str]) -> list[str]:
    return [sys.executable, "-m", "clinometer", "encode", source, "-o", str(store), "--no-progress", *options]


def whole_run(source: str, store: Path, options: list[str]) -> float:
    """Encodes without interruption; returns how many seconds it took after the collection was read."""
    with subprocess.Popen(encode_command(source, store, options), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        start = time.monotonic()
        messages = process.stderr.read()
    if process.returncode:
        raise SystemExit(messages)
    return time.monotonic() - start


def kill_and_resume(
    source: str, store: Path, options: list[str], *, kills: int, span: float, seed: int
) -> list[dict[str, Any]]:
    """Encodes into `store`, killed `kills` times, each time within the first `span` seconds of its work.

    Returns what was in the folder after each kill: finished rows, which are checked, and files of unfinished shards. A
    run that ends before its kill is the last one.
    """
    moments, states = random.Random(seed), []
    for _ in range(kills):
        with subprocess.Popen(encode_command(source, store, options), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            # The collection has been read; what comes is loading the encoder and work.
            process.stderr.readline()
            time.sleep(moments.uniform(0, span))
            process.send_signal(signal.SIGKILL)
            process.stderr.read()
        if process.returncode != -signal.SIGKILL:
            break
        states.append(_state(store))
    whole_run(source, store, options)
    return states


def _state(store: Path) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    unfinished: list[str] = []
    for stage in ("documents", "queries"):
        folder = store / stage
        if not (folder / "manifest.json").exists():
            rows[stage] = 0
            continue
        finished = EmbeddingStore.open(folder, partial=True)
        finished.verify()
        rows[stage] = len(finished)
        known = {f"{shard.name}.{kind}" for shard in finished.manifest.shards for kind in ("npy", "jsonl")}
        names = {path.name for path in folder.iterdir()} - known - {".lock", "manifest.json"}
        unfinished += sorted(f"{stage}/{name}" for name in names)
    return {**rows, "unfinished": unfinished}


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def main() -> None:
    command = parser(__doc__, "folder of both stores")
    command.add_argument("source", nargs="?", default=SOURCES["xquad"], help="collection to encode; XQuAD by default")
    command.add_argument("--kills", type=int, default=10, help="number of kills")
    command.add_argument("--seed", type=int, default=0, help="seed of the moments")
    command.add_argument("--shard-rows", type=int, default=256, help="rows of a shard")
    command.add_argument("--languages", help="languages to encode; all by default")
    command.add_argument("--span", type=float, help="seconds in which a kill falls (default: a sixth of the run)")
    options = command.parse_args()
    whole, killed = options.work / "whole", options.work / "killed"
    shutil.rmtree(killed, ignore_errors=True)
    encode = ["--shard-rows", str(options.shard_rows)]
    if options.languages:
        encode += ["--languages", options.languages]
    span = options.span or whole_run(options.source, whole, encode) / 6
    states = kill_and_resume(options.source, killed, encode, kills=options.kills, span=span, seed=options.seed)
    whole_run(options.source, whole, encode)
    if len(states) < options.kills:
        raise SystemExit(f"the work was done after {len(states)} kills; give a shorter --span")
    one, other = digests(whole), digests(killed)
    stores = [EmbeddingStore.open(whole / stage) for stage in ("documents", "queries")]
    result = {
        "source": options.source.split(":")[0],
        "languages": sorted(stores[0].describe()["languages"]),
        "encoder": stores[0].record.name,
        "rows": {store.stage: len(store) for store in stores},
        "shards": {store.stage: len(store.manifest.shards) for store in stores},
        "kills": states,
        "files": len(one),
        "bytes": sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()),
        "identical": one == other,
    }
    write_result("kill-and-resume", result)
    print(json.dumps(result, indent=1))
    if one != other:
        raise SystemExit("the stores differ")


if __name__ == "__main__":
    main()
