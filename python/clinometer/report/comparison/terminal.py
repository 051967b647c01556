"""A comparison as text for a terminal: the finding and one table, or the whole verdict with further tables."""

from __future__ import annotations

from string import ascii_uppercase

from clinometer.report.base import wording
from clinometer.report.base.terminal import OPENING, Terminal
from clinometer.report.comparison.tables import all_tables, detail_tables, headline_table, mean_tables
from clinometer.report.comparison.verdict import caveats, finding, methods, verdict
from clinometer.report.comparison.view import Compared, views_of

__all__ = ["opening", "plain_comparison"]


def plain_comparison(
    comparison: Compared, terminal: Terminal | None = None, *, verbose: bool = False, everything: bool = False
) -> str:
    """The comparison for a terminal: for each encoder after, the finding and one table of the main measures.

    Args:
        comparison: Result of `clinometer.comparison.compare`.
        terminal: Width and colour of the terminal.
        verbose: Whether to show the whole verdict, means over languages, the main measures by language, and how it was
            compared.
        everything: The same with every row instead of the main measures.
    """
    terminal, verbose = terminal or Terminal(), verbose or everything
    blocks = ["\n".join(terminal.text(line, lines=OPENING) for line in opening(comparison))]
    rows = 0
    for view in views_of(comparison):
        if len(comparison.labels) > 2:
            title = f"{comparison.labels[0]} → {view.label}"
            blocks.append(f"{terminal.text(title, 'bold')}\n{'=' * min(len(title), terminal.width)}")
        if verbose:
            blocks += [terminal.text(text) for text in verdict(view)]
            tables = all_tables(view) if everything else mean_tables(view) + detail_tables(view)
        else:
            blocks += [terminal.text(" ".join(finding(view)), "bold")]
            tables = [terminal.fitting(headline_table(view))]
        rows += sum(len(table.lines) for table in tables)
        blocks += [terminal.titled(table.title, table) for table in tables]
    more = len(comparison.rows) - rows
    if verbose:
        blocks += [terminal.text(f"Note: {text}") for text in [*caveats(comparison), *methods(comparison)]]
        if more > 0:
            blocks.append(f"{rows:,} of {len(comparison.rows):,} rows are shown; --all shows all of them.")
        return "\n\n".join(blocks)
    lines, further = terminal.notes(caveats(comparison))
    shown = f"{rows:,} of {len(comparison.rows):,} rows are shown; " if more > 0 else ""
    lines.append(
        terminal.text(f"{shown}--verbose shows the whole verdict and the tests{further}, --all every row.", "dim")
    )
    return "\n\n".join([*blocks, "\n".join(lines)])


def opening(comparison: Compared) -> list[str]:
    """The encoders, the collection and the pivot, one line each, as every form of the report begins."""
    collection = comparison.collection
    documents, queries = wording.text_counts(collection)
    encoders = [f"after: {label}" for label in comparison.labels[1:]]
    if len(encoders) > 1:
        encoders = [f"after {_letter(number)}: {label}" for number, label in enumerate(comparison.labels[1:])]
    return [
        f"before: {comparison.labels[0]}",
        *encoders,
        f"on {collection.get('name', 'a collection')}: {len(collection.get('languages') or [])} languages, "
        f"{documents} documents, {queries} queries, pivot "
        f"{wording.language_name(str(comparison.settings['pivot']))}",
    ]


def _letter(number: int) -> str:
    return ascii_uppercase[number] if number < len(ascii_uppercase) else str(number + 1)
