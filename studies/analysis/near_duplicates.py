"""How much text different documents share, beside the threshold of near-duplicates in the error analysis.

Compares every two of the first 300 documents of a language, in collections whose duplicates were removed, and writes
the results and the table of docs/how-to/error-analysis.md. Takes a few minutes.
"""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import clinometer as cm
from clinometer.analysis import OVERLAP
from clinometer.analysis.categories import overlap, trigrams
from clinometer.files import json_bytes
from clinometer.report.base.wording import language_name

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "studies" / "results" / "near-duplicates.json"
PAGE = ROOT / "docs" / "how-to" / "error-analysis.md"
BEGIN, END = "<!-- begin: tables -->", "<!-- end: tables -->"
SOURCES = {
    "XQuAD": ("xquad:../shared/data/xquad", ("ar", "de", "en", "zh")),
    "Belebele": ("belebele:../shared/data/belebele", ("de", "en", "ko", "th")),
    "TICO-19": ("parallel:../shared/data/tico19/tico19_retrieval.jsonl.gz", ("ar", "en", "es", "zh")),
    "demo": ("demo", ("ar", "de", "en", "zh")),
}
FIRST = 300


def measured() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name, (source, languages) in SOURCES.items():
        collection = cm.load(source, languages=languages)
        for language in languages:
            rows = collection.documents.rows_in([language])[:FIRST]
            sets = [trigrams(collection.documents.texts[row]) for row in rows]
            shared = sorted(overlap(one, other) for one, other in combinations(sets, 2))
            found.append({
                "collection": name,
                "language": language,
                "documents": len(rows),
                "pairs": len(shared),
                "median": shared[len(shared) // 2],
                "highest": shared[-1],
                "at_or_above_threshold": sum(value >= OVERLAP for value in shared),
            })  # fmt: skip
    return found


def table(rows: list[dict[str, object]]) -> list[str]:
    lines = [
        f"| collection | language | pairs | median overlap | highest | pairs at {OVERLAP:g} or above |",
        "|:--|:--|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row['collection']} | {language_name(str(row['language']))} | {row['pairs']:,} | {row['median']:.2f} "
        f"| {row['highest']:.2f} | {row['at_or_above_threshold']} |"
        for row in rows
    ]
    return lines


def main() -> None:
    if not KEPT.exists():
        KEPT.write_bytes(json_bytes({"threshold": OVERLAP, "rows": measured()}))
    rows = json.loads(KEPT.read_text(encoding="utf-8"))["rows"]
    page = PAGE.read_text(encoding="utf-8")
    start, stop = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(page[:start] + "\n" + "\n".join(table(rows)) + "\n" + page[stop:], encoding="utf-8")


if __name__ == "__main__":
    main()
