"""The picture at the top of README and docs: what an encoder finds in mixed pools, before and after a correction.

    python -m studies.pictures.finding

Reads studies/results/correction-multilingual-e5-small.json, which `python -m studies.remedies.correction` measures, and
writes docs/images/finding.svg. `make figures` runs it as well.
"""

from __future__ import annotations

from typing import Any

from clinometer.report.base.wording import language_name
from studies.command_line import parser
from studies.result_files import read_result
from studies.sources import DOCS

ENCODER = "multilingual-e5-small"
BEFORE, AFTER = "none", "center · unlabelled sample, 60 texts"
MEASURE = "Complete@10 multi"

WIDTH = 560
LEFT, RIGHT, TOP, STEP = 120, 420, 134, 27
STYLE = """
    .card { fill: #ffffff; stroke: #d0d7de; } .ink { fill: #1f2328; } .soft { fill: #59636e; }
    .grid { stroke: #e3e7eb; } .way { stroke: #9fc3dd; } .before { fill: #ffffff; stroke: #59636e; }
    .after, .value { fill: #0067a5; }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #3d444d; } .ink { fill: #f0f6fc; } .soft { fill: #9198a1; }
      .grid { stroke: #2a313c; } .way { stroke: #2b5f85; } .before { fill: #0d1117; stroke: #9198a1; }
      .after, .value { fill: #6cb6ff; }
    }"""


def values_by_language(line: dict[str, Any]) -> dict[str, float]:
    return {label: own[MEASURE] for label, own in line["languages"].items() if MEASURE in own}


def mean(line: dict[str, Any]) -> float:
    value: float = next(
        item["value"]
        for item in line["means"]
        if f"{item['measure']} {item['scenario']}" == MEASURE and item["queries"] == "macro-target"
    )
    return value


def place(value: float) -> float:
    return LEFT + (RIGHT - LEFT) * value / 100


def row(number: int, name: str, before: float, after: float, weight: str = "400") -> list[str]:
    y = TOP + STEP * number
    return [
        f'  <text class="ink" x="{LEFT - 16}" y="{y + 5}" text-anchor="end" font-weight="{weight}">{name}</text>',
        f'  <line class="way" x1="{place(before):.1f}" x2="{place(after):.1f}" y1="{y}" y2="{y}" stroke-width="4"/>',
        f'  <circle class="before" cx="{place(before):.1f}" cy="{y}" r="6" stroke-width="2"/>',
        f'  <circle class="after" cx="{place(after):.1f}" cy="{y}" r="7"/>',
        f'  <text class="soft" x="{RIGHT + 52}" y="{y + 5}" text-anchor="end">{before:.0f} %</text>',
        f'  <text class="value" x="{RIGHT + 110}" y="{y + 5}" text-anchor="end" font-weight="600">{after:.0f} %</text>',
    ]


def drawing(before: dict[str, Any], after: dict[str, Any]) -> str:
    lows, highs = values_by_language(before), values_by_language(after)
    labels = sorted(lows, key=lows.__getitem__)
    bottom = TOP + STEP * (len(labels) + 1)
    title = "Questions with both answers among the first ten"
    subtitles = (f"{ENCODER} on XQuAD,", "English and the question’s language in one pool")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 26}"'
        f' viewBox="0 0 {WIDTH} {bottom + 26}" role="img" aria-labelledby="title"'
        ' font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="15">',
        f'  <title id="title">{title}, by language, before and after centering: {mean(before):.0f} and '
        f"{mean(after):.0f} per cent on average</title>",
        f"  <style>{STYLE}\n  </style>",
        f'  <rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{bottom + 25}" rx="8"/>',
        f'  <text class="ink" x="24" y="36" font-size="18" font-weight="600">{title}</text>',
        *(
            f'  <text class="soft" x="24" y="{60 + 20 * number}">{subtitle}</text>'
            for number, subtitle in enumerate(subtitles)
        ),
    ]
    for percent in (0, 25, 50, 75, 100):
        x = place(percent)
        lines += [
            f'  <line class="grid" x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 18}" y2="{bottom - 12}"/>',
            f'  <text class="soft" x="{x:.0f}" y="{bottom + 8}" text-anchor="middle" font-size="13">{percent} %</text>',
        ]
    lines += [
        f'  <text class="soft" x="{RIGHT + 52}" y="{TOP - 24}" text-anchor="end" font-size="13">before</text>',
        f'  <text class="value" x="{RIGHT + 110}" y="{TOP - 24}" text-anchor="end" font-size="13">after</text>',
    ]
    for number, label in enumerate(labels):
        lines += row(number, language_name(label), lows[label], highs[label])
    lines += row(len(labels), "mean", mean(before), mean(after), "600")
    return "\n".join([*lines, "</svg>"]) + "\n"


def write() -> None:
    lines = {
        line["name"]: line
        for line in read_result(f"correction-{ENCODER}")["lines"]
        if (line["table"], line["pool"]) == ("methods", "xquad")
    }
    (DOCS / "images" / "finding.svg").write_text(drawing(lines[BEFORE], lines[AFTER]), encoding="utf-8")


if __name__ == "__main__":
    parser(__doc__).parse_args()
    write()
