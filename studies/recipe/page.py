"""The tables of docs/recipe.md, from what studies/sweep.py left in its folder.

python studies/sweep_tables.py --work DIR    reads DIR/sweep, and keeps it in results/sweep.json
python studies/sweep_tables.py               writes the tables again from that file
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean
from typing import Any

from pages import put
from sweep import settings, slug

STUDIES = Path(__file__).resolve().parent
KEPT = STUDIES / "results" / "sweep.json"
PAGE = STUDIES.parent / "docs" / "recipe.md"
SHOWN = ("0.0", "1.0", "0.75")
HEAD = (
    "| setting | steps | blend | TICO-19 | unseen | nDCG@1 | centered | unseen | nDCG@1 | demo | nDCG@1 | centered "
    "| nDCG@1 |"
)


def cells(figures: dict[str, Any], unseen: bool, trained: bool) -> list[str]:
    """Complete@10 of all target languages and of those in no training, and the mean nDCG@1 of `mono-same`."""
    found = [f"{figures['Complete@10']:.1f}"]
    if unseen:
        found.append(f"{figures['unseen']:.1f}" if trained else "")
    return [*found, f"{fmean(figures['same@1'].values()):.3f}"]


def tables(found: list[dict[str, Any]]) -> str:
    text = [HEAD, "|---|--:|--:|" + "--:|" * 10]
    for one in found:
        for blend in (blend for blend in SHOWN if blend in one["blends"]):
            figures = one["blends"][blend]
            row = [one["name"], str(one.get("steps", "")), blend if one["options"] else ""]
            for collection, unseen in (("tico19", True), ("demo", False)):
                for how in ("none", "centered"):
                    row += cells(figures[collection][how], unseen, bool(one["languages"]))
            text.append(f"| {' | '.join(row)} |")
    return "\n".join([*text, ""])


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--work", type=Path, help="folder of studies/sweep.py")
    given = options.parse_args()
    if given.work:
        paths = [given.work / "sweep" / f"{slug(one.name)}.json" for one in settings()]
        KEPT.write_text(json.dumps([json.loads(path.read_text()) for path in paths if path.exists()], indent=1) + "\n")
    text = tables(json.loads(KEPT.read_text()))
    put(PAGE, "tables", text)
    print(text)


if __name__ == "__main__":
    main()
