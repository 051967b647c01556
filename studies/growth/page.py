"""The figure and the tables of docs/pool-growth.md, drawn from studies/results.

python -m studies.growth.page
"""

from __future__ import annotations

from typing import Any

from clinometer.report.base.figure_files import plain_matplotlib
from clinometer.report.base.palette import INK
from studies.command_line import parser
from studies.figures import SOFT, plain, svg
from studies.pages import minus, put, table
from studies.result_files import read_results
from studies.sources import DOCS

LOOKS = {"offline": ("#0067a5", "o"), "multilingual-e5-small": ("#c2500a", "D")}
NAMES = {"de": "German", "zh": "Chinese"}
PANELS = (
    ("Complete@10", "Complete@10", "% of questions with both answers in the top ten", 1.0),
    ("MaxRnorm", "Max@R norm", "0 to 100, comparable over pool sizes", 1.0),
    ("RankGap", "Rank gap", "log2 ranks; below 0 leans to the question’s language", 1.0),
    ("Intrusion", "Intrusion", "% with an unrelated English page above the answer", 100.0),
)
COLUMNS = (
    ("Complete@10", "Complete@10", 1, 1), ("Max@R norm", "MaxRnorm", 1, 1), ("rank gap", "RankGap", 1, 2),
    ("intrusion", "Intrusion", 100, 1), ("reverse", "Intrusion(by=own)", 100, 1),
)  # fmt: skip
SHOWN = (480, 1000, 6000, 10_000, 100_000, 1_000_000)


def write_page() -> None:
    """Draw the figure and write the tables between the markers of the page."""
    growths, pools = (read_results(part, LOOKS) for part in ("growth", "uneven"))
    (DOCS / "images" / "growth.svg").write_text(drawn(growths))
    blocks = ["\n".join(block) for block in (curves(growths), agreement(growths), uneven(pools))]
    put(DOCS / "pool-growth.md", "tables", "\n" + "\n\n".join([*blocks, ""]))


def languages_of(result: dict[str, Any]) -> dict[str, str]:
    return {label: name for label, name in NAMES.items() if label in result.get("languages", NAMES)}


def points(result: dict[str, Any], kind: str, language: str, measure: str, factor: float = 1.0) -> list[list[float]]:
    """Size, value, and the ends of the interval."""
    return [
        [row["size"], *(factor * row[key] for key in ("value", "ci_low", "ci_high"))]
        for row in result[kind]
        if row["query_language"] == language and row["measure"] == measure
    ]


def drawn(results: dict[str, dict[str, Any]]) -> str:
    with plain_matplotlib():
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D

        figure = Figure(figsize=(7.6, 6.5))
        sheets = figure.subplots(2, 2, sharex=True)
        figure.subplots_adjust(left=0.07, right=0.985, bottom=0.075, top=0.83, hspace=0.3, wspace=0.16)
        for axes, (measure, title, unit, factor) in zip(sheets.flat, PANELS, strict=True):
            for name, result in results.items():
                for language in languages_of(result):
                    curve(axes, result, name, language, measure, factor)
            axes.set_xscale("log")
            axes.set_xlim(420, 1_150_000)
            axes.set_xticks([1000, 10_000, 100_000, 1_000_000], labels=["1,000", "10,000", "100,000", "1 M"])
            axes.minorticks_off()
            plain(axes)
            axes.text(0, 1.105, title, transform=axes.transAxes, fontsize=10.5, weight="bold", color=INK)
            axes.text(0, 1.03, unit, transform=axes.transAxes, fontsize=8.5, color=SOFT)
        for axes in sheets[1]:
            axes.set_xlabel("documents in the pool", color=SOFT, fontsize=9)
        marks = [
            Line2D([], [], color=colour, lw=0, marker=shape, ms=6, mec=colour, mew=1.3, label=f"{name}, {text}",
                   mfc="white" if language == "zh" else colour)
            for name, (colour, shape) in LOOKS.items() if name in results
            for language, text in languages_of(results[name]).items()
        ]  # fmt: skip
        kinds = [
            Line2D([], [], color=SOFT, lw=1.6, marker="o", ms=4, label="real distractors"),
            Line2D([], [], color=SOFT, lw=1.3, ls=(0, (4, 2)), label="generated distractors (vectors, no texts)"),
        ]
        style = {"frameon": False, "fontsize": 9, "labelcolor": INK, "handletextpad": 0.5, "columnspacing": 1.6}
        figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(0.055, 1.0), ncols=len(marks), **style)
        figure.legend(handles=kinds, loc="upper left", bbox_to_anchor=(0.055, 0.96), ncols=2, **style)
        label = (
            "Four measures over pool sizes from 480 to 1,000,000 documents, for questions in "
            f"{' and '.join(NAMES.values())} and the encoders {' and '.join(results)}, with real and with generated "
            "distractors; the numbers are in the table below the figure."
        )
        return svg(figure, label)


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


def curves(results: dict[str, dict[str, Any]]) -> list[str]:
    rows = []
    for name, result in results.items():
        for language, text in languages_of(result).items():
            for kind in ("real", "generated"):
                sizes = [point[0] for point in points(result, kind, language, "Complete@10")]
                for size in sizes:
                    if size not in SHOWN and not (kind == "real" and size == sizes[-1]):
                        continue
                    if size == SHOWN[0] and kind == "generated":
                        continue  # no distractors: the same line
                    cells = [cell(result, kind, language, size, *column) for _, *column in COLUMNS]
                    rows.append([f"{name}, {text}", "none" if size == SHOWN[0] else kind, f"{size:,}", *cells])
    return [
        "Means over the questions, with their 95 % intervals. Intrusion: an unrelated English page above the answer in "
        "the question’s language; reverse: an unrelated page in the question’s language above the English answer.",
        "",
        *table(["encoder, questions", "distractors", "documents", *(head for head, *_ in COLUMNS)], "llrrrrrr", rows),
    ]


def cell(result: dict[str, Any], kind: str, language: str, size: int, measure: str, factor: float, digits: int) -> str:
    value, low, high = next(p[1:] for p in points(result, kind, language, measure, factor) if p[0] == size)
    return minus(f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})")


def agreement(results: dict[str, dict[str, Any]]) -> list[str]:
    rows = []
    for name, result in results.items():
        largest = max(row["size"] for row in result["real"])
        for line in result["agreement"]:
            mark = "**" if line["smoothing"] == result["smoothing"] else ""
            cells = [
                ", ".join(f"{factor * gap:.{digits}f}" for gap in line["gaps"][measure])
                for _, measure, factor, digits in COLUMNS[:4]
            ]
            rows.append([name, f"{mark}{line['smoothing']}{mark}", f"{largest:,}", *cells])
    heads = ["encoder", "smoothing", "largest pool", *(head for head, *_ in COLUMNS[:3]), "intrusion, points"]
    return [
        "How far generated distractors agree with real ones, in pools that exist with both: mean and largest "
        "difference of the curves over sizes and languages. The smoothing with the smallest mean difference of Max@R "
        "norm (bold) is used above.",
        "",
        *table(heads, "lrrrrrr", rows),
    ]


def uneven(results: dict[str, dict[str, Any]]) -> list[str]:
    columns = [column for column in COLUMNS if column[1] != "MaxRnorm"]
    rows = []
    for name, result in results.items():
        for line in result["lines"]:
            cells = []
            for _, measure, factor, digits in columns:
                value, even = (factor * line["values"][measure][key] for key in ("value", "even"))
                cells.append(minus(f"{value:.{digits}f} ({even:.{digits}f})"))
            who = name if "de" in result["languages"] else f"{name}, en+zh"
            rows.append([who, f"{line['title']} (`{line['step']}`)", f"{line['queries']:,}", *cells])
    return [
        "Uneven pools: XQuAD in English, German and Chinese (English and Chinese alone where noted). Means "
        "over the questions in other languages than English, in `multi`; in brackets the same questions in the even "
        "pool of 240 passages a language. Questions: their number in all languages.",
        "",
        *table(["encoder", "pool", "questions", *(head for head, *_ in columns)], "llrrrrr", rows),
    ]


if __name__ == "__main__":
    parser(__doc__).parse_args()
    write_page()
