"""`clinometer correct --method auto`: the remedy chosen by measuring, and why, in a few lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clinometer.advice import Advice
    from clinometer.collection import Collection

__all__ = ["advice_lines", "advised", "advised_store"]


def advised(
    collection: Collection, encoder: Any, adapted: Callable[[Any], Any], options: dict[str, Any], bars: bool
) -> dict[str, Any]:
    """Advice on texts, with the facts that `clinometer correct` shows of every correction."""
    from clinometer.advice import advise
    from clinometer.encoders import PrecomputedEncoder

    changed = adapted(encoder)
    if isinstance(encoder, PrecomputedEncoder) and changed is not encoder:
        # Precomputed rows belong to the whole collection, of which only a part is measured on.
        changed = PrecomputedEncoder(
            changed.encode_queries(collection.queries.texts),
            changed.encode_documents(collection.documents.texts),
            name=changed.record.name,
        )
    return _result(advise(collection, changed, show_progress_bar=bars, **options))


def advised_store(source: str, sample: int, options: dict[str, Any]) -> dict[str, Any]:
    """Advice on stored rows. A turn is mined in the whole store."""
    from clinometer.advice import advise_rows
    from clinometer.correction.stores import sample_store
    from clinometer.errors import UsageError
    from clinometer.store import EmbeddingStore, find_store

    if "tolerance" in options:
        raise UsageError("--tolerance needs texts, but a store has none, so that harm cannot be measured; leave it out")
    drawn = sample_store(source, "center", texts=sample, seed=options["seed"])
    queries = drawn.queries
    options = {name: value for name, value in options.items() if name != "texts"}
    advice = advise_rows(
        drawn.documents.vectors,
        drawn.documents.languages,
        None if queries is None else queries.vectors,
        None if queries is None else queries.languages,
        origin=drawn.origin,
        **options,
    )
    return _result(advice.on_index(EmbeddingStore.open(find_store(source, "documents"))))


def _result(advice: Advice) -> dict[str, Any]:
    return {"correction": advice.correction, "languages": [], "warnings": [], "advice": advice}


def advice_lines(advice: Advice) -> list[str]:
    """The choice, its reasons, what was tried, and the cost, as lines for a terminal."""
    table = [["remedy", "Complete@10", "lean", "nDCG@1", ""]]
    table += [
        [
            row["remedy"],
            _cell(row["complete"], 1),
            _cell(row["lean"], 2),
            _cell(row["plain"], 3),
            row["verdict"],
        ]
        for row in advice.candidates
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    choice = "take nothing: no remedy helps without harm" if advice.correction is None else f"take {advice.remedy}"
    lines = [choice, *(f"- {reason}" for reason in advice.reasons), ""]
    for name, *figures, verdict in table:
        cells = [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=False)]
        lines.append("  ".join([name.ljust(widths[0]), *cells, verdict]).rstrip())
    if advice.seconds is not None:
        lines += ["", f"cost: {advice.seconds:.3f} s for 1,000 documents or queries; no text is encoded again"]
    return lines


def _cell(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"
