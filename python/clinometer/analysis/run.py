"""`clinometer.analyse`: an error analysis by itself, with its own scan and no measures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clinometer.analysis.categories import NEAR_TIE, OVERLAP, Judge
from clinometer.analysis.findings import SHOWN, find
from clinometer.analysis.record import Analysis
from clinometer.collection import Collection
from clinometer.encoders import Encoder
from clinometer.errors import UsageError
from clinometer.io import load
from clinometer.scanning.counts import TieMode
from clinometer.scenarios.options import EvaluationOptions
from clinometer.scenarios.scanned import scan_collection
from clinometer.scorers import ScanOptions, Scorer, score

__all__ = ["analyse"]


def analyse(
    collection: Collection | str | Path,
    encoder: Encoder | Scorer | Any = "offline",
    *,
    languages: Iterable[str] | None = None,
    scenarios: Iterable[str] = ("multi", "one-sided"),
    pivot: str = "en",
    pairs: str = "pivot",
    ties: TieMode = "index",
    worst: int = 5,
    shown: int = SHOWN,
    tolerance: float = NEAR_TIE,
    overlap: float = OVERLAP,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    threads: int | None = None,
    show_progress_bar: bool = False,
) -> Analysis:
    """What outranked the answers in the queries' own language: categories of all queries, and the worst of them.

    Args:
        collection: A collection, or a source that `clinometer.load` reads.
        encoder: As for `clinometer.evaluate`.
        languages: Only these; all of the collection by default.
        scenarios: Names from `clinometer.scenarios.SCENARIOS`; `mono-cross` has no answer in the query's language.
        pivot: The language whose inclination is measured.
        pairs: `pivot`: the pivot with every other language; `all`: every pair.
        ties: `trec` orders equal scores by document id descending; in every other mode they stand in the order of the
            collection here.
        worst: Examples for each scenario and query language; 0 for none.
        shown: Documents above the answer that an example shows.
        tolerance: An unrelated document is a near-tie if it scores less than this above the answer.
        overlap: It is a duplicate if it shares at least this part of its character trigrams with an answer.
        resamples: Bootstrap resamples for the intervals; 0 for no intervals.
        confidence: Probability with which an interval is to hold.
        seed: Seed of the bootstrap.
        threads: Number of threads; the result does not depend on it.
        show_progress_bar: Draw bars on standard error.

    Raises:
        ClinometerError: One of its kinds, for anything that cannot be read, encoded or analysed.

    Example:
        >>> import clinometer as cm
        >>> analysis = cm.analyse("demo", "offline", languages=["en", "ar"], scenarios=["one-sided"], worst=1)
        >>> [(row["query_language"], row["category"], row["queries"]) for row in analysis.rows if row["queries"]][3:]
        [('ar', 'answer', 93), ('ar', 'pivot', 37), ('ar', 'same-language', 20)]
        >>> analysis.examples[-1]["query_language"], analysis.examples[-1]["first"][0]["category"]
        ('ar', 'same-language')
    """
    options = EvaluationOptions.of(
        languages=languages, scenarios=scenarios, pivot=pivot, pairs=pairs, ties=ties,
        resamples=resamples, confidence=confidence,
        seed=seed, threads=threads,
    )  # fmt: skip
    if worst < 0 or shown < 1:
        raise UsageError(
            f"worst is {worst} and shown is {shown}; worst cannot be negative, and shown must be 1 or more"
        )
    if not isinstance(collection, Collection):
        collection = load(collection, languages=options.languages)
    collection = collection.restrict(options.languages)
    judge = Judge(collection, options.canonical_pivot, tolerance, overlap)
    settings = options.settings(collection.languages)
    scored = score(encoder, collection, ScanOptions(threads=threads, show_progress_bar=show_progress_bar))
    scanned = scan_collection(collection, scored.scan, [], settings, ties, listed=shown)
    return find(scanned, settings, judge, worst=worst, shown=shown, resamples=options.resamples)
