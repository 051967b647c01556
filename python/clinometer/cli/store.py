"""`clinometer store`: inspect, check and join stored embeddings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.expansion import output_option
from clinometer.cli.option_groups import Json
from clinometer.errors import FormatError, UsageError
from clinometer.files import json_bytes

__all__ = ["StoreFolder", "info", "merge", "verify"]

StoreFolder = Annotated[
    str,
    typer.Argument(metavar="STORE", help="Store, or the folder with documents and queries; also as s3://BUCKET/STORE."),
]


def info(store: StoreFolder, json: Json = False) -> None:
    """Show the contents of a store.

    Example:
        clinometer store info store
    """
    from clinometer.store import EmbeddingStore, stores_in

    descriptions = [EmbeddingStore.open(path, partial=True).describe() for path in stores_in(store).values()]
    if json:
        sys.stdout.write(json_bytes({"stores": descriptions}).decode())
    else:
        sys.stdout.write("\n\n".join(_table(facts) for facts in descriptions) + "\n")


def verify(store: StoreFolder) -> None:
    """Read everything and compare it with the checksums; exit code 1 if a shard has changed.

    Example:
        clinometer store verify store
    """
    from clinometer.store import EmbeddingStore, stores_in
    from clinometer.store.manifest import read_manifest

    damaged, intact = [], []
    for stage, path in stores_in(store).items():
        # Not `open`, which stops at the first wrong size, while all damaged shards are to be named.
        opened = EmbeddingStore(path, read_manifest(path))
        try:
            opened.verify()
        except FormatError as error:
            damaged.append(error)
        state = "" if opened.complete else f", of {opened.manifest.planned_rows:,} planned: not complete"
        intact.append(f"{path}: {len(opened):,} {stage} in {len(opened.manifest.shards)} shards are intact{state}\n")
    if len(damaged) == 1:
        raise damaged[0]
    if damaged:
        raise FormatError(store, None, " ".join(map(str, damaged)))
    sys.stdout.write("".join(intact))


def merge(
    stores: Annotated[
        list[str], typer.Argument(metavar="STORE...", help="Stores of one encoder, also as s3://BUCKET/STORE.")
    ],
    output: Annotated[Path, output_option("STORE", "Folder of the new store.")],
) -> None:
    """Join stores of one encoder, in the order of the arguments.

    Example:
        clinometer store merge part-1 part-2 -o store
    """
    from clinometer.files import folder_written_whole, location
    from clinometer.store import merge as join
    from clinometer.store import stores_in

    parts = [stores_in(path) for path in stores]
    in_folder = [location(path) not in stages.values() for path, stages in zip(stores, parts, strict=True)]
    if len({(nested, *stages) for nested, stages in zip(in_folder, parts, strict=True)}) > 1:
        raise UsageError(
            "the stores hold different stages ("
            + "; ".join(f"{path}: {', '.join(stages)}" for path, stages in zip(stores, parts, strict=True))
            + "); give stores of one stage, or folders with the same stages"
        )
    rows: dict[str, int] = {}
    if in_folder[0]:
        output.parent.mkdir(parents=True, exist_ok=True)
        with folder_written_whole(output) as unfinished:
            for stage in parts[0]:
                rows[stage] = len(join([stages[stage] for stages in parts], unfinished / stage))
    else:
        rows = {stage: len(join([stages[stage] for stages in parts], output)) for stage in parts[0]}
    for name, count in rows.items():
        sys.stderr.write(f"wrote {count:,} {name} to {output / name if in_folder[0] else output}\n")


def _table(facts: dict[str, Any]) -> str:
    encoder = facts["encoder"]
    rows = f"{facts['rows']:,}"
    if not facts["complete"]:
        rows += f" of {facts['planned_rows']:,}: not complete"
    prompt = encoder["document_prompt" if facts["stage"] == "documents" else "query_prompt"]
    nothing = "unknown" if encoder["kind"] == "imported" else "none"
    lines = {
        "store": facts["path"],
        "stage": facts["stage"],
        "rows": rows,
        "format": f"{facts['dimension']} x {facts['dtype']}, {facts['shards']} shards, {facts['bytes'] / 1e6:,.1f} MB",
        "languages": ", ".join(f"{label} {count:,}" for label, count in facts["languages"].items()) or "none",
        "encoder": f"{encoder['name']} ({encoder['kind']})",
        "revision": encoder["revision"] or "unknown",
        "prompt": repr(prompt) if prompt else nothing,
        "max length": "unknown" if encoder["max_length"] is None else f"{encoder['max_length']} tokens",
    }
    entries = [*lines.items(), *(("warning", warning) for warning in encoder["warnings"])]
    return "\n".join(f"{name:<12}{value}" for name, value in entries)
