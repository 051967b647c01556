"""How much text different documents share, compared with the threshold of near-duplicates in the error analysis.

    python -m studies.analysis.near_duplicates

Compares all pairs of the first 300 documents of a language, in collections whose duplicates were removed, and draws
the table of docs/how-to/error-analysis.md. Results in studies/results are used if they exist; to measure again, which
takes a few minutes, delete them.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import clinometer as cm
from clinometer.analysis import OVERLAP
from clinometer.analysis.categories import overlap, trigrams
from clinometer.report.base.wording import language_name
from studies.command_line import parser
from studies.pages import put, table
from studies.result_files import RESULTS, read_result, write_result
from studies.sources import DOCS, SOURCES

COLLECTIONS = {
    "XQuAD": (SOURCES["xquad"], ("ar", "de", "en", "zh")),
    "Belebele": (SOURCES["belebele"], ("de", "en", "ko", "th")),
    "TICO-19": (SOURCES["tico19"], ("ar", "en", "es", "zh")),
    "demo": ("demo", ("ar", "de", "en", "zh")),
}
FIRST = 300


def measured() -> list[dict[str, Any]]:
    lines = []
    for name, (source, languages) in COLLECTIONS.items():
        collection = cm.load(source, languages=languages)
        for language in languages:
            rows = collection.documents.rows_in([language])[:FIRST]
            sets = [trigrams(collection.documents.texts[row]) for row in rows]
            shared = sorted(overlap(one, other) for one, other in combinations(sets, 2))
            lines.append({
                "collection": name,
                "language": language,
                "documents": len(rows),
                "pairs": len(shared),
                "median": shared[len(shared) // 2],
                "highest": shared[-1],
                "at_or_above_threshold": sum(value >= OVERLAP for value in shared),
            })  # fmt: skip
    return lines


def row(line: dict[str, Any]) -> list[str]:
    return [
        line["collection"],
        language_name(line["language"]),
        f"{line['pairs']:,}",
        f"{line['median']:.2f}",
        f"{line['highest']:.2f}",
        str(line["at_or_above_threshold"]),
    ]


def main() -> None:
    parser(__doc__).parse_args()
    if not (RESULTS / "near-duplicates.json").exists():
        write_result("near-duplicates", {"threshold": OVERLAP, "rows": measured()})
    heads = ("collection", "language", "pairs", "median overlap", "highest", f"pairs at {OVERLAP:g} or above")
    rows = map(row, read_result("near-duplicates")["rows"])
    text = "\n".join([*table(heads, "llrrrr", rows), ""])
    put(DOCS / "how-to" / "error-analysis.md", "tables", text)


if __name__ == "__main__":
    main()
