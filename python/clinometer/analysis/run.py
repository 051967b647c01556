"""`clinometer.analyse`: an error analysis alone, with its own scan and without measures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from clinometer.analysis.categories import NEAR_TIE, OVERLAP, Judge
from clinometer.analysis.findings import SHOWN, find
from clinometer.analysis.record import Analysis
from clinometer.collection import Collection
from clinometer.encoders import Encoder
from clinometer.errors import UsageError
from clinometer.io import load
from clinometer.parameters import checked
from clinometer.scanning.counts import TieMode
from clinometer.scenarios.options import EvaluationOptions
from clinometer.scenarios.scanned import scan_plan
from clinometer.scorers import ScanOptions, Scorer, score
from clinometer.statistics.resampling import Unit

__all__ = ["analyse"]


@checked
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
    resample: Unit = "cluster",
    confidence: float = 0.95,
    seed: int = 0,
    threads: int | None = None,
    exclude_own_id: bool = False,
    similarity: Literal["cosine", "dot", "hamming"] | None = None,
    show_progress_bar: bool = False,
) -> Analysis:
    """Analyse what outranked the answers in the queries' own language: categories and worst queries.

    Args:
        collection: Collection, or a source that `clinometer.load` reads.
        encoder: Encoder or scorer, as for `clinometer.evaluate`.
        languages: Languages to analyse; all of the collection by default.
        scenarios: Names of scenarios, from `clinometer.scenarios.SCENARIOS`; `mono-cross` has no answer in the query's
            language.
        pivot: The language whose inclination is measured.
        pairs: Pairs of languages: `pivot` for the pivot with every other language, `all` for every pair.
        ties: Tie mode: `trec` orders equal scores by document id descending; every other mode keeps them in the order
            of the collection here.
        worst: Number of examples for each scenario and query language; 0 for none.
        shown: Number of documents above the answer that an example shows.
        tolerance: Margin of score over the answer below which an unrelated document is a near-tie.
        overlap: Share of character trigrams in common with an answer from which a document is a duplicate.
        resamples: 0 for no intervals.
        resample: Unit of the intervals: `cluster` or `question`, as for `clinometer.evaluate`.
        confidence: Confidence level of the intervals, between 0 and 1.
        seed: Seed of the resamples.
        threads: Number of threads; the result does not depend on it.
        exclude_own_id: Leave the document with the query's own id out of its pool.
        similarity: Similarity of embeddings, as for `clinometer.evaluate`.
        show_progress_bar: Whether to draw progress bars on standard error.

    Raises:
        ClinometerError: Something cannot be read, encoded or analysed; the subclass says what.

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
        resamples=resamples, resample=resample, confidence=confidence,
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
    scan_options = ScanOptions(threads=threads, show_progress_bar=show_progress_bar, similarity=similarity)
    scored = score(encoder, collection, scan_options)
    plan = scan_plan(collection, [], settings, ties, listed=shown, exclude_own_id=exclude_own_id)
    scanned = plan.scanned(scored.scan)
    return find(scanned, settings, judge, worst=worst, shown=shown, resamples=options.resamples)
