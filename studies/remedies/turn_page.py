"""The page docs/turn.md and its figure, from studies/results: turn-ENCODER.json, expansion-ENCODER.json and -size.json.

python -m studies.remedies.turn_page
"""

from __future__ import annotations

from typing import Any

from clinometer.report.base.figure_files import plain_matplotlib
from clinometer.report.base.palette import INK
from studies.command_line import parser
from studies.figures import SOFT, plain, svg
from studies.pages import percent, points, put, table
from studies.remedies.expansion_page import blocks
from studies.result_files import earlier_result, read_results
from studies.sources import DOCS, ENCODERS, EVALUATED, TITLES

CURVES = (
    ("both", "Complete@10, answered in both languages", "#0067a5", "o"),
    ("pivot", "nDCG@1, answered in English alone", "#c2500a", "D"),
    ("own", "nDCG@1, answered in the question’s language alone", "#5b6875", "s"),
)
CHANGES = ("both", "own", "pivot")
CHANGE_HEADS = ("Complete@10, both", "nDCG@1, own alone", "nDCG@1, English alone")


def write_page() -> None:
    """Draw the figure and write the tables between the markers of the page."""
    measured = read_results("turn", reversed(ENCODERS))
    text: list[str] = []
    expanded = read_results("expansion", reversed(ENCODERS))
    for name, result in measured.items():
        for part in EVALUATED:
            if part in result:
                stacks = [line for line in expanded.get(name, {}).get(part, []) if "expansion" in line["remedy"]]
                text += [f"### {name}: {TITLES[part]}", "", *remedies(result[part] + stacks), ""]
    put(DOCS / "turn.md", "remedies", "\n" + "\n".join(text))
    text = []
    for name, result in measured.items():
        if "shares" in result:
            text += [f"### {name}", "", *shares(result["shares"]), ""]
    put(DOCS / "turn.md", "shares", "\n" + "\n".join(text))
    text = []
    for name, result in measured.items():
        for part, lines_of in (("margin", margins), ("weights", weights), ("halves", halves)):
            if part in result:
                text += [f"### {name}: {part}", "", *lines_of(result[part]), ""]
    put(DOCS / "turn.md", "development", "\n" + "\n".join(text))
    if lines := earlier_result("turn-size", []):
        put(DOCS / "turn.md", "size", "\n" + "\n".join([*sizes(lines), ""]))
    for name, block in blocks(expanded).items():
        put(DOCS / "turn.md", name, block)
    (DOCS / "images" / "turn.svg").write_text(drawn(next(result for result in measured.values() if "shares" in result)))


def remedies(lines: list[dict[str, Any]]) -> list[str]:
    rows = []
    for line in lines:
        cells = [line["remedy"]]
        for key, digits in (("Complete@10 multi macro-target", 1), ("nDCG@1 multi macro-target", 3)):
            item = line[key]
            mark = "*" if line.get("p_against_center", {}).get(key.split()[0], 1) < 0.01 else ""
            interval = ", ".join(f"{item[end]:.{digits}f}" for end in ("ci_low", "ci_high"))
            cells.append(f"{item['value']:.{digits}f}{mark} [{interval}]")
        cells += [
            f"{line['Complete@10 multi macro-pivot']['value']:.1f}",
            f"{line['nDCG@1 mono-same macro-target']['value']:.3f}",
            f"{line['nDCG@1 one-sided macro-target']['value']:.3f}",
            f"{100 * line['Intrusion one-sided macro-target']['value']:.1f} %",
        ]
        rows.append(cells)
    heads = ("remedy", "Complete@10", "nDCG@1", "Complete@10, en", "mono-same", "one-sided", "intrusion")
    text = table(heads, "lrrrrrr", rows)
    for line in lines:
        step = {"center, turn": "turned", "center, turn, expansion": "expanded"}.get(line["remedy"])
        if "record" in line and step is not None:
            record = line["record"]
            counts = [record["pairs"][label] for label in record[step]]
            right = [record["pairs_right"][label] for label in record[step]]
            medians = [record["margins"][label][1] for label in record[step]]
            left_out = f"; not {step}: {', '.join(record['left_out'])}" if record["left_out"] else ""
            text += [
                "",
                f"{step.capitalize()}: {', '.join(record[step])}{left_out}. Pairs of a language: {min(counts)} to "
                f"{max(counts)} of {max(record['documents_tried'].values())} documents, median margins "
                f"{min(medians):.2f} to {max(medians):.2f}, right: at least {100 * min(right):.1f} %.",
            ]
    return text


def shares(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        [
            f"{line['pivot_documents']} en, {line['other_documents']} of each other",
            percent(line["share"]), f"{line['pairs']:.0f}",
            f"{line['chance']:.0f}", percent(line["right"]), f"{line['turned']:.1f} of 5",
            *(points(line[kind]) for kind in CHANGES),
        ]
        for line in lines
    ]  # fmt: skip
    heads = ("documents", "translated", "pairs", "by chance", "right", "languages turned", *CHANGE_HEADS)
    return table(heads, "lrrrrrrrr", rows)


def margins(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        [percent(line["share"]), f"{line['margin']:g}", f"{line['pairs']:.0f}", percent(line["right"]),
         *(points(line[kind]) for kind in CHANGES)]
        for line in lines
    ]  # fmt: skip
    return table(("translated", "margin", "pairs", "right", *CHANGE_HEADS), "rrrrrrr", rows)


def weights(lines: list[dict[str, Any]]) -> list[str]:
    rows = [[f"{line['weight']:g}", f"{line['both']:.1f}"] for line in lines]
    return table(("weight of feedback", "Complete@10"), "rr", rows)


def halves(lines: list[dict[str, Any]]) -> list[str]:
    rows = [["items that the turn was fitted on", points(line["fitted"])] for line in lines]
    rows += [["other items", points(line["other"])] for line in lines]
    return table(("change of Complete@10 by a turn that was fitted on half of the items", ""), "lr", rows)


def sizes(lines: list[dict[str, Any]]) -> list[str]:
    rows = []
    for line in lines:
        applied = {
            name: 1e6 * line[name]["processor_seconds"] / line["applied"] for name in ("apply_center", "apply_turn")
        }
        rows.append([
            f"{line['documents']:,}", f"{line['sample']:,}", f"{line['turn']['processor_seconds']:.0f} s",
            f"{line['memory'] / 1e9:.1f} GB", f"{applied['apply_center']:.0f} µs", f"{applied['apply_turn']:.0f} µs",
            f"{min(line['pairs'].values()):,} to {max(line['pairs'].values()):,}",
        ])  # fmt: skip
    heads = (
        "documents", "sample of each language", "mining and fit, processor time", "memory", "centering a document",
        "centering and turning it", "pairs",
    )  # fmt: skip
    return table(heads, "rrrrrrr", rows)


def drawn(result: dict[str, Any]) -> str:
    """Changes by a turn over the share of translated documents, in the first sizes of the study."""
    lines = [line for line in result["shares"] if line["pivot_documents"] == line["other_documents"] == 240]
    with plain_matplotlib():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.0, 3.6))
        axes = figure.subplots()
        figure.subplots_adjust(left=0.08, right=0.98, bottom=0.15, top=0.68)
        places = range(len(lines))
        for kind, name, colour, mark in CURVES:
            drawn_at = [place for place in places if lines[place][kind] is not None]
            values = [lines[place][kind] for place in drawn_at]
            axes.plot(drawn_at, values, color=colour, lw=1.6, marker=mark, ms=5, label=name, clip_on=False)
        axes.axhline(0, color=INK, lw=0.8)
        axes.set_xticks(list(places), labels=[percent(line["share"]) for line in lines])
        plain(axes)
        axes.set_xlabel("documents of each language with a translation in English", color=SOFT, fontsize=9)
        axes.set_title("Change by a turn after centering, points", loc="left", fontsize=9, color=SOFT)
        figure.legend(loc="upper left", bbox_to_anchor=(0.06, 1.0), frameon=False, fontsize=9, labelcolor=INK)
        label = (
            "Change of three measures by a turn over the share of translated documents, from 100 to 0 %; the numbers "
            "are in the table below the figure."
        )
        return svg(figure, label)


if __name__ == "__main__":
    parser(__doc__).parse_args()
    write_page()
