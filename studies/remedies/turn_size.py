"""What a turn costs: time and memory of mining, fitting and applying it on stores of up to a million documents.

    python -m studies.remedies.turn_size --work DIR [--documents N] [--sample N]

Generates a store in DIR (800 MB for a million documents of 384 dimensions in five languages, which alternate from row
to row), fits a centering and a turn on it in a process of its own, applies them to the first 100,000 rows, and adds a
line to studies/results/turn-size.json. Delete DIR afterwards. Linux only.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clinometer.correction.fitting import fit_sample
from clinometer.correction.stores import sample_store
from clinometer.encoders import EncoderRecord
from clinometer.mining import turned
from clinometer.store import EmbeddingStore, StoreWriter
from clinometer.store.manifest import MANIFEST
from studies.command_line import parser
from studies.result_files import earlier_result, write_result
from studies.scale.processes import memory

DIMENSION, SHARD = 384, 50_000
LABELS = ("en", "de", "zh", "ar", "hi")
TRANSLATED = 0.5
APPLIED = 100_000


def make(folder: Path, documents: int) -> None:
    """A store in which half of the documents of each language are translations of one of the pivot."""
    draw = np.random.default_rng(0)
    lean = draw.normal(size=(len(LABELS), DIMENSION)).astype(np.float32)
    turn = [rotation_near(np.eye(DIMENSION) + 0.02 * draw.normal(size=(DIMENSION, DIMENSION))) for _ in LABELS]
    record = EncoderRecord(name="generated", kind="precomputed", dimension=DIMENSION)
    with StoreWriter(folder, record, "documents", "float16") as writer:
        for start in range(0, documents, SHARD):
            rows = np.arange(start, min(start + SHARD, documents))
            languages = rows % len(LABELS)
            # Documents of one group have one meaning, drawn from the number of the group.
            groups = rows // len(LABELS)
            groups[(languages > 0) & (groups % 2 == 1)] += documents
            distinct, group_of = np.unique(groups, return_inverse=True)
            drawn = (np.random.default_rng(group).standard_normal(DIMENSION, np.float32) for group in distinct.tolist())
            meaning = np.stack(list(drawn))[group_of]
            vectors = meaning + lean[languages] + 0.7 * draw.standard_normal(meaning.shape, dtype=np.float32)
            for code, rotation in enumerate(turn):
                if code:
                    vectors[languages == code] = vectors[languages == code] @ rotation.astype(np.float32)
            writer.append(
                vectors, [f"d{row}" for row in rows], [LABELS[code] for code in languages], [str(g) for g in groups]
            )


def rotation_near(matrix: Any) -> Any:
    """The orthogonal matrix that is nearest to another one."""
    left, _, right = np.linalg.svd(matrix)
    return left @ right


def measured(folder: Path, sample: int) -> dict[str, Any]:
    """Seconds and memory of each step; run in a new process, so that the peak is this one's."""
    store, before = EmbeddingStore.open(folder), peak()
    line: dict[str, Any] = {"documents": len(store), "dimension": store.dimension, "languages": len(LABELS)}
    with timed(line, "center"):
        center = fit_sample("center", sample_store(folder, "center"))
    with timed(line, "turn"):
        turn = turned(center, store, sample=sample)  # type: ignore[arg-type]
    record = turn.settings["turn"]
    rows, labels = store.rows(0, min(APPLIED, len(store))), store.languages[:APPLIED]
    for name, correction in (("apply_center", center), ("apply_turn", turn)):
        with timed(line, name):
            correction.apply(rows, labels)
    line |= {
        "applied": len(rows),
        "sample": sample,
        "memory": peak() - before,
        "cores": os.cpu_count(),
        **{name: record[name] for name in ("turned", "pairs", "pairs_by_chance", "pairs_right")},
    }
    return line


class timed:  # noqa: N801 - reads as a statement
    """Adds the seconds of a block, by the clock and of the processor, to a line."""

    def __init__(self, line: dict[str, Any], name: str) -> None:
        self._line, self._name = line, name

    def __enter__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        wall, processor = time.perf_counter() - self._start[0], time.process_time() - self._start[1]
        self._line[self._name] = {"seconds": round(wall, 1), "processor_seconds": round(processor, 1)}


def peak() -> int:
    """Peak of the resident memory of this process so far, in bytes, with the pages of the store that are mapped.

    The peak of `getrusage` would be that of the parent before this process started.
    """
    return memory(os.getpid())["most_resident"]


def in_own_process(
    measure: Callable[..., dict[str, Any]], work: Path, documents: int, *settings: Any
) -> dict[str, Any]:
    """The line of a store of some size, which is generated unless it is there, measured in a process of its own."""
    folder = work / f"documents-{documents}"
    if not (folder / MANIFEST).exists():
        make(folder, documents)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (folder, *settings))


def add_line(result: str, line: dict[str, Any], key: Sequence[str]) -> None:
    """Write a line into a result in order of the key, in place of an earlier one with the same key."""

    def place(each: dict[str, Any]) -> list[int]:
        return [each[name] for name in key]

    others = [other for other in earlier_result(result, []) if place(other) != place(line)]
    write_result(result, sorted([*others, line], key=place))
    print(line)


def main() -> None:
    command = parser(__doc__, "folder of the generated store")
    command.add_argument("--documents", type=int, default=1_000_000, metavar="N")
    command.add_argument("--sample", type=int, default=5000, metavar="N")
    options = command.parse_args()
    line = in_own_process(measured, options.work, options.documents, options.sample)
    add_line("turn-size", line, ("documents", "sample"))


if __name__ == "__main__":
    main()
