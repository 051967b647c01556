"""How far straightening can go: Complete@10 beside Reachable@10, for two encoders, as they are and centered.

    OMP_WAIT_POLICY=PASSIVE python studies/reach.py --work DIR

Reads the embeddings that studies/mlaire.py keeps in DIR (and makes those that are not there), and writes
studies/results/reach.json. `python studies/remedy_tables.py` shows them in docs/which-remedy.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mlaire import ENCODERS, SOURCES, embedded
from reproduction import corrections, straightened

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder

KEPT = Path(__file__).resolve().parent / "results" / "reach.json"
MEASURES = ["Complete@10", "Reachable@10"]


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--work", type=Path, required=True, help="folder of studies/mlaire.py")
    given = options.parse_args()
    lines = []
    for dataset, source in SOURCES.items():
        collection = cm.load(source).complete()
        for name in ENCODERS:
            q, d = (
                embedded(name, dataset, stage, texts.texts, given.work)
                for stage, texts in (("queries", collection.queries), ("documents", collection.documents))
            )
            for how, correction in corrections(collection, q, d).items():
                if how == "index":
                    continue
                queries, documents = straightened(correction, collection, q, d)
                found = cm.evaluate(
                    collection, PrecomputedEncoder(queries, documents, name=name), scenarios=["multi"],
                    measures=MEASURES, resamples=0,
                )  # fmt: skip
                line = {"encoder": name, "dataset": dataset, "how": how}
                for measure in MEASURES:
                    rows = {r["query_language"]: r["value"] for r in found.rows if r["measure"] == measure}
                    line[measure] = {who: round(value, 3) for who, value in rows.items()}
                lines.append(line)
                print(name, dataset, how, {m: line[m]["macro-target"] for m in MEASURES})
    KEPT.write_text(json.dumps(lines, indent=1) + "\n")


if __name__ == "__main__":
    main()
