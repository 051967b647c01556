"""What an expansion costs: time and memory of mining among all documents of a store, and of blending them.

    python -m studies.remedies.expansion_size --work DIR [--documents N]

Generates a store in DIR as `studies.remedies.turn_size` does, fits a centering on it in a process of its own, mines the
translations of all its documents, blends them, and adds a line to studies/results/expansion-size.json. Delete DIR
afterwards. Linux only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from clinometer.correction.fitting import fit_sample
from clinometer.correction.stores import sample_store
from clinometer.mining import expanded
from clinometer.store import EmbeddingStore
from studies.command_line import parser
from studies.remedies.turn_size import APPLIED, LABELS, add_line, in_own_process, peak, timed


def measured(folder: Path) -> dict[str, Any]:
    """Seconds and memory of each step; run in a new process, so that the peak is this one's."""
    store, before = EmbeddingStore.open(folder), peak()
    line: dict[str, Any] = {"documents": len(store), "dimension": store.dimension, "languages": len(LABELS)}
    center = fit_sample("center", sample_store(folder, "center"))
    with timed(line, "expansion"):
        expansion = expanded(store, correction=center)
    line["memory"] = peak() - before
    languages = store.languages

    def corrected(positions: Any) -> Any:
        return center.apply(store.take(positions), [languages[row] for row in positions.tolist()])

    rows = np.arange(min(APPLIED, len(store)))
    with timed(line, "apply_center"):
        vectors = corrected(rows)
    with timed(line, "apply_expansion"):
        expansion.blended(0, corrected(rows), corrected)
    names = ("expanded", "documents_expanded", "pairs", "pairs_by_chance", "pairs_right")
    return line | {
        "applied": len(vectors),
        "cores": os.cpu_count(),
        **{name: expansion.settings[name] for name in names},
    }


def main() -> None:
    command = parser(__doc__, "folder of the generated store")
    command.add_argument("--documents", type=int, default=100_000, metavar="N")
    options = command.parse_args()
    add_line("expansion-size", in_own_process(measured, options.work, options.documents), ("documents",))


if __name__ == "__main__":
    main()
