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
from clinometer.encoders import encoder as make_encoder
from clinometer.errors import UsageError
from clinometer.io import load
from clinometer.scanning.counts import TieMode
from clinometer.scenarios import settings_of
from clinometer.scenarios.options import EvaluationOptions
from clinometer.scenarios.scanned import survey_of
from clinometer.scorers.embedded import embedded

__all__ = ["analyse"]


def analyse(
    collection: Collection | str | Path,
    encoder: Encoder | Any = "offline",
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
        encoder: An encoder, or what `clinometer.encoder` makes one from.
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
        confidence: Of the intervals.
        seed: Of the resampling.
        threads: How many; never shows in the result.
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
    asked = EvaluationOptions(
        languages=languages, scenarios=scenarios, pivot=pivot, pairs=pairs, ties=ties, resamples=resamples,
        confidence=confidence, seed=seed, threads=threads,
    )  # fmt: skip
    if worst < 0 or shown < 1:
        raise UsageError(
            f"worst is {worst} and shown is {shown}; worst cannot be negative, and shown must be 1 or more"
        )
    if not isinstance(collection, Collection):
        collection = load(collection, languages=asked.languages)
    collection = collection.restrict(asked.languages)
    judge = Judge(collection, asked.canonical_pivot, tolerance, overlap)
    settings = settings_of(asked.chosen_scenarios, collection.languages, asked.canonical_pivot, pairs)
    scored = embedded(collection, make_encoder(encoder), threads, show_progress_bar)
    survey = survey_of(collection, scored.scan, [], settings, ties, listed=shown)
    return find(
        survey, settings, judge, worst=worst, shown=shown, resamples=resamples, confidence=confidence, seed=seed,
        threads=threads,
    )  # fmt: skip
