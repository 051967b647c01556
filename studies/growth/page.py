"""The figure and the tables of docs/pool-growth.md, drawn from studies/results by `growth.py --part page`."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

from pages import put

from clinometer.report.base.canvas import INK, canvas

SOFT, GRID = "#5b6875", "#d9dfe5"
LOOKS = {"offline": ("#0067a5", "o"), "multilingual-e5-small": ("#c2500a", "D")}
NAMES = {"de": "German", "zh": "Chinese"}
PANELS = (
    ("Complete@10", "Complete@10", "% of questions with both answers in the top ten", 1.0),
    ("MaxRnorm", "Max@R norm", "0 to 100, comparable over pool sizes", 1.0),
    ("RankGap", "Rank gap", "log2 ranks; below 0 leans to the question’s language", 1.0),
    ("Intrusion", "Intrusion", "% with an unrelated English page above the answer", 100.0),
)
SHOWN = (480, 1000, 6000, 10_000, 100_000, 1_000_000)


def write_page(results: Path, docs: Path, encoders: list[str]) -> None:
    """Draw the figure and write what stands between the markers of the page."""
    found, lines = (
        {name: json.loads(path.read_text()) for name in encoders if (path := results / f"{part}-{name}.json").exists()}
        for part in ("growth", "uneven")
    )
    (docs / "images" / "growth.svg").write_text(drawn(found))
    blocks = ["\n".join(block) for block in (curves(found), agreement(found), uneven(lines))]
    put(docs / "pool-growth.md", "tables", "\n\n".join(["", *blocks, ""])[1:])


def languages_of(result: dict[str, Any]) -> dict[str, str]:
    return {label: name for label, name in NAMES.items() if label in result.get("languages", NAMES)}


def points(result: dict[str, Any], kind: str, language: str, measure: str, factor: float = 1.0) -> list[list[float]]:
    """Size, value, and the ends of the interval."""
    return [
        [row["size"], *(factor * row[key] for key in ("value", "ci_low", "ci_high"))]
        for row in result[kind]
        if row["query_language"] == language and row["measure"] == measure
    ]


def drawn(found: dict[str, dict[str, Any]]) -> str:
    with canvas():
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D

        figure = Figure(figsize=(7.6, 6.5))
        sheets = figure.subplots(2, 2, sharex=True)
        figure.subplots_adjust(left=0.07, right=0.985, bottom=0.075, top=0.83, hspace=0.3, wspace=0.16)
        for axes, (measure, title, unit, factor) in zip(sheets.flat, PANELS, strict=True):
            for name, result in found.items():
                for language in languages_of(result):
                    curve(axes, result, name, language, measure, factor)
            axes.set_xscale("log")
            axes.set_xlim(420, 1_150_000)
            axes.set_xticks([1000, 10_000, 100_000, 1_000_000], labels=["1,000", "10,000", "100,000", "1 M"])
            axes.minorticks_off()
            axes.tick_params(length=0, labelcolor=SOFT, labelsize=9)
            axes.grid(color=GRID, lw=0.7)
            axes.set_axisbelow(True)
            for side in axes.spines.values():
                side.set_visible(False)
            axes.text(0, 1.105, title, transform=axes.transAxes, fontsize=10.5, weight="bold", color=INK)
            axes.text(0, 1.03, unit, transform=axes.transAxes, fontsize=8.5, color=SOFT)
        for axes in sheets[1]:
            axes.set_xlabel("documents in the pool", color=SOFT, fontsize=9)
        marks = [
            Line2D([], [], color=colour, lw=0, marker=shape, ms=6, mec=colour, mew=1.3, label=f"{name}, {text}",
                   mfc="white" if language == "zh" else colour)
            for name, (colour, shape) in LOOKS.items() if name in found
            for language, text in languages_of(found[name]).items()
        ]  # fmt: skip
        kinds = [
            Line2D([], [], color=SOFT, lw=1.6, marker="o", ms=4, label="real distractors"),
            Line2D([], [], color=SOFT, lw=1.3, ls=(0, (4, 2)), label="generated distractors (vectors, no texts)"),
        ]
        style = {"frameon": False, "fontsize": 9, "labelcolor": INK, "handletextpad": 0.5, "columnspacing": 1.6}
        figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(0.055, 1.0), ncols=len(marks), **style)
        figure.legend(handles=kinds, loc="upper left", bbox_to_anchor=(0.055, 0.96), ncols=2, **style)
        sink = StringIO()
        figure.savefig(sink, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    body = sink.getvalue()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body[body.index("<svg") :], flags=re.DOTALL)
    said = (
        "Four measures over pool sizes from 480 to 1,000,000 documents, for questions in "
        f"{' and '.join(NAMES.values())} and the encoders {' and '.join(found)}, with real and with generated "
        "distractors; the numbers are in the table below the figure."
    )
    return body.replace("<svg ", f'<svg role="img" aria-label="{said}" ', 1)


def curve(axes: Any, result: dict[str, Any], name: str, language: str, measure: str, factor: float) -> None:
    colour, shape = LOOKS[name]
    size, value, low, high = zip(*points(result, "generated", language, measure, factor), strict=True)
    axes.plot(size, value, color=colour, lw=1.3, ls=(0, (4, 2)), zorder=3)
    axes.fill_between(size, low, high, color=colour, alpha=0.13, lw=0, zorder=1)
    # A mark at the end says whose line it is.
    axes.plot(size[-1:], value[-1:], color=colour, marker=shape, ms=4.2, mec=colour, mew=1.2, zorder=5, clip_on=False,
              mfc="white" if language == "zh" else colour)  # fmt: skip
    size, value, low, high = zip(*points(result, "real", language, measure, factor), strict=True)
    axes.plot(size, value, color=colour, lw=1.6, marker=shape, ms=4.2, mec=colour, mew=1.2, zorder=4,
              mfc="white" if language == "zh" else colour)  # fmt: skip
    axes.vlines(size, low, high, color=colour, lw=0.9, zorder=2)


def curves(found: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "Means over the questions, with their 95 % intervals. Intrusion: an unrelated English page above the answer in "
        "the question’s language; reverse: an unrelated page in the question’s language above the English answer.",
        "",
        "| encoder, questions | distractors | documents | Complete@10 | Max@R norm | rank gap | intrusion | reverse |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, result in found.items():
        for language, text in languages_of(result).items():
            for kind in ("real", "generated"):
                sizes = [point[0] for point in points(result, kind, language, "Complete@10")]
                largest = sizes[-1]
                for size in sizes:
                    if size not in SHOWN and not (kind == "real" and size == largest):
                        continue
                    if size == SHOWN[0] and kind == "generated":
                        continue  # no distractors: the same line
                    cells = [
                        cell(result, kind, language, measure, size, factor, digits)
                        for measure, factor, digits in (
                            ("Complete@10", 1, 1), ("MaxRnorm", 1, 1), ("RankGap", 1, 2), ("Intrusion", 100, 1),
                            ("Intrusion(by=own)", 100, 1),
                        )
                    ]  # fmt: skip
                    what = "none" if size == SHOWN[0] else kind
                    lines.append(f"| {name}, {text} | {what} | {size:,} | {' | '.join(cells)} |")
    return lines


def cell(result: dict[str, Any], kind: str, language: str, measure: str, size: int, factor: float, digits: int) -> str:
    value, low, high = next(p[1:] for p in points(result, kind, language, measure, factor) if p[0] == size)
    return minus(f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})")


def minus(text: str) -> str:
    return re.sub(r"-(?=\d)", "−", text)


def agreement(found: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "How far generated distractors agree with real ones, in pools that exist with both: mean and largest "
        "difference of the curves over sizes and languages. The smoothing with the smallest mean difference of Max@R "
        "norm (bold) is used above.",
        "",
        "| encoder | smoothing | largest pool | Complete@10 | Max@R norm | rank gap | intrusion, points |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, result in found.items():
        largest = max(row["size"] for row in result["real"])
        for line in result["agreement"]:
            mark = "**" if line["smoothing"] == result["smoothing"] else ""
            cells = [
                f"{factor * line['gaps'][measure][0]:.{digits}f}, {factor * line['gaps'][measure][1]:.{digits}f}"
                for measure, factor, digits in (
                    ("Complete@10", 1, 1), ("MaxRnorm", 1, 1), ("RankGap", 1, 2), ("Intrusion", 100, 1),
                )
            ]  # fmt: skip
            lines.append(f"| {name} | {mark}{line['smoothing']}{mark} | {largest:,} | {' | '.join(cells)} |")
    return lines


def uneven(found: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "Uneven pools: XQuAD in English, German and Chinese (English and Chinese alone where a line says so). Means "
        "over the questions in other languages than English, in `multi`; in brackets the same questions in the even "
        "pool of 240 passages a language. Questions: those of all languages that stay.",
        "",
        "| encoder | pool | questions | Complete@10 | rank gap | intrusion | reverse |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for name, result in found.items():
        for line in result["lines"]:
            cells = [
                minus(f"{factor * found_value['value']:.{digits}f} ({factor * found_value['even']:.{digits}f})")
                for measure, factor, digits in (
                    ("Complete@10", 1, 1), ("RankGap", 1, 2), ("Intrusion", 100, 1), ("Intrusion(by=own)", 100, 1),
                )
                for found_value in [line["values"][measure]]
            ]  # fmt: skip
            who = name if "de" in result["languages"] else f"{name}, en+zh"
            what = f"{line['title']} (`{line['step']}`)"
            lines.append(f"| {who} | {what} | {line['queries']:,} | {' | '.join(cells)} |")
    return lines
