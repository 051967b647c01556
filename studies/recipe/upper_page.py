"""The table of trainings of the upper layers in docs/recipe.md, drawn from studies/results/upper.json.

python -m studies.recipe.upper_page               draws the table
python -m studies.recipe.upper_page --work DIR    first replaces that file by the results in DIR/upper
"""

from __future__ import annotations

import json
from statistics import fmean
from typing import Any

from studies.command_line import parser
from studies.pages import minus, put, table, worst_language
from studies.recipe.sweep import slug
from studies.result_files import read_result, write_result
from studies.sources import DOCS

COLLECTIONS = {"demo": "demo", "tico19": "half of TICO-19"}


def rows(results: list[dict[str, Any]]) -> list[list[str]]:
    """Complete@10, and how `mono-same` changes against the untrained encoder, uncentered."""
    untrained = next(one for one in results if one["name"] == "untrained")["blends"]["0.0"]
    lines = []
    for one in results:
        for blend, judgements in one["blends"].items():
            row = [one["name"], "" if one["name"] == "untrained" else blend]
            for collection in untrained:
                before = untrained[collection]["none"]["same@1"]
                for how in ("none", "centered"):
                    figures = judgements[collection][how]
                    change = {label: after - before[label] for label, after in figures["same@1"].items()}
                    worst = min(change.items(), key=lambda entry: entry[1])
                    row.append(f"{fmean(figures['Complete@10'].values()):.1f}")
                    row += [minus(f"{100 * fmean(change.values()):+.1f}"), worst_language(worst)]
            lines.append(row)
    return lines


def main() -> None:
    options = parser(__doc__, "folder of `studies.recipe.upper`", required=False).parse_args()
    if options.work:
        from studies.recipe.upper import settings  # with torch, which drawing does not need

        names = ["untrained", *(one.name for one in settings())]
        paths = [options.work / "upper" / f"{slug(name)}.json" for name in names]
        write_result("upper", [json.loads(path.read_text()) for path in paths if path.exists()])
    results = read_result("upper")
    judged = [COLLECTIONS[name] for name in results[0]["blends"]["0.0"]]
    columns = [head for name in judged for one in (name, "centered") for head in (one, "mono-same", "worst")]
    heads = ("teacher", "blend", *columns)
    text = "\n".join([*table(heads, "l" + "r" * (len(heads) - 1), rows(results)), ""])
    put(DOCS / "recipe.md", "upper", text)
    print(text)


if __name__ == "__main__":
    main()
