"""The tables of docs/recipe.md, drawn from studies/results/sweep.json.

python -m studies.recipe.page               draws the tables
python -m studies.recipe.page --work DIR    first replaces that file by the results in DIR/sweep
"""

from __future__ import annotations

import json
from statistics import fmean
from typing import Any

from studies.command_line import parser
from studies.pages import minus, put, table, worst_language
from studies.recipe.sweep import settings, slug
from studies.result_files import read_result, write_result
from studies.sources import DOCS

SHOWN = ("0.0", "1.0", "0.75")
HEADS = (
    "setting", "steps", "blend", "TICO-19", "unseen", "nDCG@1", "centered", "unseen", "nDCG@1", "demo", "nDCG@1",
    "centered", "nDCG@1",
)  # fmt: skip

COMPARED = ("1 epoch at 4e-05", "1 epoch at 2e-05", "3 epochs at 4e-05", "scale 100", "hold 1", "LoRA 16 at 5e-4")
BLEND_HEADS = (
    "setting", "blend", "TICO-19", "centered", "nDCG@1", "worst", "demo", "centered", "nDCG@1", "worst",
)  # fmt: skip


def cells(figures: dict[str, Any], unseen: bool, trained: bool) -> list[str]:
    """Complete@10 of all target languages and of those in no training, and the mean nDCG@1 of `mono-same`."""
    complete = [f"{figures['Complete@10']:.1f}"]
    if unseen:
        complete.append(f"{figures['unseen']:.1f}" if trained else "")
    return [*complete, f"{fmean(figures['same@1'].values()):.3f}"]


def rows(results: list[dict[str, Any]]) -> list[list[str]]:
    lines = []
    for one in results:
        for blend in (blend for blend in SHOWN if blend in one["blends"]):
            figures = one["blends"][blend]
            row = [one["name"], str(one.get("steps", "")), blend if one["options"] else ""]
            for collection, unseen in (("tico19", True), ("demo", False)):
                for how in ("none", "centered"):
                    row += cells(figures[collection][how], unseen, bool(one["languages"]))
            lines.append(row)
    return lines


def blend_rows(results: list[dict[str, Any]]) -> list[list[str]]:
    """What each blend keeps: Complete@10 raw and centered, and how `mono-same` changes after both, in points."""
    by_name = {one["name"]: one["blends"] for one in results}
    untrained = by_name["untrained"]["0.0"]
    lines = []
    for name, blend in [
        ("untrained", "0.0"),
        *((f"relational {one}", b) for one in COMPARED for b in ("1.0", "0.75", "0.5")),
    ]:
        row = [name, "" if name == "untrained" else blend]
        for collection in ("tico19", "demo"):
            figures = by_name[name][blend][collection]
            before = untrained[collection]["none"]["same@1"]
            change = {label: after - before[label] for label, after in figures["centered"]["same@1"].items()}
            row += [f"{figures[how]['Complete@10']:.1f}" for how in ("none", "centered")]
            row += [
                minus(f"{100 * fmean(change.values()):+.1f}"),
                worst_language(min(change.items(), key=lambda one: one[1])),
            ]
        lines.append(row)
    return lines


def main() -> None:
    options = parser(__doc__, "folder of `studies.recipe.sweep`", required=False).parse_args()
    if options.work:
        paths = [options.work / "sweep" / f"{slug(one.name)}.json" for one in settings()]
        write_result("sweep", [json.loads(path.read_text()) for path in paths if path.exists()])
    text = "\n".join([*table(HEADS, "l" + "r" * 12, rows(read_result("sweep"))), ""])
    put(DOCS / "recipe.md", "tables", text)
    blends = "\n".join([*table(BLEND_HEADS, "l" + "r" * 9, blend_rows(read_result("sweep"))), ""])
    put(DOCS / "recipe.md", "blends", blends)
    print(text, blends, sep="\n")


if __name__ == "__main__":
    main()
