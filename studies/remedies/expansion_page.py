"""The tables on expansions in docs/turn.md, from studies/results/expansion-ENCODER.json and expansion-size.json.

`python -m studies.remedies.turn_page` puts them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studies.pages import percent, points, table
from studies.result_files import earlier_result
from studies.sources import EVALUATED, TITLES

CHANGES = ("both", "both first", "own", "pivot", "own intruded", "pivot intruded")
CHANGE_HEADS = (
    "Complete@10, both", "nDCG@1, both", "nDCG@1, own alone", "nDCG@1, English alone", "intrusion, own alone",
    "intrusion, English alone",
)  # fmt: skip


def blocks(results: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Text by the name of its place in the page, from the results of each encoder."""
    texts: dict[str, list[str]] = {"one-language": [], "expansion-shares": [], "expansion-development": []}
    for name, result in results.items():
        for source in EVALUATED:
            if lines := result.get(f"{source}-half"):
                texts["one-language"] += [f"### {name}: {TITLES[source]}", "", *one_language(lines), ""]
        if "shares" in result:
            texts["expansion-shares"] += [f"### {name}", "", *shares(result["shares"]), ""]
        for part, lines_of in (("grid", grid), ("others", others)):
            if part in result:
                texts["expansion-development"] += [f"### {name}: {part}", "", *lines_of(result[part]), ""]
    named = {name: "\n" + "\n".join(lines) for name, lines in texts.items()}
    if lines := earlier_result("expansion-size", []):
        named["expansion-size"] = "\n" + "\n".join([*sizes(lines), ""])
    return named


def one_language(lines: list[dict[str, Any]]) -> list[str]:
    rows = []
    for line in lines:
        cells = [line["remedy"], f"{line['both']:.1f}", *(f"{line[kind] / 100:.3f}" for kind in CHANGES[1:4])]
        rows.append([*cells, *(f"{line[kind]:.1f} %" for kind in CHANGES[4:])])
    return table(("remedy", *CHANGE_HEADS), "lrrrrrr", rows)


def shares(lines: list[dict[str, Any]]) -> list[str]:
    rows = []
    for line in lines:
        size = f"{line['pivot_documents']} en, {line['other_documents']} of each other"
        cells = [size, percent(line["share"]), f"{line['turn languages']:.1f} of 5"]
        pairs = line["turn pairs"]
        cells += ["" if pairs is None else f"{pairs:.0f}", percent(line["turn right"])]
        cells += [points(line[f"turn {kind}"]) for kind in CHANGES if kind != "both first"]
        rows.append([*cells, points(line["center both"])])
    heads = (
        "documents", "translated", "languages expanded", "pairs", "right",
        *(head for kind, head in zip(CHANGES, CHANGE_HEADS, strict=True) if kind != "both first"),
        "Complete@10, both, without a turn",
    )  # fmt: skip
    return table(heads, "lrrrrrrrrrr", rows)


def grid(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        [percent(line["share"]), f"{line['margin']:g}", f"{line['weight']:g}",
         *(points(line[kind]) for kind in CHANGES)]
        for line in lines
    ]  # fmt: skip
    return table(("translated", "margin", "weight", *CHANGE_HEADS), "rrrrrrrrr", rows)


def others(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        [line["idea"], points(line["both"]), points(line["both first"])] for line in lines if line["idea"] != "none"
    ]
    return table(("idea", *CHANGE_HEADS[:2]), "lrr", rows)


def sizes(lines: list[dict[str, Any]]) -> list[str]:
    rows = []
    for line in lines:
        seconds = {name: line[name]["processor_seconds"] for name in ("expansion", "apply_center", "apply_expansion")}
        blending = 1e6 * (seconds["apply_expansion"] - seconds["apply_center"]) / line["applied"]
        pairs = line["pairs"].values()
        rows.append([
            f"{line['documents']:,}", f"{seconds['expansion']:.0f} s", f"{line['memory'] / 1e9:.1f} GB",
            f"{blending:.0f} µs", f"{min(pairs):,} to {max(pairs):,}",
        ])  # fmt: skip
    heads = ("documents", "mining, processor time", "memory", "blending a document", "pairs of a language")
    return table(heads, "rrrrr", rows)
