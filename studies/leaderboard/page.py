"""The tables of docs/leaderboard.md, drawn from docs/leaderboard/leaderboard.json.

    clinometer study studies/leaderboard/study.yaml -o results/leaderboard
    clinometer leaderboard results/leaderboard -o docs/leaderboard
    python -m studies.leaderboard.page

The first two commands make the sortable page and its numbers; this one puts the numbers into the page of the docs.
"""

from __future__ import annotations

import json
from typing import Any

from clinometer.report.base.text import escape_markdown
from studies.command_line import parser
from studies.pages import put, table
from studies.sources import DOCS

COLUMNS = (
    "remedy", "Complete@10 (multi)", "nDCG@1 (", "Intrusion", "largest loss", "dimensions", "a query", "a document",
)  # fmt: skip
"""How the headings of the columns begin; the sortable page has them all."""


def main() -> None:
    parser(__doc__).parse_args()
    boards = json.loads((DOCS / "leaderboard" / "leaderboard.json").read_text(encoding="utf-8"))
    tables = [part for board in boards for part in board["tables"]]
    put(DOCS / "leaderboard.md", "tables", "\n".join(line for part in tables for line in section(part)))


def section(part: dict[str, Any]) -> list[str]:
    """A table under its title."""
    columns = [number for number, head in enumerate(part["columns"]) if head.startswith(COLUMNS)]
    heads = ["encoder", *(escape_markdown(part["columns"][number]) for number in columns)]
    rows = [
        [escape_markdown(line["encoder"]), *(cell(line["cells"][number]) for number in columns)]
        for line in part["lines"]
    ]
    return [f"### {part['title']}", "", *table(heads, "ll" + "r" * (len(heads) - 2), rows), ""]


def cell(content: dict[str, Any]) -> str:
    """A value, and below it what belongs to it."""
    text, aside = escape_markdown(content["text"]), escape_markdown(content["aside"])
    return f"{text}<br><small>{aside}</small>" if aside else text


if __name__ == "__main__":
    main()
