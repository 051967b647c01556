"""The tables of what correction without training does, made from studies/results/correction-*.json.

python studies/correction_tables.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STUDIES = Path(__file__).resolve().parent
RESULTS = STUDIES / "results"
PAGE = STUDIES.parent / "docs" / "correction.md"


def write_tables(folder: Path) -> str:
    """Writes docs/correction.md from the results in a folder, and returns its text."""
    text = tables([json.loads(path.read_text()) for path in sorted(folder.glob("correction-*.json"))])
    PAGE.write_text(text)
    return text


def tables(results: Sequence[dict[str, Any]]) -> str:
    text = ["# Correction without training", "", "Made by `python studies/correction.py`; do not edit.", ""]
    text += [
        "Means over the 11 target languages of XQuAD, and over the 5 of Belebele. The first columns are scenario "
        "`multi`, queries in the target language (en: in English), then `one-sided`, nDCG@1 of `mono-same` and "
        "`mono-cross`, LPR in `multi`, and the language that loses most nDCG@1 in `mono-same`, in points. In brackets: "
        "95 % interval. *: differs from `none`, paired permutation test over questions, "
        "p < 0.01.",
        "",
        "What stands after the dot is what the correction was fitted on. `train` and `tico19`: texts that are not "
        "evaluated. `unlabelled sample` (and all robustness lines): texts of the evaluated collection itself, without"
        " translations and judgements (transductive). `index`: its documents. The adapter has 400 samples of each of "
        "seven languages and the defaults of `clinometer train --adapter`, and stops by 120 held-out ones. The query "
        "strength of `center` (0.7) is what a rule gives on tico19 (smallest with Complete@10 within one standard "
        "error of the best); rule and `directions` were settled after first results on XQuAD had been seen, so XQuAD "
        "is no blind test of them.",
        "",
    ]
    for result in results:
        for table in dict.fromkeys(line["table"] for line in result["lines"]):
            text += [f"## {result['encoder']}: {table}", ""]
            text += [
                "| correction | Complete@10 | nDCG@1 | MaxRnorm | Complete@10, en | rank gap | intrusion "
                "| mono-same | mono-cross | LPR | worst |",
                "|---|" + "--:|" * 10,
            ]
            mine = [line for line in result["lines"] if line["table"] == table]
            first = {line["pool"]: line for line in reversed(result["lines"]) if line["name"].split(" · ")[0] == "none"}
            text += [_row(line, first[line["pool"]]) for line in mine]
            text.append("")
        text += [f"## {result['encoder']}: development (tico19, unlabelled samples)", ""]
        text += [
            "| directions | strength | of queries | Complete@10 | nDCG@1 | MaxRnorm |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        text += [
            f"| {row['directions']} | {row['strength']:g} | {row['query_strength']:g} "
            f"| {row['Complete@10']:.1f} ± {row['Complete@10 error']:.1f} "
            f"| {row['nDCG@1']:.3f} ± {row['nDCG@1 error']:.3f} "
            f"| {row['MaxRnorm']:.1f} ± {row['MaxRnorm error']:.1f} |"
            for row in result["development"]
        ]
        text.append("")
        text += _by_language(result)
    return "\n".join(text)


def _row(line: dict[str, Any], first: dict[str, Any]) -> str:
    cells = []
    for item in line["means"]:
        if item["value"] is None:
            cells.append("")
            continue
        digits = 3 if item["measure"] == "nDCG@1" else 1 if item["measure"] in ("Complete@10", "MaxRnorm", "LPR") else 2
        cell = f"{item['value']:.{digits}f}"
        if (
            item["scenario"] == "multi"
            and item["queries"] == "macro-target"
            and item["measure"] in line["p_against_none"]
        ):
            cell += "*" if line["p_against_none"][item["measure"]] < 0.01 else ""
            if item["ci_low"] is not None:
                cell += f" [{item['ci_low']:.{digits}f}, {item['ci_high']:.{digits}f}]"
        cells.append(cell)
    own = "nDCG@1 mono-same"
    changes = {
        label: values[own] - first["languages"][label][own]
        for label, values in line["languages"].items()
        if own in values and own in first["languages"][label]
    }
    worst = min(changes.items(), key=lambda pair: pair[1], default=None)
    cells.append("" if worst is None or line is first else f"{worst[0]} {100 * worst[1]:+.1f}".replace("-", "−"))
    return f"| {line['name']} | {' | '.join(cells)} |"


def _by_language(result: dict[str, Any]) -> list[str]:
    wanted = ("none", "center · train + tico19", "center · index, queries of train + tico19",
              "center · unlabelled sample, 60 texts", "center · unlabelled sample, 240 texts")  # fmt: skip
    lines = [line for line in result["lines"] if line["name"] in wanted and line["pool"] == "xquad"]
    languages = sorted(lines[0]["languages"])
    text = [f"## {result['encoder']}: by language (Complete@10 / nDCG@1 multi / nDCG@1 mono-same)", ""]
    text += ["| correction | " + " | ".join(languages) + " |", "|---|" + "--:|" * len(languages)]
    for line in lines:
        cells = []
        for label in languages:
            values = line["languages"][label]
            cells.append(" / ".join(f"{value:.{1 if 'Complete' in key else 3}f}" for key, value in values.items()))
        text.append(f"| {line['name']} | {' | '.join(cells)} |")
    return [*text, ""]


if __name__ == "__main__":
    print(write_tables(RESULTS))
