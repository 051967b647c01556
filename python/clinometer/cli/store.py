"""`clinometer store`: what stored embeddings hold, whether they are sound, and several joined to one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.expansion import option
from clinometer.cli.option_groups import Json
from clinometer.errors import FormatError, UsageError
from clinometer.files import json_bytes

__all__ = ["StoreFolder", "info", "merge", "verify"]

StoreFolder = Annotated[Path, typer.Argument(metavar="STORE", help="Store, or the folder with documents and queries.")]


def info(store: StoreFolder, json: Json = False) -> None:
    """Show what a store holds.

    Example:
        clinometer store info store
    """
    from clinometer.store import EmbeddingStore, stores_in

    described = [EmbeddingStore.open(path, partial=True).describe() for path in stores_in(store).values()]
    if json:
        sys.stdout.write(json_bytes({"stores": described}).decode())
    else:
        sys.stdout.write("\n\n".join(_table(facts) for facts in described) + "\n")


def verify(store: StoreFolder) -> None:
    """Read everything and compare it with the checksums; exit code 1 if a shard is not as it was written.

    Example:
        clinometer store verify store
    """
    from clinometer.store import EmbeddingStore, stores_in
    from clinometer.store.manifest import read_manifest

    bad, sound = [], []
    for stage, path in stores_in(store).items():
        # Not `open`: it ends at what a look at the sizes shows, and all is to be named.
        stored = EmbeddingStore(path, read_manifest(path))
        try:
            stored.verify()
        except FormatError as error:
            bad.append(error)
        state = "" if stored.complete else f", of {stored.manifest.planned_rows:,} planned: not complete"
        sound.append(f"{path}: {len(stored):,} {stage} in {len(stored.manifest.shards)} shards are sound{state}\n")
    if len(bad) == 1:
        raise bad[0]
    if bad:
        raise FormatError(store, None, " ".join(map(str, bad)))
    sys.stdout.write("".join(sound))


def merge(
    stores: Annotated[list[Path], typer.Argument(metavar="STORE...", help="Stores of one encoder.")],
    output: Annotated[Path, option("STORE", "Folder of the new store.", "-o", "--output", panel="Output")],
) -> None:
    """Join stores of one encoder: one after another, in the order given.

    Example:
        clinometer store merge part-1 part-2 -o store
    """
    from clinometer.store import merge as join
    from clinometer.store import stores_in

    stages = [stores_in(path) for path in stores]
    below = [path not in held.values() for path, held in zip(stores, stages, strict=True)]
    if len({(inside, *held) for inside, held in zip(below, stages, strict=True)}) > 1:
        raise UsageError(
            "the stores hold different stages ("
            + "; ".join(f"{path}: {', '.join(held)}" for path, held in zip(stores, stages, strict=True))
            + "); give stores of one stage, or folders with the same stages"
        )
    for stage in stages[0]:
        target = output / stage if below[0] else output
        joined = join([held[stage] for held in stages], target)
        sys.stderr.write(f"wrote {len(joined):,} {stage} to {target}\n")


def _table(facts: dict[str, Any]) -> str:
    encoder = facts["encoder"]
    rows = f"{facts['rows']:,}"
    if not facts["complete"]:
        rows += f" of {facts['planned_rows']:,}: not complete"
    prompt = encoder["document_prompt" if facts["stage"] == "documents" else "query_prompt"]
    nothing = "not known" if encoder["kind"] == "imported" else "none"
    lines = {
        "store": facts["path"],
        "stage": facts["stage"],
        "rows": rows,
        "form": f"{facts['dimension']} x {facts['dtype']}, {facts['shards']} shards, {facts['bytes'] / 1e6:,.1f} MB",
        "languages": ", ".join(f"{label} {count:,}" for label, count in facts["languages"].items()) or "none",
        "encoder": f"{encoder['name']} ({encoder['kind']})",
        "revision": encoder["revision"] or "not known",
        "prompt": repr(prompt) if prompt else nothing,
        "max length": "not known" if encoder["max_length"] is None else f"{encoder['max_length']} tokens",
    }
    shown = [*lines.items(), *(("warning", warning) for warning in encoder["warnings"])]
    return "\n".join(f"{name:<12}{value}" for name, value in shown)
