"""How far straightening can go: Complete@10 next to its bound Reachable@10, for two encoders, as they are and centered.

    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.reach --work DIR

Reads the embeddings that `studies.mlaire.measure` saves in DIR, makes those that are missing, and writes
studies/results/reach.json; `python -m studies.remedies.page` draws the table of docs/which-remedy.md.
"""

from __future__ import annotations

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from studies.centering import corrected, corrections
from studies.command_line import parser
from studies.embeddings import embedded
from studies.result_files import write_result
from studies.sources import ENCODERS, SOURCES

MEASURES = ["Complete@10", "Reachable@10"]


def main() -> None:
    options = parser(__doc__, "folder of `studies.mlaire.measure`").parse_args()
    lines = []
    for dataset, source in SOURCES.items():
        collection = cm.load(source).complete()
        for name in ENCODERS:
            q, d = (
                embedded(name, dataset, side, texts.texts, options.work)
                for side, texts in (("queries", collection.queries), ("documents", collection.documents))
            )
            for how, correction in corrections(collection, q, d).items():
                if how == "index":
                    continue
                queries, documents = corrected(correction, collection, q, d)
                evaluation = cm.evaluate(
                    collection, PrecomputedEncoder(queries, documents, name=name), scenarios=["multi"],
                    measures=MEASURES, resamples=0,
                )  # fmt: skip
                line = {"encoder": name, "dataset": dataset, "how": how}
                for measure in MEASURES:
                    rows = {r["query_language"]: r["value"] for r in evaluation.rows if r["measure"] == measure}
                    line[measure] = {who: round(value, 3) for who, value in rows.items()}
                lines.append(line)
                print(name, dataset, how, {m: line[m]["macro-target"] for m in MEASURES})
    write_result("reach", lines)


if __name__ == "__main__":
    main()
