"""The tables of docs/how-to/stored-embeddings.md, drawn from studies/results.

python -m studies.store.page
"""

from __future__ import annotations

from studies.command_line import parser
from studies.pages import put, table
from studies.result_files import read_result
from studies.sources import DOCS

DEPTH = 10


def agreement() -> list[str]:
    result = read_result("int16-agreement")
    heads = (
        "stored as", "bytes a row", "error of a component", "error of a score", "ranks as from float32", "largest move",
        f"top {DEPTH} the same", "first the same",
    )  # fmt: skip
    rows = [
        [
            line["dtype"],
            f"{line['bytes_per_row']:,}",
            f"{line['largest_error_of_component']:.1e}",
            f"{line['largest_error_of_score']:.1e}",
            f"{100 * line['ranks_equal']:.2f} %",
            str(line["largest_move"]),
            f"{100 * line['lists_equal']:.2f} %",
            f"{100 * line['first_equal']:.2f} %",
        ]
        for line in result["lines"]
        if line["dtype"] != "float32"
    ]
    return [
        f"Ranks of {result['answers']:,} answers to {result['queries']:,} queries among {result['documents']} "
        f"documents in ten languages (`demo`, `{result['encoder']}`), documents and queries both stored that way. "
        "Errors of components are relative to the largest of the row. Made by "
        "`python -m studies.store.int16_agreement`.",
        "",
        *table(heads, "l" + "r" * 7, rows),
    ]


def kills() -> list[str]:
    result = read_result("kill-and-resume")
    totals = result["rows"]
    rows = [
        [
            str(number),
            f"{state['documents']:,} of {totals['documents']:,}",
            f"{state['queries']:,} of {totals['queries']:,}",
            ", ".join(state["unfinished"]) or "nothing",
        ]
        for number, state in enumerate(result["kills"], 1)
    ]
    return [
        f"`{result['source']}` ({', '.join(result['languages'])}) with `{result['encoder']}`, killed "
        f"{len(result['kills'])} times and run again: {result['files']} files, {result['bytes'] / 1e6:.1f} MB, "
        f"{'every byte as in' if result['identical'] else 'NOT the bytes of'} an uninterrupted run. Made by "
        "`python -m studies.store.kill_and_resume --work DIR`, with `--languages` for some of the languages.",
        "",
        *table(("kill", "documents finished", "queries finished", "left of an unfinished shard"), "rrrl", rows),
    ]


def write_page() -> None:
    """Write the tables between the markers of the page."""
    text = "\n".join([*agreement(), "", *kills(), ""])
    put(DOCS / "how-to" / "stored-embeddings.md", "tables", text)
    print(text)


if __name__ == "__main__":
    parser(__doc__).parse_args()
    write_page()
