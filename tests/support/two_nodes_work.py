"""Work on two Ray nodes, in a process of its own: `python -m support.two_nodes_work FOLDER` writes what came of it.

Another test may be connected to a cluster, and a process has one connection at most.
"""

from __future__ import annotations

import json
import operator
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import clinometer as cm
from clinometer.collection import Texts
from clinometer.encoders import EncoderRecord
from clinometer.errors import ClinometerError
from clinometer.executors import Executor, LocalExecutor
from clinometer.executors.ray import RayExecutor
from clinometer.scanning.pool import Pool
from clinometer.scanning.sources import sources_of_store
from clinometer.store import EmbeddingStore, StoreWriter, fill, open_writer
from support import faults
from support.same_scan import assert_same
from support.two_nodes import Namespaced, two_nodes

DRAW = np.random.default_rng(5)
ROWS = DRAW.standard_normal((540, 16), dtype=np.float32)
QUERIES = DRAW.standard_normal((9, 16), dtype=np.float32)
RELEVANT = [[int(row)] for row in DRAW.choice(540, 9, replace=False)]


@dataclass(frozen=True)
class WaitingElsewhere(faults.Unchanged):
    """Documents as they are, for which every node but the first takes very long, and says that it has begun.

    The first node waits for that, so that the other has a shard when it dies.
    """

    marker: str = ""
    first: str = ""

    def documents(self, rows: NDArray[Any], languages: Sequence[str]) -> NDArray[np.float32]:
        marker = Path(self.marker)
        if node() != self.first:
            marker.touch()
            time.sleep(200)
        deadline = time.monotonic() + 60
        while not marker.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return super().documents(rows, languages)


def node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def node_after_a_while(_: int) -> set[str]:
    time.sleep(0.5)
    return {node()}


def written(folder: Path) -> EmbeddingStore:
    with StoreWriter(folder, EncoderRecord(name="m", kind="http"), "documents", "float16") as writer:
        for start in range(0, len(ROWS), 90):
            names = [f"d{row}" for row in range(start, start + 90)]
            writer.append(ROWS[start : start + 90], names, ["en", "de"] * 45)
    return EmbeddingStore.open(folder)


def encoded(folder: Path, make: Any, encode_all: Any = None) -> dict[str, bytes]:
    words = tuple(f"text {row % 17}" for row in range(30))
    texts = Texts(tuple(f"d{row}" for row in range(30)), words, ("en",) * 30, (None,) * 30)
    with open_writer(folder, texts, make(), "documents", shard_rows=4) as writer:
        fill(writer, texts, make(), encode_all=encode_all)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def scanned(store: EmbeddingStore, change: Any, executor: Executor) -> cm.Scan:
    pool = Pool.of(
        sources_of_store(store), np.zeros(len(store), np.uint16), ("",), QUERIES, transform=change, k=3, threads=1
    )
    return pool.scan(QUERIES, np.arange(10), np.concatenate(RELEVANT).astype(np.int64), executor)


def main(folder: Path) -> dict[str, Any]:
    import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.cloudpickle.register_pickle_by_value(faults)
    hidden = folder / "hidden"
    store, unseen = written(folder / "store"), written(hidden / "store")
    (folder / "alive").touch()  # the encoder kills nobody
    make = partial(faults.DeadlyEncoder, str(folder / "alive"))
    result: dict[str, Any] = {}
    with two_nodes(hidden) as nodes:
        result["networks"] = 2 if isinstance(nodes, Namespaced) else 1
        with RayExecutor(nodes.address) as executor:
            result["nodes"] = len(executor.map_reduce(node_after_a_while, range(6), operator.or_))
            here = cm.scan(QUERIES, store, RELEVANT, k=4, threads=1)
            assert_same(cm.scan(QUERIES, store, RELEVANT, k=4, executor=executor), here)
            result["scan"] = True
            result["encoding"] = encoded_on_both(folder, make)
            if isinstance(nodes, Namespaced):
                result["unseen"] = refusal(unseen, executor)
            marker = folder / "marker"
            change = WaitingElsewhere(marker=str(marker), first=node())

            def kill() -> None:
                while not marker.exists():
                    time.sleep(0.05)
                nodes.kill_other()

            killer = threading.Thread(target=kill, daemon=True)
            killer.start()
            assert_same(scanned(store, change, executor), scanned(store, None, LocalExecutor()))
            killer.join(20)
            result["after a death"] = True
            result["killed"] = marker.exists()
    return result


def refusal(unseen: EmbeddingStore, executor: Executor) -> str:
    """What a scan says once a shard falls to the node that does not see it; the other may be quicker at first."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            cm.scan(QUERIES, unseen, RELEVANT, executor=executor)
        except ClinometerError as error:
            return str(error)
    return ""


def encoded_on_both(folder: Path, make: Any) -> bool:
    from clinometer.store.ray_encoding import RayEncoders

    with RayEncoders(make, workers=2) as encoders:
        return encoded(folder / "there", make, encoders.encode_all("documents")) == encoded(folder / "here", make)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))  # noqa: T201
